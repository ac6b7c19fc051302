import { shown } from '../../base/index.ts';
import type { ClientStats } from '../../device/index.ts';
import { UnsettledError } from '../settled.ts';
import type { ClientSpec } from '../workload/workload.ts';
import type { CollectContext, MainFunctions, Verdict } from './functions.ts';
import { errorText, JobLog } from './jobLog.ts';
import type { JobSource } from './jobSource.ts';
import type { RunClient, RunDevice } from './runDevice.ts';
import type { ClientProgress } from './runWorkload.ts';

/** One client of a workload while it runs: what it is meant to do, and what became of it. */
export class ClientRun {
  readonly spec: ClientSpec;
  readonly client: RunClient;
  readonly log: JobLog;
  readonly sources: JobSource[] = [];
  /** What its `collect` said; `null` before, and without one. */
  verdict: Verdict | null = null;

  constructor(spec: ClientSpec, device: RunDevice, options: { digests: boolean }) {
    this.spec = spec;
    this.client = device.open({
      label: spec.label,
      priority: spec.priority,
      weight: spec.weight,
      order: spec.order,
      ...(spec.maxQueued === null ? {} : { maxQueued: spec.maxQueued }),
    });
    this.log = new JobLog(spec.label, options);
  }

  stats(): ClientStats {
    return this.client.stats();
  }

  progress(): ClientProgress {
    const { label, queued, banned } = this.stats();
    const { ok: done, failed, cancelled } = this.log.counts;
    return { label, done, failed, cancelled, queued, banned };
  }

  /** Lets the client's `collect` judge; a throw is a verdict, too, unless it is because of the interrupt. */
  async collect(
    functions: MainFunctions,
    context: Omit<CollectContext, 'client'>,
    interrupt: AbortSignal,
  ): Promise<void> {
    if (this.spec.collect === null) return;
    try {
      const collect = functions.collect(this.spec.collect);
      const said = await collect(this.log.results(), { ...context, client: this.spec.label });
      this.verdict = verdictOf(said, this.spec.collect.text);
    } catch (error) {
      if (interrupt.aborted) return;
      const isUnsettled = error instanceof UnsettledError;
      const message = isUnsettled
        ? error.message
        : `${this.spec.collect.text} threw: ${errorText(error)}`;
      this.verdict = { ok: false, message };
    }
  }
}

/** What a `collect` returned, checked: it is code of a user. A message may be left out. */
function verdictOf(said: unknown, text: string): Verdict {
  const { ok, message = '', files = [] } = Object(said) as { [key in keyof Verdict]?: unknown };
  const isList = Array.isArray(files) && files.every((file) => typeof file === 'string');
  if (typeof ok === 'boolean' && typeof message === 'string' && isList) {
    return { ok, message, files };
  }
  const expected =
    '{ ok, message, files } (true or false, a text, and a list of paths), or a promise of it';
  return { ok: false, message: `${text}: expected it to return ${expected}, got ${shown(said)}` };
}

/** Why a client did not end as it was meant to; empty if it did. */
export function disappointments(run: ClientRun, stats: ClientStats): string[] {
  const { expect, label } = run.spec;
  const failed = run.log.counts.failed;
  const found: string[] = [];
  if (expect === 'banned' && !stats.banned)
    found.push(`${label} was meant to be banned, and was not`);
  if (expect === 'failed' && failed === 0) found.push(`${label} was meant to fail, and did not`);
  if (expect === 'ok') {
    if (stats.banned) found.push(`${label} was banned`);
    if (failed > 0) {
      const first = run.log.records.find((record) => record.status === 'failed');
      found.push(
        `${label}: ${failed} of its jobs failed; the first, ${first?.label}: ${first?.error}`,
      );
    }
    for (const { spec, refusal } of run.sources) {
      if (refusal !== null && !stats.banned) found.push(`${label}/${spec.name}: ${refusal}`);
    }
  }
  if (run.verdict?.ok === false) {
    found.push(`${label}: ${run.verdict.message || 'its collect is not satisfied'}`);
  }
  return found;
}
