import type { Device } from '../../device/index.ts';
import { openWorkerDevice } from '../../drivers/worker/index.ts';
import { fair, fifo, linuxFair, roundRobin, strictPriority } from '../../sched/index.ts';
import type { Policy } from '../../sched/index.ts';
import type { PolicyName } from '../workload/schema.ts';
import type { Workload } from '../workload/workload.ts';
import type { KernelWork } from './round.ts';

const POLICIES: Readonly<Record<PolicyName, () => Policy>> = {
  fair,
  linuxFair,
  fifo,
  roundRobin,
  strictPriority,
};

/** Opens the device that `workload` asks for. The caller closes it. */
export function openRunDevice(workload: Workload): Promise<Device<KernelWork>> {
  const { policy, threads, spares, credits, runTimeoutMs } = workload.device;
  return openWorkerDevice({
    label: workload.name,
    policy: POLICIES[policy](),
    ...(threads === null ? {} : { threads }),
    ...(spares === null ? {} : { spares }),
    ...(credits === null ? {} : { credits }),
    ...(runTimeoutMs === null ? {} : { runTimeoutMs }),
  });
}
