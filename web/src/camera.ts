/** The camera, live: frame by frame through the network, drawn with what was found. */

import { drawLines, drawResult } from "./drawing";
import { PageError, sentenceOf } from "./errors";
import { Reader } from "./photos";
import { FrameRate } from "./rates";
import type { Answer, Photo } from "./types";
import { labelOf } from "./wording";

export interface CameraParts {
  canvas: HTMLCanvasElement;
  /** Looks at a frame when the network is free. */
  look: (photo: Photo) => Promise<Answer>;
  threshold: () => number;
  /** Told of frames a second and milliseconds a frame. */
  measured: (perSecond: number, milliseconds: number) => void;
  /** Told that it runs, or that it stopped and why, if not by the user. */
  changed: (running: boolean, sentence?: string) => void;
}

const SIDES = { width: { ideal: 640 }, height: { ideal: 480 } };
const TEXT_SIZE = 13;
const TALLEST = "85vh";
const HIDDEN = "The camera was stopped because the page was hidden.";

const SENTENCES: Record<string, string> = {
  NotAllowedError: "The camera is not allowed on this page; allow it beside the browser's address and start again.",
  NotFoundError: "There is no camera; connect one and start again.",
  OverconstrainedError: "The camera that was picked is gone; pick another one and start again.",
  NotReadableError: "The camera does not answer; another program may be using it.",
};

export class Camera {
  private stream: MediaStream | undefined;
  private starting = false;
  private readonly video = document.createElement("video");
  private readonly reader = new Reader();

  constructor(private readonly parts: CameraParts) {
    this.video.muted = true;
    this.video.playsInline = true;
    document.addEventListener("visibilitychange", () => {
      if (document.hidden && this.running) this.stop(HIDDEN);
    });
  }

  get running(): boolean {
    return this.stream !== undefined;
  }

  /** Cameras that can be picked; browsers name them only once one was allowed. */
  static async list(): Promise<MediaDeviceInfo[]> {
    const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    return devices.filter(({ kind, deviceId }) => kind === "videoinput" && deviceId !== "");
  }

  /** Starts the camera of this id, or the one that looks away from the user. */
  async start(deviceId: string): Promise<void> {
    if (this.running || this.starting) return;
    this.starting = true;
    let stream: MediaStream | undefined;
    try {
      if (!navigator.mediaDevices) throw new PageError("The camera needs a page of https or of localhost.");
      const which = deviceId ? { deviceId: { exact: deviceId } } : { facingMode: "environment" };
      stream = await navigator.mediaDevices.getUserMedia({ video: { ...SIDES, ...which } });
      this.stream = stream; // from here on stop() ends it
      if (document.hidden) return this.stop(HIDDEN);
      stream.getVideoTracks()[0].addEventListener("ended", () => this.stop("The camera was disconnected."));
      this.video.srcObject = stream;
      await this.video.play();
      this.parts.changed(true);
      void this.run(stream);
    } catch (error) {
      if (this.stream === stream) this.stop(sentenceFor(error)); // else it was stopped meanwhile
    } finally {
      this.starting = false;
    }
  }

  stop(sentence?: string): void {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = undefined;
    this.video.srcObject = null;
    this.reader.release();
    this.parts.changed(false, sentence);
  }

  private async run(stream: MediaStream): Promise<void> {
    const rate = new FrameRate();
    try {
      while (this.stream === stream) {
        await nextFrame();
        const { videoWidth, videoHeight } = this.video;
        if (videoWidth === 0 || this.stream !== stream) continue;
        const begin = performance.now();
        await this.frame(videoWidth, videoHeight);
        const now = performance.now();
        rate.add(now, now - begin);
        if (this.stream === stream) this.parts.measured(rate.perSecond, rate.milliseconds);
      }
    } catch (error) {
      if (this.stream === stream) this.stop(sentenceFor(error));
    }
  }

  private async frame(width: number, height: number): Promise<void> {
    // The frame that was looked at is the one drawn; the film is further by then.
    const still = await createImageBitmap(this.video);
    try {
      const { result } = await this.parts.look(this.reader.read(still, width, height));
      if (!this.running) return;
      const { canvas } = this.parts;
      if (canvas.width !== width || canvas.height !== height) this.fit(width, height);
      const text = (TEXT_SIZE * width) / (canvas.clientWidth || width);
      const sheet = { context: canvas.getContext("2d", { alpha: false })!, width, height, text };
      drawResult(sheet, still, result, this.parts.threshold());
      if (result.kind === "labels") drawLines(sheet, result.labels.slice(0, 3).map(labelOf));
    } finally {
      still.close();
    }
  }

  /** The canvas is the picture alone, upright ones too: labels are measured by its width. */
  private fit(width: number, height: number): void {
    const { canvas } = this.parts;
    canvas.width = width;
    canvas.height = height;
    canvas.style.aspectRatio = `${width} / ${height}`;
    canvas.style.inlineSize = `min(100%, ${TALLEST} * ${width / height})`;
  }
}

function sentenceFor(error: unknown): string {
  const known = error instanceof DOMException ? SENTENCES[error.name] : undefined;
  return known ?? sentenceOf(error, "The camera stopped", "start it again, or reload the page");
}

function nextFrame(): Promise<number> {
  return new Promise((resolve) => requestAnimationFrame(resolve));
}
