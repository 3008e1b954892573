/** Results as lists: objects with their scores, probabilities as bars. */

import { classColour, cssColour } from "./colours";
import { make } from "./dom";
import type { Detection, LabelResult } from "./types";
import { counted, percent } from "./wording";

const OBJECTS_SHOWN = 6;
const LABELS_SHOWN = 5;

export function objectList(detections: readonly Detection[], all: number): HTMLElement[] {
  if (detections.length === 0) {
    const more = all ? `; ${all} below the threshold` : "";
    return [make("p", { class: "nothing", text: `No object found${more}.` })];
  }
  const items = detections.map((detection) => {
    const swatch = make("span", { class: "swatch", attributes: { "aria-hidden": "true" } });
    swatch.style.backgroundColor = cssColour(classColour(detection.classId));
    const name = make("span", { class: "object-name", text: detection.className });
    const score = make("span", { class: "score", text: detection.score.toFixed(2) });
    return make("li", {}, swatch, name, score);
  });
  return folded("objects", items, OBJECTS_SHOWN, "object");
}

export function probabilityBars(result: LabelResult): HTMLElement[] {
  const items = result.labels.map(({ className, score }) => {
    const fill = make("span", { class: "fill" });
    fill.style.inlineSize = `${100 * score}%`;
    const name = make("span", { class: "object-name", text: className });
    const share = make("span", { class: "score", text: percent(score) });
    return make("li", {}, name, share, make("span", { class: "bar", attributes: { "aria-hidden": "true" } }, fill));
  });
  return folded("bars", items, LABELS_SHOWN, "class", "classes");
}

/** The first items, and the others behind a line that opens. */
function folded(
  kind: string, items: HTMLElement[], shown: number, noun: string, nouns?: string,
): HTMLElement[] {
  const first = make("ul", { class: kind }, ...items.slice(0, shown));
  const rest = items.slice(shown);
  if (rest.length === 0) return [first];
  const words = nouns !== undefined && rest.length > 1 ? `${rest.length} ${nouns}` : counted(rest.length, noun);
  const summary = make("summary", { text: `${words} more` });
  return [first, make("details", {}, summary, make("ul", { class: kind }, ...rest))];
}
