/**
 * A photo's pixels on the network's canvas, byte for byte as Python puts them there: what the
 * resize() of Pillow 13 with BILINEAR and reducing_gap=1.0 gives. Means of whole blocks of pixels
 * come first, then a bilinear resampling over the area that a pixel covers, a side at a time.
 */
import { coefficients, PRECISION, type Coefficients } from "./coefficients";
import type { Placement } from "./placement";
import type { Photo } from "./types";

/** Rows of pixels of `channels` bytes each; of four the last is not looked at. */
interface Plane {
  height: number;
  width: number;
  channels: 3 | 4;
  bytes: Uint8Array;
}

/** From the first to the one behind the last. */
type Span = [start: number, end: number];

const HALF = 1 << (PRECISION - 1);

/** The canvas: (height, width, 3), RGB. */
export function placedPixels(photo: Photo, placement: Placement): Uint8Array<ArrayBuffer> {
  const [height, width] = placement.canvasShape;
  const canvas = new Uint8Array(height * width * 3);
  if (placement.fill) canvas.fill(placement.fill);
  const [y, x, rows, columns] = placement.crop ?? [0, 0, ...placement.scaledShape];
  const { buffer, byteOffset, length } = photo.pixels;
  // One kind of array in all loops keeps them quick.
  const bytes = new Uint8Array(buffer, byteOffset, length);
  const plane: Plane = { height: photo.height, width: photo.width, channels: 4, bytes };
  const part = scaled(plane, placement.scaledShape, [y, y + rows], [x, x + columns]);
  const [top, left] = placement.window;
  for (let row = 0; row < rows; row++) {
    const line = part.subarray(row * columns * 3, (row + 1) * columns * 3);
    canvas.set(line, ((top + row) * width + left) * 3);
  }
  return canvas;
}

/** The part `rows` x `columns` of the plane scaled to `shape`: RGB. */
function scaled(
  plane: Plane,
  [height, width]: [number, number],
  rows: Span,
  columns: Span,
): Uint8Array {
  const blockRows = Math.trunc(plane.height / height) || 1;
  const blockColumns = Math.trunc(plane.width / width) || 1;
  const small = blockRows * blockColumns > 1 ? reduced(plane, blockRows, blockColumns) : plane;
  const tall = changed(small.height, plane.height / blockRows, height);
  const wide = changed(small.width, plane.width / blockColumns, width);
  // Each pass rounds to bytes, so their order shows. Pillow goes down first where that saves it work.
  const saved = small.height - height;
  if (tall && saved > 0 && saved > (small.width - width) * 2) {
    const needed = wide ? covered(wide, columns) : columns;
    const lines = resampledDown(small, tall, rows, needed, 0);
    return wide ? resampledAcross(lines, wide, [0, lines.height], columns, needed[0]).bytes : lines.bytes;
  }
  const needed = tall ? covered(tall, rows) : rows;
  const lines = wide
    ? resampledAcross(small, wide, needed, columns, 0)
    : cut(small, needed, columns);
  return tall ? resampledDown(lines, tall, rows, [0, lines.width], needed[0]).bytes : lines.bytes;
}

/** Coefficients of a side that is resampled, null for one that stays. */
function changed(length: number, span: number, count: number): Coefficients | null {
  return length === count && Math.fround(span) === count ? null : coefficients(length, span, count);
}

/** Input pixels that the output pixels of a span are made of. */
function covered({ starts, counts }: Coefficients, [start, end]: Span): Span {
  return [starts[start], starts[end - 1] + counts[end - 1]];
}

/** Output `columns` of the plane's `rows`, whose first column is number `origin` of the picture. */
function resampledAcross(
  plane: Plane,
  { starts, counts, stride, weights }: Coefficients,
  rows: Span,
  columns: Span,
  origin: number,
): Plane {
  const { bytes, channels } = plane;
  const lines = emptyPlane(rows, columns);
  let to = 0;
  for (let row = rows[0]; row < rows[1]; row++) {
    const line = row * plane.width - origin;
    for (let column = columns[0]; column < columns[1]; column++) {
      let from = (line + starts[column]) * channels;
      let red = HALF;
      let green = HALF;
      let blue = HALF;
      const place = column * stride;
      const stop = place + counts[column];
      for (let k = place; k < stop; k++) {
        const weight = weights[k];
        red += Math.imul(bytes[from], weight);
        green += Math.imul(bytes[from + 1], weight);
        blue += Math.imul(bytes[from + 2], weight);
        from += channels;
      }
      lines.bytes[to] = clipped(red >> PRECISION);
      lines.bytes[to + 1] = clipped(green >> PRECISION);
      lines.bytes[to + 2] = clipped(blue >> PRECISION);
      to += 3;
    }
  }
  return lines;
}

/** Output `rows` of the plane's `columns`, whose first row is number `origin` of the picture. */
function resampledDown(
  plane: Plane,
  { starts, counts, stride, weights }: Coefficients,
  rows: Span,
  columns: Span,
  origin: number,
): Plane {
  const { bytes, channels } = plane;
  const lines = emptyPlane(rows, columns);
  const sums = new Int32Array((columns[1] - columns[0]) * channels);
  let to = 0;
  for (let row = rows[0]; row < rows[1]; row++) {
    sums.fill(HALF);
    for (let k = 0; k < counts[row]; k++) {
      const weight = weights[row * stride + k];
      const from = ((starts[row] - origin + k) * plane.width + columns[0]) * channels;
      for (let i = 0; i < sums.length; i++) sums[i] += Math.imul(bytes[from + i], weight);
    }
    for (let i = 0; i < sums.length; i += channels) {
      lines.bytes[to] = clipped(sums[i] >> PRECISION);
      lines.bytes[to + 1] = clipped(sums[i + 1] >> PRECISION);
      lines.bytes[to + 2] = clipped(sums[i + 2] >> PRECISION);
      to += 3;
    }
  }
  return lines;
}

/** A part of a plane as it is. */
function cut(plane: Plane, rows: Span, columns: Span): Plane {
  const { bytes, channels } = plane;
  const lines = emptyPlane(rows, columns);
  let to = 0;
  for (let row = rows[0]; row < rows[1]; row++) {
    let from = (row * plane.width + columns[0]) * channels;
    for (let column = columns[0]; column < columns[1]; column++) {
      lines.bytes[to] = bytes[from];
      lines.bytes[to + 1] = bytes[from + 1];
      lines.bytes[to + 2] = bytes[from + 2];
      from += channels;
      to += 3;
    }
  }
  return lines;
}

function emptyPlane(rows: Span, columns: Span): Plane {
  const [height, width] = [rows[1] - rows[0], columns[1] - columns[0]];
  return { height, width, channels: 3, bytes: new Uint8Array(height * width * 3) };
}

/** Rounded weights may sum to a little more than one. */
function clipped(value: number): number {
  return value > 255 ? 255 : value;
}

/** Means of blocks of `down` x `across` pixels; those of the last row and column may be smaller. */
function reduced(plane: Plane, down: number, across: number): Plane {
  const height = Math.ceil(plane.height / down);
  const width = Math.ceil(plane.width / across);
  const bytes = new Uint8Array(height * width * 3);
  const sums = new Uint32Array(width * 3);
  const lastColumns = plane.width - (width - 1) * across;
  for (let row = 0; row < height; row++) {
    const rows = Math.min(down, plane.height - row * down);
    sums.fill(0);
    for (let y = row * down; y < row * down + rows; y++) addRow(plane, y, across, sums);
    divide(sums, bytes, row * width * 3, width - 1, rows * across, rows * lastColumns);
  }
  return { height, width, channels: 3, bytes };
}

/** Adds each block's pixels of the row `y` to the block's sums. */
function addRow(plane: Plane, y: number, across: number, sums: Uint32Array): void {
  const { bytes, channels, width } = plane;
  const step = across * channels;
  const start = y * width * channels;
  const end = start + width * channels;
  for (let from = start, to = 0; from < end; from += step, to += 3) {
    const stop = from + step < end ? from + step : end;
    let red = 0;
    let green = 0;
    let blue = 0;
    for (let i = from; i < stop; i += channels) {
      red += bytes[i];
      green += bytes[i + 1];
      blue += bytes[i + 2];
    }
    sums[to] += red;
    sums[to + 1] += green;
    sums[to + 2] += blue;
  }
}

/** Sums of `area` pixels, in the last block of `lastArea`, as means. */
function divide(
  sums: Uint32Array,
  bytes: Uint8Array,
  offset: number,
  wholeBlocks: number,
  area: number,
  lastArea: number,
): void {
  const end = wholeBlocks * 3;
  means(sums, 0, end, area, bytes, offset);
  means(sums, end, end + 3, lastArea, bytes, offset);
}

/** Sums `from` .. `to`, each of `area` pixels, by the multiplier that Pillow divides with. */
function means(
  sums: Uint32Array,
  from: number,
  to: number,
  area: number,
  bytes: Uint8Array,
  offset: number,
): void {
  // Single precision rounds the multiplier, and with it a few means.
  const multiplier = Math.trunc(Math.fround(2 ** 32 / (256 * area)));
  const half = area >> 1;
  for (let i = from; i < to; i++) {
    bytes[offset + i] = ((sums[i] + half) * multiplier) / 2 ** 24;
  }
}
