/** Photos on their way through the network, each with its card. */

import type { Card } from "./cards";
import { sentenceOf } from "./errors";
import type { Gallery } from "./gallery";
import type { Source } from "./intake";
import { Queue } from "./queue";
import type { Answer, Photo } from "./types";

const IN_VIEW = 8; // unfinished photos that have a card

export class Work {
  private readonly queue = new Queue<Source>(IN_VIEW);
  private readonly cards = new Map<Source, Card>(); // of those in view
  private current: Source | undefined;

  /** @param changed told whenever a photo comes, begins, ends or goes. */
  constructor(
    private readonly gallery: Gallery,
    private readonly look: (photo: Photo) => Promise<Answer>,
    private readonly changed: () => void,
  ) {}

  /** Name of the photo in work, if there is one. */
  get looking(): string | undefined {
    return this.current?.name;
  }

  /** How many wait without a card. */
  get hidden(): number {
    return this.queue.hidden;
  }

  /** How many can be cancelled: all that were not begun. */
  get waiting(): number {
    return this.queue.unfinished - (this.queue.first !== undefined && this.queue.first === this.current ? 1 : 0);
  }

  receive(sources: Source[]): void {
    const [first] = this.show(this.queue.add(sources));
    if (this.current === undefined) first?.element.scrollIntoView({ block: "nearest" });
    void this.run();
  }

  /** Forgets all photos that were not begun. */
  cancel(): void {
    for (const source of this.queue.cancel(this.current)) {
      this.gallery.remove(this.cards.get(source)!);
      this.cards.delete(source);
    }
    this.changed();
  }

  /** Forgets the photo of a card that was removed. */
  forget(card: Card): void {
    for (const [source, other] of this.cards) {
      if (other !== card) continue;
      this.cards.delete(source);
      this.show(this.queue.finish(source));
    }
    this.changed();
  }

  /** Forgets everything, also the photo in work, whose answer comes to nothing. */
  clear(): void {
    this.queue.cancel();
    this.cards.clear();
    this.gallery.clear();
    this.changed();
  }

  private show(sources: Source[]): Card[] {
    const shown = sources.map((source) => this.gallery.add(source.name));
    sources.forEach((source, k) => this.cards.set(source, shown[k]));
    this.changed();
    return shown;
  }

  private async run(): Promise<void> {
    if (this.current !== undefined) return;
    while ((this.current = this.queue.first) !== undefined) {
      await this.one(this.current);
      this.cards.delete(this.current);
      this.show(this.queue.finish(this.current));
    }
    this.changed();
  }

  private async one(source: Source): Promise<void> {
    const card = this.cards.get(source)!;
    card.state = "looking";
    this.changed();
    try {
      const { photo, picture } = await source.open();
      const answer = await this.look(photo);
      if (this.cards.has(source)) card.finish(answer, picture);
    } catch (error) {
      card.fail(sentenceOf(error, `${source.name} was not looked at`, "give it again"));
    }
  }
}
