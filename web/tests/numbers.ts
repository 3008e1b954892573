/**
 * Placed pixels, decoded boxes and pasted masks of many cases, for Python to compare. Reads lines of
 * JSON, each a case with the name of a file of its bytes, and writes one file of bytes for each.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { decode, type Outputs } from "../src/decoding";
import { fullMask } from "../src/masks";
import { place, type PlacementRule } from "../src/placement";
import { placedPixels } from "../src/resampling";
import type { Box, Facts } from "../src/types";

type Case =
  | { kind: "pixels"; height: number; width: number; rule: PlacementRule; bytes: string; out: string }
  | { kind: "time"; height: number; width: number; rule: PlacementRule; bytes: string; out: string }
  | { kind: "decode"; shape: [number, number]; facts: Facts; outputs: OutputFiles; out: string }
  | { kind: "mask"; side: [number, number]; box: Box; shape: [number, number]; bytes: string; out: string };
type OutputFiles = Record<string, { shape: number[]; values: number[] }>;

function photoOf(item: { height: number; width: number; bytes: string }) {
  const pixels = new Uint8ClampedArray(readFileSync(item.bytes));
  return { height: item.height, width: item.width, pixels };
}

function ruleOf(facts: Facts): PlacementRule {
  return {
    minDim: facts.min_dim,
    maxDim: facts.max_dim,
    minScale: facts.min_scale,
    mode: facts.resize_mode ?? "square",
  };
}

function result(item: Case): Uint8Array | string {
  if (item.kind === "pixels") {
    return placedPixels(photoOf(item), place([item.height, item.width], item.rule));
  }
  if (item.kind === "time") {
    const [photo, placement] = [photoOf(item), place([item.height, item.width], item.rule)];
    const times = Array.from({ length: 30 }, () => {
      const start = performance.now();
      placedPixels(photo, placement);
      return performance.now() - start;
    });
    return JSON.stringify(times);
  }
  if (item.kind === "mask") {
    const shares = new Float32Array(new Uint8Array(readFileSync(item.bytes)).buffer);
    const [height, width] = item.side;
    const full = fullMask({ height, width, shares }, item.box, ...item.shape);
    const plane = new Uint8Array(item.shape[0] * item.shape[1]);
    for (let y = 0; y < full.height; y++) {
      const row = full.bits.subarray(y * full.width, (y + 1) * full.width);
      plane.set(row, (full.top + y) * item.shape[1] + full.left);
    }
    return plane;
  }
  const outputs: Outputs = {};
  for (const [name, { shape, values }] of Object.entries(item.outputs)) {
    outputs[name] = { shape, values: new Float32Array(values) };
  }
  const placement = place(item.shape, ruleOf(item.facts));
  return JSON.stringify(decode(outputs, placement, item.facts, item.facts.min_confidence));
}

for (const line of readFileSync(process.argv[2], "utf8").split("\n").filter(Boolean)) {
  const item = JSON.parse(line) as Case;
  writeFileSync(item.out, result(item));
}
