/**
 * How something that was thrown travels between threads: structured clones lose the stack's owner, the cause or the code
 * of an error, depending on the platform's version, so its parts are sent and put together again.
 */
export type WireError =
  | {
      readonly kind: 'error';
      readonly name: string;
      readonly message: string;
      readonly stack: string;
      readonly code?: string | number;
      readonly cause?: WireError;
      readonly errors?: readonly WireError[];
    }
  | { readonly kind: 'value'; readonly value: unknown };

/** How many errors are sent of one that was thrown: causes, causes of causes, parts. Where they go in a circle, it ends. */
const ERRORS_MAX = 64;

/** The constructors that are put together again as themselves, so that `instanceof` holds for them. */
const BUILT_IN: ReadonlyMap<string, new (message: string) => Error> = new Map([
  ['EvalError', EvalError],
  ['RangeError', RangeError],
  ['ReferenceError', ReferenceError],
  ['SyntaxError', SyntaxError],
  ['TypeError', TypeError],
  ['URIError', URIError],
]);

/**
 * Takes apart what was thrown. What is not an error is sent as it is if it can be cloned, else as text. Never throws: what throws
 * when it is read is sent as an error that says so.
 */
export function takeApart(
  thrown: unknown,
  budget: { left: number } = { left: ERRORS_MAX },
): WireError {
  try {
    return partsOf(thrown, budget);
  } catch {
    const message = 'what was thrown cannot be read: it throws';
    return { kind: 'error', name: 'Error', message, stack: `Error: ${message}` };
  }
}

function partsOf(thrown: unknown, budget: { left: number }): WireError {
  if (!(thrown instanceof Error)) return { kind: 'value', value: cloneable(thrown) };
  budget.left -= 1;
  const { name, message, stack, cause, code, errors } = thrown as Error & Record<string, unknown>;
  const parts: WireError[] = [];
  for (const part of Array.isArray(errors) ? errors : []) {
    if (budget.left > 0) parts.push(takeApart(part, budget));
  }
  return {
    kind: 'error',
    name: String(name),
    message: String(message),
    stack: String(stack ?? `${String(name)}: ${String(message)}`),
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(cause !== undefined && budget.left > 0 ? { cause: takeApart(cause, budget) } : {}),
    ...(Array.isArray(errors) ? { errors: parts } : {}),
  };
}

/** Puts together what `takeApart` took apart: name, message, stack, code and causes of the original. */
export function putTogether(wire: WireError): unknown {
  if (wire.kind === 'value') return wire.value;
  const { name, message, stack, code, cause, errors } = wire;
  const make = BUILT_IN.get(name) ?? Error;
  const error =
    errors === undefined ? new make(message) : new AggregateError(errors.map(putTogether), message);
  define(error, 'stack', stack);
  if (error.name !== name) define(error, 'name', name);
  if (cause !== undefined) define(error, 'cause', putTogether(cause));
  if (code !== undefined) Object.assign(error, { code });
  return error;
}

function define(error: Error, key: string, value: unknown): void {
  Object.defineProperty(error, key, { value, configurable: true, writable: true });
}

function cloneable(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch {
    return String(value);
  }
}
