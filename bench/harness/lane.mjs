/**
 * The process that one contender of one row runs in: a heap and a compiled code of its own, which no other contender
 * disturbs. Started by lanes.mjs as `lane.mjs ROW_URL CONTENDER`; measures one round for each message, and answers
 * `{ figures }` or `{ error }`.
 */
const [rowUrl, contender] = process.argv.slice(2);
const row = await import(rowUrl);

// A smoke round only shows that the program works: a hundredth of the work is enough.
const measure = (smoke) =>
  row.run({
    contender,
    smoke,
    count: (full) => (smoke ? Math.max(2, Math.ceil(full / 100)) : full),
  });

let warm = row.freshProcess === true;

async function round(smoke) {
  // What comes first in a row must not pay for the compiler alone.
  if (!smoke && !warm) await measure(true);
  warm = true;
  globalThis.gc();
  return measure(smoke);
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
