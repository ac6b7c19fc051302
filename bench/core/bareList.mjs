/**
 * The floor of a deep queue: a list of objects as large as a waiting job, each step of which leaves as much garbage as a
 * job does, and nothing else. What a step costs more where the list is deep is what the collector takes.
 */

const GARBAGE = 5;

/** The list, and the last garbage, so that no step can be left out. */
class BareList {
  first = null;
  last = null;
  garbage = null;

  add() {
    const item = new Item(this);
    if (this.last === null) this.first = item;
    else {
      item.before = this.last;
      this.last.after = item;
    }
    this.last = item;
  }

  step() {
    const item = this.first;
    this.first = item.after;
    this.first.before = null;
    item.after = null;
    for (let made = 0; made < GARBAGE; made += 1) this.garbage = { item: made, next: 0 };
    this.add();
  }
}

/** As many fields as a job that waits. */
class Item {
  before = null;
  after = null;
  a = 0;
  b = 0;
  c = 0;
  d = 0;
  e = 0;
  f = 0;
  g = 0;
  h = null;
  i = null;
  j = null;
  k = null;

  constructor(list) {
    this.list = list;
  }
}

/** Microseconds for one of `steps` steps, each of which takes the first item and adds one, in a list of `depth`. */
export function costOfStep(depth, steps) {
  const list = new BareList();
  for (let queued = 0; queued < depth; queued += 1) list.add();
  globalThis.gc?.();
  const beganMs = performance.now();
  for (let step = 0; step < steps; step += 1) list.step();
  return ((performance.now() - beganMs) * 1000) / steps;
}
