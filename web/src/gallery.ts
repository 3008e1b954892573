/** All cards of the page. */

import { Card, type CardState } from "./cards";
import { collection } from "./exports";
import type { Result } from "./types";

/** What a card knows, for whoever looks from outside. */
export interface KnownAnswer {
  name: string;
  result: Result;
  times: { placing: number; network: number; decoding: number };
}

export class Gallery {
  private cards: Card[] = [];
  private readonly byElement = new WeakMap<Element, Card>();
  private readonly sight: IntersectionObserver;
  private readonly settings;
  private redrawing = 0;

  /**
   * @param place the element that cards are put into.
   * @param removed told of each card that its button removed.
   */
  constructor(
    private readonly place: HTMLElement, classNames: readonly string[], threshold: number,
    removed: (card: Card) => void,
  ) {
    this.settings = { classNames, threshold, remove: (card: Card) => {
      this.focusBeside(card);
      this.remove(card);
      removed(card);
    } };
    this.sight = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        const card = this.byElement.get(target);
        if (isIntersecting) void card?.show();
        else card?.hide();
      }
    }, { rootMargin: "400px" });
    window.addEventListener("resize", () => this.redraw());
  }

  get count(): number {
    return this.cards.length;
  }

  /** How many cards are in this state. */
  countOf(state: CardState): number {
    return this.cards.filter((card) => card.state === state).length;
  }

  add(name: string): Card {
    const card = new Card(name, this.settings);
    this.cards.push(card);
    this.byElement.set(card.element, card);
    this.place.append(card.element);
    this.sight.observe(card.element);
    return card;
  }

  remove(card: Card): void {
    this.sight.unobserve(card.element);
    this.cards = this.cards.filter((other) => other !== card);
    card.remove();
  }

  clear(): void {
    for (const card of this.cards) this.remove(card);
  }

  set threshold(threshold: number) {
    this.settings.threshold = threshold;
    this.redraw();
  }

  /** Results of the cards that have one, in the page's order. */
  answers(): KnownAnswer[] {
    return this.cards.flatMap(({ name, answer }) => {
      if (answer === undefined) return [];
      const { result, placing, network, decoding } = answer;
      return [{ name, result, times: { placing, network, decoding } }];
    });
  }

  /** All results as one object for JSON. */
  async file(): Promise<object> {
    const files = await Promise.all(this.cards.map((card) => card.file()));
    return collection(files.filter((file) => file !== undefined));
  }

  /** Once a frame, however fast the slider moves. */
  private redraw(): void {
    cancelAnimationFrame(this.redrawing);
    this.redrawing = requestAnimationFrame(() => this.cards.forEach((card) => card.update()));
  }

  /** Keeps the keyboard's place when the focused card goes. */
  private focusBeside(card: Card): void {
    if (!card.element.contains(document.activeElement)) return;
    const at = this.cards.indexOf(card);
    const neighbour = this.cards[at + 1] ?? this.cards[at - 1];
    const target = neighbour?.element.querySelector<HTMLElement>(".card-actions button:last-child");
    (target ?? document.getElementById("choose"))?.focus();
  }
}
