import type { Distribution } from '../base/index.ts';
import type { EntityStats } from '../sched/index.ts';
import type { ClientStats } from './device.ts';

/** What a client's queues did together; `closed` is what its closed queues did. */
export function sumOf(
  client: { readonly label: string; readonly id: number },
  queues: readonly EntityStats[],
  closed: readonly EntityStats[],
): ClientStats {
  const { label, id } = client;
  const total = [...queues, ...closed].reduce(add);
  return { ...total, label, client: id, queues: [...queues] };
}

/** The sum of what two queues of one client did. Karma is the client's already. */
export function add(a: EntityStats, b: EntityStats): EntityStats {
  return {
    label: a.label,
    queued: a.queued + b.queued,
    running: a.running + b.running,
    submitted: a.submitted + b.submitted,
    completed: a.completed + b.completed,
    failed: a.failed + b.failed,
    attempts: a.attempts + b.attempts,
    busyUs: a.busyUs + b.busyUs,
    waitUs: merge(a.waitUs, b.waitUs),
    turnaroundUs: merge(a.turnaroundUs, b.turnaroundUs),
    karma: a.karma,
    banned: a.banned,
  };
}

/** Count, mean and maximum are exact; the median is the mean of the two, by count, and p99 the larger one. */
function merge(a: Distribution, b: Distribution): Distribution {
  if (a.count === 0) return b;
  if (b.count === 0) return a;
  const count = a.count + b.count;
  return {
    count,
    mean: (a.mean * a.count + b.mean * b.count) / count,
    p50: (a.p50 * a.count + b.p50 * b.count) / count,
    p99: Math.max(a.p99, b.p99),
    max: Math.max(a.max, b.max),
  };
}
