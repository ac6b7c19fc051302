import type { ModelWork } from '../modelDevice.ts';
import type { WatchedScheduler } from '../watchedScheduler.ts';
import type { Swarm } from './swarm.ts';
import type { SwarmJobs } from './swarmJobs.ts';

/** What clients and administrators of a drawn world may do besides submitting. They count as faults: none is forced on a run. */
export function addActs(swarm: Swarm, jobs: SwarmJobs): void {
  const { world, features, entities, schedulers } = swarm;
  for (const entity of entities) {
    const { label } = entity.record;
    if (features.kills) world.fault({ label: `kill ${label}`, run: () => entity.kill() });
    if (features.priorities) {
      world.fault({ label: `raise ${label}`, run: () => entity.setPriority('high') });
    }
    if (features.moves && schedulers.length > 1) {
      for (const one of [schedulers, [schedulers[1] as WatchedScheduler<ModelWork>]]) {
        world.fault({
          label: `move ${label} to ${one.length}`,
          run: () => entity.setSchedulers(one),
        });
      }
    }
  }
  if (features.cancels) addCancels(swarm, jobs);
  for (const [at, gpu] of schedulers.entries()) {
    if (features.blame || features.resets) addHardwareFaults(swarm, jobs, gpu);
    if (features.suspends) {
      const { label } = gpu.record;
      world.fault({ label: `suspend ${label}`, times: 2, run: () => gpu.suspendTimeouts() });
      world.client(`resume ${label}`, [
        { when: () => gpu.record.suspendedAtUs !== null, do: () => gpu.resumeTimeouts() },
      ]);
      world.heals(() => gpu.resumeTimeouts());
    }
    if (features.ends) addEnds(swarm, gpu);
    if (features.ends && features.reentrant) addActsInHooks(swarm, gpu, at);
  }
}

function addCancels({ world }: Swarm, jobs: SwarmJobs): void {
  const first = (state: string): ReturnType<SwarmJobs['job']> =>
    jobs.jobs.find(({ job, record }) => job.state === state && !record.cancelled);
  for (const state of ['queued', 'running']) {
    world.fault({
      label: `cancel the first ${state} job`,
      times: 3,
      enabled: () => first(state) !== undefined,
      run: () => void first(state)?.cancel(),
    });
  }
  const lastQueued = (): ReturnType<SwarmJobs['job']> =>
    jobs.jobs.findLast(({ job, record }) => job.state === 'queued' && !record.cancelled);
  world.fault({
    label: 'cancel the last queued job',
    times: 2,
    enabled: () => lastQueued() !== undefined,
    run: () => void lastQueued()?.cancel(),
  });
  world.fault({
    label: 'cancel a finished job',
    enabled: () => jobs.jobs.some(({ job }) => job.state === 'finished'),
    run: () => void jobs.jobs.find(({ job }) => job.state === 'finished')?.cancel(),
  });
  jobs.signals.forEach(({ signal, jobs: mine }, at) => {
    world.fault({
      label: `abort signal ${at}`,
      enabled: () => !signal.aborted,
      run: () => {
        for (const one of mine) one.willBeAborted();
        signal.abort();
      },
    });
  });
}

function addHardwareFaults(swarm: Swarm, jobs: SwarmJobs, gpu: WatchedScheduler<ModelWork>): void {
  const { world } = swarm;
  const running = (): ReturnType<SwarmJobs['job']>[] =>
    jobs.jobs.filter(({ record }) => {
      const attempt = record.attempts.at(-1);
      return record.job.state === 'running' && attempt?.scheduler === gpu.record;
    });
  const { label } = gpu.record;
  world.fault({
    label: `the first job on ${label} faults`,
    times: 2,
    enabled: () => running().length > 0,
    run: () => running()[0]?.fault(),
  });
  world.fault({
    label: `the last job on ${label} faults`,
    enabled: () => running().length > 1,
    run: () => running().at(-1)?.fault(),
  });
  world.fault({ label: `${label} faults`, times: 2, run: () => gpu.fault() });
}

function addEnds({ world }: Swarm, gpu: WatchedScheduler<ModelWork>): void {
  const { label } = gpu.record;
  world.fault({ label: `drain ${label}`, run: () => gpu.close('drain') });
  world.fault({ label: `close ${label}`, run: () => gpu.close('kill') });
  world.fault({ label: `unplug ${label}`, run: () => gpu.removeDevice() });
}

/** Somebody ends the scheduler in the middle of a hook. */
function addActsInHooks(
  { world, devices }: Swarm,
  gpu: WatchedScheduler<ModelWork>,
  at: number,
): void {
  const device = devices[at];
  for (const hook of [
    'runJob',
    'prepareJob',
    'timedOut',
    'reset',
    'cancelJob',
    'freeJob',
  ] as const) {
    world.fault({
      label: `somebody will close ${gpu.record.label} in ${hook}`,
      run: () => device?.actIn(hook, () => gpu.close('kill')),
    });
    world.fault({
      label: `somebody will unplug ${gpu.record.label} in ${hook}`,
      run: () => device?.actIn(hook, () => gpu.removeDevice()),
    });
  }
}
