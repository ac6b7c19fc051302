/** The indexer: checks the digests that the threads made against those of node:crypto in this thread. */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';

/** Every digest of a file must be the one of the file; those of files that changed while the run read them say nothing. */
export function checkDigests(results) {
  const digests = new Map();
  const wrong = [];
  for (const { input, value } of results) {
    if (!digests.has(input)) digests.set(input, isAsItWas(input) ? digestOf(input) : null);
    const digest = digests.get(input);
    if (digest !== null && digest !== value) wrong.push(input);
  }
  const changed = [...digests.values()].filter((digest) => digest === null).length;
  const left = changed === 0 ? '' : `; ${changed} files changed meanwhile and were left out`;
  const checked = `${results.length} digests of ${digests.size} files`;
  return wrong.length === 0
    ? { ok: digests.size > changed, message: `${checked} agree with node:crypto${left}` }
    : {
        ok: false,
        message: `${checked}: ${wrong.length} differ, the first is of ${wrong[0]}${left}`,
      };
}

function digestOf(file) {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

/** Whether `file` is there, and was not written since this program began. */
function isAsItWas(file) {
  const found = statSync(file, { throwIfNoEntry: false });
  return found !== undefined && found.mtimeMs < performance.timeOrigin;
}
