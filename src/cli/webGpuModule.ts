/** Where the command finds the package that brings WebGPU to Node: `FENCELINE_WEBGPU_MODULE`, else `webgpu`. */
export function webGpuModule(): string {
  return process.env['FENCELINE_WEBGPU_MODULE'] ?? 'webgpu';
}
