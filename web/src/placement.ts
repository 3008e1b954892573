/**
 * Placement: how a photo was scaled and padded into the network's input, and the way back.
 * The arithmetic of maskdet/geometry/placement.py; pixels are moved by resampling.ts.
 */
import { PageError } from "./errors";
import { roundHalfEven } from "./rounding";
import type { Box, ResizeMode } from "./types";

export type Shape = [height: number, width: number];

/** The grey around photos in mode "corner", 0..255. */
const CORNER_FILL = 114;
/** Sides that "pad64" pads to. */
const SIDE_MULTIPLE = 64;

/** See {@link place}. */
export interface PlacementRule {
  minDim: number;
  maxDim: number;
  minScale: number;
  mode: ResizeMode;
}

export interface Placement {
  /** Of the photo in its own pixels. */
  imageShape: Shape;
  /** Of the network's input. */
  canvasShape: Shape;
  /** Of the whole scaled photo, in canvas pixels. */
  scaledShape: Shape;
  /** y1, x1, y2, x2 of the photo on the canvas; around it is padding. */
  window: Box;
  /** y, x, height, width of what of the scaled photo is on the canvas; null for the whole. */
  crop: [y: number, x: number, height: number, width: number] | null;
  /** Value of all channels around the photo. */
  fill: number;
}

/** Where a photo goes; throws a PageError for a mode that is not known or lacks a setting. */
export function place(image: Shape, rule: PlacementRule): Placement {
  const { minDim, maxDim, mode } = rule;
  switch (mode) {
    case "none":
      return whole(image, image, image, [0, 0]);
    case "stretch":
      return whole(image, side(maxDim, mode), side(maxDim, mode), [0, 0]);
    case "centre":
      return cut(image, rounded(image, minDim / Math.min(...image)), side(maxDim, mode));
    case "crop":
      return cut(image, rounded(image, enlarged(image, rule)), side(minDim, mode));
    case "square":
      return centred(image, rounded(image, bounded(image, rule)), side(maxDim, mode));
    case "corner": {
      const scaled = rounded(image, bounded(image, rule));
      return { ...whole(image, side(maxDim, mode), scaled, [0, 0]), fill: CORNER_FILL };
    }
    case "pad64": {
      const scaled = rounded(image, enlarged(image, rule));
      return centred(image, scaled, scaled.map(up) as Shape);
    }
    default:
      throw new PageError(
        `This page does not know the resize mode '${String(mode)}' of its network; export the ` +
          "page again with the maskdet that made the network.",
      );
  }
}

function side(length: number, mode: string): Shape {
  if (!(length > 0)) {
    throw new PageError(
      `The resize mode '${mode}' of this page's network lacks the side of its input; export the ` +
        "page again.",
    );
  }
  return [length, length];
}

function up(length: number): number {
  return Math.ceil(length / SIDE_MULTIPLE) * SIDE_MULTIPLE;
}

function rounded(image: Shape, scale: number): Shape {
  return image.map((length) => Math.max(1, roundHalfEven(length * scale))) as Shape;
}

/** Enlarged to the shorter side and by the least factor, never shrunk. */
function enlarged(image: Shape, rule: PlacementRule): number {
  const scale = rule.minDim ? Math.max(1, rule.minDim / Math.min(...image)) : 1;
  return Math.max(scale, rule.minScale || 0);
}

/** The same, but within the canvas, which has the last word. */
function bounded(image: Shape, rule: PlacementRule): number {
  const scale = enlarged(image, rule);
  const longest = Math.max(...image);
  return roundHalfEven(longest * scale) > rule.maxDim ? rule.maxDim / longest : scale;
}

function whole(image: Shape, canvas: Shape, scaled: Shape, [top, left]: Shape): Placement {
  const window: Box = [top, left, top + scaled[0], left + scaled[1]];
  return {
    imageShape: image,
    canvasShape: canvas,
    scaledShape: scaled,
    window,
    crop: null,
    fill: 0,
  };
}

/** Of an odd rest, the smaller half goes top and left. */
function middle(outer: Shape, inner: Shape): Shape {
  return [Math.floor((outer[0] - inner[0]) / 2), Math.floor((outer[1] - inner[1]) / 2)];
}

function centred(image: Shape, scaled: Shape, canvas: Shape): Placement {
  return whole(image, canvas, scaled, middle(canvas, scaled));
}

/** The middle of the scaled photo fills the canvas. */
function cut(image: Shape, scaled: Shape, canvas: Shape): Placement {
  if (scaled[0] < canvas[0] || scaled[1] < canvas[1]) {
    throw new PageError(
      `The page's network cuts ${canvas[0]} x ${canvas[1]} pixels out of photos that it scales ` +
        `to ${scaled[0]} x ${scaled[1]}; export the page again.`,
    );
  }
  const [y, x] = middle(scaled, canvas);
  const crop: Placement["crop"] = [y, x, ...canvas];
  return { ...whole(image, canvas, canvas, [0, 0]), scaledShape: scaled, crop };
}

/** Boxes in canvas pixels, moved to the photo's and clipped to it. */
export function inverseBoxes(boxes: Box[], placement: Placement): Box[] {
  const { imageShape: image, scaledShape: scaled, window, crop } = placement;
  // Height and width are rounded each for itself: these take corners exactly to the window's.
  const factors = [scaled[0] / image[0], scaled[1] / image[1]];
  const shift = [window[0] - (crop?.[0] ?? 0), window[1] - (crop?.[1] ?? 0)];
  return boxes.map((box) => {
    const moved = box.map((value, i) => Math.fround((value - shift[i % 2]) / factors[i % 2]));
    return clipped(moved as Box, image);
  });
}

/** A network's boxes in matterport's normalised form over its canvas, in the photo's pixels. */
export function boxesInImage(boxes: Box[], placement: Placement): Box[] {
  const window = normalizedWindow(placement);
  const image = placement.imageShape;
  const sides = [Math.fround(window[2] - window[0]), Math.fround(window[3] - window[1])];
  return boxes.map((box) => {
    const moved = box.map(
      (value, i) => ((value - window[i % 2]) / sides[i % 2]) * (image[i % 2] - 1) + (i < 2 ? 0 : 1),
    );
    return clipped(moved as Box, image).map(Math.fround) as Box;
  });
}

/**
 * The window in matterport's normalised form, float32: far corners name the last pixel inside and
 * sides are divided by their length minus one. A network of masks takes it as an input.
 */
export function normalizedWindow(placement: Placement): Box {
  const [height, width] = placement.canvasShape;
  return placement.window.map((value, i) =>
    Math.fround((value - (i < 2 ? 0 : 1)) / ((i % 2 ? width : height) - 1)),
  ) as Box;
}

function clipped(box: Box, [height, width]: Shape): Box {
  return box.map((value, i) => Math.min(Math.max(value, 0), i % 2 ? width : height)) as Box;
}
