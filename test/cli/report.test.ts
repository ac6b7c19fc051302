import { describe, expect, it } from 'vitest';
import { ProgressLine } from '../../src/cli/progressLine.ts';
import { progressText } from '../../src/cli/run/progressText.ts';
import type { RunReport } from '../../src/cli/run/report.ts';
import { reportText } from '../../src/cli/run/reportText.ts';
import type { RunProgress } from '../../src/cli/run/runWorkload.ts';
import type { Terminal } from '../../src/cli/terminal.ts';

// What people read during and after a run. The figures themselves are tested in runWorkload.test.ts.

const PROGRESS: RunProgress = {
  elapsedMs: 4200,
  durationMs: 12_000,
  timeouts: 1,
  resets: 1,
  clients: [{ label: 'rogue', done: 0, failed: 4, cancelled: 0, queued: 2, banned: true }],
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

  it('tells jobs that were cancelled from those that failed', () => {
    const [rogue] = PROGRESS.clients;
    const clients = rogue === undefined ? [] : [{ ...rogue, done: 1, failed: 0, cancelled: 3 }];
    expect(progressText({ ...PROGRESS, clients })).toContain('rogue 1 done, 3 cancelled, 2 queued');
  });

  /** What a line with `text` writes, and how it ends. */
  function shown(text: string, terminal: Partial<Terminal>, end: 'end' | 'wipe' = 'end'): string {
    let written = '';
    const err = (more: string): void => void (written += more);
    const line = new ProgressLine({ err, errIsTerminal: true, ...terminal });
    line.show(text);
    line[end]();
    line[end]();
    return written;
  }

  it('is written over on a terminal, and is nothing elsewhere', () => {
    expect(shown('so far', {})).toBe('\rso far\u001b[K\n');
    expect(shown('so far', {}, 'wipe')).toBe('\rso far\u001b[K\r\u001b[K');
    expect(shown('so far', { errIsTerminal: false })).toBe('');
  });

  it.each([
    ['all of it where it fits', 'ten digits', 11, 'ten digits'],
    ['what fits', 'ten digits', 10, 'ten digit'],
    ['all of it where the width is not known', 'ten digits', 0, 'ten digits'],
    ['a wide character where both its columns fit', 'a\u6f22b', 5, 'a\u6f22b'],
    ['a wide character not at all where only one does', 'a\u6f22b', 3, 'a'],
    ['a character of two units whole', '\u{1f600}\u{1f600}', 4, '\u{1f600}'],
  ])('shows, of one row of the terminal, %s', (_what, text, errColumns, expected) => {
    expect(shown(text, { errColumns })).toBe(`\r${expected}\u001b[K\n`);
  });
});
