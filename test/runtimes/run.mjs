/** Runs the rules in whatever runtime runs this file; prints a line each, and exits 1 where one is broken. */
import process from 'node:process';
import { rules } from './rules.mjs';

let broken = 0;
for (const [title, run] of rules) {
  try {
    await run();
    process.stdout.write(`ok      ${title}\n`);
  } catch (error) {
    broken += 1;
    process.stdout.write(`BROKEN  ${title}\n${error.stack}\n`);
  }
}
process.stdout.write(`${rules.length - broken} of ${rules.length} rules hold\n`);
process.exitCode = broken === 0 && rules.length > 0 ? 0 : 1;
