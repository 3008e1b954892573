/** Whether a network runs on the graphics processor as it should, tried out on a drawn photo. */
import type { LiteRt } from "@litertjs/core";
import type { Outputs } from "./decoding";
import { Network } from "./network";
import type { Box } from "./types";

/** Largest difference of a score, and of a confident object's box as shares of the input. */
const LIMIT = 1e-2;
const CONFIDENT = 0.5;
const RUNS = 3;
/** A driver that hangs must not hold the page up. Milliseconds. */
const PATIENCE = 20000;

/**
 * The network compiled for WebGPU, or null where there is no adapter, where it does not run there
 * wholly, gives other numbers than on wasm, or is not faster. Never throws.
 */
export async function gpuNetwork(
  liteRt: LiteRt,
  content: Uint8Array,
  neededOutputs: string[],
  onWasm: Network,
): Promise<Network | null> {
  try {
    if (!navigator.gpu || !(await navigator.gpu.requestAdapter())) return null;
    const onGpu = await Network.compile(liteRt, content, "webgpu", 1, neededOutputs);
    if (onGpu.accelerator === "webgpu" && (await within(PATIENCE, better(onGpu, onWasm)))) {
      return onGpu;
    }
    onGpu.close();
  } catch {
    // Whatever a driver does, the network on wasm is there.
  }
  return null;
}

async function better(onGpu: Network, onWasm: Network): Promise<boolean> {
  const pixels = drawnPixels(onWasm.inputShape);
  const window: Box = [0, 0, 1, 1];
  if (!agree(await onGpu.run(pixels, window), await onWasm.run(pixels, window))) return false;
  const duration = async (network: Network): Promise<number> => {
    const start = performance.now();
    for (let i = 0; i < RUNS; i++) await network.run(pixels, window);
    return performance.now() - start;
  };
  return (await duration(onGpu)) < (await duration(onWasm));
}

/** Whether scores agree, and boxes of confident objects. */
export function agree(first: Outputs, second: Outputs): boolean {
  const scores = first.score ?? first.probability;
  const others = second.score ?? second.probability;
  if (!close(scores.values, others.values)) return false;
  if (!first.location) return true;
  const rows = scores.values.filter((score) => score >= CONFIDENT).length;
  const boxes = (outputs: Outputs) => outputs.location.values.subarray(0, rows * 4);
  return close(boxes(first), boxes(second));
}

function close(first: Float32Array, second: Float32Array): boolean {
  return first.every((value, i) => Math.abs(value - second[i]) <= LIMIT);
}

/** Slopes of colour, the same on every machine. */
function drawnPixels([height, width]: [number, number]): Uint8Array<ArrayBuffer> {
  const pixels = new Uint8Array(height * width * 3);
  for (let i = 0; i < height * width; i++) {
    const [y, x] = [Math.floor(i / width), i % width];
    pixels[i * 3] = (255 * x) / width;
    pixels[i * 3 + 1] = (255 * y) / height;
    pixels[i * 3 + 2] = (y >> 4) + (x >> 4) & 1 ? 200 : 40;
  }
  return pixels;
}

async function within(milliseconds: number, promise: Promise<boolean>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
