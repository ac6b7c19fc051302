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
