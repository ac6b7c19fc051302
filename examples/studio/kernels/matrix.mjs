/**
 * Adds the product of two blocks to a third: C[i][j] += A[i][k] * B[k][j]. The matrices are square, of `size` rows, in
 * shared memory; other jobs write other blocks of C at the same time, and the dependencies of the jobs keep those of one
 * block apart.
 */
export function multiplyBlock(buffers, size, block, i, j, k) {
  const [a, b, c] = buffers.map((buffer) => new Float64Array(buffer));
  for (let row = i * block; row < (i + 1) * block; row += 1) {
    for (let inner = k * block; inner < (k + 1) * block; inner += 1) {
      const factor = a[row * size + inner];
      for (let column = j * block; column < (j + 1) * block; column += 1) {
        c[row * size + column] += factor * b[inner * size + column];
      }
    }
  }
}
