import { createHash } from 'node:crypto';
import { serialize } from 'node:v8';

/** The first 16 hexadecimal digits of the SHA-256 of a result: of its bytes, or of its structured clone. */
export function resultDigest(value: unknown): string {
  return createHash('sha256').update(bytesOf(value)).digest('hex').slice(0, 16);
}

function bytesOf(value: unknown): Uint8Array {
  if (typeof value === 'string') return Buffer.from(value);
  if (ArrayBuffer.isView(value))
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer)
    return new Uint8Array(value);
  return serialize(value);
}
