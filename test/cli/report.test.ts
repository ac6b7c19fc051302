import { describe, expect, it } from 'vitest';
import { progressText, ProgressLine } from '../../src/cli/run/progressLine.ts';
import type { RunReport } from '../../src/cli/run/report.ts';
import { reportText } from '../../src/cli/run/reportText.ts';
import type { RunProgress } from '../../src/cli/run/runWorkload.ts';
import type { Terminal } from '../../src/cli/terminal.ts';

// What people read during and after a run. The figures themselves are tested in runWorkload.test.ts.

const NONE = { count: 0, mean: 0, p50: 0, p99: 0, max: 0 };
const PROGRESS: RunProgress = {
  elapsedMs: 4200,
  durationMs: 12_000,
  timeouts: 1,
  resets: 1,
  clients: [
    {
      ...{
        label: 'rogue',
        client: 1,
        queued: 2,
        running: 0,
        submitted: 6,
        completed: 0,
        failed: 4,
      },
      ...{ attempts: 3, busyUs: 0, waitUs: NONE, turnaroundUs: NONE, karma: 3, banned: true },
      queues: [],
    },
  ],
};

const REPORT: RunReport = {
  workload: 'studio',
  driver: 'worker',
  policy: 'fair',
  rings: 2,
  wallMs: 12_034,
  interrupted: false,
  ok: false,
  clients: [
    {
      ...{ label: 'viewport', jobs: 960, failed: 1, cancelled: 2, busyMs: 2174.4, sharePct: 9.04 },
      entitledPct: 9.12,
      waitMs: { p50: 1.25, p99: 20, max: 467.4 },
      turnaroundMs: { p50: 2, p99: 30, max: 479.1 },
      expect: 'ok',
      banned: false,
      rounds: [
        { entry: 'frame', count: 120, failed: 1, turnaroundMs: { p50: 8, p99: 44, max: 47 } },
        { entry: 'once', count: 1, failed: 0, turnaroundMs: { p50: 8, p99: 44, max: 47 } },
      ],
    },
  ],
  resets: 3,
  timeouts: 4,
  banned: ['rogue'],
  checks: [{ client: 'viewport', ok: true, message: 'saved', files: ['out/viewport.png'] }],
  findings: ['viewport: 1 of its jobs failed'],
  trace: 'out/trace.json',
  crashDumps: ['out/reset-1.json'],
  jobs: [],
};

describe('the report', () => {
  it('is a table of clients, then what happened, then what is wrong', () => {
    expect(reportText(REPORT).split('\n')).toEqual([
      'studio on worker, 2 rings, policy fair: 12.0 s',
      '',
      'client                 jobs  failed  busy ms  share %  entitled %  wait ms p50/p99/max  turnaround ms p50/p99/max  ended',
      '--------  -----------------  ------  -------  -------  ----------  -------------------  -------------------------  ------',
      'viewport  960 (2 cancelled)       1     2174      9.0         9.1         1.3/20.0/467               2.0/30.0/479  failed',
      '',
      'viewport/frame: 120 rounds, 1 more failed, turnaround ms p50/p99/max 8.0/44.0/47.0',
      'timeouts 4, resets 3, banned: rogue',
      'check viewport: ok, saved',
      '  wrote out/viewport.png',
      'trace: out/trace.json',
      'crash dump: out/reset-1.json',
      'FAILED: viewport: 1 of its jobs failed',
      '',
    ]);
  });
});

describe('the progress line', () => {
  it('says how far the run is and what each client did', () => {
    expect(progressText(PROGRESS)).toBe(
      '4/12 s | rogue 0 done, 4 failed, 2 queued, banned | 1 timeouts, 1 resets',
    );
    expect(progressText({ ...PROGRESS, durationMs: Infinity })).toMatch(/^4 s \|/);
  });

  it('is written over on a terminal, and is a line of its own elsewhere', () => {
    const shown = (errIsTerminal: boolean): string => {
      let text = '';
      const terminal: Terminal = {
        out: () => {},
        err: (more) => void (text += more),
        errIsTerminal,
        interrupt: new AbortController().signal,
      };
      const line = new ProgressLine(terminal);
      line.show(PROGRESS);
      line.end();
      line.end();
      return text;
    };
    const text = progressText(PROGRESS);
    expect(shown(true)).toBe(`\r${text}\u001b[K\n`);
    expect(shown(false)).toBe(`${text}\n`);
  });
});
