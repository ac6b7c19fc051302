// Functions that the tests of the worker device run in threads.

// What `export` names where it is left out.
// oxlint-disable-next-line import/no-default-export
export default function identity(value) {
  return value;
}

export function echo(...args) {
  return args;
}

export const sum = (a, b = 100) => a + b;

export async function sleep(ms, value) {
  await new Promise((resolve) => setTimeout(resolve, ms));
  return value;
}

export function spin() {
  for (;;);
}

export function spinFor(ms) {
  const end = performance.now() + ms;
  while (performance.now() < end);
  return ms;
}

/** Hangs at the first call, by the count in shared memory; afterwards it returns. */
export function spinOnce(counter) {
  if (Atomics.add(counter, 0, 1) === 0) for (;;);
  return Atomics.load(counter, 0);
}

export function count(counter) {
  return Atomics.add(counter, 0, 1) + 1;
}

/** Tells progress, and returns what can be written into the log. */
export function progresses(index) {
  this.progress(`says ${index}`);
  return index;
}

/** Begins, says so in shared memory, and waits until it is told to go on. */
export function gate(words) {
  Atomics.store(words, 0, 1);
  Atomics.notify(words, 0);
  Atomics.wait(words, 1, 0);
  return 'passed';
}

export function fail() {
  const cause = Object.assign(new RangeError('the reason'), { code: 'ERR_REASON' });
  throw new TypeError('it failed', { cause });
}

export function failWith(value) {
  throw value;
}

export function failWithFunction() {
  throw () => 'nothing that can be cloned';
}

export function failTogether() {
  throw new AggregateError([new TypeError('one'), new Error('two')], 'both');
}

class OwnError extends Error {
  name = 'OwnError';
}

export function failInOwnWay() {
  throw new OwnError('in its own way');
}

export function returnFunction() {
  return () => {};
}

export function exit(code) {
  process.exit(code);
}

export async function throwOutside() {
  setTimeout(() => {
    throw new Error('thrown outside of the call');
  }, 1);
  await new Promise(() => {});
}

/** Returns at once and ends its thread a little later, when no job executes. */
export function exitLater(ms) {
  setTimeout(() => process.exit(7), ms);
  return 'gone soon';
}

/** Returns at once and makes its thread loop for ever a little later, when no job executes. */
export function stickLater(ms) {
  setTimeout(() => {
    for (;;);
  }, ms);
  return 'stuck soon';
}

/** Returns at once and keeps its thread busy a little later, when no job executes. */
export function busyLater(ms) {
  setTimeout(() => spinFor(ms), 0);
  return 'busy soon';
}

/** Keeps its thread in a call of the platform, where nothing stops it. */
export function blockFor(ms) {
  process
    .getBuiltinModule('node:child_process')
    .execFileSync(process.execPath, ['-e', `setTimeout(() => {}, ${ms})`]);
  return 'unblocked';
}

/** Returns at once and blocks its thread a little later, when no job executes. */
export function blockLater(ms) {
  setTimeout(() => blockFor(ms), 0);
  return 'blocked soon';
}

/** Returns at once; a promise that nobody waits for rejects a little later, when no job executes. */
export function rejectLater(ms) {
  setTimeout(() => void Promise.reject(new Error('stray')), ms);
  return 'rejected soon';
}

/** Reports progress all the time, also between two slices. */
export async function* tick(steps, gap = 3) {
  const timer = setInterval(() => this.progress('tick'), 1);
  try {
    for (let step = 0; step < steps; step += 1) {
      spinFor(gap);
      yield;
    }
  } finally {
    clearInterval(timer);
  }
  return steps;
}

export function exhaustHeap() {
  const held = [];
  for (;;) held.push(Array.from({ length: 100_000 }, () => held.length));
}

export async function neverEnd() {
  await new Promise(() => {});
}

export function report(steps) {
  for (let step = 1; step <= steps; step += 1) this.progress({ step });
  return steps;
}

export function fill(buffer, value) {
  new Uint8Array(buffer).fill(value);
  this.transfer(buffer);
  return buffer;
}

export function sizeOf(buffer) {
  return buffer.byteLength;
}

export function loopUntilCancelled(words) {
  Atomics.store(words, 0, 1);
  Atomics.notify(words, 0);
  while (!this.cancelled);
  throw new Error('stopped because it was cancelled');
}

export function returnWhenCancelled(words) {
  Atomics.store(words, 0, 1);
  Atomics.notify(words, 0);
  while (!this.cancelled);
  return 'done all the same';
}

export async function awaitCancel(words) {
  Atomics.store(words, 0, 1);
  Atomics.notify(words, 0);
  await new Promise((resolve) => this.signal.addEventListener('abort', resolve));
  throw this.signal.reason;
}

export function threadId() {
  return process.getBuiltinModule('node:worker_threads').threadId;
}

export const notAFunction = 42;

let imports = 0;
imports += 1;
export function importCount() {
  return imports;
}

export function speak(port, text) {
  port.postMessage(text);
  port.close();
}

export function append(list, value) {
  list.push(value);
  return list;
}

export function begin() {
  return 'begun';
}

/** Counts to `steps`, one a slice, each taking `ms`; yields how far it is. */
export async function* countInSlices(steps, ms = 0) {
  let at = 0;
  for (; at < steps; at += 1) {
    spinFor(ms);
    yield at;
  }
  return at;
}

/** A generator that is not async, and finds its context. */
export function* sliceContext() {
  yield;
  this.progress('second');
  const buffer = new ArrayBuffer(8);
  this.transfer(buffer);
  return buffer;
}

/** Says in shared memory that it began, and that it was told to end. */
export function* endInSlices(words) {
  try {
    for (;;) {
      Atomics.add(words, 0, 1);
      Atomics.notify(words, 0);
      yield;
    }
  } finally {
    Atomics.store(words, 1, 1);
  }
}

/** Hangs, or fails, in its second slice. */
export function* hangLater() {
  yield;
  for (;;);
}

export function* failLater() {
  yield;
  throw new RangeError('in the second slice');
}

/** An object in an object, so many times. */
export function nest(depth) {
  let object = {};
  for (let i = 0; i < depth; i += 1) object = { object };
  return object;
}

export function throwNested(depth) {
  throw nest(depth);
}

export function tellNested(depth) {
  this.progress(nest(depth));
  this.progress('told');
  return 'done';
}

/** Told to end, it hangs. */
export async function* hangWhenEnded() {
  try {
    for (;;) yield;
  } finally {
    for (;;);
  }
}

/** Throws what throws when it is read. */
export function failUnreadably(how) {
  const refuse = () => {
    throw new Error('not to be read');
  };
  if (how === 'proxy') throw new Proxy({}, { get: refuse, getPrototypeOf: refuse });
  if (how === 'text') throw { toString: refuse, method() {} };
  const error = new Error('hidden');
  if (how === 'cause') throw new TypeError('seen', { cause: failCause(refuse) });
  throw Object.defineProperty(error, 'message', { get: refuse });
}

function failCause(refuse) {
  return Object.defineProperty(new Error('hidden'), 'message', { get: refuse });
}

/** Whether what the driver gave to the thread is to be found by its jobs. */
export function findsPort() {
  return Object.keys(process.getBuiltinModule('node:worker_threads').workerData ?? {});
}
