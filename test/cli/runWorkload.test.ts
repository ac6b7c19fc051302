import { describe, expect, it } from 'vitest';
import { disappointments } from '../../src/cli/run/clientRun.ts';
import { CrashDumps } from '../../src/cli/run/crashDumps.ts';
import type { MainFunctions } from '../../src/cli/run/functions.ts';
import { reportOf } from '../../src/cli/run/report.ts';
import type { RunReport } from '../../src/cli/run/report.ts';
import { reportText } from '../../src/cli/run/reportText.ts';
import type { Plan } from '../../src/cli/run/round.ts';
import { runWorkload } from '../../src/cli/run/runWorkload.ts';
import type { RunResult } from '../../src/cli/run/runWorkload.ts';
import type {
  ClientSpec,
  FunctionReference,
  JobSpec,
  Workload,
} from '../../src/cli/workload/workload.ts';
import type { SchedEvent } from '../../src/events/index.ts';
import { openVirtualDevice } from './virtualDevice.ts';

// What is submitted when, and what the report makes of it, in virtual time. Reading the file is in workload.test.ts, the
// command on real threads in command.test.ts.

const NO_FUNCTIONS: MainFunctions = {
  plan: () => () => [],
  twin: () => () => ({ dispatch: { wgsl: '', bindings: [], workgroups: [1] }, result: () => null }),
  collect: () => () => ({ ok: true, message: '' }),
};

/** A function as a workload names it. */
function named(name: string): FunctionReference {
  const place = { file: 'test.yaml', line: 1, column: 1, path: '' };
  return { url: 'file:///kernels.mjs', export: name, text: `./kernels.mjs#${name}`, place };
}

function job(name: string, kernel: string, rest: Partial<JobSpec> = {}): JobSpec {
  return {
    name,
    kernel: named(kernel),
    webgpu: null,
    plan: null,
    args: [],
    inputs: null,
    rounds: 1,
    everyMs: null,
    after: [],
    backlog: 4,
    keep: 'all',
    credits: null,
    estimateMs: null,
    resubmit: null,
    runTimeoutMs: null,
    queueTimeoutMs: null,
    dependencyTimeoutMs: null,
    ...rest,
  };
}

function client(
  label: string,
  jobs: readonly JobSpec[],
  rest: Partial<ClientSpec> = {},
): ClientSpec {
  const defaults = { priority: 'normal', weight: 1, order: 'serial', maxQueued: null } as const;
  return { label, jobs, ...defaults, expect: 'ok', collect: null, ...rest };
}

interface Ran {
  readonly result: RunResult;
  readonly report: RunReport;
  readonly events: readonly SchedEvent[];
  readonly dumps: CrashDumps;
}

async function ran(
  clients: readonly ClientSpec[],
  options: {
    durationMs?: number;
    functions?: MainFunctions;
    interruptAtMs?: number;
    unwritten?: string[];
  } = {},
): Promise<Ran> {
  const { device, runtime, clock } = openVirtualDevice();
  const events: SchedEvent[] = [];
  const dumps = new CrashDumps();
  device.observe({ emit: (event) => void events.push(event) });
  device.observe(dumps);
  const workload: Workload = {
    name: 'test',
    directory: '/somewhere',
    durationMs: options.durationMs ?? Infinity,
    device: {
      driver: 'auto',
      policy: 'fair',
      threads: 2,
      spares: null,
      credits: 1,
      runTimeoutMs: null,
    },
    clients,
  };
  const interrupt = new AbortController();
  if (options.interruptAtMs !== undefined) {
    runtime.setTimer(options.interruptAtMs * 1000, () => interrupt.abort(new Error('enough')));
  }
  let result: RunResult | null = null;
  const running = runWorkload({
    workload,
    device,
    functions: options.functions ?? NO_FUNCTIONS,
    clock,
    outDirectory: '/nowhere',
    digests: true,
    interrupt: interrupt.signal,
  }).then((value) => {
    result = value;
  });
  for (let seconds = 0; result === null && seconds < 60; seconds++) await runtime.settle(1e6);
  await running;
  if (result === null) throw new Error('the run did not end within 60 virtual seconds');
  const files = { trace: null, crashDumps: [], unwritten: options.unwritten ?? [] };
  const context = { workload: 'test', policy: 'fair', driverWhy: null, files };
  return { result, report: reportOf(result, context), events, dumps };
}

function queuedAtMs(events: readonly SchedEvent[], label?: string): number[] {
  return events.flatMap((event) =>
    event.type === 'job-queue' && (label === undefined || event.label === label)
      ? [event.atUs / 1000]
      : [],
  );
}

describe('a run', () => {
  it('submits as many rounds as repeat says', async () => {
    const { report } = await ran([client('c', [job('a', 'wait', { rounds: 5 })])]);
    expect(report.clients[0]).toMatchObject({ jobs: 5, failed: 0 });
    expect(report.jobs.map(({ status }) => status)).toEqual(Array(5).fill('ok'));
    expect(report.ok).toBe(true);
  });

  it('keeps no more jobs submitted than the backlog', async () => {
    const { events } = await ran([
      client('c', [job('a', 'wait', { args: [10], rounds: 6, backlog: 2 })]),
    ]);
    expect(queuedAtMs(events)).toEqual([0, 0, 10, 20, 30, 40]);
  });

  it('begins rounds at fixed times, for as long as the duration says', async () => {
    const spec = job('a', 'wait', { args: [30], rounds: Infinity, everyMs: 20, backlog: Infinity });
    const { events, report } = await ran([client('c', [spec])], { durationMs: 100 });
    expect(queuedAtMs(events)).toEqual([0, 20, 40, 60, 80]);
    expect(report.wallMs).toBe(150);
  });

  it('ends a round over files with the duration, and finishes what was submitted', async () => {
    const inputs = Array.from({ length: 100 }, (_, n) => `/somewhere/f${n}`);
    const spec = job('a', 'wait', { args: [10, '$input'], inputs, rounds: Infinity, backlog: 2 });
    const { report } = await ran([client('c', [spec])], { durationMs: 95 });
    expect(report.clients[0]?.jobs).toBe(11);
    expect(report.jobs.map(({ label }) => label).slice(0, 2)).toEqual(['f0', 'f1']);
  });

  it('fills in the file and the round', async () => {
    const spec = job('a', 'wait', {
      args: [1, '$input', { n: '$round' }],
      inputs: ['/f'],
      rounds: 2,
    });
    const { result } = await ran([client('c', [spec])]);
    expect(result.clients[0]?.run.log.results().map(({ value }) => value)).toEqual([
      [1, '/f', { n: 0 }],
      [1, '/f', { n: 1 }],
    ]);
  });

  it('starts a round after the round of the same number that it comes after', async () => {
    const first = client('first', [job('a', 'wait', { args: [50], rounds: 2 })]);
    const second = client('second', [job('b', 'wait', { rounds: 2, after: ['first/a'] })]);
    const { events } = await ran([first, second]);
    const fences = new Map(
      events.flatMap((event) =>
        event.type === 'job-queue' ? [[String(event.fence), event.label]] : [],
      ),
    );
    const started = events.flatMap((event) =>
      event.type === 'job-run' ? [[fences.get(String(event.fence)), event.atUs / 1000]] : [],
    );
    expect(started.filter(([label]) => label === 'b')).toEqual([
      ['b', 50],
      ['b', 100],
    ]);
  });

  it('submits a plan whole, with the dependencies that it names, and keeps the last round', async () => {
    const plan: Plan = ({ round, args }) => [
      { name: 'x', args: [10, round, ...args] },
      { name: 'y', args: [10] },
      { name: 'z', args: [10], after: ['x', 'y'] },
    ];
    const reference = named('plan');
    const spec = job('p', 'wait', {
      plan: reference,
      args: [7],
      rounds: 2,
      keep: 'last',
      backlog: 64,
    });
    const { result, report, events } = await ran([client('c', [spec], { order: 'parallel' })], {
      functions: { ...NO_FUNCTIONS, plan: () => plan },
    });
    expect(events.filter(({ type }) => type === 'job-dependency')).toHaveLength(4);
    const kept = result.clients[0]?.run.log.results();
    expect(kept?.map(({ round, index, name }) => [round, index, name])).toEqual([
      [1, 0, 'p/x'],
      [1, 1, 'p/y'],
      [1, 2, 'p/z'],
    ]);
    expect(kept?.[0]?.value).toEqual([10, 1, 7]);
    expect(report.clients[0]?.rounds).toMatchObject([{ entry: 'p', count: 2, failed: 0 }]);
  });

  it('fails where a plan names a job that does not stand before it', async () => {
    const reference = named('plan');
    const spec = job('p', 'wait', { plan: reference });
    const functions = { ...NO_FUNCTIONS, plan: () => () => [{ name: 'x', after: ['y'] }] };
    const { report } = await ran([client('c', [spec])], { functions });
    expect(report.findings).toEqual([
      'c/p: the plan ./kernels.mjs#plan: x is after y, which does not stand before it',
    ]);
  });

  it('waits for room in a full queue', async () => {
    const spec = job('a', 'wait', { rounds: 10, backlog: 8 });
    const { report } = await ran([client('c', [spec], { maxQueued: 2 })]);
    expect(report.clients[0]).toMatchObject({ jobs: 10, failed: 0 });
    expect(report.ok).toBe(true);
  });

  it('counts an expected ban as success, blames nobody else, and dumps each reset', async () => {
    const rogue = client('rogue', [job('h', 'hang', { rounds: 5, runTimeoutMs: 100 })], {
      expect: 'banned',
    });
    const steady = client('steady', [job('a', 'wait', { args: [10], rounds: 50 })]);
    const { report, dumps } = await ran([rogue, steady]);
    expect(report).toMatchObject({
      ok: true,
      timeouts: 3,
      resets: 3,
      banned: ['rogue'],
      findings: [],
    });
    expect(report.clients[1]).toMatchObject({ jobs: 50, failed: 0 });
    expect(
      report.jobs
        .filter(({ client: label }) => label === 'rogue')
        .map(({ error }) => error?.split(':')[0]),
    ).toEqual([
      ...Array<string>(3).fill('ERR_JOB_TIMEOUT'),
      ...Array<string>(2).fill('ERR_CLIENT_BANNED'),
    ]);
    expect(dumps.dumps).toHaveLength(3);
    expect(dumps.dumps[0]).toMatchObject({
      number: 1,
      guilty: [{ label: 'h', client: 'rogue', attempt: 1 }],
      verdicts: [{ job: 'h', client: 'rogue', verdict: 'reset' }],
      tries: [{ tries: 1, outcome: 'ok' }],
    });
    expect(dumps.dumps[0]?.queued.map(({ client: label }) => label)).toContain('rogue');
  });

  it('finds a ban that was not expected, and one that did not happen', async () => {
    const hang = job('h', 'hang', { rounds: 3, runTimeoutMs: 100 });
    const { report } = await ran([
      client('bad', [hang]),
      client('good', [job('a', 'wait')], { expect: 'banned' }),
    ]);
    expect(report.ok).toBe(false);
    expect(report.findings).toEqual([
      'bad was banned',
      expect.stringMatching(/^bad: 3 of its jobs failed; the first, h: ERR_JOB_TIMEOUT/),
      'good was meant to be banned, and was not',
    ]);
  });

  it('finds failed jobs, unless they were expected', async () => {
    const fails = [job('f', 'fail', { rounds: 2 })];
    const control = await ran([client('c', fails, { expect: 'failed' })]);
    expect(control.report).toMatchObject({ ok: true, findings: [] });
    const { report } = await ran([client('c', fails)]);
    expect(report.findings).toEqual([
      'c: 2 of its jobs failed; the first, f: ERR_DRIVER: it failed',
    ]);
    const missing = await ran([client('c', [job('a', 'wait')], { expect: 'failed' })]);
    expect(missing.report.findings).toEqual(['c was meant to fail, and did not']);
  });

  it('says of rounds that took no time because none ended well that nothing was measured', async () => {
    const ends = { expect: 'failed' } as const;
    const mixed = client('c', [job('f', 'fail', { rounds: 2 }), job('a', 'wait')], ends);
    const { report } = await ran([mixed]);
    expect(report.clients[0]?.rounds).toMatchObject([
      { entry: 'f', count: 0, failed: 2, turnaroundMs: null },
      { entry: 'a', count: 1, failed: 0, turnaroundMs: { p50: expect.any(Number) as number } },
    ]);
    expect(reportText(report)).not.toContain('c/f:');
  });

  it('finds a check that fails or throws', async () => {
    const collect = named('check');
    const checked = client('c', [job('a', 'wait')], { collect });
    const verdict = { ok: false, message: 'two differ' };
    const failed = await ran([checked], {
      functions: { ...NO_FUNCTIONS, collect: () => () => verdict },
    });
    expect(failed.report.findings).toEqual(['c: two differ']);
    const throws = (): never => {
      throw new Error('no disk');
    };
    const thrown = await ran([checked], { functions: { ...NO_FUNCTIONS, collect: () => throws } });
    expect(thrown.report.findings).toEqual(['c: ./kernels.mjs#check threw: no disk']);
  });

  const EXPECTED =
    'expected it to return { ok, message, files } (true or false, a text, and a list of paths), or a promise of it';
  it.each([
    ['a number', 5, `./kernels.mjs#check: ${EXPECTED}, got 5`],
    ['nothing', undefined, `./kernels.mjs#check: ${EXPECTED}, got undefined`],
    ['no verdict', { message: 'fine' }, `./kernels.mjs#check: ${EXPECTED}, got an object`],
    [
      'files that are no list',
      { ok: true, files: 'a' },
      `./kernels.mjs#check: ${EXPECTED}, got an object`,
    ],
    ['a failure without a message', { ok: false }, 'its collect is not satisfied'],
    ['no message (control)', { ok: true }, null],
  ])('finds a check that returns %s', async (_what, said, finding) => {
    const collect = named('check');
    const functions = { ...NO_FUNCTIONS, collect: () => () => said as never };
    const { report } = await ran([client('c', [job('a', 'wait')], { collect })], { functions });
    expect(report.findings).toEqual(finding === null ? [] : [`c: ${finding}`]);
    expect(report.checks).toHaveLength(1);
  });

  it('finds a file that could not be written', async () => {
    const unwritten = ['out/trace.json could not be written: no space'];
    const { report } = await ran([client('c', [job('a', 'wait')])], { unwritten });
    expect(report).toMatchObject({ ok: false, findings: unwritten });
  });

  it('cancels everything on interrupt, and collects nothing', async () => {
    const collect = named('check');
    const endless = job('a', 'wait', { args: [40], rounds: Infinity, backlog: 3 });
    const { report, result } = await ran(
      [client('c', [endless], { collect }), client('h', [job('x', 'hang')])],
      { interruptAtMs: 100 },
    );
    expect(report).toMatchObject({
      interrupted: true,
      ok: false,
      wallMs: 100,
      findings: [],
      checks: [],
    });
    expect(report.jobs.map(({ client: label, status }) => `${label} ${status}`).sort()).toEqual([
      ...Array<string>(3).fill('c cancelled'),
      'c ok',
      'c ok',
      'h cancelled',
    ]);
    const [first] = result.clients;
    expect(first === undefined ? [] : disappointments(first.run, first.stats)).toEqual([]);
  });

  it('submits nothing after an interrupt, also where a full queue was waited for', async () => {
    const many = job('a', 'wait', { args: [40], rounds: 10, backlog: 8 });
    const { report } = await ran([client('c', [many], { maxQueued: 2 })], { interruptAtMs: 60 });
    expect(report.wallMs).toBe(60);
    expect(report.jobs.map(({ status }) => status)).not.toContain('failed');
  });

  it('counts what an interrupt ended as cancelled, also what could not be stopped', async () => {
    const stuck = job('x', 'stuck', { runTimeoutMs: Infinity, rounds: 3 });
    const { report } = await ran([client('c', [stuck])], { interruptAtMs: 100 });
    expect(report.jobs.map(({ status }) => status)).toEqual(Array(3).fill('cancelled'));
    expect(report.jobs.some(({ error }) => error?.startsWith('ERR_SCHEDULER_CLOSED'))).toBe(true);
    expect(report.clients[0]).toMatchObject({ failed: 0, cancelled: 3 });
    expect(report.clients[0]?.rounds).toMatchObject([{ count: 0, failed: 0 }]);
    expect(reportText(report)).toMatch(/\nc +3 \(3 cancelled\) +0 .* cancelled\n/);
  });

  it('reports shares of the time of all rings, and what each client was entitled to', async () => {
    const backlog = (ms: number): JobSpec =>
      job('a', 'wait', { args: [ms], rounds: Infinity, backlog: 8, keep: 'none' });
    const { report } = await ran(
      [
        client('normal', [backlog(7)], { order: 'parallel', weight: 3 }),
        client('other', [backlog(5)], { order: 'parallel' }),
      ],
      { durationMs: 20_000 },
    );
    const [normal, other] = report.clients;
    expect(normal?.entitledPct).toBeCloseTo(75, 0);
    expect(other?.entitledPct).toBeCloseTo(25, 0);
    expect(Math.abs((normal?.sharePct ?? 0) - 75)).toBeLessThan(1);
    expect(Math.abs((other?.sharePct ?? 0) - 25)).toBeLessThan(1);
  });
});
