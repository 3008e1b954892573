/** Files, addresses and camera frames as pixels for the network and as pictures for the page. */

import { PageError } from "./errors";
import { type Header, type PictureKind, readHeader } from "./headers";
import { fitted } from "./layout";
import type { Photo } from "./types";

/** A photo that was read: its pixels for the network, and what a card keeps of it. */
export interface Opened {
  photo: Photo;
  /** JPEG of at most `KEPT_SIDE` pixels a side: the full pixels of many photos would fill memory. */
  picture: Blob;
}

const KEPT_SIDE = 1280;
const MOST_MEGAPIXELS = 40;
const FIRST_BYTES = 1 << 20;
const PATIENCE = 60_000; // milliseconds for a host to send a picture
const NOT_EVERYWHERE: readonly PictureKind[] = ["HEIC", "TIFF", "SVG", "AVIF"];

/**
 * What Python reads: turned as EXIF says, the file's numbers without a colour conversion, the first
 * picture of an animation. Python drops alpha and keeps the colours below; a canvas holds colours
 * multiplied by alpha, so here half-transparent pixels are right within rounding, but wholly
 * transparent ones are black, whatever colour the file has below them.
 */
const AS_STORED: ImageBitmapOptions = {
  colorSpaceConversion: "none",
  premultiplyAlpha: "none",
  imageOrientation: "from-image",
};

/**
 * A photo of a file's content.
 *
 * @throws PageError with one sentence for what is no picture, is damaged, too large or of a kind that
 *   the browser does not know.
 */
export async function readFile(file: Blob, name: string): Promise<Opened> {
  const header = await headerOf(file, name);
  checkSize(header.width, header.height, name);
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file, AS_STORED);
  } catch {
    throw new PageError(undecodable(header.kind, name));
  }
  return opened(bitmap, name);
}

/**
 * The picture at an address, asked for without cookies and without saying where from.
 *
 * @throws PageError with one sentence where it does not load, may not be read, or is too large.
 */
export async function readAddress(address: URL, name: string): Promise<Opened> {
  const image = new Image();
  try {
    await loaded(image, address, name);
    checkSize(image.naturalWidth, image.naturalHeight, name);
    let bitmap: ImageBitmap;
    try {
      bitmap = await createImageBitmap(image, AS_STORED);
    } catch {
      throw new PageError(`${name} is damaged and cannot be read.`);
    }
    return await opened(bitmap, name);
  } finally {
    image.removeAttribute("src");
  }
}

/** A canvas whose pixels are read again and again, as for each frame of a camera. */
export class Reader {
  private readonly canvas = new OffscreenCanvas(1, 1);
  private readonly context = this.canvas.getContext("2d", { willReadFrequently: true })!;

  /** The pixels of a picture or a frame of a film. */
  read(source: CanvasImageSource, width: number, height: number): Photo {
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
    this.context.clearRect(0, 0, width, height);
    this.context.drawImage(source, 0, 0, width, height);
    const { data } = this.context.getImageData(0, 0, width, height);
    return { width, height, pixels: data as Uint8ClampedArray<ArrayBuffer> };
  }

  /** Gives back the canvas' memory at once, instead of when it is collected. */
  release(): void {
    this.canvas.width = this.canvas.height = 0;
  }
}

async function headerOf(file: Blob, name: string): Promise<Header> {
  if (file.size === 0) throw new PageError(`${name} is empty.`);
  let header = readHeader(await bytesOf(file.slice(0, FIRST_BYTES), name));
  if (header?.kind === "JPEG" && header.width === 0 && file.size > FIRST_BYTES) {
    header = readHeader(await bytesOf(file, name)); // much data of the camera comes first
  }
  if (header === null) {
    throw new PageError(`${name} is no picture; give a JPEG, PNG, WebP, GIF, BMP or AVIF file.`);
  }
  return header;
}

async function bytesOf(part: Blob, name: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await part.arrayBuffer());
  } catch {
    throw new PageError(`${name} cannot be read; it may be a folder, or was moved meanwhile.`);
  }
}

function checkSize(width: number, height: number, name: string): void {
  const tenths = Math.ceil((width * height) / 1e5);
  if (tenths > 10 * MOST_MEGAPIXELS) {
    throw new PageError(
      `${name} has ${tenths / 10} megapixels; this page takes up to ${MOST_MEGAPIXELS}. ` +
        "Make it smaller and try again.",
    );
  }
}

function undecodable(kind: PictureKind, name: string): string {
  if (!NOT_EVERYWHERE.includes(kind)) return `${name} is damaged and cannot be read.`;
  return `This browser cannot read ${name}, a file of the kind ${kind}; save it as JPEG or PNG and try again.`;
}

/** Pixels and the kept picture of a bitmap, which is closed. */
async function opened(bitmap: ImageBitmap, name: string): Promise<Opened> {
  const { width, height } = bitmap;
  const reader = new Reader();
  try {
    checkSize(width, height, name); // headers may be wrong or silent
    const photo = reader.read(bitmap, width, height);
    return { photo, picture: await smaller(bitmap) };
  } catch (error) {
    if (error instanceof RangeError || error instanceof DOMException) {
      throw new PageError(`${name} does not fit into this browser's memory; make it smaller.`);
    }
    throw error;
  } finally {
    reader.release();
    bitmap.close();
  }
}

async function smaller(bitmap: ImageBitmap): Promise<Blob> {
  const [width, height] = fitted(bitmap.width, bitmap.height, KEPT_SIDE);
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { alpha: false })!;
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  const picture = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 });
  canvas.width = canvas.height = 0;
  return picture;
}

/** Waits for an image; browsers do not tell a page why one of another host did not load. */
function loaded(image: HTMLImageElement, address: URL, name: string): Promise<void> {
  const where = address.protocol.startsWith("http") ? ` from ${address.host}` : "";
  let timer: ReturnType<typeof setTimeout>;
  const arrival = new Promise<void>((resolve, reject) => {
    const fail = (reason: string) => reject(new PageError(`${name} did not load${where}${reason}`));
    image.onload = () => resolve();
    image.onerror = () => fail(
      ": it is not there, is no picture, or the host does not let other pages read it; save it " +
        "and give the file instead.",
    );
    timer = setTimeout(() => fail(" within a minute; try again later."), PATIENCE);
  });
  image.crossOrigin = "anonymous"; // pixels may be read, and no cookies are sent
  image.referrerPolicy = "no-referrer";
  image.src = address.href;
  return arrival.finally(() => clearTimeout(timer));
}
