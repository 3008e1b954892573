/** What concerns all photos: the threshold, the buttons above the cards, how far the work is. */

import { byId, download } from "./dom";
import { sentenceOf } from "./errors";
import type { Gallery } from "./gallery";
import { doneLine, queueLine } from "./wording";
import type { Work } from "./work";

export const READY = "Ready: give a photo.";

/** Scores from which on objects count. */
export class Threshold {
  changed: (value: number) => void = () => undefined;
  private readonly slider = byId("threshold", HTMLInputElement);

  /** `lowest`: a file reports nothing below it. */
  constructor(value: number, lowest: number, used: boolean) {
    this.slider.min = String(Math.min(value, lowest));
    this.slider.value = String(value);
    byId("threshold-part", HTMLElement).hidden = !used;
    this.slider.addEventListener("input", () => {
      this.show();
      this.changed(this.value);
    });
    this.show();
  }

  get value(): number {
    return this.slider.valueAsNumber;
  }

  private show(): void {
    byId("threshold-value", HTMLElement).textContent = this.value.toFixed(2);
  }
}

/** Buttons for all photos. */
export function listenToToolbar(work: Work, gallery: Gallery): void {
  byId("cancel", HTMLButtonElement).addEventListener("click", () => work.cancel());
  byId("clear", HTMLButtonElement).addEventListener("click", () => {
    work.clear();
    byId("choose", HTMLInputElement).focus();
  });
  byId("download-all", HTMLButtonElement).addEventListener("click", async () => {
    try {
      const content = JSON.stringify(await gallery.file());
      download(new Blob([content], { type: "application/json" }), "maskdet_results.json");
    } catch (error) {
      const advice = "take the JSON of each photo instead";
      byId("status", HTMLElement).textContent = sentenceOf(error, "The file was not made", advice);
    }
  });
}

/** Says how far the work is, and shows what can be done about it. */
export function tell(work: Work, gallery: Gallery): void {
  const done = gallery.countOf("done");
  const line = queueLine(work.looking, work.hidden) || doneLine(done, gallery.countOf("fault"));
  byId("status", HTMLElement).textContent = line || READY;
  byId("toolbar", HTMLElement).hidden = gallery.count === 0;
  byId("cancel", HTMLElement).hidden = work.waiting === 0;
  byId("download-all", HTMLButtonElement).disabled = done === 0;
}
