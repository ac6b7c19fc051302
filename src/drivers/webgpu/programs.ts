import type { GPUComputePipelineLike, GPUDeviceLike, GPUShaderModuleLike } from './gpu.ts';

/** How many pipelines are kept; the one that was used least recently makes room. */
const PROGRAMS_MAX = 256;

/** A compute shader, compiled for one device. */
export interface Program {
  readonly key: string;
  readonly module: GPUShaderModuleLike;
  readonly pipeline: GPUComputePipelineLike;
  readonly layout: object;
}

/** The compiled shaders of one device, found by their content, bounded in number. */
export class Programs {
  readonly #device: GPUDeviceLike;
  /** In order of last use. */
  readonly #programs = new Map<string, Program>();

  constructor(device: GPUDeviceLike) {
    this.#device = device;
  }

  /** How many are kept. */
  get size(): number {
    return this.#programs.size;
  }

  /** The program for `wgsl`, compiled if it is new. A shader that does not compile is reported to the open error scope. */
  get(wgsl: string, entryPoint: string | null): Program {
    // The text itself where that will do: the hash of a text that comes again is known.
    const key = entryPoint === null ? wgsl : `${entryPoint}\n${wgsl}`;
    const known = this.#programs.get(key);
    if (known !== undefined) {
      this.#programs.delete(key);
      this.#programs.set(key, known);
      return known;
    }
    const module = this.#device.createShaderModule({ code: wgsl });
    const compute = entryPoint === null ? { module } : { module, entryPoint };
    const pipeline = this.#device.createComputePipeline({ layout: 'auto', compute });
    const program = { key, module, pipeline, layout: pipeline.getBindGroupLayout(0) };
    this.#programs.set(key, program);
    if (this.#programs.size > PROGRAMS_MAX) {
      const [oldest] = this.#programs.keys();
      if (oldest !== undefined) this.#programs.delete(oldest);
    }
    return program;
  }

  /** Forgets a program that did not work, so that the next job has it checked anew. */
  forget(program: Program): void {
    if (this.#programs.get(program.key) === program) this.#programs.delete(program.key);
  }
}
