/**
 * The guides of drivers: each says what its driver can guarantee. That it keeps it is tested with the driver.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
// The simulation stands in for hardware and guarantees what a test orders.
const drivers = readdirSync(join(root, 'src', 'drivers')).filter((name) => name !== 'sim');

/** What a guide lacks. */
function lackingIn(guide: string): string[] {
  const section = /^## What it guarantees \(D5\)\n([\s\S]*?)(?=^## |$(?![\s\S]))/m.exec(guide)?.[1];
  const points = ['Killing', 'Cost of a reset', 'What a reset takes with it', 'Isolation'];
  return points.filter((point) => section?.includes(`- **${point}**: `) !== true);
}

describe('the guide of a driver', () => {
  for (const driver of drivers) {
    it(`D5: says whether a job can be killed, what a reset costs and takes, and what isolates clients: ${driver}`, () => {
      const path = join(root, 'docs', `${driver}.md`);
      expect(existsSync(path), `docs/${driver}.md exists`).toBe(true);
      expect(lackingIn(readFileSync(path, 'utf8'))).toEqual([]);
    });
  }

  it('is found to lack what it does not say', () => {
    const guide = '# A\n\n## What it guarantees (D5)\n\n- **Killing**: no.\n\n## B\n';
    expect(lackingIn(guide)).toHaveLength(3);
    expect(lackingIn('# A\n')).toHaveLength(4);
  });
});
