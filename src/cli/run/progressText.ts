import type { RunProgress } from './runWorkload.ts';

/** One plain line that says how far a run is. */
export function progressText(progress: RunProgress): string {
  const { elapsedMs, durationMs, clients, timeouts, resets } = progress;
  const of = durationMs === Infinity ? '' : `/${(durationMs / 1000).toFixed(0)}`;
  const parts = clients.map(({ label, done, failed, cancelled, queued, banned }) => {
    const notes = [
      `${done} done`,
      ...(failed === 0 ? [] : [`${failed} failed`]),
      ...(cancelled === 0 ? [] : [`${cancelled} cancelled`]),
      ...(queued === 0 ? [] : [`${queued} queued`]),
      ...(banned ? ['banned'] : []),
    ];
    return `${label} ${notes.join(', ')}`;
  });
  const seconds = (elapsedMs / 1000).toFixed(0);
  return `${seconds}${of} s | ${parts.join(' | ')} | ${timeouts} timeouts, ${resets} resets`;
}
