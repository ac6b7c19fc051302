// A job that waits for a thread that starts slowly (slowThread.mjs), past its deadline. Says what became of it.
import { openWorkerDevice } from '../../../dist/drivers/worker/index.js';

const device = await openWorkerDevice({ threads: 1, spares: 0, runTimeoutMs: 100, noHangLimit: 1 });
const hang = { module: 'data:text/javascript,export default () => { for (;;); }' };
const codeOf = (promise) => promise.catch((error) => error.code);
const said = [await codeOf(device.open().submit(hang).result)];
const innocent = device.open();
const work = { module: 'node:path', export: 'basename', args: ['/behind'] };
const { job, result } = innocent.submit(work);
said.push(await codeOf(result), job.attempt, innocent.stats().karma);
process.stdout.write(said.join(' '));
await device.close();
