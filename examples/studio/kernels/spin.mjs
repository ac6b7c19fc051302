/** Never returns. Nothing but the end of its thread stops it. */
export function spin() {
  for (;;);
}
