/**
 * Results as files: JSON that maskdet's `Detections.load` and `Labels.load` read, and VOC XML as
 * LabelImg writes it.
 */

import { wholeSpan } from "./masks";
import type { Box, Detection, DetectionResult, LabelResult, Result, SmallMask } from "./types";

/** Detections of a score of `threshold` or more. */
export function above(result: DetectionResult, threshold: number): Detection[] {
  return result.detections.filter((detection) => detection.score >= threshold);
}

/**
 * One photo's result as an object for JSON, in the form of maskdet's own files, with the photo's
 * name beside.
 *
 * @param classNames as facts have them, the background first.
 */
export async function resultFile(
  name: string, result: Result, classNames: readonly string[], threshold: number,
): Promise<object> {
  if (result.kind === "labels") return labelsFile(name, result, classNames);
  const detections = above(result, threshold);
  const masks = detections.flatMap(({ mask }) => (mask === undefined ? [] : [mask]));
  return {
    format: "maskdet.detections",
    version: 1,
    filename: name,
    image_shape: [result.height, result.width],
    class_names: classNames,
    boxes: detections.map(({ box }) => box),
    class_ids: detections.map(({ classId }) => classId),
    scores: detections.map(({ score }) => score),
    small_masks: masks.length > 0 ? await packedMasks(masks) : null,
  };
}

/** All photos' results in one file. */
export function collection(results: readonly object[]): object {
  return { format: "maskdet.page.results", version: 1, results };
}

function labelsFile(name: string, result: LabelResult, classNames: readonly string[]): object {
  const inOrder = [...result.labels].sort((one, other) => one.classId - other.classId);
  return {
    format: "maskdet.labels",
    version: 1,
    filename: name,
    image_shape: [result.height, result.width],
    class_names: classNames.slice(1),
    scores: inOrder.map(({ score }) => score),
  };
}

/** Masks of one size as maskdet packs them: little-endian float32, zlib, base64. */
async function packedMasks(masks: readonly SmallMask[]): Promise<object> {
  const { height, width } = masks[0];
  const plain = new DataView(new ArrayBuffer(4 * masks.length * height * width));
  for (const [index, { shares }] of masks.entries()) {
    for (let k = 0; k < shares.length; k++) {
      plain.setFloat32(4 * (index * height * width + k), shares[k], true);
    }
  }
  // "deflate" is zlib's form of it, header and checksum included.
  const stream = new Blob([plain.buffer]).stream().pipeThrough(new CompressionStream("deflate"));
  const data = new Uint8Array(await new Response(stream).arrayBuffer());
  return { shape: [masks.length, height, width], float32_zlib_base64: base64(data) };
}

function base64(data: Uint8Array): string {
  let text = "";
  // A call has room for some ten thousand arguments only.
  for (let at = 0; at < data.length; at += 8192) {
    text += String.fromCharCode(...data.subarray(at, at + 8192));
  }
  return btoa(text);
}

/**
 * A VOC annotation as maskdet's `Detections.to_voc_xml` writes it: corners counted from 0 and the
 * far ones exclusive, rounded to whole pixels, cut to the photo; boxes without area are left out.
 */
export function vocText(name: string, result: DetectionResult, threshold: number): string {
  const { width, height } = result;
  const objects = above(result, threshold).flatMap(({ box, className }) => {
    const [y1, x1, y2, x2] = wholeBox(clipped(box, height, width));
    return y2 > y1 && x2 > x1 ? [vocObject(className, [y1, x1, y2, x2])] : [];
  });
  const lines = [
    "<annotation>",
    "\t<folder />",
    `\t<filename>${escaped(name)}</filename>`,
    "\t<size>",
    `\t\t<width>${width}</width>`,
    `\t\t<height>${height}</height>`,
    "\t\t<depth>3</depth>",
    "\t</size>",
    "\t<segmented>0</segmented>",
    ...objects,
    "</annotation>",
  ];
  return lines.join("\n") + "\n";
}

function vocObject(className: string, [y1, x1, y2, x2]: Box): string {
  return [
    "\t<object>",
    `\t\t<name>${escaped(className)}</name>`,
    "\t\t<pose>Unspecified</pose>",
    "\t\t<truncated>0</truncated>",
    "\t\t<difficult>0</difficult>",
    "\t\t<bndbox>",
    `\t\t\t<xmin>${x1}</xmin>`,
    `\t\t\t<ymin>${y1}</ymin>`,
    `\t\t\t<xmax>${x2}</xmax>`,
    `\t\t\t<ymax>${y2}</ymax>`,
    "\t\t</bndbox>",
    "\t</object>",
  ].join("\n");
}

/** Text for XML; characters that XML 1.0 does not have become question marks. */
function escaped(text: string): string {
  return text
    .replace(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|\p{Cs}/gu, "?")
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/\r/g, "&#13;");
}

function clipped([y1, x1, y2, x2]: Box, height: number, width: number): Box {
  const cut = (value: number, most: number): number => Math.max(0, Math.min(value, most));
  return [cut(y1, height), cut(x1, width), cut(y2, height), cut(x2, width)];
}

/** A box in whole pixels; one thinner than a pixel takes the pixel it lies in. */
function wholeBox(box: Box): Box {
  const [y1, y2] = wholeSpan(box[0], box[2]);
  const [x1, x2] = wholeSpan(box[1], box[3]);
  return [y1, x1, y2, x2];
}
