import * as v from 'valibot';
import { shown } from '../../base/index.ts';
import { DURATION_FORM, parseDurationMs } from '../durations.ts';

/** The policies that a workload, or `--policy`, can name. */
export const POLICY_NAMES = ['fair', 'linuxFair', 'fifo', 'roundRobin', 'strictPriority'] as const;
/** The drivers that a workload, or `--driver`, can name. `auto` takes the best that this machine has. */
export const DRIVER_NAMES = ['auto', 'worker', 'webgpu'] as const;

/** One of `POLICY_NAMES`. */
export type PolicyName = (typeof POLICY_NAMES)[number];
/** One of `DRIVER_NAMES`. */
export type DriverName = (typeof DRIVER_NAMES)[number];

/** A function, as written: in `module#export` form or as a map. */
export interface WrittenReference {
  module: string;
  export: string;
}

/** What is in flight on each ring, as written. `target` in milliseconds. */
export type WrittenCredits = number | { target: number; maxJobs?: number | undefined };

/** One entry of a client's `jobs`, as written; durations in milliseconds. */
export interface WrittenJob {
  name: string;
  kernel: WrittenReference;
  webgpu?: WrittenReference | undefined;
  plan?: WrittenReference | undefined;
  args?: unknown[] | undefined;
  inputs?: string[] | undefined;
  repeat?: number | 'forever' | undefined;
  every?: number | undefined;
  after?: string[] | undefined;
  backlog?: number | undefined;
  keep?: 'all' | 'last' | 'none' | undefined;
  credits?: number | undefined;
  estimate?: number | undefined;
  resubmit?: boolean | undefined;
  timeouts?:
    | { run?: number | undefined; queue?: number | undefined; dependency?: number | undefined }
    | undefined;
}

/** One client, as written. */
export interface WrittenClient {
  label: string;
  priority?: 'high' | 'normal' | 'low' | undefined;
  weight?: number | undefined;
  order?: 'serial' | 'parallel' | undefined;
  maxQueued?: number | undefined;
  expect?: 'ok' | 'banned' | 'failed' | undefined;
  jobs: WrittenJob[];
  collect?: WrittenReference | undefined;
}

/** The device, as written; durations in milliseconds. */
export interface WrittenDevice {
  driver?: DriverName | undefined;
  threads?: number | undefined;
  spares?: number | undefined;
  policy?: PolicyName | undefined;
  credits?: WrittenCredits | undefined;
  runTimeout?: number | undefined;
}

/** A workload file of the right form; durations in milliseconds. */
export interface WrittenWorkload {
  name?: string | undefined;
  duration?: number | undefined;
  device?: WrittenDevice | undefined;
  clients: WrittenClient[];
}

type Issue = v.BaseIssue<unknown>;
const expected =
  (what: string) =>
  (issue: Issue): string =>
    `expected ${what}, got ${issue.received}`;
/** For checks of a length, which Valibot says in place of the value. */
const expectedText =
  (what: string) =>
  (issue: Issue): string =>
    `expected ${what}, got ${shown(issue.input)}`;

type Schema<T> = v.GenericSchema<unknown, T>;

const text = (what: string): Schema<string> =>
  v.pipe(v.string(expected(what)), v.nonEmpty(expectedText(what)));
const count = (least: number, what: string): Schema<number> =>
  v.pipe(
    v.number(expected(what)),
    v.safeInteger(expected(what)),
    v.minValue(least, expected(what)),
  );
/** How many threads there may be; the worker device takes no more. */
const THREADS_MAX = 1024;
const threads = (least: number): Schema<number> => {
  const what = `a whole number from ${least} to ${THREADS_MAX}`;
  return v.pipe(count(least, what), v.maxValue(THREADS_MAX, expected(what)));
};
const oneOf = <const T extends readonly string[]>(names: T): Schema<T[number]> =>
  v.picklist(names, (issue) => expected(listed(names))(issue));

const duration = v.pipe(
  v.string(expected(DURATION_FORM)),
  v.check((value) => (parseDurationMs(value) ?? 0) > 0, expected(`${DURATION_FORM}, above 0`)),
  v.transform((value) => parseDurationMs(value) ?? 0),
);
const limit = v.pipe(
  v.string(expected(`${DURATION_FORM}, or Infinity`)),
  v.check(
    (value) => value === 'Infinity' || (parseDurationMs(value) ?? 0) > 0,
    expected(`${DURATION_FORM}, or Infinity`),
  ),
  v.transform((value) => (value === 'Infinity' ? Infinity : (parseDurationMs(value) ?? 0))),
);

const modulePattern = /^[^#]+(#[^#]+)?$/;
const moduleText = v.pipe(
  text('a module and its export, such as ./kernels.mjs#blur'),
  v.regex(modulePattern, expected('a module and its export, such as ./kernels.mjs#blur')),
  v.transform((value) => {
    const [module = '', name = 'default'] = value.split('#');
    return { module, export: name };
  }),
);
const moduleObject = v.strictObject({
  module: text('the path of a module, such as ./kernels.mjs'),
  export: v.optional(text('the name of an export'), 'default'),
});
/** Both forms give `{ module, export }`. The form is chosen by what was written, so that messages are about that form. */
export const referenceSchema: Schema<WrittenReference> = v.lazy((input) =>
  typeof input === 'object' && input !== null ? moduleObject : moduleText,
) as Schema<WrittenReference>;

/** One name or several; the form of `inputs` and of `after`. */
export const inputsSchema: Schema<string[]> = v.lazy((input) =>
  Array.isArray(input)
    ? v.array(text('a name'))
    : v.pipe(
        text('a name, or a list of names'),
        v.transform((name) => [name]),
      ),
) as Schema<string[]>;

const credits = v.lazy((input) =>
  typeof input === 'object' && input !== null
    ? v.strictObject({
        target: duration,
        maxJobs: v.optional(count(1, 'a whole number, 1 or more')),
      })
    : count(1, 'a whole number, 1 or more, or { target: 20ms }'),
) as Schema<WrittenCredits>;

const repeat = v.lazy((input) =>
  typeof input === 'string'
    ? v.literal('forever', expected('a whole number, 1 or more, or forever'))
    : count(1, 'a whole number, 1 or more, or forever'),
) as Schema<number | 'forever'>;

const job: Schema<WrittenJob> = v.strictObject({
  name: text('a name'),
  kernel: referenceSchema,
  webgpu: v.optional(referenceSchema),
  plan: v.optional(referenceSchema),
  args: v.optional(v.array(v.unknown(), expected('a list of arguments'))),
  inputs: v.optional(inputsSchema),
  repeat: v.optional(repeat),
  every: v.optional(duration),
  after: v.optional(inputsSchema),
  backlog: v.optional(count(1, 'a whole number, 1 or more')),
  keep: v.optional(oneOf(['all', 'last', 'none'])),
  credits: v.optional(count(1, 'a whole number, 1 or more')),
  estimate: v.optional(duration),
  resubmit: v.optional(v.boolean(expected('true or false'))),
  timeouts: v.optional(
    v.strictObject({
      run: v.optional(limit),
      queue: v.optional(limit),
      dependency: v.optional(limit),
    }),
  ),
});

const client: Schema<WrittenClient> = v.strictObject({
  label: text('a label'),
  priority: v.optional(oneOf(['high', 'normal', 'low'])),
  weight: v.optional(
    v.pipe(
      v.number(expected('a number above 0')),
      v.finite(expected('a number above 0')),
      v.gtValue(0, expected('a number above 0')),
    ),
  ),
  order: v.optional(oneOf(['serial', 'parallel'])),
  maxQueued: v.optional(count(1, 'a whole number, 1 or more')),
  expect: v.optional(oneOf(['ok', 'banned', 'failed'])),
  jobs: v.pipe(
    v.array(job, expected('a list of jobs')),
    v.minLength(1, expected('at least one job')),
  ),
  collect: v.optional(referenceSchema),
});

/** A workload file, as written. docs/workload.md explains every key. */
export const workloadSchema: Schema<WrittenWorkload> = v.strictObject({
  name: v.optional(text('a name')),
  duration: v.optional(duration),
  device: v.optional(
    v.strictObject({
      driver: v.optional(oneOf(DRIVER_NAMES)),
      threads: v.optional(threads(1)),
      spares: v.optional(threads(0)),
      policy: v.optional(oneOf(POLICY_NAMES)),
      credits: v.optional(credits),
      runTimeout: v.optional(limit),
    }),
  ),
  clients: v.pipe(
    v.array(client, expected('a list of clients')),
    v.minLength(1, expected('at least one client')),
  ),
});

function listed(words: readonly string[]): string {
  return words.length < 2
    ? words.join()
    : `${words.slice(0, -1).join(', ')} or ${words[words.length - 1] ?? ''}`;
}
