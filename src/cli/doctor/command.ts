import { Command } from 'commander';
import { EXIT } from '../exit.ts';
import type { ExitCode } from '../exit.ts';
import { refuse } from '../refuse.ts';
import { settled } from '../settled.ts';
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
        '\n\nExit codes: 0 whatever is missing: nothing of it is needed for threads; 2 the command line is not valid; 130 interrupted.',
    )
    .action(async ({ json }: { json: boolean }) => {
      done(await doctor(json, terminal));
    });
}

async function doctor(json: boolean, terminal: Terminal): Promise<ExitCode> {
  let found: Examination;
  try {
    found = await settled(examine(), 'the examination', terminal.interrupt);
  } catch (error) {
    if (!terminal.interrupt.aborted) throw error;
    refuse('doctor: interrupted before everything was looked at', { json }, terminal);
    return EXIT.interrupted;
  }
  terminal.out(json ? `${JSON.stringify(found)}\n` : examinationText(found));
  return EXIT.ok;
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
