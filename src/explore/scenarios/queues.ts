import { fair, fifo, roundRobin, strictPriority } from '../../sched/index.ts';
import type { Scenario } from '../scenario.ts';
import { addFaults } from './faults.ts';

/** Which faults the scenario `queues` has, each at most once in a run. */
export interface QueuesOptions {
  readonly hang?: boolean;
  readonly kill?: boolean;
  readonly slow?: boolean;
  readonly unplug?: boolean;
}

/** Clients with plain jobs on one ring: the scope of exhaustive searches. Other faults make another world, and need another name. */
export function queues(name: string, options: QueuesOptions = {}): Scenario {
  return {
    name,
    about: 'clients that submit plain jobs to one ring',
    build(world, { entities, jobs }) {
      const { hang = false, kill = false, slow = false, unplug = false } = options;
      const policy = world.oneOf(fifo, fair, roundRobin, strictPriority);
      const credits = world.oneOf(2, 1, 3);
      const device = world.device();
      const limits = hang || slow ? { runTimeoutMs: 10 } : {};
      const gpu = world.scheduler({ driver: device.driver, credits, policy: policy(), ...limits });
      world.faultBudget = [hang, kill, slow, unplug].filter(Boolean).length;
      for (let at = 0; at < entities; at += 1) {
        const entity = world.entity({ schedulers: [gpu] });
        const submit = (): void => void entity.submit({});
        world.client(
          `client ${entity.record.label}`,
          Array.from({ length: jobs }, () => submit),
        );
        if (kill) world.fault({ label: `kill ${entity.record.label}`, run: () => entity.kill() });
      }
      addFaults(world, device, { hang });
      if (unplug) world.fault({ label: 'unplug', run: () => gpu.removeDevice() });
    },
  };
}
