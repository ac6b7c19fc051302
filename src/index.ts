/**
 * The package: fences, scheduler, policies, device types, errors, and the platform's runtime.
 *
 * Law: the names of the public API and nothing else of the rooms behind them.
 * May import: fence, sched, device, host, events, base.
 */
