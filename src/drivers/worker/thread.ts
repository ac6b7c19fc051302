/**
 * What runs in a thread: it takes jobs from its port and executes them one at a time, in order (protocol.ts).
 *
 * It is started by threadHandle.ts, never imported. It keeps no timer and no reference to a job after its answer.
 */
import { sharedClockUs } from '../../host/index.ts';
import { JobContext } from './jobContext.ts';
import { takeApart } from './errorWire.ts';
import type { Transferable } from './work.ts';
import { CANCELS, EXECUTING } from './protocol.ts';
import type { FailedStage, FromThread, JobMessage, ThreadStart, ToThread } from './protocol.ts';

type Kernel = (this: JobContext, ...args: readonly unknown[]) => unknown;
type Namespace = Readonly<Record<string, unknown>>;

const { receiveMessageOnPort, workerData } = process.getBuiltinModule('node:worker_threads');
const { port, status } = workerData as ThreadStart;

/** Each module is imported once; one that failed is forgotten, so that it may be tried again. */
const modules = new Map<string, Namespace>();
const waiting: JobMessage[] = [];
/** Ids of waiting jobs that need not begin. */
const unwanted = new Set<number>();
let current: JobContext | null = null;
let working = false;
let cancelsSeen = 0;

/** Why a job failed, and at what. */
class Failure {
  readonly stage: FailedStage;
  readonly thrown: unknown;

  constructor(stage: FailedStage, thrown: unknown) {
    this.stage = stage;
    this.thrown = thrown;
  }
}

port.on('message', (message: ToThread) => {
  take(message);
  if (!working) void work();
});
post({ type: 'ready' });

function take(message: ToThread): void {
  if (message.type === 'jobs') waiting.push(...message.jobs);
  else if (current?.id === message.id) current.abort();
  else if (waiting.some((job) => job.id === message.id)) unwanted.add(message.id);
}

/** Executes what waits, until nothing does. */
async function work(): Promise<void> {
  working = true;
  for (;;) {
    if (waiting.length === 0 || Atomics.load(status, CANCELS) !== cancelsSeen) takeAll();
    const job = waiting.shift();
    if (job === undefined) break;
    await execute(job);
  }
  working = false;
}

/** Takes what the event loop has not delivered yet: it does not turn while one job after the other executes. */
function takeAll(): void {
  cancelsSeen = Atomics.load(status, CANCELS);
  for (;;) {
    const next = receiveMessageOnPort(port);
    if (next === undefined) return;
    take(next.message as ToThread);
  }
}

async function execute(job: JobMessage): Promise<void> {
  const startUs = sharedClockUs();
  const context = new JobContext(job, port, status);
  current = context;
  Atomics.store(status, EXECUTING, job.id);
  try {
    if (unwanted.delete(job.id)) throw new Failure('cancelled', new Error('cancelled'));
    const value = await call(job, context);
    answer({ type: 'done', id: job.id, startUs, endUs: sharedClockUs(), value }, context.end());
  } catch (thrown) {
    context.end();
    const { stage, thrown: cause } = thrown as Failure;
    const error = takeApart(cause);
    post({ type: 'failed', id: job.id, startUs, endUs: sharedClockUs(), stage, error });
  }
  Atomics.store(status, EXECUTING, 0);
  current = null;
}

async function call(job: JobMessage, context: JobContext): Promise<unknown> {
  const module = modules.get(job.module) ?? (await load(job.module));
  const kernel = module[job.name];
  if (typeof kernel !== 'function') {
    const names = Object.keys(module).filter((name) => typeof module[name] === 'function');
    const shown = names.length > 20 ? [...names.slice(0, 20), 'and others'] : names;
    const exported =
      names.length === 0 ? 'it exports no function' : `it exports ${shown.join(', ')}`;
    throw new Failure('export', new TypeError(`no function is exported by that name; ${exported}`));
  }
  try {
    return await (kernel as Kernel).apply(context, job.args as unknown[]);
  } catch (thrown) {
    throw new Failure('call', thrown);
  }
}

async function load(specifier: string): Promise<Namespace> {
  try {
    const module = (await import(specifier)) as Namespace;
    modules.set(specifier, module);
    return module;
  } catch (thrown) {
    throw new Failure('import', thrown);
  }
}

function answer(message: FromThread, transfer: readonly object[]): void {
  try {
    if (transfer.length === 0) port.postMessage(message);
    else port.postMessage(message, transfer as Transferable[]);
  } catch (thrown) {
    throw new Failure('result', thrown);
  }
}

function post(message: FromThread): void {
  port.postMessage(message);
}
