/**
 * Traces: what happened, in formats that other programs read.
 *
 * Law: formats only. Everything here is made from events; nothing looks into a scheduler.
 * May import: events, base.
 */
export { ChromeTrace } from './chromeTrace.ts';
export type { ChromeTraceOptions } from './chromeTrace.ts';
export type { ChromeEvent } from './chromeEvent.ts';
