/**
 * What runs in a thread: it takes jobs from its port and executes them one at a time, in order (protocol.ts).
 *
 * It is started by threadHandle.ts, never imported. It keeps no timer and no reference to a job after its answer.
 */
import { sharedClockUs } from '../../host/index.ts';
import { AnswerLog } from './answerLog.ts';
import { JobContext } from './jobContext.ts';
import { takeApart } from './errorWire.ts';
import { Quiet } from './quiet.ts';
import type { Movable } from './work.ts';
import { CANCELS, EXECUTING, HALTED } from './protocol.ts';
import type {
  CallMessage,
  FailedStage,
  FromThread,
  JobMessage,
  ThreadStart,
  ToThread,
} from './protocol.ts';

type Kernel = (this: JobContext, ...args: readonly unknown[]) => unknown;
type Namespace = Readonly<Record<string, unknown>>;

const { setImmediate: nextTurn } = process.getBuiltinModule('node:timers');
const { receiveMessageOnPort, workerData } = process.getBuiltinModule('node:worker_threads');
const start = workerData as ThreadStart;
const { port, status, answers } = start;
// What jobs import finds nothing of ours there.
for (const key of Object.keys(start)) Reflect.deleteProperty(start, key);
const log = new AnswerLog(answers);
const quiet = new Quiet();

/** Each module is imported once; one that failed is forgotten, so that it may be tried again. */
const modules = new Map<string, Namespace>();
/** Jobs between two slices, by the id of the first. */
const kept = new Map<number, SlicedCall>();
const waiting: JobMessage[] = [];
/** Generators that nobody will ask again, and that were not told to end yet. */
const dropped: SlicedCall['generator'][] = [];
/** Ids of waiting jobs that need not begin. */
const unwanted = new Set<number>();
let current: JobContext | null = null;
let working = false;
let cancelsSeen = 0;
/** Of the last job that was taken. */
let takenId = 0;
/** Whether jobs came that could not be read: those that were sent after them are sent again. */
let isDeaf = false;

/** A call of a generator function, from its first slice on. */
interface SlicedCall {
  readonly first: number;
  readonly context: JobContext;
  readonly generator: Generator<unknown, unknown> | AsyncGenerator<unknown, unknown>;
}

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
port.on('messageerror', cannotRead);
post({ type: 'ready' });

function take(message: ToThread): void {
  if (message.type === 'jobs') takeJobs(message.jobs);
  else if (message.type === 'again') isDeaf = false;
  else if (message.type === 'drop') drop(message.id);
  else if (current?.id === message.id) current.abort();
  else if (waiting.some((job) => job.id === message.id)) unwanted.add(message.id);
}

function takeJobs(jobs: readonly JobMessage[]): void {
  if (isDeaf) return;
  waiting.push(...jobs);
  takenId += jobs.length;
}

/** A message came that cannot be read; only jobs carry what may not be. */
function cannotRead(): void {
  if (isDeaf) return;
  isDeaf = true;
  post({ type: 'resend', id: takenId + 1 });
}

/** Executes what waits, until nothing does. */
async function work(): Promise<void> {
  working = true;
  for (;;) {
    if (waiting.length === 0 || Atomics.load(status, CANCELS) !== cancelsSeen) takeAll();
    for (let next = dropped.shift(); next !== undefined; next = dropped.shift()) await end(next);
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
    let next: { message: unknown } | undefined;
    try {
      next = receiveMessageOnPort(port) as typeof next;
    } catch {
      cannotRead();
      continue;
    }
    if (next === undefined) return;
    take(next.message as ToThread);
  }
}

/** One function, because each that awaits costs a turn of the microtasks, and is compiled once more into who calls it. */
async function execute(job: JobMessage): Promise<void> {
  const startUs = sharedClockUs();
  let sliced = 'resume' in job ? takeKept(job) : null;
  const context = sliced?.context ?? new JobContext(job as CallMessage, port, status);
  context.id = job.id;
  current = context;
  begin(job.id);
  try {
    if (unwanted.delete(job.id)) {
      if (sliced !== null) await end(sliced.generator);
      throw new Failure('cancelled', new Error('cancelled'));
    }
    if (sliced === null) {
      const { module, name, args } = job as CallMessage;
      const kernel = kernelOf(modules.get(module) ?? (await load(module)), name);
      const isGenerator = isGeneratorFunction(kernel);
      let value: unknown;
      try {
        value = kernel.apply(context, args as unknown[]);
        if (!isGenerator) value = await value;
      } catch (thrown) {
        throw new Failure('call', thrown);
      }
      if (isGenerator) {
        sliced = { first: job.id, context, generator: value as SlicedCall['generator'] };
      } else {
        const endUs = sharedClockUs();
        quiet.learn(kernel, endUs - startUs);
        answerCall(context, startUs, endUs, value);
      }
    }
    if (sliced !== null) await step(sliced, startUs);
  } catch (thrown) {
    context.end();
    const { stage, thrown: cause } =
      thrown instanceof Failure ? thrown : new Failure('call', thrown);
    const error = takeApart(cause);
    post({ type: 'failed', id: job.id, startUs, endUs: sharedClockUs(), stage, error });
  }
  Atomics.store(status, EXECUTING, 0);
  current = null;
}

/** Says that a job begins. It is said first and looked at afterwards, so that who halts this thread sees it, or it sees that. */
function begin(id: number): void {
  Atomics.store(status, EXECUTING, id);
  while (Atomics.load(status, HALTED) !== 0) {
    Atomics.store(status, EXECUTING, 0);
    Atomics.wait(status, HALTED, 1);
    Atomics.store(status, EXECUTING, id);
  }
}

/** Answers for a call of a plain function. */
function answerCall(context: JobContext, startUs: number, endUs: number, value: unknown): void {
  const transfer = context.end();
  const { id } = context;
  if (transfer.length > 0 || !log.write(id, startUs, endUs, value)) {
    answer({ type: 'done', id, startUs, endUs, value, isGenerator: false }, transfer);
    return;
  }
  current = null;
  if (log.unread <= 1) quiet.told();
  if (waiting.length < 2) takeAll();
  const [next] = waiting;
  if (next !== undefined && quiet.canWait(endUs, knownKernelOf(next), waiting.length)) return;
  post({ type: 'wake' });
}

/** The function of a job, where its module is imported. */
function knownKernelOf(job: JobMessage): unknown {
  if ('resume' in job) return undefined;
  const module = modules.get(job.module);
  return module === undefined ? undefined : exportOf(module, job.name);
}

/** Executes a generator to its next `yield`, or to its end. What it yields is progress. */
async function step(sliced: SlicedCall, startUs: number): Promise<void> {
  const { context, generator, first } = sliced;
  let next: IteratorResult<unknown, unknown>;
  try {
    next = await generator.next();
    if (next.done !== true && next.value !== undefined) context.progress(next.value);
  } catch (thrown) {
    throw new Failure('call', thrown);
  }
  if (next.done === true) {
    const { id } = context;
    const transfer = context.end();
    const endUs = sharedClockUs();
    answer({ type: 'done', id, startUs, endUs, value: next.value, isGenerator: true }, transfer);
    return;
  }
  kept.set(first, sliced);
  post({ type: 'slice', id: context.id, startUs, endUs: sharedClockUs() });
}

function takeKept({ resume }: { readonly resume: number }): SlicedCall {
  const sliced = kept.get(resume) as SlicedCall;
  kept.delete(resume);
  return sliced;
}

/** The job is over: its generator is told to end between two jobs, so that no other is blamed for what it does then. */
function drop(first: number): void {
  const sliced = kept.get(first);
  kept.delete(first);
  sliced?.context.end();
  if (sliced !== undefined) dropped.push(sliced.generator);
}

/** Tells `generator` to end, and lets it; but nobody waits for what it itself waits for. */
function end(generator: SlicedCall['generator']): Promise<void> {
  return new Promise((resolve) => {
    void returned(generator).then(resolve);
    nextTurn(resolve);
  });
}

async function returned(generator: SlicedCall['generator']): Promise<void> {
  try {
    await generator.return(undefined);
  } catch {
    // It was told to end, and has; its job was answered for already.
  }
}

function isGeneratorFunction(kernel: Kernel): boolean {
  return /^\[object (Async)?GeneratorFunction\]$/.test(Object.prototype.toString.call(kernel));
}

function kernelOf(module: Namespace, name: string): Kernel {
  const kernel = exportOf(module, name);
  if (typeof kernel === 'function') return kernel as Kernel;
  const names = Object.keys(module).filter((name) => typeof module[name] === 'function');
  const shown = names.length > 20 ? [...names.slice(0, 20), 'and others'] : names;
  const exported = names.length === 0 ? 'it exports no function' : `it exports ${shown.join(', ')}`;
  throw new Failure('export', new TypeError(`no function is exported by that name; ${exported}`));
}

/** `module[name]` would be compiled for one name, and thrown away and compiled anew at the next. */
function exportOf(module: Namespace, name: string): unknown {
  return Reflect.get(module, name);
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
  quiet.told();
  try {
    if (transfer.length === 0) port.postMessage(message);
    else port.postMessage(message, transfer as Movable[]);
  } catch (thrown) {
    throw new Failure('result', thrown);
  }
}

function post(message: FromThread): void {
  quiet.told();
  port.postMessage(message);
}
