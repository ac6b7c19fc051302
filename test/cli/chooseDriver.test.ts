import { describe, expect, it } from 'vitest';
import { chooseDriver } from '../../src/cli/run/chooseDriver.ts';
import type { DriverName } from '../../src/cli/workload/schema.ts';
import type { Workload } from '../../src/cli/workload/workload.ts';
import type { WebGpuProbe } from '../../src/drivers/webgpu/index.ts';

// What a run is executed by. That it is then really executed there: test/webgpu/run.gpu.test.ts and command.test.ts.

function workload(driver: DriverName, ...webgpu: (object | null)[]): Workload {
  const jobs = webgpu.map((twin, index) => ({
    name: `job${index}`,
    kernel: { place: { file: 'w.yaml', line: 5 + index, column: 17, path: 'kernel' } },
    webgpu: twin,
  }));
  return { device: { driver }, clients: [{ label: 'one', jobs }] } as unknown as Workload;
}

const probe = (adapter: object | null) => (): Promise<WebGpuProbe> =>
  Promise.resolve({ adapter, why: adapter === null ? 'no package' : null } as WebGpuProbe);
const noProbe = (): Promise<WebGpuProbe> => Promise.reject(new Error('nobody was to look'));
const GPU = { name: 'a real one', software: false, timestamps: true };

describe('the driver of a run', () => {
  it('is the one that was asked for, without a look at the machine', async () => {
    expect(await chooseDriver(workload('worker', {}), noProbe)).toEqual({
      driver: 'worker',
      why: null,
    });
    expect(await chooseDriver(workload('webgpu', {}), noProbe)).toEqual({
      driver: 'webgpu',
      why: null,
    });
  });

  it('auto: is a GPU where there is one, and says which', async () => {
    const chosen = await chooseDriver(workload('auto', {}), probe(GPU));
    expect(chosen).toEqual({ driver: 'webgpu', why: 'WebGPU has hardware here: a real one' });
  });

  it.each([
    ['there is only a program', { ...GPU, software: true }, /only a real one/],
    ['there is no WebGPU', null, /no package/],
  ])('auto: is threads where %s, and says why', async (_name, adapter, why) => {
    const chosen = await chooseDriver(workload('auto', {}), probe(adapter));
    expect(chosen).toEqual({ driver: 'worker', why: expect.stringMatching(why) });
  });

  it('auto: is threads where a job has no twin', async () => {
    const chosen = await chooseDriver(workload('auto', {}, null), noProbe);
    expect(chosen).toEqual({
      driver: 'worker',
      why: expect.stringMatching(/^one\/job1 has no twin/),
    });
  });

  it('is refused where WebGPU was asked for and a job has no twin', async () => {
    await expect(chooseDriver(workload('webgpu', {}, null), noProbe)).rejects.toThrow(
      /^w\.yaml:6:17: kernel: one\/job1 cannot run on WebGPU: expected webgpu:/,
    );
  });
});
