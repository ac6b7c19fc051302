import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** The SHA-256 of a file, in hexadecimal digits. */
export function sha256(file) {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
