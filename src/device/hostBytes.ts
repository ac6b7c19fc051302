/** Bytes on the host, in whatever holds them; who is given some takes a copy. */
export type HostBytes = ArrayBufferLike | ArrayBufferView;

/** The bytes of `value`, where it has any; not a copy. */
export function hostBytes(value: unknown): Uint8Array | null {
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (typeof SharedArrayBuffer !== 'undefined' && value instanceof SharedArrayBuffer) {
    return new Uint8Array(value);
  }
  return null;
}
