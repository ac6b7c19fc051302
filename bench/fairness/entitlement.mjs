/**
 * Weighted max-min: `capacity` is divided by weight, nobody gets more than it can use, and what one leaves goes to the others.
 *
 * @param {{ weight: number, limit: number }[]} clients
 * @returns {number[]} what each is entitled to, in the unit of `capacity` and the limits
 */
export function maxMin(clients, capacity) {
  const due = clients.map(() => 0);
  let open = clients.map((_, index) => index);
  let left = capacity;
  while (open.length > 0) {
    const weights = open.reduce((sum, index) => sum + clients[index].weight, 0);
    const partOf = (index) => (left * clients[index].weight) / weights;
    const capped = open.filter((index) => clients[index].limit <= partOf(index));
    if (capped.length === 0) {
      for (const index of open) due[index] = partOf(index);
      break;
    }
    for (const index of capped) due[index] = clients[index].limit;
    left -= capped.reduce((sum, index) => sum + due[index], 0);
    open = open.filter((index) => !capped.includes(index));
  }
  return due;
}

/** Jain's index of what several got: 1 where all are equal, 1/n where one has everything. */
export function jainIndex(values) {
  const sum = values.reduce((a, b) => a + b, 0);
  const squares = values.reduce((a, b) => a + b * b, 0);
  return (sum * sum) / (values.length * squares);
}
