/** The solver: the product of two matrices, block by block, as a graph of dependent jobs. */

const inputs = new Map();
const products = [];

/** One product. The jobs of a block of C depend on each other, those of different blocks do not. */
export function product({ args: [size, block] }) {
  if (!inputs.has(size)) inputs.set(size, [randomMatrix(size, 1), randomMatrix(size, 2)]);
  const [a, b] = inputs.get(size);
  const c = new SharedArrayBuffer(size * size * 8);
  products.push({ size, c: new Float64Array(c) });
  const blocks = size / block;
  const jobs = [];
  for (let k = 0; k < blocks; k += 1) {
    for (let i = 0; i < blocks; i += 1) {
      for (let j = 0; j < blocks; j += 1) {
        const name = `C${i},${j}+${k}`;
        const after = k === 0 ? [] : [`C${i},${j}+${k - 1}`];
        jobs.push({ name, args: [[a, b, c], size, block, i, j, k], after });
      }
    }
  }
  return jobs;
}

/** The numbers are whole and their sums are small, so nothing is rounded: every way must agree to the last bit. */
export function checkProducts() {
  const direct = new Map();
  let wrong = 0;
  for (const { size, c } of products) {
    if (!direct.has(size)) direct.set(size, directProduct(size));
    const expected = direct.get(size);
    wrong += c.reduce((count, value, n) => count + Number(value !== expected[n]), 0);
  }
  const checked = `${products.length} products of ${products[0].size} rows`;
  return wrong === 0
    ? { ok: true, message: `${checked} agree with the direct product` }
    : { ok: false, message: `${checked}: ${wrong} elements differ from the direct product` };
}

function directProduct(size) {
  const [a, b] = inputs.get(size).map((buffer) => new Float64Array(buffer));
  const c = new Float64Array(size * size);
  for (let row = 0; row < size; row += 1) {
    for (let inner = 0; inner < size; inner += 1) {
      const factor = a[row * size + inner];
      for (let column = 0; column < size; column += 1) {
        c[row * size + column] += factor * b[inner * size + column];
      }
    }
  }
  return c;
}

/** Whole numbers from -16 to 15 that are the same each time: products of such matrices are exact also in single precision. */
function randomMatrix(size, seed) {
  const buffer = new SharedArrayBuffer(size * size * 8);
  let state = seed;
  new Float64Array(buffer).forEach((_, n, matrix) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    matrix[n] = (state >>> 27) - 16;
  });
  return buffer;
}
