/** What a file's first bytes say of it: its kind and its size, before anything is decoded. */

export type PictureKind =
  | "PNG" | "JPEG" | "WebP" | "GIF" | "BMP" | "AVIF" | "HEIC" | "TIFF" | "SVG";

/** Sides are as stored, before any turning, and 0 where the bytes given do not say. */
export interface Header {
  kind: PictureKind;
  width: number;
  height: number;
}

/** The header in a file's first bytes, or null for what is no picture. */
export function readHeader(bytes: Uint8Array): Header | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kind = kindOf(bytes);
  if (kind === null) return null;
  const [width, height] = sidesOf(kind, view, bytes);
  return { kind, width, height };
}

type Sides = [width: number, height: number];
const UNKNOWN: Sides = [0, 0];

function kindOf(bytes: Uint8Array): PictureKind | null {
  if (textAt(bytes, 1, "PNG") && bytes[0] === 0x89) return "PNG";
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return "JPEG";
  if (textAt(bytes, 0, "RIFF") && textAt(bytes, 8, "WEBP")) return "WebP";
  if (textAt(bytes, 0, "GIF8")) return "GIF";
  if (textAt(bytes, 0, "BM")) return "BMP";
  if (textAt(bytes, 0, "II*\0") || textAt(bytes, 0, "MM\0*")) return "TIFF";
  if (textAt(bytes, 4, "ftyp")) return brandOf(bytes);
  return looksLikeSvg(bytes) ? "SVG" : null;
}

/** Both kinds lie in the container of MP4 films, whose brands tell them apart. */
function brandOf(bytes: Uint8Array): PictureKind | null {
  const brand = latin(bytes, 8, 12);
  if (brand === "avif" || brand === "avis") return "AVIF";
  return ["heic", "heix", "hevc", "heim", "heis", "mif1", "msf1"].includes(brand) ? "HEIC" : null;
}

function looksLikeSvg(bytes: Uint8Array): boolean {
  const start = latin(bytes, 0, 512).replace(/^\xef\xbb\xbf/, "").trimStart();
  return start.startsWith("<svg") || (start.startsWith("<?xml") && start.includes("<svg"));
}

function sidesOf(kind: PictureKind, view: DataView, bytes: Uint8Array): Sides {
  try {
    switch (kind) {
      case "PNG": return [view.getUint32(16), view.getUint32(20)];
      case "GIF": return [view.getUint16(6, true), view.getUint16(8, true)];
      case "BMP": return bmpSides(view);
      case "JPEG": return jpegSides(view);
      case "WebP": return webpSides(view, bytes);
      case "AVIF":
      case "HEIC": return containerSides(view, bytes);
      default: return UNKNOWN;
    }
  } catch (error) {
    if (error instanceof RangeError) return UNKNOWN; // cut off before its size
    throw error;
  }
}

function bmpSides(view: DataView): Sides {
  if (view.getUint32(14, true) === 12) return [view.getUint16(18, true), view.getUint16(20, true)];
  // A negative height means that rows go from the top down.
  return [Math.abs(view.getInt32(18, true)), Math.abs(view.getInt32(22, true))];
}

/** Goes from marker to marker up to the frame's header (SOF0 .. SOF15). */
function jpegSides(view: DataView): Sides {
  let at = 2;
  for (;;) {
    if (view.getUint8(at) !== 0xff) return UNKNOWN;
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) at += 1; // padding
    else if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) at += 2; // no length
    else if (isFrame(marker)) return [view.getUint16(at + 7), view.getUint16(at + 5)];
    else if (marker === 0xd9 || marker === 0xda) return UNKNOWN; // the end, or pixels
    else at += 2 + view.getUint16(at + 2);
  }
}

function isFrame(marker: number): boolean {
  // C4, C8 and CC lie among them and are tables and an extension.
  return marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
}

function webpSides(view: DataView, bytes: Uint8Array): Sides {
  const chunk = latin(bytes, 12, 16);
  if (chunk === "VP8X") return [1 + uint24(view, 24), 1 + uint24(view, 27)];
  if (chunk === "VP8 ") return [view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff];
  if (chunk !== "VP8L") return UNKNOWN;
  const packed = view.getUint32(21, true); // 14 bits of width - 1, 14 of height - 1
  return [1 + (packed & 0x3fff), 1 + ((packed >>> 14) & 0x3fff)];
}

/** The largest "ispe" box: a photo in tiles has one for each kind of tile and one for the whole. */
function containerSides(view: DataView, bytes: Uint8Array): Sides {
  let largest = UNKNOWN;
  for (let at = 0; at + 16 <= Math.min(bytes.length, 65536); at++) {
    if (bytes[at] !== 0x69 || !textAt(bytes, at, "ispe")) continue;
    const sides: Sides = [view.getUint32(at + 8), view.getUint32(at + 12)];
    if (sides[0] * sides[1] > largest[0] * largest[1]) largest = sides;
  }
  return largest;
}

function uint24(view: DataView, at: number): number {
  return view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
}

function textAt(bytes: Uint8Array, at: number, text: string): boolean {
  return latin(bytes, at, at + text.length) === text;
}

function latin(bytes: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...bytes.subarray(from, to));
}
