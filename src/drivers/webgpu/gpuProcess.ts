/**
 * What runs in the GPU process: it opens a device as it is told, executes jobs in order, and answers each (wire.ts).
 *
 * It is started by processHandle.ts, never imported. It ends at once when the other end goes away, or says what it does not
 * understand: killed, not exited, because an exit would wait for a dispatch that runs.
 */
import type { Socket } from 'node:net';
import { messageOf } from '../../base/index.ts';
import { eventTurns, sharedClockUs } from '../../host/index.ts';
import type { Command } from './commands.ts';
import { executeCommand, executorOf } from './execute.ts';
import type { Executor } from './execute.ts';
import type { Outcome } from './execution.ts';
import { FrameCutter } from './frames.ts';
import { GpuMemory } from './gpuMemory.ts';
import { Lookout } from './lookout.ts';
import { Outbox } from './outbox.ts';
import { adapterName, createdSource, findGpu, requestAdapter } from './source.ts';
import { readToGpu, WIRE_VERSION } from './wire.ts';
import type { FromGpu, GpuRequest, ToGpu, Unreadable, WireDispatch } from './wire.ts';

type Message = Exclude<ToGpu, { type: 'hello' }> | Unreadable;

const { Socket: SocketClass } = process.getBuiltinModule('node:net');

/** The pipe to the other end. */
const WIRE_FD = 3;
/** How many messages are executed in one turn. */
const TURN_MESSAGES_MAX = 4;
const socket: Socket = new SocketClass({ fd: WIRE_FD, readable: true, writable: true });
const cutter = new FrameCutter();
/** What came and was not executed yet, from `nextMessage` on. */
let messages: Message[] = [];
let nextMessage = 0;
/** Whether nothing of it may be executed now: the device is not open yet, or it is for the next turn. */
let holding = true;

const sources = new Map<number, { readonly wgsl: string; readonly entryPoint: string | null }>();
const memory = new GpuMemory();
/** `null` before the device is open and after it is lost. */
let executor: Executor | null = null;
/** How many jobs were begun and are not answered. */
let inFlight = 0;
const lookout = new Lookout({
  ...{ nowUs: sharedClockUs, turns: eventTurns() },
  inFlight: () => inFlight,
});
const outbox = new Outbox({
  ...{ nowUs: sharedClockUs, soon: queueMicrotask, nextTurn: setImmediate },
  inFlight: () => inFlight,
  usuallyUs: () => lookout.usuallyUs,
  deliver: (chunks) => {
    socket.cork();
    for (const chunk of chunks) socket.write(chunk);
    socket.uncork();
  },
});
/** When the last job ended: the next one executes from then on. */
let lastEndUs = 0;

socket.on('data', (chunk: Uint8Array) => {
  try {
    for (const frame of cutter.push(chunk)) take(readToGpu(frame));
    if (!holding) executeSome();
  } catch (error) {
    endNow(error);
  }
});
socket.on('error', endNow);
socket.on('close', () => endNow(null));

function take(message: ToGpu | Unreadable): void {
  if (message.type === 'hello') void open(message.version, message.request);
  else messages.push(message);
}

/** Executes what came, a few at a time: meanwhile what is done is answered, and the other end has work while this one works. */
function executeSome(): void {
  for (let count = 0; count < TURN_MESSAGES_MAX; count += 1) {
    const message = messages[nextMessage];
    if (message === undefined) {
      messages = [];
      nextMessage = 0;
      return;
    }
    nextMessage += 1;
    execute(message);
  }
  holding = true;
  setImmediate(() => {
    holding = false;
    try {
      executeSome();
    } catch (error) {
      endNow(error);
    }
  });
}

function execute(message: Message): void {
  switch (message.type) {
    case 'program': {
      const { program, wgsl, entryPoint } = message;
      sources.set(program, { wgsl, entryPoint: entryPoint === '' ? null : entryPoint });
      break;
    }
    case 'forget':
      sources.delete(message.program);
      break;
    case 'dispatch':
      run(message.id, commandOf(message));
      break;
    case 'upload':
    case 'readBack':
      run(message.id, message);
      break;
    case 'create':
      void create(message.id, message.handle, message.bytes);
      break;
    case 'destroy':
      memory.destroy(message.handle);
      break;
    case 'mark':
      outbox.sendNow(doneAt(message.id, sharedClockUs()));
      break;
    case 'unreadable':
      outbox.send({ type: 'failed', id: message.id, filter: 'threw', message: message.why });
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
    const device = await source.open();
    executor = executorOf(device, memory, false);
    void device.lost?.then(({ reason, message }) => {
      executor = null;
      outbox.send({ type: 'lost', reason, message, inFlight });
    });
    outbox.send({ type: 'ready', version: WIRE_VERSION, adapter });
    holding = false;
    executeSome();
  } catch (error) {
    outbox.send({ type: 'refused', message: messageOf(error) });
  }
}

function commandOf({ program, workgroups, bindings, read }: WireDispatch): Command {
  const source = sources.get(program);
  if (source === undefined) throw new Error(`program ${program} was never sent`);
  return { type: 'dispatch', ...source, workgroups, bindings, read };
}

function run(id: number, command: Command): void {
  const used = executor;
  // Nothing is answered after a loss, which was told.
  if (used === null) return;
  const beganUs = sharedClockUs();
  inFlight += 1;
  lookout.began();
  const { done } = executeCommand(used, command);
  // One turn later, so that the news of a loss comes first.
  void done.then((outcome) => queueMicrotask(() => answer(id, used, beganUs, outcome)));
}

async function create(id: number, handle: number, bytes: number): Promise<void> {
  const nowUs = sharedClockUs();
  const message = await memory.create(handle, bytes).catch(messageOf);
  if (message === null) {
    outbox.send(doneAt(id, nowUs));
  } else if (executor !== null) {
    outbox.send({ type: 'failed', id, filter: 'out-of-memory', message });
  }
}

/** Done, with nothing to give. */
function doneAt(id: number, atUs: number): FromGpu {
  return { type: 'done', id, startUs: atUs, endUs: atUs, gpuUs: NaN, outputs: [] };
}

function answer(id: number, used: Executor, beganUs: number, outcome: Outcome): void {
  const { error, result } = outcome;
  inFlight -= 1;
  lookout.ended();
  if (executor !== used || error?.type === 'lost') return;
  if (error === null) {
    const endUs = sharedClockUs();
    const startUs = Math.max(beganUs, lastEndUs);
    lastEndUs = endUs;
    const gpuUs = outcome.gpuUs ?? NaN;
    const message = {
      type: 'done',
      id,
      startUs,
      endUs,
      gpuUs,
      outputs: outputsOf(result),
    } as const;
    outbox.answer(message);
  } else if (error.type === 'refused') {
    outbox.send({ type: 'failed', id, ...error.fault });
  } else if (error.type === 'threw') {
    outbox.send({ type: 'failed', id, filter: 'threw', message: messageOf(error.cause) });
  }
}

/** What is sent of a result: of a dispatch a list, of a read-back one run of bytes, of an upload nothing. */
function outputsOf(result: unknown): Uint8Array<ArrayBuffer>[] {
  if (result === undefined) return [];
  const outputs = Array.isArray(result) ? result : [result];
  return outputs.map((output: ArrayBuffer | ArrayBufferView<ArrayBuffer>) =>
    ArrayBuffer.isView(output)
      ? new Uint8Array(output.buffer, output.byteOffset, output.byteLength)
      : new Uint8Array(output),
  );
}

function endNow(error: unknown): void {
  if (error !== null) process.stderr.write(`the GPU process ends: ${messageOf(error)}\n`);
  process.kill(process.pid, 'SIGKILL');
}
