/** That the benchmark programs of this room run and report; what they measure is nobody's test. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const folder = join(import.meta.dirname, '..', '..', 'bench', 'fence');

describe('a benchmark of fences', () => {
  it.each(['time', 'memory', 'shared'])(
    'runs and reports its rows: %s',
    { timeout: 60_000 },
    (name) => {
      const args = [join(folder, `${name}.bench.mjs`), '--smoke', '--json'];
      const report = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as {
        machine: string;
        rounds: number;
        rows: { name: string; unit: string; fenceline: number }[];
      };
      expect(report.rounds).toBe(1);
      expect(report.rows.length).toBeGreaterThan(0);
      for (const row of report.rows) {
        expect(row.name).toMatch(/^fence-/);
        expect(Number.isFinite(row.fenceline)).toBe(true);
      }
    },
  );
});
