import { defineScenario, explore } from '../../dist/explore/index.js';
import { runAlone } from '../harness/alone.mjs';

export const name = 'explore';
export const question =
  'How many schedules of the scheduler are explored in a second, and how long does every one of a small scope take?';
export const unit = 'schedules/s';
export const peers = [];
export const target = [
  { figure: 'pct-2x2', better: 'more', reach: 20_000, stretch: 100_000 },
  { figure: 'exhaustive-2x2', better: 'more', reach: 20_000, stretch: 100_000 },
  { figure: 'exhaustive-3x2-seconds', unit: 's', reach: 60, stretch: 10 },
];

const SEEDS = 20_000;

/** Clients with plain jobs on one ring, and nothing that goes wrong. */
const plain = defineScenario({
  name: 'plain',
  about: 'plain jobs on one ring',
  build(world, { entities, jobs }) {
    const device = world.device();
    const gpu = world.scheduler({ driver: device.driver });
    for (let at = 0; at < entities; at += 1) {
      const entity = world.entity({ schedulers: [gpu] });
      const submit = () => void entity.submit({});
      world.client(
        `client ${at}`,
        Array.from({ length: jobs }, () => submit),
      );
    }
  },
});

export async function run({ count }) {
  const clock = () => performance.now();
  const scope = { entities: 2, jobs: 2 };
  const pct = explore({ scenarios: [plain], strategy: 'pct', scope, seeds: count(SEEDS), clock });
  const small = explore({ strategy: 'exhaustive', scope, clock });
  const large = explore({ strategy: 'exhaustive', scope: { entities: 3, jobs: 2 }, clock });
  return {
    'pct-2x2': pct.schedulesPerSecond,
    'exhaustive-2x2': small.schedulesPerSecond,
    'exhaustive-3x2-seconds': large.seconds,
  };
}

void runAlone(import.meta);
