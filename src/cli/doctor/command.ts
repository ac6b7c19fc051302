import { Command } from 'commander';
import { EXIT } from '../exit.ts';
import type { ExitCode } from '../exit.ts';
import type { Terminal } from '../terminal.ts';
import { examine } from './examine.ts';
import type { Examination } from './examine.ts';

/** The command `fenceline doctor`: what this machine has, and what is missing for what. `done` is told the exit code. */
export function doctorCommand(terminal: Terminal, done: (code: ExitCode) => void): Command {
  return new Command('doctor')
    .description(
      'say which devices can be opened on this machine, and what is missing for the others',
    )
    .option('--json', 'print one JSON document on standard output, and nothing else there', false)
    .addHelpText(
      'after',
      '\nFENCELINE_WEBGPU_MODULE names the module that brings WebGPU to Node, where it is not webgpu.' +
        '\n\nExit codes: 0 always: nothing of what may be missing is needed for threads.',
    )
    .action(async ({ json }: { json: boolean }) => {
      const found = await examine();
      terminal.out(json ? `${JSON.stringify(found)}\n` : examinationText(found));
      done(EXIT.ok);
    });
}

/** The examination for people. */
export function examinationText(found: Examination): string {
  const { node, platform, processors, memoryBytes, abilities } = found;
  const gibibytes = (memoryBytes / 2 ** 30).toFixed(1);
  const lines = [`Node ${node} on ${platform}, ${processors} processors, ${gibibytes} GiB`, ''];
  for (const { what, ok, note, steps } of abilities) {
    lines.push(`${ok ? 'yes' : ' NO'}  ${what}: ${note}`);
    for (const step of steps) lines.push(`       - ${step}`);
  }
  return `${lines.join('\n')}\n`;
}
