import { invalid, messageOf } from '../../base/index.ts';
import type { ThreadHandle } from './threadHandle.ts';

/** One call of an exported function in a thread. */
export interface WorkerWork {
  /**
   * The module to import: a URL, a URL as text, an absolute path, or a path that starts with `./` or `../` and is
   * taken from the working directory. A bare name is resolved by the thread; `import.meta.resolve` makes a URL of it.
   */
  readonly module: string | URL;
  /**
   * The function to call. Default `default`. A generator function, async or not, runs in slices (S14): at each `yield` others
   * may have the thread, and what it yields is handed to `onProgress`; its result is what it returns.
   */
  readonly export?: string;
  /**
   * Its arguments, as structured clones, made when `submit` is called: later changes do not reach the job. Large data that
   * many jobs read belongs into a `SharedArrayBuffer`, which is shared, not copied.
   */
  readonly args?: readonly unknown[];
  /**
   * Objects in `args` that are moved, not copied: the caller loses them when `submit` returns. They go to the thread when the
   * job begins, so that a job that was only queued there still has them when it must run again.
   */
  readonly transfer?: readonly Transferable[];
  /**
   * Called in the submitting thread for each `this.progress(value)` of the job, in order, while the job runs. What a generator reports
   * between two slices is left out.
   */
  readonly onProgress?: (value: unknown) => void;
}

/**
 * What can be moved to a thread and back: an `ArrayBuffer`, a `MessagePort`, a stream, an image. Which objects can is for the
 * platform to say; `submit` refuses the others.
 */
export type Transferable = object;

/** What `structuredClone` takes, by the types of the platform at hand. */
export type Movable = NonNullable<
  NonNullable<Parameters<typeof structuredClone>[1]>['transfer']
>[number];

/**
 * What the exported function finds as `this`, if it is not an arrow function. Arguments are passed as they were given,
 * with nothing added, so any function will do.
 *
 * @example
 * export function render(this: WorkerContext, frames: number): ArrayBuffer {
 *   const pixels = new ArrayBuffer(frames * 4);
 *   for (let frame = 0; frame < frames && !this.cancelled; frame += 1) this.progress(frame / frames);
 *   this.transfer(pixels);
 *   return pixels;
 * }
 */
export interface WorkerContext {
  /** Hands `value`, cloned, to the work's `onProgress`. After the job has ended it does nothing. */
  progress(value: unknown): void;
  /** Names objects in the result that are moved, not copied. */
  transfer(...objects: readonly object[]): void;
  /** Whether somebody asked to end the job early (J9). True at once, also in a loop that never awaits. */
  readonly cancelled: boolean;
  /** Aborts when somebody asks to end the job early; for functions that await. */
  readonly signal: AbortSignal;
}

/** What a worker device keeps of a piece of work. */
export interface WorkerCall {
  readonly module: string;
  readonly name: string;
  args: readonly unknown[];
  /** What moves to the thread when the job starts there. */
  transfer: readonly Transferable[];
  readonly onProgress: ((value: unknown) => void) | null;
  /** When the last attempt executed, on the clock that all threads share. */
  span: { startUs: number; endUs: number } | null;
  /** The thread that keeps the job between two slices, under which id, and of which attempt. */
  kept: { readonly thread: ThreadHandle; readonly id: number; readonly attempt: number } | null;
}

const NOTHING: readonly never[] = Object.freeze([]);

/**
 * Checks `work` and takes a copy of it, with nothing of the caller changed.
 *
 * @throws {ERR_INVALID_ARGUMENT} naming the field that does not fit, or why the arguments cannot be cloned
 */
export function encodeWork(work: WorkerWork): WorkerCall {
  if (typeof work !== 'object' || work === null) {
    throw invalid('work', 'an object { module, export, args }', work);
  }
  const { export: name = 'default', args = NOTHING, transfer = NOTHING, onProgress } = work;
  if (typeof name !== 'string' || name === '') {
    throw invalid('work.export', 'the name of an exported function', name);
  }
  if (!Array.isArray(args)) throw invalid('work.args', 'an array of arguments', args);
  if (!Array.isArray(transfer)) throw invalid('work.transfer', 'an array of objects', transfer);
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw invalid('work.onProgress', 'a function', onProgress);
  }
  return {
    module: specifierOf(work.module),
    name,
    args: transfer.length > 0 ? args : cloned(args, NOTHING).args,
    transfer,
    onProgress: onProgress ?? null,
    span: null,
    kept: null,
  };
}

/**
 * Moves what is transferred out of the caller's hands, as the last thing that can fail in `submit` (J1).
 *
 * @throws {ERR_INVALID_ARGUMENT} when the arguments cannot be cloned or moved; nothing was moved
 */
export function takeOver(call: WorkerCall): void {
  const locked = call.transfer.find(isLocked);
  // The platform finds it out too late, when what stands before it in the list has been moved.
  if (locked !== undefined) throw invalid('work.transfer', 'streams that are not locked', locked);
  const copy = cloned(call.args, call.transfer);
  call.args = copy.args;
  call.transfer = copy.transfer;
}

function cloned(
  args: readonly unknown[],
  transfer: readonly Transferable[],
): { args: readonly unknown[]; transfer: readonly Transferable[] } {
  if (transfer.length === 0 && args.every(isPrimitive)) return { args: [...args], transfer };
  try {
    return structuredClone({ args, transfer }, { transfer: transfer as Movable[] });
  } catch (cause) {
    const why = messageOf(cause);
    const error = invalid('work.args', `arguments that can be cloned (${why})`, args);
    error.cause = cause;
    throw error;
  }
}

function isLocked(moved: Transferable): boolean {
  if (moved instanceof TransformStream) return moved.readable.locked || moved.writable.locked;
  return (moved instanceof ReadableStream || moved instanceof WritableStream) && moved.locked;
}

function isPrimitive(value: unknown): boolean {
  return (
    (typeof value !== 'object' || value === null) &&
    typeof value !== 'function' &&
    typeof value !== 'symbol'
  );
}

/** What the thread is to import. */
function specifierOf(module: string | URL): string {
  if (module instanceof URL) return module.href;
  if (typeof module !== 'string' || module === '') {
    throw invalid('work.module', 'a URL, a path or the name of a module', module);
  }
  const path = process.getBuiltinModule('node:path');
  const isPath = path.isAbsolute(module) || module.startsWith('./') || module.startsWith('../');
  return isPath
    ? process.getBuiltinModule('node:url').pathToFileURL(path.resolve(module)).href
    : module;
}
