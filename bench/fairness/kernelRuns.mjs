import { SETS, startClient } from './kernelClient.mjs';
import { accountingErrorPct, openWorld } from './world.mjs';

/** One set: the longest latency of its second client, when all is done, and who executed when. */
export function runSet(policy, set, credits) {
  const world = openWorld({ policy, credits });
  const clients = SETS[set].map((options, index) => startClient(world, index, options));
  world.runtime.runUntilIdle();
  const { spans } = world.device;
  return {
    spans,
    endUs: spans.at(-1).endUs,
    worstUs: Math.max(...clients[1].latenciesUs),
    latenciesUs: clients.map(({ latenciesUs }) => latenciesUs),
    accounting: accountingErrorPct(
      world,
      clients.map(({ entity }) => entity),
    ),
  };
}

const LOW_MS = 400;

/** What a low client got up to each time, in percent, beside a normal one with jobs of 1 ms like its own: `[ms, percent]`. */
export function lowShares(policy) {
  const world = openWorld({ policy });
  for (const client of ['normal', 'low']) {
    const entity = world.scheduler.createEntity({ priority: client });
    for (let job = 0; job < 1000; job += 1) entity.submit({ us: 1000, client });
  }
  world.runtime.advanceBy(LOW_MS * 1000);
  const shares = [];
  for (let ms = 5; ms <= LOW_MS; ms += 5) {
    shares.push([ms, (100 * world.device.executedUs('low', 0, ms * 1000)) / (ms * 1000)]);
  }
  return shares;
}

/** How long a burst stands still at most, and when each of its jobs begins, in milliseconds after it came. */
export function burstWaits(policy) {
  const us = 10_000;
  const world = openWorld({ policy });
  const [client, other] = [world.scheduler.createEntity(), world.scheduler.createEntity()];
  for (let job = 0; job < 400; job += 1) other.submit({ us, client: 'other' });
  const startsMs = [];
  let worstMs = 0;
  const runOneByOne = (left) => {
    const job = client.submit({ us, client: 'client' });
    job.finished.addCallback(() => (left > 1 ? runOneByOne(left - 1) : burst()));
  };
  const burst = () => {
    const beganUs = world.runtime.nowUs();
    let sinceUs = beganUs;
    for (let index = 0; index < 5; index += 1) {
      const job = client.submit({ us, client: 'client' });
      job.scheduled.addCallback(({ signalledAtUs }) => {
        startsMs.push((signalledAtUs - beganUs) / 1000);
        worstMs = Math.max(worstMs, (signalledAtUs - sinceUs) / 1000);
      });
      job.finished.addCallback((fence) => (sinceUs = fence.signalledAtUs));
    }
  };
  runOneByOne(100);
  world.runtime.runUntilIdle();
  return { worstMs, startsMs };
}
