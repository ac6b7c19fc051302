/** A thread of poolifier, which wants its functions registered, and to be given one argument each. */
import { ThreadWorker } from 'poolifier';
import { hang, noop, sizeOf, spin } from './tasks.mjs';

export const thread = new ThreadWorker({ noop: () => noop(), spin, sizeOf, hang: () => hang() });
