import type { DeviceLimits } from '../../device/index.ts';
import { openWebGpuDevice } from '../../drivers/webgpu/index.ts';
import { openWorkerDevice } from '../../drivers/worker/index.ts';
import { fair, fifo, linuxFair, roundRobin, strictPriority } from '../../sched/index.ts';
import type { Policy } from '../../sched/index.ts';
import { webGpuModule } from '../webGpuModule.ts';
import type { PolicyName } from '../workload/schema.ts';
import type { FunctionReference, Workload } from '../workload/workload.ts';
import type { ChosenDriver } from './chooseDriver.ts';
import type { MainFunctions } from './functions.ts';
import type { KernelWork } from './round.ts';
import type { RunDevice } from './runDevice.ts';
import { twinDevice } from './twinDevice.ts';
import type { Twin } from './twinDevice.ts';

const POLICIES: Readonly<Record<PolicyName, () => Policy>> = {
  fair,
  linuxFair,
  fifo,
  roundRobin,
  strictPriority,
};

/** Opens the device that `workload` is to run on. The caller closes it. */
export async function openRunDevice(
  workload: Workload,
  { driver }: ChosenDriver,
  functions: MainFunctions,
): Promise<RunDevice> {
  const { policy, threads, spares, credits, runTimeoutMs } = workload.device;
  const options: DeviceLimits & { label: string; spares?: number } = {
    label: workload.name,
    policy: POLICIES[policy](),
    ...(spares === null ? {} : { spares }),
    ...(credits === null ? {} : { credits }),
    ...(runTimeoutMs === null ? {} : { runTimeoutMs }),
  };
  if (driver === 'worker') {
    return openWorkerDevice({ ...options, ...(threads === null ? {} : { threads }) });
  }
  const device = await openWebGpuDevice({ ...options, module: webGpuModule() });
  return twinDevice(device, twinFinder(workload, functions));
}

/** Finds the twin of a kernel by the kernel's name. */
function twinFinder(workload: Workload, functions: MainFunctions): (work: KernelWork) => Twin {
  const twins = new Map<string, FunctionReference>();
  for (const { jobs } of workload.clients) {
    for (const { kernel, webgpu } of jobs) {
      if (webgpu !== null) twins.set(`${kernel.url}#${kernel.export}`, webgpu);
    }
  }
  return (work) => {
    const twin = twins.get(`${work.module}#${work.export}`);
    if (twin !== undefined) return functions.twin(twin);
    throw new Error(`${work.export} of ${work.module}, which a plan named, has no twin for WebGPU`);
  };
}
