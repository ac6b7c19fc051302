/** The indexer: checks the digests that the threads made against those of node:crypto in this thread. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** Every digest of a file must be the one of the file. */
export function checkDigests(results) {
  const digests = new Map();
  const wrong = [];
  for (const { input, value } of results) {
    if (!digests.has(input)) {
      digests.set(input, createHash('sha256').update(readFileSync(input)).digest('hex'));
    }
    if (digests.get(input) !== value) wrong.push(input);
  }
  const checked = `${results.length} digests of ${digests.size} files`;
  return wrong.length === 0
    ? { ok: digests.size > 0, message: `${checked} agree with node:crypto` }
    : { ok: false, message: `${checked}: ${wrong.length} differ, the first is of ${wrong[0]}` };
}
