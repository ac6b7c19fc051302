import type { EntityCore } from './entityCore.ts';

/** How much clean work takes one karma away (T6). */
const CLEAN_US_PER_KARMA = 60_000_000;

/**
 * What one client did to the device (T6): karma for guilty jobs, decay for clean work, and the ban.
 *
 * One record per client of a scheduler, made with its first guilty job, and kept while it has karma.
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
    if (this.karma === 0 || this.banned) return;
    this.#cleanUs += busyUs;
    while (this.#cleanUs >= CLEAN_US_PER_KARMA && this.karma > 0) {
      this.#cleanUs -= CLEAN_US_PER_KARMA;
      this.karma -= 1;
    }
    if (this.karma === 0) this.#cleanUs = 0;
  }
}

/** The records of a scheduler: one for each client, and for each entity without a client, that was guilty. */
export class BlameBook {
  readonly #ofClients = new Map<number, Blame>();
  /** Held by their entities, so that statistics stay readable after a close and nothing is left after that. */
  readonly #ofEntities = new WeakMap<EntityCore, Blame>();
  #isEmpty = true;

  /** The record of who owns `entity`; `null` where it was never guilty. */
  of(entity: EntityCore): Blame | null {
    if (this.#isEmpty) return null;
    const { client } = entity.setup;
    const blame = client === null ? this.#ofEntities.get(entity) : this.#ofClients.get(client);
    return blame ?? null;
  }

  /** Counts a guilty job; true: this one made the ban. */
  addGuilty(entity: EntityCore, banAfter: number): boolean {
    let blame = this.of(entity);
    if (blame === null) {
      blame = new Blame();
      this.#isEmpty = false;
      const { client } = entity.setup;
      if (client === null) this.#ofEntities.set(entity, blame);
      else this.#ofClients.set(client, blame);
    }
    return blame.addGuilty(banAfter);
  }

  /** Forgets the client of an entity that ended, unless it has karma: closing washes nobody clean. */
  forget(entity: EntityCore): void {
    const { client } = entity.setup;
    if (client !== null && this.of(entity)?.karma === 0) this.#ofClients.delete(client);
  }
}
