/** Where labels stand beside their boxes. */

import type { Box } from "./types";

export interface Spot {
  left: number;
  top: number;
  width: number;
  height: number;
}

/**
 * A spot for each label, inside the picture as far as it fits. Above its box, or else inside its
 * upper edge, or below it: the first of these that covers no earlier label; so the most important
 * object comes first.
 */
export function placeLabels(
  boxes: readonly Box[],
  widths: readonly number[],
  height: number,
  picture: { width: number; height: number },
): Spot[] {
  const placed: Spot[] = [];
  for (const [index, [y1, x1, y2]] of boxes.entries()) {
    const width = widths[index];
    const left = clamp(x1, 0, picture.width - width);
    const spots = [y1 - height, y1, y2 - height, y2]
      .filter((top) => top >= 0 && top + height <= picture.height)
      .map((top) => ({ left, top, width, height }));
    const inside = { left, top: clamp(y1 - height, 0, picture.height - height), width, height };
    placed.push(spots.find((spot) => !placed.some((other) => overlap(spot, other))) ?? spots[0] ?? inside);
  }
  return placed;
}

/** Sides of a picture made to fit into a square of `most`, never larger than it is. */
export function fitted(width: number, height: number, most: number): [width: number, height: number] {
  const scale = Math.min(1, most / Math.max(width, height));
  return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
}

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(value, high));
}

function overlap(one: Spot, other: Spot): boolean {
  return (
    one.left < other.left + other.width && other.left < one.left + one.width &&
    one.top < other.top + other.height && other.top < one.top + one.height
  );
}
