/** The viewport: frames of a flight into the Mandelbrot set, each rendered as a round of tiles. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { encode } from 'fast-png';
import { mandelbrotTile } from './kernels/mandelbrot.mjs';

const WIDTH = 320;
const HEIGHT = 240;
const TILES_X = 4;
const TILES_Y = 2;
const ITERATIONS = 200;
const TARGET = { x: -0.743643887, y: 0.131825904 };

const TILES = Array.from({ length: TILES_X * TILES_Y }, (_, n) => ({
  x: (n % TILES_X) * (WIDTH / TILES_X) - WIDTH / 2,
  y: Math.floor(n / TILES_X) * (HEIGHT / TILES_Y) - HEIGHT / 2,
  width: WIDTH / TILES_X,
  height: HEIGHT / TILES_Y,
}));

/** The tiles of one frame. Each frame is 4 % closer than the one before. */
export function frame({ round }) {
  const view = { centreX: TARGET.x, centreY: TARGET.y, scale: (3 / WIDTH) * 0.96 ** round };
  return TILES.map((tile, n) => ({
    name: `${round}.${n}`,
    args: [view, tile, ITERATIONS],
  }));
}

/** Of a GPU, which counts in single precision: so many pixels may differ from those that the kernel makes. */
const DIFFERENT_MAX = 0.05;

/** Puts the tiles of the last frame together and writes it as a PNG file. */
export function saveLastFrame(results, { outDirectory }) {
  if (results.length !== TILES.length) return { ok: false, message: 'there is no complete frame' };
  const data = new Uint8Array(WIDTH * HEIGHT * 4);
  for (const { index, value } of results) {
    const tile = TILES[index];
    for (let row = 0; row < tile.height; row += 1) {
      const line = value.subarray(row * tile.width * 4, (row + 1) * tile.width * 4);
      const x = tile.x + WIDTH / 2;
      const y = tile.y + HEIGHT / 2 + row;
      data.set(line, (y * WIDTH + x) * 4);
    }
  }
  const file = path.join(outDirectory, 'viewport.png');
  writeFileSync(file, encode({ width: WIDTH, height: HEIGHT, data }));
  const frames = results[0].round + 1;
  const different = differentPixels(results);
  const message = `the last of ${frames} frames was saved; ${(100 * different).toFixed(1)} % of its pixels differ from the kernel's`;
  return { ok: different <= DIFFERENT_MAX, message, files: [file] };
}

/** The part of the pixels that are visibly not those that the kernel makes in this thread. */
function differentPixels(results) {
  let different = 0;
  const plan = frame({ round: results[0].round });
  for (const { index, value } of results) {
    const expected = mandelbrotTile.apply({ transfer: () => {} }, plan[index].args);
    for (let at = 0; at < value.length; at += 4) {
      const distances = [0, 1, 2].map((c) => Math.abs(value[at + c] - expected[at + c]));
      different += Number(Math.max(...distances) > 8);
    }
  }
  return different / (WIDTH * HEIGHT);
}
