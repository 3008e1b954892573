/** From a network's outputs to a Result, as maskdet's tasks decode them. */
import { PageError } from "./errors";
import { boxesInImage, inverseBoxes, type Placement } from "./placement";
import { roundHalfEven } from "./rounding";
import type { Box, Detection, Facts, LabelResult, Result, SmallMask } from "./types";

/** Values of one output, and its shape with the batch of one in front. */
export interface Output {
  shape: number[];
  values: Float32Array;
}

/** Outputs by the names that maskdet writes into files. */
export type Outputs = Record<string, Output>;

export const DETECTION_OUTPUTS = ["location", "category", "score", "number of detections"];
export const CLASSIFICATION_OUTPUTS = ["probability"];
const MASKS = "masks";

/** The result for the photo that was placed so; scores below `minConfidence` are left out. */
export function decode(
  outputs: Outputs,
  placement: Placement,
  facts: Facts,
  minConfidence: number,
): Result {
  const [height, width] = placement.imageShape;
  if (taskOf(facts) === "classification") {
    return { kind: "labels", width, height, labels: decodeLabels(outputs, facts) };
  }
  const detections = decodeDetections(outputs, placement, facts, minConfidence);
  return { kind: "detections", width, height, detections };
}

export function taskOf(facts: Facts): string {
  return facts.task ?? "detection";
}

/** Outputs that a network of these facts must have. */
export function neededOutputs(facts: Facts): string[] {
  if (taskOf(facts) === "classification") return CLASSIFICATION_OUTPUTS;
  return hasMasks(facts) ? [...DETECTION_OUTPUTS, MASKS] : DETECTION_OUTPUTS;
}

function hasMasks(facts: Facts): boolean {
  return facts.outputs ? facts.outputs.includes(MASKS) : (facts.has_masks ?? false);
}

function decodeDetections(
  outputs: Outputs,
  placement: Placement,
  facts: Facts,
  minConfidence: number,
): Detection[] {
  const [location, category, score, count] = DETECTION_OUTPUTS.map((name) => outputs[name]);
  const rows = Math.min(roundHalfEven(count.values[0]), score.values.length);
  const lowest = Math.fround(minConfidence);
  const indices: number[] = [];
  for (let i = 0; i < rows; i++) if (score.values[i] >= lowest) indices.push(i);
  const boxes = photoBoxes(location.values, indices, placement, facts);
  const masks = hasMasks(facts) ? outputs[MASKS] : null;
  const detections: Detection[] = [];
  indices.forEach((row, i) => {
    const box = boxes[i];
    if (!(box[2] > box[0] && box[3] > box[1])) return;
    // Files of older exports have class numbers that int8 has moved a little.
    const classId = roundHalfEven(category.values[row]) + 1;
    const detection: Detection = {
      box,
      classId,
      className: className(facts, classId),
      score: score.values[row],
    };
    if (masks) detection.mask = smallMask(masks, row);
    detections.push(detection);
  });
  return detections;
}

function photoBoxes(
  location: Float32Array,
  indices: number[],
  placement: Placement,
  facts: Facts,
): Box[] {
  const sides = placement.canvasShape;
  const shares = indices.map((row) => Array.from(location.subarray(row * 4, row * 4 + 4)) as Box);
  if (facts.plain_boxes) {
    return inverseBoxes(
      shares.map((box) => box.map((value, i) => value * sides[i % 2]) as Box),
      placement,
    );
  }
  // In matterport's normalised form corner pixels lie on corner pixels.
  const normalised = shares.map(
    (box) =>
      box.map((value, i) => (value * sides[i % 2] - (i < 2 ? 0 : 1)) / (sides[i % 2] - 1)) as Box,
  );
  return boxesInImage(normalised, placement);
}

function smallMask(masks: Output, row: number): SmallMask {
  const [, , height, width] = masks.shape;
  const length = height * width;
  return { height, width, shares: masks.values.slice(row * length, (row + 1) * length) };
}

function decodeLabels(outputs: Outputs, facts: Facts): LabelResult["labels"] {
  const scores = outputs[CLASSIFICATION_OUTPUTS[0]].values;
  if (!scores.every(Number.isFinite)) {
    throw new PageError(
      "The network gave scores that are no numbers for this photo; export it again in float32.",
    );
  }
  const labels = Array.from(scores, (score, i) => ({
    classId: i + 1,
    className: className(facts, i + 1),
    score,
  }));
  return labels.sort((first, second) => second.score - first.score);
}

/** Classes that a file does not name are numbered. */
function className(facts: Facts, classId: number): string {
  return facts.class_names[classId] ?? `class ${classId}`;
}
