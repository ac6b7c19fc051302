import * as v from 'valibot';
import { DURATION_FORM, parseDurationMs } from '../durations.ts';

/** The policies that a workload, or `--policy`, can name. */
export const POLICY_NAMES = ['fair', 'linuxFair', 'fifo', 'roundRobin', 'strictPriority'] as const;
/** The drivers that a workload, or `--driver`, can name. `auto` takes the best that this machine has. */
export const DRIVER_NAMES = ['auto', 'worker'] as const;

export type PolicyName = (typeof POLICY_NAMES)[number];
export type DriverName = (typeof DRIVER_NAMES)[number];

type Issue = v.BaseIssue<unknown>;
const expected =
  (what: string) =>
  (issue: Issue): string =>
    `expected ${what}, got ${issue.received}`;

const text = (what: string) => v.pipe(v.string(expected(what)), v.nonEmpty(expected(what)));
const count = (least: number, what: string) =>
  v.pipe(v.number(expected(what)), v.integer(expected(what)), v.minValue(least, expected(what)));
const oneOf = <const T extends readonly string[]>(names: T) =>
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
const moduleReference = v.lazy((input) =>
  typeof input === 'object' && input !== null ? moduleObject : moduleText,
) as v.GenericSchema<unknown, { module: string; export: string }>;

const names = v.lazy((input) =>
  Array.isArray(input)
    ? v.array(text('a name'))
    : v.pipe(
        text('a name, or a list of names'),
        v.transform((name) => [name]),
      ),
) as v.GenericSchema<unknown, string[]>;

const credits = v.lazy((input) =>
  typeof input === 'object' && input !== null
    ? v.strictObject({
        target: duration,
        maxJobs: v.optional(count(1, 'a whole number, 1 or more')),
      })
    : count(1, 'a whole number, 1 or more, or { target: 20ms }'),
) as v.GenericSchema<unknown, number | { target: number; maxJobs?: number | undefined }>;

const repeat = v.lazy((input) =>
  typeof input === 'string'
    ? v.literal('forever', expected('a whole number, 1 or more, or forever'))
    : count(1, 'a whole number, 1 or more, or forever'),
) as v.GenericSchema<unknown, number | 'forever'>;

const job = v.strictObject({
  name: text('a name'),
  kernel: moduleReference,
  plan: v.optional(moduleReference),
  args: v.optional(v.array(v.unknown(), expected('a list of arguments'))),
  inputs: v.optional(names),
  repeat: v.optional(repeat),
  every: v.optional(duration),
  after: v.optional(names),
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

const client = v.strictObject({
  label: text('a label'),
  priority: v.optional(oneOf(['high', 'normal', 'low'])),
  weight: v.optional(
    v.pipe(v.number(expected('a number above 0')), v.gtValue(0, expected('a number above 0'))),
  ),
  order: v.optional(oneOf(['serial', 'parallel'])),
  maxQueued: v.optional(count(1, 'a whole number, 1 or more')),
  expect: v.optional(oneOf(['ok', 'banned', 'failed'])),
  jobs: v.pipe(
    v.array(job, expected('a list of jobs')),
    v.minLength(1, expected('at least one job')),
  ),
  collect: v.optional(moduleReference),
});

/** A workload file, as written. docs/workload.md explains every key. */
export const workloadSchema = v.strictObject({
  name: v.optional(text('a name')),
  duration: v.optional(duration),
  device: v.optional(
    v.strictObject({
      driver: v.optional(oneOf(DRIVER_NAMES)),
      threads: v.optional(count(1, 'a whole number, 1 or more')),
      spares: v.optional(count(0, 'a whole number, 0 or more')),
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

/** What the schema makes of a valid file. */
export type WrittenWorkload = v.InferOutput<typeof workloadSchema>;
/** One client, as written. */
export type WrittenClient = WrittenWorkload['clients'][number];
/** One entry of a client's `jobs`, as written. */
export type WrittenJob = WrittenClient['jobs'][number];

function listed(words: readonly string[]): string {
  return words.length < 2
    ? words.join()
    : `${words.slice(0, -1).join(', ')} or ${words[words.length - 1] ?? ''}`;
}
