import { JobError, messageOf } from '../../base/index.ts';
import type { FencelineError } from '../../base/index.ts';
import type { ExecutionError } from './execution.ts';

/** What a job fails with for what went wrong in its execution. */
export function failedError(
  label: string,
  error: Exclude<ExecutionError, { type: 'lost' }>,
): JobError {
  if (error.type === 'bufferLost') {
    const { label: name, failure } = error.buffer;
    if (failure !== null) {
      const { code, message, cause = failure } = failure;
      return new JobError(code, `job ${label} needs the buffer ${name}: ${message}`, {
        cause,
        label,
      });
    }
    const message = `job ${label} needs the buffer ${name}, whose contents were lost with the device; allocate it with refill`;
    return new JobError('ERR_JOB_RESET', message, { label });
  }
  if (error.type === 'threw') {
    const { cause } = error;
    return new JobError('ERR_DRIVER', `job ${label} threw while encoding: ${messageOf(cause)}`, {
      cause,
      label,
    });
  }
  const { filter, message } = error.fault;
  const what = { validation: 'is not valid', 'out-of-memory': 'needs more memory than there is' };
  const why = filter === 'internal' ? 'failed inside WebGPU' : what[filter];
  return new JobError('ERR_DRIVER', `job ${label} ${why}: ${message}`, {
    cause: new Error(message),
    label,
  });
}

/** The job was asked to end early, and did. */
export function cancelledError(label: string): JobError {
  return new JobError('ERR_JOB_CANCELLED', `job ${label} was cancelled`, { label });
}

/** The attempt is over because its device is. */
export function resetError(label: string): JobError {
  return new JobError('ERR_JOB_RESET', `job ${label} lost its device`, { label });
}

/** The device is lost and cannot be had again. */
export function goneError(label: string, why: string): FencelineError {
  return new JobError('ERR_DEVICE_GONE', `${label}: ${why}`, { label });
}
