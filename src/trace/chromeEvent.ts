/**
 * One event of the Chrome trace format, as far as this package writes it; `ts` and `dur` in microseconds.
 *
 * `X` is a slice on a thread's track, `b` and `e` an asynchronous slice, `s` and `f` the ends of a flow arrow, `i` an
 * instant, `M` a name for a process or thread.
 */
export interface ChromeEvent {
  readonly ph: 'X' | 'b' | 'e' | 's' | 'f' | 'i' | 'M';
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts?: number;
  readonly dur?: number;
  readonly cat?: string;
  readonly id?: number;
  /** Of `i`: `g` is across the whole trace. */
  readonly s?: 'g' | 'p' | 't';
  /** Of `f`: `e` binds the arrow to the slice around it. */
  readonly bp?: 'e';
  readonly args?: Readonly<Record<string, unknown>>;
}
