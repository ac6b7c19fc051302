/** Tries to signal fences that others try to signal at the same moment. Posts which it won. */
import { parentPort, workerData } from 'node:worker_threads';
import { SharedSlots } from '../../../dist/fence/sharedSlots.js';

const { buffer, handles, gate, me, threads } = workerData;
const slots = new SharedSlots(buffer, me);
const words = new Int32Array(gate);
const wins = [];
for (let i = 0; i < handles.length; i += 1) {
  // All meet before each fence, without sleeping, so that they really collide.
  Atomics.add(words, 0, 1);
  while (Atomics.load(words, 0) < (i + 1) * threads);
  if (slots.signal(handles[i], null)) wins.push(i);
}
parentPort.postMessage(wins);
