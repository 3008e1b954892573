/** A detection's small mask at the photo's size, bit for bit as maskdet pastes it. */
import { roundHalfEven } from "./rounding";
import type { Box, SmallMask } from "./types";

/** The part of the photo that a mask covers; `bits` are 0 or 1, row by row. */
export interface FullMask {
  top: number;
  left: number;
  height: number;
  width: number;
  bits: Uint8Array;
}

/** Of each output pixel: the two neighbours along one side, -1 and the length lying outside. */
interface Neighbours {
  first: Int32Array;
  share: Float64Array;
}

/**
 * The mask in its box, rounded to whole pixels and cut to the photo of `height` x `width`: bilinear
 * at pixel centres, 1 where the share is a half or more. A box without area gives nothing.
 */
export function fullMask(mask: SmallMask, box: Box, height: number, width: number): FullMask {
  const [y1, y2] = wholeSpan(box[0], box[2]);
  const [x1, x2] = wholeSpan(box[1], box[3]);
  const top = Math.max(y1, 0);
  const left = Math.max(x1, 0);
  const rows = Math.min(y2, height) - top;
  const columns = Math.min(x2, width) - left;
  if (!(rows > 0 && columns > 0)) {
    return { top: 0, left: 0, height: 0, width: 0, bits: new Uint8Array(0) };
  }
  const down = neighbours(mask.height, y2 - y1, top - y1, rows);
  const across = neighbours(mask.width, x2 - x1, left - x1, columns);
  return { top, left, height: rows, width: columns, bits: pasted(mask, down, across) };
}

/** Corners in whole pixels; a box thinner than a pixel takes the pixel that it lies in. */
export function wholeSpan(low: number, high: number): [number, number] {
  const first = roundHalfEven(low);
  const second = roundHalfEven(high);
  if (first !== second || !(high > low)) return [first, second];
  const middle = Math.floor((low + high) / 2);
  return [middle, middle + 1];
}

function neighbours(length: number, newLength: number, start: number, count: number): Neighbours {
  const first = new Int32Array(count);
  const share = new Float64Array(count);
  const step = length / newLength;
  for (let i = 0; i < count; i++) {
    const centre = (start + i + 0.5) * step - 0.5;
    const low = Math.floor(centre);
    first[i] = Math.min(Math.max(low, -1), length);
    share[i] = centre - low;
  }
  return { first, share };
}

function pasted(mask: SmallMask, down: Neighbours, across: Neighbours): Uint8Array {
  const columns = across.first.length;
  const bits = new Uint8Array(down.first.length * columns);
  // Pixels outside count as 0, but no result leaves the range that the mask itself has.
  const [low, high] = range(mask.shares);
  const lines = new Map<number, Float64Array>();
  const line = (row: number): Float64Array => {
    const known = lines.get(row);
    if (known) return known;
    const made = stretchedRow(mask, row, across);
    lines.set(row, made);
    return made;
  };
  for (let y = 0; y < down.first.length; y++) {
    const upper = line(down.first[y]);
    const lower = line(Math.min(down.first[y] + 1, mask.height));
    const share = down.share[y];
    for (let x = 0; x < columns; x++) {
      const value = upper[x] * (1 - share) + lower[x] * share;
      bits[y * columns + x] = Math.min(Math.max(value, low), high) >= 0.5 ? 1 : 0;
    }
  }
  return bits;
}

/** Where zero lies within the mask's own range the zeros outside need no clipping. */
function range(shares: Float32Array): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const share of shares) {
    if (share < low) low = share;
    if (share > high) high = share;
  }
  return low > 0 || high < 0 ? [low, high] : [-Infinity, Infinity];
}

/** One row of the mask, drawn out to the box's width; rows outside are zero. */
function stretchedRow(mask: SmallMask, row: number, across: Neighbours): Float64Array {
  const { first, share } = across;
  const values = new Float64Array(first.length);
  if (row < 0 || row >= mask.height) return values;
  const at = (column: number): number =>
    column < 0 || column >= mask.width ? 0 : mask.shares[row * mask.width + column];
  for (let x = 0; x < first.length; x++) {
    const right = Math.min(first[x] + 1, mask.width);
    values[x] = at(first[x]) * (1 - share[x]) + at(right) * share[x];
  }
  return values;
}
