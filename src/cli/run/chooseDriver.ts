import type { WebGpuProbe } from '../../drivers/webgpu/index.ts';
import { WorkloadError } from '../workload/problem.ts';
import type { Place } from '../workload/problem.ts';
import type { Workload } from '../workload/workload.ts';

/** What a run is executed by, and why. */
export interface ChosenDriver {
  readonly driver: 'worker' | 'webgpu';
  /** One clause, for the report; `null` where the user chose. */
  readonly why: string | null;
}

/**
 * What `workload` is executed by. `auto` takes the GPU where there is one and every job has a twin for it, otherwise threads:
 * a GPU that is a program is no faster than they are.
 *
 * @param probe looks what WebGPU this machine has; asked only where that decides
 * @throws {WorkloadError} when WebGPU was asked for, and a job has no twin
 */
export async function chooseDriver(
  workload: Workload,
  probe: () => Promise<WebGpuProbe>,
): Promise<ChosenDriver> {
  const { driver } = workload.device;
  const twinless = jobWithoutTwin(workload);
  if (driver === 'worker') return { driver, why: null };
  if (driver === 'webgpu') {
    if (twinless === null) return { driver, why: null };
    const message = `${twinless.name} cannot run on WebGPU: expected webgpu: beside its kernel:, with a function that makes its dispatch`;
    throw new WorkloadError([{ ...twinless.place, message }]);
  }
  if (twinless !== null) {
    return {
      driver: 'worker',
      why: `${twinless.name} has no twin for WebGPU (webgpu: in the workload)`,
    };
  }
  const { adapter, why } = await probe();
  if (adapter === null) return { driver: 'worker', why: `there is no WebGPU here: ${why}` };
  if (adapter.software) {
    return { driver: 'worker', why: `WebGPU has no hardware here, only ${adapter.name}` };
  }
  return { driver: 'webgpu', why: `WebGPU has hardware here: ${adapter.name}` };
}

/** The first job that cannot run on a GPU, as `client/name`, and where its kernel is named. */
function jobWithoutTwin({ clients }: Workload): { name: string; place: Place } | null {
  for (const { label, jobs } of clients) {
    const found = jobs.find(({ webgpu }) => webgpu === null);
    if (found !== undefined) {
      return { name: `${label}/${found.name}`, place: found.kernel.place };
    }
  }
  return null;
}
