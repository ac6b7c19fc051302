/**
 * The process as the program talks to it. The first interrupt ends the processes of the contenders, the second this one.
 *
 * @returns {import('./program.mjs').Terminal}
 */
export function processTerminal() {
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort());
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    errIsTerminal: process.stderr.isTTY === true,
    get errColumns() {
      return process.stderr.columns;
    },
    interrupt: interrupt.signal,
  };
}
