import { fork } from 'node:child_process';

const LANE = new URL('./lane.mjs', import.meta.url);

/** A round that takes longer has hung: its contender is out, the others go on. */
const ROUND_MS_MAX = 300_000;

/**
 * Opens the process of one contender of one row.
 *
 * @param {string} rowUrl
 * @param {string} contender
 * @returns {{ round(options: { smoke: boolean }): Promise<Record<string, number>>, close(): void }}
 */
export function openLane(rowUrl, contender) {
  const child = fork(LANE, [rowUrl, contender], { execArgv: ['--expose-gc'] });
  let answer = nextMessage(child, contender);
  return {
    async round(options) {
      await answer;
      answer = nextMessage(child, contender);
      child.send(options);
      const { figures, error } = await answer;
      answer = Promise.resolve();
      if (error !== undefined) throw new Error(`${contender}: ${error}`);
      return figures;
    },
    close() {
      answer.catch(() => {});
      child.kill('SIGKILL');
    },
  };
}

/** What the child says next; rejects where it ends, or says nothing for too long. */
function nextMessage(child, contender) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => done(reject, new Error(`${contender}: no figures after ${ROUND_MS_MAX / 1000} s`)),
      ROUND_MS_MAX,
    );
    const onMessage = (message) => done(resolve, message);
    const onExit = (code, signal) =>
      done(reject, new Error(`${contender}: its process ended (${signal ?? `exit ${code}`})`));
    const done = (settle, value) => {
      clearTimeout(timer);
      child.off('message', onMessage);
      child.off('exit', onExit);
      settle(value);
    };
    child.on('message', onMessage);
    child.on('exit', onExit);
  });
}
