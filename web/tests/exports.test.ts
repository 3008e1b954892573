/** A file from the page holds what maskdet's own files hold. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inflateSync } from "node:zlib";

import { collection, resultFile, vocText } from "../src/exports";
import type { Box, DetectionResult, LabelResult } from "../src/types";

function found(...boxes: Box[]): DetectionResult {
  const detections = boxes.map((box, k) => ({ box, classId: 1, className: "cat", score: 0.9 - 0.1 * k }));
  return { kind: "detections", width: 60, height: 40, detections };
}

const corners = (text: string): string[] =>
  [...text.matchAll(/<xmin>(.*)<\/xmin>\s*<ymin>(.*)<\/ymin>\s*<xmax>(.*)<\/xmax>\s*<ymax>(.*)<\/ymax>/g)]
    .map(([, x1, y1, x2, y2]) => [y1, x1, y2, x2].join(" "));

test("VOC's corners are rounded half to even and cut to the photo", () => {
  const text = vocText("a.png", found([2.5, 3.5, 10.5, 11.49], [-5, -5, 50, 70]), 0);
  assert.deepEqual(corners(text), ["2 4 10 11", "0 0 40 60"]);
  assert.match(text, /<width>60<\/width>\s*<height>40<\/height>/);
});

test("a box thinner than a pixel takes one, a box outside is left out", () => {
  const text = vocText("a.png", found([5.1, 7.2, 5.3, 20], [-9, 1, -3, 5]), 0);
  assert.deepEqual(corners(text), ["5 7 6 20"]);
});

test("names in VOC are text, whatever they are", () => {
  const result = found([1, 1, 9, 9]);
  result.detections[0].className = "A&B <x> \u0001";
  const text = vocText("<img src=x>.png", result, 0);
  assert.match(text, /<filename>&lt;img src=x&gt;\.png<\/filename>/);
  assert.match(text, /<name>A&amp;B &lt;x&gt; \?<\/name>/);
});

test("files hold the objects from the threshold on", async () => {
  const result = found([0, 0, 9, 9], [1, 1, 8, 8], [2, 2, 7, 7]); // 0.9, 0.8, 0.7
  assert.equal(corners(vocText("a", result, 0.8)).length, 2);
  const file = (await resultFile("a", result, ["BG", "cat"], 0.75)) as { scores: number[] };
  assert.deepEqual(file.scores, [0.9, 0.8]);
});

test("detections in JSON have the fields of Detections.save", async () => {
  const result = found([1, 2, 3.5, 4]);
  result.detections[0].mask = { height: 1, width: 2, shares: Float32Array.of(0.25, 1) };
  const file = (await resultFile("a.png", result, ["BG", "cat"], 0)) as Record<string, never>;
  const { small_masks, ...fields } = file;
  assert.deepEqual(fields, {
    format: "maskdet.detections", version: 1, filename: "a.png", image_shape: [40, 60],
    class_names: ["BG", "cat"], boxes: [[1, 2, 3.5, 4]], class_ids: [1], scores: [0.9],
  });
  const { shape, float32_zlib_base64 } = small_masks as { shape: number[]; float32_zlib_base64: string };
  assert.deepEqual(shape, [1, 1, 2]);
  const plain = inflateSync(Buffer.from(float32_zlib_base64, "base64"));
  assert.deepEqual([plain.readFloatLE(0), plain.readFloatLE(4)], [0.25, 1]);
});

test("labels in JSON have the fields of Labels.save, in the classes' order", async () => {
  const result: LabelResult = { kind: "labels", width: 60, height: 40, labels: [
    { classId: 2, className: "dog", score: 0.75 }, { classId: 1, className: "cat", score: 0.25 },
  ] };
  assert.deepEqual(await resultFile("a.png", result, ["BG", "cat", "dog"], 0.5), {
    format: "maskdet.labels", version: 1, filename: "a.png", image_shape: [40, 60],
    class_names: ["cat", "dog"], scores: [0.25, 0.75],
  });
});

test("all results stand in one file, in order", () => {
  assert.deepEqual(collection([{ a: 1 }, { b: 2 }]), {
    format: "maskdet.page.results", version: 1, results: [{ a: 1 }, { b: 2 }],
  });
});
