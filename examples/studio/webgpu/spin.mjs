const WGSL = /* wgsl */ `
@group(0) @binding(0) var<storage, read_write> turns: array<u32, 2>;
@compute @workgroup_size(1) fn main() {
  while (turns[1] == 0u) { turns[0] = turns[0] * 3u + 1u; }
}`;

/** The twin of `spin`. Nothing but the end of its process stops it. */
export function spin() {
  return {
    dispatch: { wgsl: WGSL, bindings: [{ size: 8 }], workgroups: [1] },
    result: () => undefined,
  };
}
