/** The contenders of the row webgpu-overhead, each in a process of its own (contender.mjs). */
import { fork } from 'node:child_process';

const SCRIPT = new URL('./contender.mjs', import.meta.url);

/**
 * Starts one contender.
 *
 * @param {'raw' | 'local' | 'isolated'} way how it dispatches
 * @param {string[]} flags what the bindings are made with
 * @returns {{ dispatch(count: number): Promise<number>, close(): void }} `dispatch` resolves to how many milliseconds it took
 */
export function openContender(way, flags) {
  const child = fork(SCRIPT, [way, JSON.stringify(flags)], { execArgv: [] });
  return {
    dispatch: (count) =>
      new Promise((resolve, reject) => {
        const ended = (code, signal) => reject(new Error(`${way} ended (${signal ?? code})`));
        child.once('exit', ended);
        child.once('message', ({ ms, error }) => {
          child.off('exit', ended);
          if (error === undefined) resolve(ms);
          else reject(new Error(`${way}: ${error}`));
        });
        child.send(count);
      }),
    close: () => void child.kill('SIGKILL'),
  };
}
