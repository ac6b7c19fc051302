import type { FencelineError } from '../../base/index.ts';
import { failureOf, handleOf } from '../../device/index.ts';
import type { DeviceBuffer } from '../../device/index.ts';
import type { BindingSpec, DispatchSpec, ElementKind, PlainTask } from './work.ts';

/** A binding as it is executed: a buffer of the client by its handle, or what the job brings with it (handle 0). */
export interface CommandBinding {
  readonly size: number;
  readonly bytes: number;
  readonly kind: ElementKind;
  readonly contents: Uint8Array<ArrayBuffer> | null;
  readonly handle: number;
}

/** One dispatch, with handles. */
export interface DispatchCommand {
  readonly type: 'dispatch';
  readonly wgsl: string;
  readonly entryPoint: string | null;
  readonly workgroups: readonly [number, number, number];
  readonly bindings: readonly CommandBinding[];
  readonly read: readonly number[];
}

/** What a GPU executes, wherever it is: plain data that names buffers by handles. */
export type Command =
  | DispatchCommand
  | {
      readonly type: 'upload';
      readonly handle: number;
      readonly offset: number;
      readonly contents: Uint8Array<ArrayBuffer>;
    }
  | {
      readonly type: 'readBack';
      readonly handle: number;
      readonly offset: number;
      readonly bytes: number;
    };

/** A buffer that is needed and is not there: its contents were lost with the device, or it did not arrive. */
export class LostBuffer {
  readonly label: string;
  /** Why it did not arrive. */
  readonly failure: FencelineError | null;

  constructor(buffer: DeviceBuffer) {
    this.label = buffer.label;
    this.failure = failureOf(buffer);
  }
}

/** The command for `task`, with the handles that its buffers have now; called when it is executed, at each attempt anew. */
export function commandOf(task: PlainTask): Command | LostBuffer {
  if (task.type === 'dispatch') return dispatchCommand(task.dispatch);
  const handle = handleOf(task.buffer);
  if (handle === null) return new LostBuffer(task.buffer);
  const { offset } = task;
  return task.type === 'upload'
    ? { type: 'upload', handle, offset, contents: task.contents }
    : { type: 'readBack', handle, offset, bytes: task.bytes };
}

function dispatchCommand(spec: DispatchSpec): DispatchCommand | LostBuffer {
  const bindings: CommandBinding[] = [];
  for (const binding of spec.bindings) {
    const handle = handleOfBinding(binding);
    if (typeof handle !== 'number') return handle;
    const { size, bytes, kind, contents } = binding;
    bindings.push({ size, bytes, kind, contents, handle });
  }
  const { wgsl, entryPoint, workgroups, read } = spec;
  return { type: 'dispatch', wgsl, entryPoint, workgroups, bindings, read };
}

function handleOfBinding({ buffer }: BindingSpec): number | LostBuffer {
  if (buffer === null) return 0;
  return handleOf(buffer) ?? new LostBuffer(buffer);
}
