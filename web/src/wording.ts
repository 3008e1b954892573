/** What the page says, as far as it depends on numbers and names. */

import type { Answer, Detection, Engine, Result } from "./types";

/** "1 photo", "12 photos". */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** "LiteRT, 2 threads, input 320 × 320". */
export function engineLine(engine: Engine): string {
  const place =
    engine.accelerator === "webgpu" ? "on the graphics card (WebGPU)" : counted(engine.threads, "thread");
  return `LiteRT, ${place}, input ${engine.inputWidth} × ${engine.inputHeight}`;
}

/** How far the queue is; empty where nothing is to be done. */
export function queueLine(looking: string | undefined, hidden: number): string {
  const waiting = hidden ? `${counted(hidden, "photo")} wait${hidden === 1 ? "s" : ""}.` : "";
  return [looking === undefined ? "" : `Looking at ${looking}.`, waiting].filter(Boolean).join(" ");
}

/** What came of the photos; empty where there were none. */
export function doneLine(done: number, faults: number): string {
  const failed = faults ? `${counted(faults, "photo")} could not be looked at.` : "";
  return [done ? `${counted(done, "photo")} done.` : "", failed].filter(Boolean).join(" ");
}

/** "cat 0.93": as maskdet labels an object. */
export function labelOf(object: { className: string; score: number }): string {
  return `${object.className} ${object.score.toFixed(2)}`;
}

/** "2 cat, 1 dog": names stay as they are, since they may be of any language. */
export function summary(detections: readonly Detection[]): string {
  const counts = new Map<string, number>();
  for (const { className } of detections) counts.set(className, (counts.get(className) ?? 0) + 1);
  const parts = [...counts].sort((one, other) => other[1] - one[1]).map(([name, n]) => `${n} ${name}`);
  return parts.join(", ") || "nothing";
}

/** What a picture shows, for those who do not see it. */
export function described(name: string, result: Result, shown: readonly Detection[]): string {
  if (result.kind === "detections") return `${name} with ${summary(shown)}`;
  return `${name}, likely ${result.labels[0]?.className ?? "nothing known"}`;
}

/** "640 × 480 pixels, 38 ms"; the time is all that the photo took. */
export function sizeAndTime(answer: Answer): string {
  const spent = answer.placing + answer.network + answer.decoding;
  return `${answer.result.width} × ${answer.result.height} pixels, ${milliseconds(spent)}`;
}

export function milliseconds(value: number): string {
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

/** "93.4 %"; shares below a tenth of a percent are said to be that. */
export function percent(share: number): string {
  if (share > 0 && share < 0.001) return "< 0.1 %";
  return `${(100 * share).toFixed(1)} %`;
}

/** A photo's name without its ending, as a name for its results. */
export function stem(name: string): string {
  return name.replace(/\.[A-Za-z0-9]{1,5}$/, "") || "photo";
}
