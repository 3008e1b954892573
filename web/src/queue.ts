/** Whose turn it is: photos in view and photos that wait. */

/**
 * Items in order of arrival, of which a few are in view: waiting there or in work. As one of these
 * is finished, the next comes into view.
 */
export class Queue<Item> {
  private readonly waiting: Item[] = [];
  private readonly inView: Item[] = [];

  /** `capacity`: how many are in view at once. */
  constructor(readonly capacity: number) {}

  /** How many wait outside the view. */
  get hidden(): number {
    return this.waiting.length;
  }

  /** How many are not finished. */
  get unfinished(): number {
    return this.waiting.length + this.inView.length;
  }

  /** The first in view, whose turn it is. */
  get first(): Item | undefined {
    return this.inView[0];
  }

  /** Adds items; returns those that came into view by it. */
  add(items: Iterable<Item>): Item[] {
    this.waiting.push(...items);
    return this.fill();
  }

  /** Takes out an item that is done or was removed; returns those that come into view instead. */
  finish(item: Item): Item[] {
    for (const list of [this.inView, this.waiting]) {
      const at = list.indexOf(item);
      if (at >= 0) list.splice(at, 1);
    }
    return this.fill();
  }

  /** Drops all but `kept`, the one in work; returns those in view among the dropped. */
  cancel(kept?: Item): Item[] {
    this.waiting.length = 0;
    const dropped = this.inView.filter((item) => item !== kept);
    this.inView.splice(0, this.inView.length, ...this.inView.filter((item) => item === kept));
    return dropped;
  }

  private fill(): Item[] {
    const room = Math.max(0, this.capacity - this.inView.length);
    const arrived = this.waiting.splice(0, room);
    this.inView.push(...arrived);
    return arrived;
  }
}
