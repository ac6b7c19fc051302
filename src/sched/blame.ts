import type { EntityCore } from './entityCore.ts';

/** How much clean work takes one karma away (T6). */
const CLEAN_US_PER_KARMA = 60_000_000;

/**
 * What one client did to the device (T6): karma for guilty jobs, decay for clean work, and the ban.
 *
 * One record per client of a reset domain, and one per entity without a client, wherever that runs; made with the first
 * guilty job, and kept while it has karma.
 *
 * Idea: `drm_sched_entity.guilty` and karma, without the hang limit that nobody may use.
 */
export class Blame {
  karma = 0;
  banned = false;
  #cleanUs = 0;

  /** Counts a guilty job; true: this one made the ban. */
  addGuilty(banAfter: number): boolean {
    this.karma += 1;
    if (this.banned || this.karma < banAfter) return false;
    this.banned = true;
    return true;
  }

  /** Counts busy time of a job that ended well. */
  addClean(busyUs: number): void {
    if (this.banned) return;
    this.#cleanUs += busyUs;
    while (this.#cleanUs >= CLEAN_US_PER_KARMA && this.karma > 0) {
      this.#cleanUs -= CLEAN_US_PER_KARMA;
      this.karma -= 1;
    }
  }
}

/** The records of the clients of a reset domain; those of entities without a client are kept by the entities. */
export class BlameBook {
  readonly #ofClients = new Map<number, Blame>();

  /** The record of who owns `entity`; `null` where it has no karma. */
  of(entity: EntityCore): Blame | null {
    const { client } = entity.setup;
    if (client === null) return entity.use.blame;
    return this.#ofClients.size === 0 ? null : (this.#ofClients.get(client) ?? null);
  }

  /** Counts a guilty job; true: this one made the ban. */
  addGuilty(entity: EntityCore, banAfter: number): boolean {
    let blame = this.of(entity);
    if (blame === null) {
      blame = new Blame();
      const { client } = entity.setup;
      if (client === null) entity.use.blame = blame;
      else this.#ofClients.set(client, blame);
    }
    return blame.addGuilty(banAfter);
  }

  /** Counts busy time of a job that ended well; who has no karma left is forgotten. */
  addClean(entity: EntityCore, busyUs: number): void {
    const blame = this.of(entity);
    if (blame === null) return;
    blame.addClean(busyUs);
    if (blame.karma > 0) return;
    const { client } = entity.setup;
    if (client === null) entity.use.blame = null;
    else this.#ofClients.delete(client);
  }
}
