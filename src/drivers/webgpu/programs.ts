import type { GPUComputePipelineLike, GPUDeviceLike, GPUShaderModuleLike } from './gpu.ts';
import { programKey } from './programKey.ts';

/** How many pipelines are kept; the one that was used least recently makes room. */
const PROGRAMS_MAX = 256;

/** A compute shader, compiled for one device. */
export interface Program {
  readonly key: string;
  readonly module: GPUShaderModuleLike;
  readonly pipeline: GPUComputePipelineLike;
  readonly layout: object;
  /** Buffers of clients that were bound to it, by their handles: jobs do the same again and again. */
  readonly bound: Map<string, Bound>;
}

/** Buffers that are bound to a program. */
export interface Bound {
  readonly group: object;
  /** The counts of workgroups that WebGPU found valid with them; `null` before. */
  proven: readonly [number, number, number] | null;
}

/** The compiled shaders of one device, found by their content, bounded in number. */
export class Programs {
  readonly #device: GPUDeviceLike;
  /** In order of last use. */
  readonly #programs = new Map<string, Program>();
  /** The one that was used last. */
  #last: Program | null = null;

  constructor(device: GPUDeviceLike) {
    this.#device = device;
  }

  /** How many are kept. */
  get size(): number {
    return this.#programs.size;
  }

  /** The program for `wgsl`, where it was compiled; `null` where it is new. */
  find(wgsl: string, entryPoint: string | null): Program | null {
    const key = programKey(wgsl, entryPoint);
    if (this.#last?.key === key) return this.#last;
    const known = this.#programs.get(key);
    if (known === undefined) return null;
    this.#programs.delete(key);
    this.#programs.set(key, known);
    this.#last = known;
    return known;
  }

  /** Compiles `wgsl`. A shader that does not compile is reported to the open error scope. */
  compile(wgsl: string, entryPoint: string | null): Program {
    const key = programKey(wgsl, entryPoint);
    const module = this.#device.createShaderModule({ code: wgsl });
    const compute = entryPoint === null ? { module } : { module, entryPoint };
    const pipeline = this.#device.createComputePipeline({ layout: 'auto', compute });
    const layout = pipeline.getBindGroupLayout(0);
    const program = { key, module, pipeline, layout, bound: new Map<string, Bound>() };
    this.#programs.set(key, program);
    this.#last = program;
    if (this.#programs.size > PROGRAMS_MAX) {
      const [oldest] = this.#programs.keys();
      if (oldest !== undefined) this.#programs.delete(oldest);
    }
    return program;
  }

  /** Forgets a program that did not work, so that the next job has it checked anew. */
  forget(program: Program): void {
    if (this.#programs.get(program.key) === program) this.#programs.delete(program.key);
    if (this.#last === program) this.#last = null;
  }
}
