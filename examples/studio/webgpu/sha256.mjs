import { readFileSync } from 'node:fs';

const WGSL = /* wgsl */ `
@group(0) @binding(0) var<storage, read> words: array<u32>;
@group(0) @binding(1) var<storage, read> constants: array<u32, 64>;
@group(0) @binding(2) var<storage, read_write> hash: array<u32, 8>;

fn rotated(x: u32, by: u32) -> u32 { return (x >> by) | (x << (32u - by)); }
fn bigEndian(x: u32) -> u32 {
  return (x << 24) | ((x & 0xff00u) << 8) | ((x >> 8) & 0xff00u) | (x >> 24);
}

@compute @workgroup_size(1) fn main() {
  var state = hash;
  var w: array<u32, 64>;
  for (var block = 0u; block < arrayLength(&words); block += 16u) {
    for (var i = 0u; i < 16u; i++) { w[i] = bigEndian(words[block + i]); }
    for (var i = 16u; i < 64u; i++) {
      let s0 = rotated(w[i - 15], 7) ^ rotated(w[i - 15], 18) ^ (w[i - 15] >> 3);
      let s1 = rotated(w[i - 2], 17) ^ rotated(w[i - 2], 19) ^ (w[i - 2] >> 10);
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    var v = state;
    for (var i = 0u; i < 64u; i++) {
      let s1 = rotated(v[4], 6) ^ rotated(v[4], 11) ^ rotated(v[4], 25);
      let t1 = v[7] + s1 + ((v[4] & v[5]) ^ (~v[4] & v[6])) + constants[i] + w[i];
      let s0 = rotated(v[0], 2) ^ rotated(v[0], 13) ^ rotated(v[0], 22);
      let t2 = s0 + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
      v = array<u32, 8>(t1 + t2, v[0], v[1], v[2], v[3] + t1, v[4], v[5], v[6]);
    }
    for (var i = 0u; i < 8u; i++) { state[i] += v[i]; }
  }
  hash = state;
}`;

const PRIMES = primes(64);
/** The first 32 bits of the fractions of cube roots, and of square roots, of the first primes. */
const CONSTANTS = Uint32Array.from(PRIMES, (prime) => fraction(Math.cbrt(prime)));
const START = Uint32Array.from(PRIMES.slice(0, 8), (prime) => fraction(Math.sqrt(prime)));

/** The twin of `sha256`: the file is read and padded here, and digested by one invocation. */
export function sha256(file) {
  return {
    dispatch: {
      wgsl: WGSL,
      bindings: [padded(readFileSync(file)), CONSTANTS, START],
      workgroups: [1],
      read: [2],
    },
    result: ([hash]) => [...hash].map((word) => word.toString(16).padStart(8, '0')).join(''),
  };
}

/** The message as SHA-256 wants it: a one bit, zeros, and its length in bits, in blocks of 64 bytes. */
function padded(message) {
  const bytes = new Uint8Array(Math.ceil((message.length + 9) / 64) * 64);
  bytes.set(message);
  bytes[message.length] = 0x80;
  new DataView(bytes.buffer).setBigUint64(bytes.length - 8, BigInt(message.length) * 8n);
  return bytes;
}

function primes(count) {
  const found = [];
  for (let n = 2; found.length < count; n += 1) {
    if (found.every((prime) => n % prime !== 0)) found.push(n);
  }
  return found;
}

function fraction(x) {
  return Math.floor((x - Math.floor(x)) * 2 ** 32);
}
