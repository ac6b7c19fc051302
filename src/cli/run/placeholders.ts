/** What the placeholders of `args` stand for, for one job. */
export interface PlaceholderValues {
  /** `$round`: the number of the round, from 0. */
  readonly round: number;
  /** `$input`: the file of this job; `undefined` where there is none. */
  readonly input?: string | undefined;
  /** `$inputs`: every file that `inputs` matched. */
  readonly inputs?: readonly string[] | undefined;
}

/** `args` with each string that is a placeholder, at any depth, replaced by its value. */
export function fillIn(args: readonly unknown[], values: PlaceholderValues): unknown[] {
  return args.map((arg) => filled(arg, values));
}

function filled(value: unknown, values: PlaceholderValues): unknown {
  if (value === '$round') return values.round;
  if (value === '$input') return values.input;
  if (value === '$inputs') return values.inputs;
  if (Array.isArray(value)) return fillIn(value, values);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, filled(one, values)]));
}
