import { Account, fair } from '../../sched/index.ts';
import type { Policy, Priority } from '../../sched/index.ts';
import { FairShares } from '../judge/fairShares.ts';
import type { ModelWork } from '../modelDevice.ts';
import type { Scenario } from '../scenario.ts';
import type { WatchedScheduler } from '../watchedScheduler.ts';
import type { WatchedEntity } from '../watchedEntity.ts';
import type { World } from '../world.ts';

/** Jobs of a client, for each that the scope asks for, and at most: a share shows only over many. */
const JOBS_EACH = 8;
const JOBS_MOST = 32;

/** Clients that want more than there is: each pair of accounts is held to the theorem of fairness at every step. */
export function shares(policy: () => Policy = fair): Scenario {
  return {
    name: 'shares',
    about: 'accounts with weights and bands that share a device under fair',
    build(world, { entities, jobs }) {
      const rings = world.oneOf(1, 2);
      const credits = world.oneOf(1, 2);
      const device = world.device({ rings });
      const gpu = world.scheduler({ driver: device.driver, rings, credits, policy: policy() });
      const judged = new FairShares(world.judge, rings * credits);
      // Of three clients or more, the first two may be of one account.
      const together = entities > 2 ? 1 + world.draw(2) : 1;
      for (let made = 0; made < entities;) {
        const count = made === 0 ? together : 1;
        const clients = makeAccount(world, gpu, judged, count, rings === 1 ? 'serial' : 'parallel');
        for (const entity of clients)
          addClient(world, entity, judged, Math.min(jobs * JOBS_EACH, JOBS_MOST));
        made += count;
      }
      world.always('S8', () => judged.wrong());
    },
  };
}

/** An account, and as many entities of it. */
function makeAccount(
  world: World,
  gpu: WatchedScheduler<ModelWork>,
  judged: FairShares,
  count: number,
  order: 'serial' | 'parallel',
): WatchedEntity<ModelWork>[] {
  const weight = world.oneOf(1, 2, 4);
  const priority = world.oneOf<Priority>('normal', 'high', 'low');
  const account = count > 1 ? new Account({ weight, priority }) : null;
  const entities: WatchedEntity<ModelWork>[] = [];
  for (let at = 0; at < count; at += 1) {
    const own = account === null ? { weight, priority } : { account };
    entities.push(world.entity<ModelWork>({ schedulers: [gpu], order, ...own }));
  }
  const records = entities.map(({ record }) => record);
  judged.add(records, weight, priority);
  return entities;
}

/** It submits all that it has, a few jobs at a step, whenever it comes to act; what it says of their lengths may be wrong. */
function addClient(
  world: World,
  entity: WatchedEntity<ModelWork>,
  judged: FairShares,
  jobs: number,
): void {
  const durationUs = world.oneOf(1000, 3000, 200);
  const said = world.oneOf(null, durationUs, 0, durationUs * 3);
  const options = said === null ? {} : { estimateMs: said / 1000 };
  const atOnce = world.oneOf(8, 1, 3);
  const steps: (() => void)[] = [];
  for (let left = jobs; left > 0; left -= atOnce) {
    steps.push(() => {
      judged.said(said ?? 0);
      for (let one = Math.min(left, atOnce); one > 0; one -= 1) {
        entity.submit({ durationUs }, options);
      }
    });
  }
  world.client(`client ${entity.record.label}`, steps);
}
