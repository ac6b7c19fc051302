import type { FenceSource, JobError } from '../../base/index.ts';
import { failedError, unreadableError } from './outcomes.ts';
import type {
  DoneMessage,
  FailedMessage,
  JobMessage,
  SliceMessage,
  UnreadableMessage,
} from './protocol.ts';
import type { WorkerJob } from './ringHost.ts';

/** One try of a job on a ring, from `start` to its answer. */
export interface Attempt {
  readonly job: WorkerJob;
  readonly source: FenceSource;
  /** Its id in its thread; 0 before it is posted. */
  id: number;
  cancelled: boolean;
  /** It is, or was, posted in a message of its own. */
  alone: boolean;
  /** Why it will not be posted; it fails when it is the head. */
  refused: JobError | null;
  /** Past its deadline it was found not begun: it is judged when it had its time since it was found executing. */
  waited: boolean;
  /** How many threads were given up that did not come round to it. */
  abandoned: number;
}

/** How an attempt, or a slice of it, ended. */
export type Answer = DoneMessage | FailedMessage | SliceMessage | UnreadableMessage;

/** What an attempt fails with that was answered so; `undefined` where it did not fail. */
export function errorOf({ job, cancelled }: Attempt, message: Answer): JobError | undefined {
  if (message.type === 'unreadable') return unreadableError(job, message.cause);
  return message.type === 'failed' ? failedError(job, message, cancelled) : undefined;
}

/** Whether the attempt gives objects away when it is posted. */
export function moves(attempt: Attempt): boolean {
  const { transfer, kept } = attempt.job.payload.work;
  return transfer.length > 0 && kept === null;
}

/** What is posted for an attempt, which has the id `id` from now on. */
export function messageOf(attempt: Attempt, id: number): JobMessage {
  const { module, name, args, onProgress, kept } = attempt.job.payload.work;
  attempt.id = id;
  if (kept !== null) return { id, resume: kept.id };
  return { id, module, name, args, progress: onProgress !== null };
}
