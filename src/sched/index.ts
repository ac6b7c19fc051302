/**
 * The scheduler: entities, jobs, credits, policies, timeouts, resets and ends.
 *
 * Law: sections J, S, T, E and D of the contract. Public classes are thin; the mechanism is in the files named `…Core`,
 * whose rules stand at their heads: jobCore.ts (the life of a job), schedulerCore.ts (passes), deadlines.ts, reset.ts.
 * May import: fence, events, base.
 */
export { Account, checkedWeight, setShare } from './account.ts';
export type { AccountOptions } from './account.ts';
export { endBetweenSlices } from './cancel.ts';
export type { Driver, ResetContext, Verdict } from './driver.ts';
export { Entity } from './entity.ts';
export { checkedLimit, checkedMs } from './entityOptions.ts';
export type { EntityOptions } from './entityOptions.ts';
export type { Job } from './job.ts';
export { fair } from './policies/fair.ts';
export { fifo } from './policies/fifo.ts';
export { linuxFair } from './policies/linuxFair.ts';
export { roundRobin } from './policies/roundRobin.ts';
export { strictPriority } from './policies/strictPriority.ts';
export type { Policy, PolicyEntity, Priority } from './policy.ts';
export { ResetDomain } from './resetDomain.ts';
export type { ResetDomainOptions } from './resetDomain.ts';
export type { SchedulerCredits } from './ring.ts';
export { ResourcePool } from './resources.ts';
export type { ResourcePoolOptions, ResourceRequest } from './resources.ts';
export { Scheduler } from './scheduler.ts';
export { checkedCredits } from './schedulerOptions.ts';
export type { CrashReport, SchedulerOptions } from './schedulerOptions.ts';
export type { EntityStats, RingStats, SchedulerStats } from './stats.ts';
export type { SubmitOptions } from './submitOptions.ts';
