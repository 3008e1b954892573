import assert from "node:assert/strict";
import { test } from "node:test";
import { withFlavour } from "../src/client";
import { agree } from "../src/gpu";
import { bestFlavour } from "../src/runtime";
import type { PageFacts, WasmFlavour } from "../src/types";

const ALL: WasmFlavour[] = ["plain", "threads", "compat"];

test("the fastest flavour that a browser runs is taken", () => {
  const able = { relaxedSimd: true, isolated: true, cores: 4 };
  assert.equal(bestFlavour(ALL, able), "threads");
  assert.equal(bestFlavour(["compat", "plain"], able), "plain");
  assert.equal(bestFlavour(ALL, { ...able, isolated: false }), "plain");
  assert.equal(bestFlavour(ALL, { ...able, cores: 1 }), "plain");
  assert.equal(bestFlavour(ALL, { ...able, relaxedSimd: false }), "compat");
  assert.equal(bestFlavour(["plain"], { ...able, relaxedSimd: false }), null);
});

test("a page's address asks for one flavour, and for none by default", () => {
  const page = { wasm: ALL } as PageFacts;
  assert.deepEqual(withFlavour(page, "http://host/page/?flavour=compat").wasm, ["compat"]);
  assert.deepEqual(withFlavour(page, "http://host/page/?flavour=fast").wasm, ALL);
  assert.deepEqual(withFlavour(page, "http://host/page/").wasm, ALL);
});

test("a graphics processor with other scores or boxes is refused", () => {
  const outputs = (score: number, corner: number) => ({
    score: { shape: [1, 2], values: new Float32Array([score, 0.1]) },
    location: { shape: [1, 2, 4], values: new Float32Array([corner, 0, 1, 1, 0, 0, corner, 1]) },
  });
  assert.equal(agree(outputs(0.9, 0.2), outputs(0.905, 0.205)), true);
  assert.equal(agree(outputs(0.9, 0.2), outputs(0.95, 0.2)), false);
  assert.equal(agree(outputs(0.9, 0.2), outputs(0.9, 0.25)), false);
  assert.equal(agree(outputs(Number.NaN, 0.2), outputs(0.9, 0.2)), false);
});
