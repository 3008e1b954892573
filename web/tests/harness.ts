/** The engine in a bare page, for tests: window.engine. */
import { Client } from "../src/client";
import { fullMask } from "../src/masks";
import type { Answer, PageFacts, Photo } from "../src/types";

let client: Client | null = null;

async function photoAt(address: string): Promise<Photo> {
  const response = await fetch(address);
  const bitmap = await createImageBitmap(await response.blob());
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d")!;
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
  return { width: bitmap.width, height: bitmap.height, pixels: data as Photo["pixels"] };
}

/** An answer with masks of the photo's size as lists of their pixels' numbers. */
function plain({ result, ...times }: Answer) {
  if (result.kind === "labels") return { ...result, ...times };
  const { width, height } = result;
  const detections = result.detections.map(({ mask, ...rest }) => {
    if (!mask) return rest;
    const full = fullMask(mask, rest.box, height, width);
    const pixels: number[] = [];
    full.bits.forEach((bit, i) => {
      const [y, x] = [full.top + Math.floor(i / full.width), full.left + (i % full.width)];
      if (bit) pixels.push(y * width + x);
    });
    return { ...rest, pixels };
  });
  return { ...result, ...times, detections };
}

/** A test that waits for ever says nothing. */
function limited<T>(promise: Promise<T>): Promise<T> {
  const late = new Promise<T>((_, reject) => {
    setTimeout(() => reject(new Error("nothing came within a minute")), 60000);
  });
  return Promise.race([promise, late]);
}

const engine = {
  async start(facts: string): Promise<unknown> {
    const page = (await (await fetch(facts)).json()) as PageFacts;
    client?.close();
    client = await limited(Client.start(page, document.baseURI));
    return client.engine;
  },

  async look(address: string): Promise<unknown> {
    return plain(await client!.look(await photoAt(address)));
  },

  /** Answers of many photos that are asked for at once, in order; a fault is its sentence. */
  async lookAtAll(addresses: string[]): Promise<unknown[]> {
    const asked = client!;
    const photos = await Promise.all(addresses.map(photoAt));
    const answers = photos.map((photo) =>
      asked.look(photo).then(plain, (fault: Error) => fault.message),
    );
    return limited(Promise.all(answers));
  },

  /** Milliseconds of the network alone and of everything, photo by photo. */
  async times(address: string, count: number): Promise<number[][]> {
    const photo = await photoAt(address);
    const times: number[][] = [];
    for (let i = 0; i < count; i++) {
      const again = { ...photo, pixels: photo.pixels.slice() };
      const start = performance.now();
      const { network } = await client!.look(again);
      times.push([network, performance.now() - start]);
    }
    return times;
  },

  /** A photo that says a size it does not have, and one whose pixels were taken. */
  async lookAtFaults(address: string): Promise<string[]> {
    const photo = await photoAt(address);
    const sentence = (fault: Error) => fault.message;
    const wrong = { ...photo, height: photo.height + 1, pixels: photo.pixels.slice() };
    const first = await client!.look(wrong).then(() => "", sentence);
    await client!.look(photo);
    return [first, await client!.look(photo).then(() => "", sentence)];
  },

  async afterClosing(address: string): Promise<string> {
    const asked = client!;
    const photo = await photoAt(address);
    const answer = asked.look(photo).then(() => "", (fault: Error) => fault.message);
    asked.close();
    return answer;
  },
};

Object.assign(window, { engine });
