/**
 * The name among `names` that `name` was most likely meant to be; `null` if none is near.
 *
 * Near is an edit distance (insert, delete, replace, swap of neighbours; case does not count) of at most `part` of
 * the longer word, and at least 1. A third suits names that somebody chose; a half, a short list of known words.
 */
export function nearest(
  name: string,
  names: Iterable<string>,
  part: number = 1 / 3,
): string | null {
  let best: string | null = null;
  let bestDistance = Infinity;
  for (const candidate of names) {
    const limit = Math.max(1, Math.floor(Math.max(name.length, candidate.length) * part));
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance <= limit && distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** How many single edits lead from `a` to `b` (optimal string alignment). Cost: the product of the lengths. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let least = Math.min(replace, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) least = Math.min(least, (beforeLast[j - 2] ?? 0) + 1);
      row.push(least);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
