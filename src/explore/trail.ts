import type { Finding } from './judge/records.ts';
import type { StepRow } from './run.ts';

/** A run as a table that a person can follow: who acted, what that did, and what was true afterwards. */
export function trailText(rows: readonly StepRow[], finding: Finding | null): string {
  const cells = rows.map((row) => [
    String(row.step),
    String(row.atUs),
    row.who,
    row.did.join('; '),
    row.after,
  ]);
  const table = [['step', 'µs', 'who', 'what happened', 'afterwards'], ...cells];
  const widths = [0, 1, 2, 3].map((column) =>
    Math.max(...table.map((row) => row[column]?.length ?? 0)),
  );
  const lines = table.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column < 2 ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
  if (finding !== null) lines.push(`${finding.rule} is broken: ${finding.message}`);
  return lines.join('\n');
}
