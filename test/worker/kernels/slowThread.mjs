// Imported before anything else (`node --import`), as a loader or a tracer is: threads take a while to start.
import { isMainThread } from 'node:worker_threads';

if (!isMainThread) {
  const end = performance.now() + 600;
  while (performance.now() < end);
}
