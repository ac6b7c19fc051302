const WGSL = /* wgsl */ `
struct Tile { centre: vec2f, scale: f32, limit: u32, corner: vec2f, size: vec2u }
@group(0) @binding(0) var<uniform> tile: Tile;
@group(0) @binding(1) var<storage, read_write> pixels: array<u32>;

/** How many iterations it takes the point to leave, smoothed; the limit if it stays. */
fn escape(c: vec2f) -> f32 {
  var z = vec2f(0);
  for (var i = 0u; i < tile.limit; i++) {
    let z2 = z * z;
    let length2 = z2.x + z2.y;
    if (length2 > 256.0) { return f32(i) + 1.0 - log2(log2(length2) / 2.0); }
    z = vec2f(z2.x - z2.y, 2.0 * z.x * z.y) + c;
  }
  return f32(tile.limit);
}

@compute @workgroup_size(8, 8) fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= tile.size.x || id.y >= tile.size.y) { return; }
  let count = escape(tile.centre + (tile.corner + vec2f(id.xy)) * tile.scale);
  var colour = vec3u(0);
  if (count < f32(tile.limit)) {
    let t = sqrt(max(0.0, count)) * 0.6;
    colour = vec3u(128.0 + 127.0 * sin(t + vec3f(0, 2, 4)));
  }
  pixels[id.y * tile.size.x + id.x] = colour.r | (colour.g << 8) | (colour.b << 16) | 0xff000000u;
}`;

/** The twin of `mandelbrotTile`, in single precision. */
export function mandelbrotTile(view, tile, limit) {
  const uniform = new ArrayBuffer(32);
  new Float32Array(uniform, 0, 3).set([view.centreX, view.centreY, view.scale]);
  new Uint32Array(uniform, 12, 1)[0] = limit;
  new Float32Array(uniform, 16, 2).set([tile.x, tile.y]);
  new Uint32Array(uniform, 24, 2).set([tile.width, tile.height]);
  return {
    dispatch: {
      wgsl: WGSL,
      bindings: [uniform, { size: tile.width * tile.height * 4 }],
      workgroups: [Math.ceil(tile.width / 8), Math.ceil(tile.height / 8)],
      read: [1],
    },
    result: ([pixels]) => new Uint8Array(pixels),
  };
}
