/**
 * The platform's clock, timers and deferral, as a `Runtime`.
 *
 * Law: the only room that touches them; everything else takes a `Runtime` as a parameter.
 * May import: events, base.
 */
export { systemRuntime } from './systemRuntime.ts';
