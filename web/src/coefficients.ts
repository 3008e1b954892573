/**
 * Weights of Pillow's bilinear resampling along one side, for bytes: each output pixel is a weighted
 * mean of the input pixels that its triangle covers, so shrinking does not alias.
 */

/** Bits behind the point of a weight: 32 less 8 of a byte and 2 to spare. */
export const PRECISION = 22;

export interface Coefficients {
  /** First input pixel of each output pixel. */
  starts: Int32Array;
  /** Number of input pixels of each output pixel. */
  counts: Int32Array;
  /** Room of each output pixel in `weights`. */
  stride: number;
  /** Fixed-point weights. */
  weights: Int32Array;
}

const KEPT = 32;
const cache = new Map<string, Coefficients>();

/**
 * Coefficients from `length` pixels, of which the first `span` are the picture (a last pixel may be
 * covered in part only), to `count` pixels. Kept, as a camera's sizes never change.
 */
export function coefficients(length: number, span: number, count: number): Coefficients {
  const key = `${length} ${span} ${count}`;
  const known = cache.get(key);
  if (known) return known;
  const made = computed(length, Math.fround(span), count);
  if (cache.size >= KEPT) cache.clear();
  cache.set(key, made);
  return made;
}

function computed(length: number, span: number, count: number): Coefficients {
  const scale = span / count;
  const support = Math.max(scale, 1);
  const stride = Math.ceil(support) * 2 + 1;
  const starts = new Int32Array(count);
  const counts = new Int32Array(count);
  const weights = new Int32Array(count * stride);
  const shares = new Float64Array(stride);
  const inverse = 1 / support;
  for (let i = 0; i < count; i++) {
    const centre = (i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - support + 0.5));
    const used = Math.min(length, Math.trunc(centre + support + 0.5)) - start;
    let sum = 0;
    for (let k = 0; k < used; k++) {
      shares[k] = triangle((k + start - centre + 0.5) * inverse);
      sum += shares[k];
    }
    for (let k = 0; k < used; k++) {
      const share = sum !== 0 ? shares[k] / sum : shares[k];
      weights[i * stride + k] = Math.trunc(0.5 + share * (1 << PRECISION));
    }
    starts[i] = start;
    counts[i] = used;
  }
  return { starts, counts, stride, weights };
}

function triangle(x: number): number {
  const distance = Math.abs(x);
  return distance < 1 ? 1 - distance : 0;
}
