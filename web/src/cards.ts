/** A photo's card: its picture with what was found, as lists and as files. */

import { button, download, make } from "./dom";
import { drawLines, drawResult } from "./drawing";
import { sentenceOf } from "./errors";
import { above, resultFile, vocText } from "./exports";
import { objectList, probabilityBars } from "./lists";
import type { Answer, Result } from "./types";
import { described, labelOf, sizeAndTime, stem } from "./wording";

export type CardState = "waiting" | "looking" | "done" | "fault";

const STATE_WORDS = { waiting: "Waiting", looking: "Looking …", done: "", fault: "" };
const TEXT_SIZE = 13; // of labels, in the page's pixels
const TALLEST = "24rem";
const LARGER = "85vh";

export interface CardSettings {
  classNames: readonly string[];
  threshold: number;
  remove: (card: Card) => void;
}

export class Card {
  readonly element: HTMLElement;
  answer: Answer | undefined;
  private picture: Blob | undefined;
  private bitmap: ImageBitmap | undefined; // only while in sight
  private inSight = false;
  private listed: number | undefined; // the threshold of what is listed
  private readonly canvas = make("canvas", { attributes: { role: "img" } });
  private readonly stateText = make("p", { class: "card-state" });
  private readonly factsText = make("p", { class: "card-facts" });
  private readonly faultText = make("p", { class: "card-fault" });
  private readonly results = make("div", { class: "card-results" });
  private readonly actions = make("div", { class: "card-actions" });

  constructor(readonly name: string, private readonly settings: CardSettings) {
    const heading = make("h3", { class: "card-name", text: name, attributes: { title: name } });
    const body = make("div", { class: "card-body" }, heading, this.factsText, this.faultText, this.results, this.actions);
    const frame = make("div", { class: "card-picture" }, this.canvas, this.stateText, this.enlarger());
    this.element = make("article", { class: "card", attributes: { "aria-label": name } }, frame, body);
    this.actions.append(button("Remove", `Remove ${name}`, () => settings.remove(this)));
    this.canvas.hidden = true;
    this.state = "waiting";
  }

  get state(): CardState {
    return this.element.dataset.state as CardState;
  }

  set state(state: CardState) {
    this.element.dataset.state = state;
    this.stateText.textContent = STATE_WORDS[state];
  }

  /** Shows an answer over the picture that was kept of the photo. */
  finish(answer: Answer, picture: Blob): void {
    this.answer = answer;
    this.picture = picture;
    const { width, height } = answer.result;
    this.canvas.style.aspectRatio = `${width} / ${height}`; // its place, painted or not
    this.limit(TALLEST);
    this.canvas.hidden = false;
    this.factsText.textContent = sizeAndTime(answer);
    this.actions.prepend(...this.downloads(answer));
    this.state = "done";
    this.update();
    if (this.inSight) void this.show();
  }

  fail(sentence: string): void {
    this.faultText.textContent = sentence;
    this.state = "fault";
  }

  /** Lists and draws anew, after the threshold or the page's width changed. */
  update(): void {
    if (this.answer === undefined) return;
    // Else a list that somebody opened would close whenever a phone's address bar comes or goes.
    if (this.listed !== this.settings.threshold) this.list(this.answer.result);
    this.paint();
  }

  /** Paints the picture once it comes near the visible part of the page. */
  async show(): Promise<void> {
    this.inSight = true;
    if (this.picture === undefined || this.bitmap !== undefined) return;
    this.takeBitmap(await createImageBitmap(this.picture));
  }

  /** Gives back the pixels of a card that is out of sight: of a thousand, few are painted. */
  hide(): void {
    this.inSight = false;
    this.bitmap?.close();
    this.bitmap = undefined;
    this.canvas.width = this.canvas.height = 0;
  }

  /** Takes the card from the page and lets go of all that it holds. */
  remove(): void {
    this.hide();
    this.element.remove();
    this.answer = this.picture = undefined;
  }

  /** The result as an object for JSON; undefined where there is none. */
  async file(): Promise<object | undefined> {
    if (this.answer === undefined) return undefined;
    return resultFile(this.name, this.answer.result, this.settings.classNames, this.settings.threshold);
  }

  private list(result: Result): void {
    const shown = result.kind === "detections" ? above(result, this.settings.threshold) : [];
    const lists = result.kind === "detections"
      ? objectList(shown, result.detections.length)
      : probabilityBars(result);
    const isOpen = this.results.querySelector("details")?.open ?? false;
    this.results.replaceChildren(...lists);
    this.results.querySelector("details")?.toggleAttribute("open", isOpen);
    this.canvas.setAttribute("aria-label", described(this.name, result, shown));
    this.listed = this.settings.threshold;
  }

  /** The card may have gone out of sight, or been shown already, since the bitmap was asked for. */
  private takeBitmap(bitmap: ImageBitmap): void {
    if (!this.inSight || this.bitmap !== undefined) {
      bitmap.close();
      return;
    }
    this.bitmap = bitmap;
    this.paint();
  }

  private paint(): void {
    if (this.answer === undefined || this.bitmap === undefined) return;
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth } = this.canvas;
    // No finer than the picture; but where it is shown larger than it is, its labels are not blurred.
    const width = Math.min(Math.max(this.bitmap.width, clientWidth), Math.ceil(clientWidth * ratio));
    const height = Math.max(1, Math.round((width * this.bitmap.height) / this.bitmap.width));
    if (width === 0) return;
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    const text = (TEXT_SIZE * width) / clientWidth;
    const context = this.canvas.getContext("2d", { alpha: false })!;
    drawResult({ context, width, height, text }, this.bitmap, this.answer.result, this.settings.threshold);
  }

  /** A tall photo does not fill the screen, unless it is asked to. */
  private limit(height: string): void {
    if (this.answer === undefined) return;
    const { result } = this.answer;
    this.canvas.style.inlineSize = `min(100%, ${height} * ${result.width / result.height})`;
  }

  /** A button that gives the card the page's whole width. */
  private enlarger(): HTMLButtonElement {
    const toggle = button("⤢", `Show ${this.name} larger`, () => {
      const larger = this.element.classList.toggle("larger");
      toggle.setAttribute("aria-pressed", String(larger));
      this.limit(larger ? LARGER : TALLEST);
      this.paint();
    });
    toggle.setAttribute("aria-pressed", "false");
    return toggle;
  }

  private downloads(answer: Answer): HTMLButtonElement[] {
    const { result } = answer;
    const base = stem(this.name);
    const save = (type: string, ending: string, content: () => Promise<string | Blob>) => async () => {
      try {
        download(new Blob([await content()], { type }), `${base}${ending}`);
      } catch (error) {
        this.faultText.textContent = sentenceOf(error, "The file was not made", "try again");
      }
    };
    const json = save("application/json", ".json", async () => JSON.stringify(await this.file()));
    const buttons = [button("JSON", `JSON of ${this.name}`, json)];
    if (result.kind === "detections") {
      const xml = save("text/xml", ".xml", async () => vocText(this.name, result, this.settings.threshold));
      buttons.push(button("VOC XML", `VOC XML of ${this.name}`, xml));
    }
    const png = save("image/png", "_drawn.png", () => this.drawn(answer));
    buttons.push(button("PNG", `PNG picture of ${this.name} with drawings`, png));
    return buttons;
  }

  /** A PNG of the kept picture with its drawings. */
  private async drawn({ result }: Answer): Promise<Blob> {
    const bitmap = await createImageBitmap(this.picture!);
    const { width, height } = bitmap;
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d", { alpha: false })!;
    const sheet = { context, width, height, text: Math.max(11, Math.round(Math.min(width, height) / 32)) };
    drawResult(sheet, bitmap, result, this.settings.threshold);
    if (result.kind === "labels") drawLines(sheet, result.labels.slice(0, 3).map(labelOf));
    bitmap.close();
    return canvas.convertToBlob({ type: "image/png" });
  }
}
