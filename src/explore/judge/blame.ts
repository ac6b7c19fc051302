import type { BlameRecord, DomainRecord, EntityRecord } from './records.ts';

/** Who is to blame for what, as the judge counts it (T6): per client of a reset domain, per entity where it has no client. */

export function noBlame(): BlameRecord {
  return { accused: 0, convicted: 0, leastToBan: Infinity, mostToBan: 0 };
}

export function blameOf(entity: EntityRecord, domain: DomainRecord): BlameRecord {
  const { client } = entity;
  if (client === null) return entity.blame;
  let blame = domain.blames.get(client);
  if (blame === undefined) {
    blame = noBlame();
    domain.blames.set(client, blame);
  }
  return blame;
}

/** One more guilty job, on a scheduler that bans after `banAfter`. */
export function noteAccused(blame: BlameRecord, banAfter: number): void {
  blame.accused += 1;
  blame.leastToBan = Math.min(blame.leastToBan, banAfter);
  blame.mostToBan = Math.max(blame.mostToBan, banAfter);
}
