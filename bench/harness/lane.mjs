/**
 * The process that one contender of one row runs in: a heap and a compiled code of its own, which no other contender
 * disturbs. Started by lanes.mjs as `lane.mjs ROW_URL CONTENDER`; measures one round for each message, and answers
 * `{ figures }` or `{ error }`.
 */
const [rowUrl, contender] = process.argv.slice(2);
const row = await import(rowUrl);

/** A part of all counts: a hundredth is enough to see that a row works, a tenth to have its code compiled. */
const measure = (part, smoke) =>
  row.run({ contender, smoke, count: (full) => Math.max(2, Math.ceil(full * part)) });

async function round(smoke) {
  globalThis.gc();
  if (smoke) return measure(0.01, true);
  // A collection throws away code that was compiled for what is gone; what a row measures first must not pay for that alone.
  if (row.freshProcess !== true) await measure(0.1, false);
  return measure(1, false);
}

process.on('message', ({ smoke }) => {
  round(smoke)
    .then((figures) => process.send({ figures }))
    .catch((error) => process.send({ error: error?.stack ?? String(error) }));
});
// An interrupt is for the program, which ends its lanes; a lane whose program is gone ends itself.
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit());
process.send({ ready: true });
