/**
 * Renders one tile of a view of the Mandelbrot set: RGBA, row after row.
 *
 * @param {{ centreX: number, centreY: number, scale: number }} view `scale` is the width of one pixel
 * @param {{ x: number, y: number, width: number, height: number }} tile in pixels, from the centre of the view
 * @param {number} limit of iterations
 * @returns {Uint8Array}
 */
export function mandelbrotTile(view, tile, limit) {
  const pixels = new Uint8Array(tile.width * tile.height * 4);
  for (let row = 0, at = 0; row < tile.height; row += 1) {
    const y = view.centreY + (tile.y + row) * view.scale;
    for (let column = 0; column < tile.width; column += 1, at += 4) {
      const x = view.centreX + (tile.x + column) * view.scale;
      colour(escape(x, y, limit), limit, pixels, at);
    }
  }
  this.transfer(pixels.buffer);
  return pixels;
}

/** How many iterations it takes the point to leave, smoothed; `limit` if it stays. */
function escape(x, y, limit) {
  let re = 0;
  let im = 0;
  for (let i = 0; i < limit; i += 1) {
    const re2 = re * re;
    const im2 = im * im;
    if (re2 + im2 > 256) return i + 1 - Math.log2(Math.log2(re2 + im2) / 2);
    im = 2 * re * im + y;
    re = re2 - im2 + x;
  }
  return limit;
}

function colour(count, limit, pixels, at) {
  const isInside = count >= limit;
  const t = Math.sqrt(Math.max(0, count)) * 0.6;
  pixels[at] = isInside ? 0 : 128 + 127 * Math.sin(t);
  pixels[at + 1] = isInside ? 0 : 128 + 127 * Math.sin(t + 2);
  pixels[at + 2] = isInside ? 0 : 128 + 127 * Math.sin(t + 4);
  pixels[at + 3] = 255;
}
