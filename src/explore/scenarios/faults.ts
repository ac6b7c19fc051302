import { JobError } from '../../base/index.ts';
import type { ModelDevice, ModelHook } from '../modelDevice.ts';
import type { World } from '../world.ts';

/** Which faults of hardware and drivers may happen. */
export interface FaultMenu {
  readonly hang?: boolean;
  /** Completions that fail, are lost, come late or twice. */
  readonly completions?: boolean;
  /** Resets that fail, throw or do not end. */
  readonly resets?: boolean;
  /** Hooks that throw. */
  readonly throws?: readonly (ModelHook | 'runJob')[];
  readonly verdicts?: boolean;
  readonly reuse?: boolean;
  /** Verdicts that nothing can stop a job. */
  readonly unstoppable?: boolean;
}

/** Adds the faults of `menu` to `world`. */
export function addFaults(world: World, device: ModelDevice, menu: FaultMenu): void {
  const { label } = device;
  for (let ring = 0; ring < device.rings; ring += 1) {
    const canComplete = (): boolean => device.canComplete(ring);
    const on = `${label} ring ${ring}`;
    if (menu.hang === true) {
      world.fault({
        label: `${on} hangs`,
        times: 2,
        enabled: canComplete,
        run: () => device.hang(ring),
      });
    }
    if (menu.completions !== true) continue;
    world.fault({
      label: `${on} fails`,
      times: 2,
      enabled: canComplete,
      run: () => device.complete(ring, 0, new JobError('ERR_DRIVER')),
    });
    world.fault({
      label: `${on} loses a completion`,
      enabled: canComplete,
      run: () => device.lose(ring),
    });
  }
  if (menu.completions === true) addLateCompletions(world, device);
  if (menu.resets === true) addResetFaults(world, device);
  for (const hook of menu.throws ?? []) {
    world.fault({ label: `${label} will throw in ${hook}`, run: () => device.throwNext(hook) });
  }
  if (menu.verdicts === true) {
    for (const verdict of ['no-hang', 'reset', 'gone'] as const) {
      world.fault({ label: `${label} will say ${verdict}`, run: () => device.answerNext(verdict) });
    }
  }
  if (menu.reuse === true) {
    world.fault({
      label: `${label} will reuse a fence`,
      enabled: () => device.hasDone,
      run: () => device.reuseFence(),
    });
  }
  if (menu.unstoppable === true) addUnstoppable(world, device);
}

/** The driver says that nothing can stop the job, whether it hangs or not: its ring is hung until the hardware is done (T2). */
function addUnstoppable(world: World, device: ModelDevice): void {
  world.fault({
    label: `${device.label} will say fail`,
    times: 3,
    run: () => device.answerNext('fail'),
  });
}

function addLateCompletions(world: World, device: ModelDevice): void {
  const { label } = device;
  world.fault({
    label: `${label} tells of an old completion`,
    times: 3,
    enabled: () => device.hasStale,
    run: () => device.completeLate(),
  });
  world.fault({
    label: `${label} tells of a completion twice`,
    enabled: () => device.hasDone,
    run: () => {
      if (device.completeTwice()) world.judge.fail('F2', 'a fence signalled twice');
    },
  });
}

function addResetFaults(world: World, device: ModelDevice): void {
  const { label } = device;
  world.fault({
    label: `${label} will fail a reset`,
    times: 3,
    run: () => device.failNextReset('fail'),
  });
  world.fault({ label: `${label} will throw in reset`, run: () => device.failNextReset('throw') });
  world.fault({ label: `${label} is stuck in reset`, run: () => device.stickReset() });
  world.fault({
    label: `${label} fails its reset`,
    enabled: () => device.isResetting,
    run: () => device.finishReset(true),
  });
}
