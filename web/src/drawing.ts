/** Boxes, masks and labels drawn over a picture. */

import { classColour, type Colour, cssColour, inkOn } from "./colours";
import { above } from "./exports";
import { placeLabels } from "./layout";
import { fullMask } from "./masks";
import type { Box, Detection, Result, SmallMask } from "./types";
import { labelOf } from "./wording";

export type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

const MASK_OPACITY = 0.42; // as maskdet draws
const FONT = 'system-ui, -apple-system, "Segoe UI", sans-serif';

/** Where to draw: the context's canvas has these sides, and text is `text` pixels high. */
export interface Sheet {
  context: Context;
  width: number;
  height: number;
  text: number;
}

/** A picture that fills the sheet, and the detections of `threshold` or more on it. */
export function drawResult(
  sheet: Sheet, picture: CanvasImageSource, result: Result, threshold: number,
): void {
  const { context, width, height } = sheet;
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, width, height);
  if (result.kind === "detections") {
    const scale = [height / result.height, width / result.width];
    drawObjects(sheet, above(result, threshold).map((detection) => scaled(detection, scale)));
  }
}

/** Lines of text in the upper left corner. */
export function drawLines({ context, text }: Sheet, lines: readonly string[]): void {
  context.font = `600 ${text}px ${FONT}`;
  context.textBaseline = "middle";
  const widest = Math.max(...lines.map((line) => context.measureText(line).width));
  context.fillStyle = "rgb(0 0 0 / 0.75)";
  context.fillRect(0, 0, widest + text, (1.4 * lines.length + 0.4) * text);
  context.fillStyle = "white";
  for (const [k, line] of lines.entries()) context.fillText(line, 0.5 * text, (1.4 * k + 0.9) * text);
}

function scaled(detection: Detection, [y, x]: number[]): Detection {
  const [y1, x1, y2, x2] = detection.box;
  return { ...detection, box: [y1 * y, x1 * x, y2 * y, x2 * x] };
}

/** The weakest first, so that the best are on top. */
function drawObjects(sheet: Sheet, detections: readonly Detection[]): void {
  const best = [...detections].sort((one, other) => other.score - one.score);
  const weakestFirst = [...best].reverse();
  for (const { mask, box, classId } of weakestFirst) {
    if (mask) drawMask(sheet, mask, box, classColour(classId));
  }
  for (const { box, classId } of weakestFirst) drawBox(sheet, box, classColour(classId));
  drawLabels(sheet, best);
}

/** A translucent filling with an outline one pixel wide, or more on finer screens. */
function drawMask({ context, width, height, text }: Sheet, mask: SmallMask, box: Box, colour: Colour): void {
  const part = fullMask(mask, box, height, width);
  if (part.height === 0 || part.width === 0) return;
  const image = new ImageData(part.width, part.height);
  const rim = Math.max(1, Math.round(text / 12));
  const core = shrunk(part.bits, part.height, part.width, rim);
  for (let k = 0; k < part.bits.length; k++) {
    if (!part.bits[k]) continue;
    image.data.set(colour, 4 * k);
    image.data[4 * k + 3] = core[k] ? 255 * MASK_OPACITY : 255;
  }
  const layer = new OffscreenCanvas(part.width, part.height);
  layer.getContext("2d")!.putImageData(image, 0, 0);
  context.drawImage(layer, part.left, part.top);
  layer.width = layer.height = 0;
}

/** A mask without its outermost pixels, `rim` times over. */
function shrunk(bits: Uint8Array, height: number, width: number, rim: number): Uint8Array {
  let whole = bits;
  for (let round = 0; round < rim; round++) {
    const core = new Uint8Array(whole.length);
    for (let y = 1; y < height - 1; y++) {
      for (let k = y * width + 1; k < (y + 1) * width - 1; k++) {
        core[k] = whole[k] & whole[k - 1] & whole[k + 1] & whole[k - width] & whole[k + width];
      }
    }
    whole = core;
  }
  return whole;
}

function drawBox({ context, text }: Sheet, [y1, x1, y2, x2]: Box, colour: Colour): void {
  const line = Math.max(1, text / 6.5);
  // A dark seam keeps bright colours apart from bright photos.
  for (const [style, width] of [["rgb(0 0 0 / 0.4)", line + 2], [cssColour(colour), line]] as const) {
    context.strokeStyle = style;
    context.lineWidth = width;
    context.lineJoin = "round";
    context.strokeRect(x1, y1, x2 - x1, y2 - y1);
  }
}

function drawLabels({ context, width, height, text }: Sheet, best: readonly Detection[]): void {
  context.font = `600 ${text}px ${FONT}`;
  context.textBaseline = "middle";
  const widths = best.map((detection) => context.measureText(labelOf(detection)).width + text * 0.8);
  const boxes = best.map(({ box }) => box);
  const spots = placeLabels(boxes, widths, 1.5 * text, { width, height });
  for (const [k, spot] of [...spots.entries()].reverse()) {
    const colour = classColour(best[k].classId);
    context.fillStyle = cssColour(colour);
    context.fillRect(spot.left, spot.top, spot.width, spot.height);
    context.fillStyle = inkOn(colour);
    context.fillText(labelOf(best[k]), spot.left + 0.4 * text, spot.top + 0.8 * text);
  }
}
