const WGSL = /* wgsl */ `
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> product: array<f32>;
@group(0) @binding(3) var<uniform> block: u32;

@compute @workgroup_size(8, 8) fn main(@builtin(global_invocation_id) id: vec3u) {
  var sum = 0.0;
  for (var inner = 0u; inner < block; inner++) {
    sum += a[id.y * block + inner] * b[inner * block + id.x];
  }
  product[id.y * block + id.x] = sum;
}`;

/** The twin of `multiplyBlock`: the GPU multiplies the two blocks, and what it made is added to the third here. */
export function multiplyBlock(buffers, size, block, i, j, k) {
  const [a, b, c] = buffers.map((buffer) => new Float64Array(buffer));
  return {
    dispatch: {
      wgsl: WGSL,
      bindings: [
        blockOf(a, size, block, i, k),
        blockOf(b, size, block, k, j),
        { data: new Float32Array(block * block) },
        Uint32Array.of(block),
      ],
      workgroups: [block / 8, block / 8],
      read: [2],
    },
    result: ([product]) => {
      for (let row = 0; row < block; row += 1) {
        for (let column = 0; column < block; column += 1) {
          c[(i * block + row) * size + j * block + column] += product[row * block + column];
        }
      }
    },
  };
}

function blockOf(matrix, size, block, i, j) {
  const copy = new Float32Array(block * block);
  for (let row = 0; row < block; row += 1) {
    const at = (i * block + row) * size + j * block;
    copy.set(matrix.subarray(at, at + block), row * block);
  }
  return copy;
}
