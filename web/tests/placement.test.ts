import assert from "node:assert/strict";
import { test } from "node:test";
import { inverseBoxes, normalizedWindow, place, type PlacementRule } from "../src/placement";
import { roundHalfEven } from "../src/rounding";

const RULE: PlacementRule = { minDim: 0, maxDim: 320, minScale: 0, mode: "square" };

test("halves go to the even number", () => {
  assert.deepEqual([0.5, 1.5, 2.5, -0.5, -1.5, 2.4, 2.6].map(roundHalfEven), [0, 2, 2, 0, -2, 2, 3]);
});

test("a wide photo lies in the middle of a square", () => {
  const placement = place([480, 640], RULE);
  assert.deepEqual(placement.window, [40, 0, 280, 320]);
  assert.deepEqual(inverseBoxes([[40, 0, 280, 320]], placement), [[0, 0, 480, 640]]);
});

test("the window's far corner names its last pixel", () => {
  const window = normalizedWindow(place([480, 640], RULE));
  assert.deepEqual(window, [40 / 319, 0, 279 / 319, 1].map(Math.fround));
});

test("the smaller half of an odd rest goes top and left", () => {
  assert.deepEqual(place([5, 320], { ...RULE, maxDim: 320 }).window, [157, 0, 162, 320]);
});

test("an unknown mode is a sentence", () => {
  assert.throws(() => place([4, 4], { ...RULE, mode: "spiral" as "square" }), /'spiral'.*export/);
});
