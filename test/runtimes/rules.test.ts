/** The rules that must hold on every runtime, on this one. `npm run test:runtimes` runs the same file on the others. */
import { describe, it } from 'vitest';

type Rule = [title: string, run: () => void | Promise<void>];
const { rules } = (await import(new URL('rules.mjs', import.meta.url).href)) as { rules: Rule[] };

describe('the built package', () => {
  it.each(rules)('%s', { timeout: 60_000 }, async (_title, run) => {
    await run();
  });
});
