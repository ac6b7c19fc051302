import type { CrashReport } from '../../sched/index.ts';
import type { Fence } from '../../fence/index.ts';
import type { Scenario } from '../scenario.ts';
import { addFaults } from './faults.ts';

/** Clients with plain jobs, hangs and resets that take their time: the dump of a crash comes after its fences have signalled (T10). */
export function crashes(): Scenario {
  return {
    name: 'crashes',
    about: 'dumps of crashes, which come after the fences have signalled',
    build(world, { entities, jobs }) {
      const device = world.device({ slowReset: world.draw(2) === 1 });
      const finished: Fence[] = [];
      let tooEarly: string | null = null;
      const onCrash = ({ guilty }: CrashReport): void => {
        for (const { label, fence } of guilty) {
          const [timeline, seqno] = fence;
          const own = finished.find((one) => one.timeline.id === timeline && one.seqno === seqno);
          if (own === undefined)
            tooEarly ??= `the dump of a crash blames ${label}, which nobody knows`;
          else if (own.status === 'pending')
            tooEarly ??= `the dump of a crash comes before ${label} has signalled`;
        }
      };
      const gpu = world.scheduler({ driver: device.driver, runTimeoutMs: 1, onCrash });
      for (let at = 0; at < entities; at += 1) {
        const entity = world.entity({ schedulers: [gpu] });
        const submit = (): void => {
          const job = entity.submit({});
          if (job !== null) finished.push(job.job.finished);
        };
        world.client(
          `client ${entity.record.label}`,
          Array.from({ length: jobs }, () => submit),
        );
      }
      addFaults(world, device, { hang: true, resets: true });
      world.always('T10', () => tooEarly);
    },
  };
}
