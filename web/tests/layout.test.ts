/** Labels can be read: inside the picture, and not over each other where there is room. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { classColour, inkOn } from "../src/colours";
import { fitted, placeLabels } from "../src/layout";
import type { Box } from "../src/types";

const PICTURE = { width: 200, height: 100 };

test("a label stands above its box, or inside where there is no room above", () => {
  const boxes: Box[] = [[50, 20, 90, 80], [5, 120, 60, 190]];
  const [above, inside] = placeLabels(boxes, [40, 40], 20, PICTURE);
  assert.deepEqual([above.top, above.left], [30, 20]);
  assert.deepEqual([inside.top, inside.left], [5, 120]);
});

test("labels of one place stand apart", () => {
  const box: Box = [40, 20, 80, 90];
  const tops = placeLabels([box, box, box, box], [50, 50, 50, 50], 20, PICTURE).map(({ top }) => top);
  assert.deepEqual(tops, [20, 40, 60, 80]);
});

test("a label at the right edge is moved inside, one too long begins at the left", () => {
  const spots = placeLabels([[50, 190, 90, 200], [50, 30, 90, 60]], [40, 300], 20, PICTURE);
  assert.equal(spots[0].left, 160);
  assert.equal(spots[1].left, 0);
});

test("a picture lower than a label keeps it at the top", () => {
  assert.equal(placeLabels([[0, 0, 5, 5]], [10], 20, { width: 50, height: 10 })[0].top, 0);
});

test("a kept picture is smaller, never larger", () => {
  assert.deepEqual(fitted(4000, 3000, 1280), [1280, 960]);
  assert.deepEqual(fitted(300, 200, 1280), [300, 200]);
  assert.deepEqual(fitted(10000, 1, 1280), [1280, 1]);
});

test("classes have colours of their own, the first as maskdet's palette has it", () => {
  assert.deepEqual(classColour(1), [255, 64, 38]);
  const colours = new Set(Array.from({ length: 80 }, (_, k) => classColour(k + 1).join()));
  assert.equal(colours.size, 80);
  assert.equal(inkOn([255, 240, 60]), "black");
  assert.equal(inkOn([60, 40, 200]), "white");
  assert.equal(inkOn([255, 64, 38]), "black"); // 6.0 to 1, white has 3.5
});
