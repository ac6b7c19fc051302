/**
 * What runs in the GPU process: it opens a device as it is told, executes jobs in order, and answers each (wire.ts).
 *
 * It is started by processHandle.ts, never imported. It ends at once when the other end goes away, or says what it does not
 * understand: killed, not exited, because an exit would wait for a dispatch that runs.
 */
import type { Socket } from 'node:net';
import { sharedClockUs } from '../../host/index.ts';
import { executeDispatch } from './dispatch.ts';
import type { Outcome } from './execution.ts';
import { FrameCutter, FrameWriter } from './frames.ts';
import type { GPUDeviceLike } from './gpu.ts';
import { messageOf } from './outcomes.ts';
import { Programs } from './programs.ts';
import { adapterName, createdSource, findGpu, requestAdapter } from './source.ts';
import { readToGpu, WIRE_VERSION, writeFromGpu } from './wire.ts';
import type { FromGpu, GpuRequest, ToGpu, WireJob } from './wire.ts';

const { Socket: SocketClass } = process.getBuiltinModule('node:net');

/** The pipe to the other end. */
const WIRE_FD = 3;
const socket: Socket = new SocketClass({ fd: WIRE_FD, readable: true, writable: true });
const cutter = new FrameCutter();
const out = new FrameWriter();
let flushAsked = false;

const sources = new Map<number, { readonly wgsl: string; readonly entryPoint: string | null }>();
let device: GPUDeviceLike | null = null;
let programs: Programs | null = null;
/** When the last job ended: the next one executes from then on. */
let lastEndUs = 0;

socket.on('data', (chunk: Uint8Array) => {
  try {
    for (const frame of cutter.push(chunk)) take(readToGpu(frame));
  } catch (error) {
    endNow(error);
  }
});
socket.on('error', endNow);
socket.on('close', () => endNow(null));

function take(message: ToGpu): void {
  switch (message.type) {
    case 'hello':
      void open(message.version, message.request);
      break;
    case 'program': {
      const { program, wgsl, entryPoint } = message;
      sources.set(program, { wgsl, entryPoint: entryPoint === '' ? null : entryPoint });
      break;
    }
    case 'forget':
      sources.delete(message.program);
      break;
    case 'job':
      execute(message);
      break;
  }
}

async function open(version: number, request: GpuRequest): Promise<void> {
  try {
    if (version !== WIRE_VERSION) {
      throw new Error(`the wire has version ${WIRE_VERSION} here, and ${version} there`);
    }
    const gpu = await findGpu(request);
    const adapterOptions = JSON.parse(request.adapter) as object;
    const source = createdSource(gpu, {
      adapter: adapterOptions,
      device: JSON.parse(request.device) as object,
    });
    const adapter = adapterName(await requestAdapter(gpu, adapterOptions));
    device = await source.open();
    programs = new Programs(device);
    void device.lost?.then(({ reason, message }) => {
      device = null;
      send({ type: 'lost', reason, message });
    });
    send({ type: 'ready', version: WIRE_VERSION, adapter });
  } catch (error) {
    send({ type: 'refused', message: messageOf(error) });
  }
}

function execute({ id, program, workgroups, bindings, read }: WireJob): void {
  const source = sources.get(program);
  const [current, cache] = [device, programs];
  // Nothing is answered after a loss, which was told.
  if (current === null || cache === null) return;
  if (source === undefined) throw new Error(`program ${program} was never sent`);
  const beganUs = sharedClockUs();
  const spec = { ...source, workgroups, bindings, read };
  const { done } = executeDispatch(current, cache, spec);
  // One turn later, so that the news of a loss comes first.
  void done.then((outcome) => queueMicrotask(() => answer(id, current, beganUs, outcome)));
}

function answer(id: number, used: GPUDeviceLike, beganUs: number, outcome: Outcome): void {
  const { error, result } = outcome;
  if (device !== used || error?.type === 'lost') return;
  if (error === null) {
    const endUs = sharedClockUs();
    const startUs = Math.max(beganUs, lastEndUs);
    lastEndUs = endUs;
    const outputs = (result as (ArrayBuffer | ArrayBufferView<ArrayBuffer>)[]).map(bytesOf);
    send({ type: 'done', id, startUs, endUs, outputs });
  } else if (error.type === 'refused') {
    send({ type: 'failed', id, ...error.fault });
  } else {
    send({ type: 'failed', id, filter: 'threw', message: messageOf(error.cause) });
  }
}

/** Several answers go together. */
function send(message: FromGpu): void {
  writeFromGpu(out, message);
  if (flushAsked) return;
  flushAsked = true;
  setImmediate(() => {
    flushAsked = false;
    socket.cork();
    for (const chunk of out.take()) socket.write(chunk);
    socket.uncork();
  });
}

function bytesOf(output: ArrayBuffer | ArrayBufferView<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return ArrayBuffer.isView(output)
    ? new Uint8Array(output.buffer, output.byteOffset, output.byteLength)
    : new Uint8Array(output);
}

function endNow(error: unknown): void {
  if (error !== null) process.stderr.write(`the GPU process ends: ${messageOf(error)}\n`);
  process.kill(process.pid, 'SIGKILL');
}
