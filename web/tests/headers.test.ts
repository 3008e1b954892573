/** A photo's size is known before it is decoded, so that a huge one cannot fill the memory. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { readHeader } from "../src/headers";

function bytes(...parts: (string | number[])[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => (typeof part === "string" ? [...part].map((c) => c.charCodeAt(0)) : part)));
}

const ZEROS = (count: number): number[] => new Array<number>(count).fill(0);
const FRAME = [0xff, 0xc2, 0, 17, 8, 0x01, 0x2c, 0x01, 0x90, 3, ...ZEROS(9)]; // 400 x 300

const CASES: [string, Uint8Array, object | null][] = [
  ["PNG", bytes([0x89], "PNG\r\n", [0x1a, 0x0a, 0, 0, 0, 13], "IHDR", [0, 0, 0x1f, 0x40, 0, 0, 0x18, 0x6a]),
    { kind: "PNG", width: 8000, height: 6250 }],
  ["JPEG, progressive, after a segment", bytes([0xff, 0xd8, 0xff, 0xe1, 0, 4, 0xff, 0xc0], FRAME),
    { kind: "JPEG", width: 400, height: 300 }],
  ["JPEG with a table that looks like a frame", bytes([0xff, 0xd8, 0xff, 0xc4, 0, 4, 0, 0, 0xff], FRAME),
    { kind: "JPEG", width: 400, height: 300 }],
  ["JPEG cut off before its frame", bytes([0xff, 0xd8, 0xff, 0xe1, 0x40, 0, 1]),
    { kind: "JPEG", width: 0, height: 0 }],
  ["GIF", bytes("GIF89a", [0x90, 1, 0x2c, 1]), { kind: "GIF", width: 400, height: 300 }],
  ["BMP from the top down", bytes("BM", ZEROS(12), [40, 0, 0, 0, 0x90, 1, 0, 0, 0xd4, 0xfe, 0xff, 0xff]),
    { kind: "BMP", width: 400, height: 300 }],
  ["WebP, lossy", bytes("RIFF", ZEROS(4), "WEBPVP8 ", ZEROS(7), [0x9d, 1, 0x2a, 0x90, 1, 0x2c, 1]),
    { kind: "WebP", width: 400, height: 300 }],
  // 399 + (299 << 14), from the low byte on
  ["WebP, lossless", bytes("RIFF", ZEROS(4), "WEBPVP8L", ZEROS(4), [0x2f, 0x8f, 0xc1, 0x4a, 0]),
    { kind: "WebP", width: 400, height: 300 }],
  ["WebP, extended", bytes("RIFF", ZEROS(4), "WEBPVP8X", ZEROS(8), [0x8f, 1, 0, 0x2b, 1, 0]),
    { kind: "WebP", width: 400, height: 300 }],
  ["AVIF in tiles", bytes([0, 0, 0, 20], "ftypavif", ZEROS(8), "ispe", ZEROS(4), [0, 0, 1, 0x90, 0, 0, 1, 0x2c],
    "ispe", ZEROS(4), [0, 0, 0, 9, 0, 0, 0, 9]), { kind: "AVIF", width: 400, height: 300 }],
  ["HEIC", bytes([0, 0, 0, 20], "ftypheic"), { kind: "HEIC", width: 0, height: 0 }],
  ["SVG", bytes("<?xml version='1.0'?>\n<svg></svg>"), { kind: "SVG", width: 0, height: 0 }],
  ["a text", bytes("Dear diary, this was a long day"), null],
  ["two bytes", bytes([0xff, 0xd8]), null],
];

for (const [name, content, header] of CASES) {
  test(`the header of ${name}`, () => assert.deepEqual(readHeader(content), header));
}

test("a JPEG cut off inside its size has none", () => {
  const whole = bytes([0xff, 0xd8], FRAME);
  for (let length = 3; length < 11; length++) {
    assert.equal(readHeader(whole.subarray(0, length))?.width, 0);
  }
  assert.equal(readHeader(whole.subarray(0, 11))?.width, 400);
});
