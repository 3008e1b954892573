/** What the parts of the page hand each other. Boxes are y1, x1, y2, x2 in the photo's pixels. */

/** What maskdet wrote into the exported file about itself; maskdet.json in its zip. */
export interface Facts {
  format: string;
  version: number;
  /** Absent in the first files, which were all detectors. */
  task?: "detection" | "classification";
  /** Index 0 is the background, which no result has. */
  class_names: string[];
  min_dim: number;
  max_dim: number;
  min_scale: number;
  resize_mode?: ResizeMode;
  min_confidence: number;
  /** Of a detector: the lowest score that the file reports. */
  min_score?: number;
  has_masks?: boolean;
  outputs?: string[];
  /** Whether boxes are plain shares of the input's sides, instead of matterport's normalised form. */
  plain_boxes?: boolean;
  /** "float32", "float16" or "int8"; where it is absent or int8, WebGPU is not tried. */
  precision?: string;
}

export type ResizeMode = "square" | "corner" | "pad64" | "none" | "crop" | "stretch" | "centre";

/** page.json: what the page shows and where its files are, relative to itself. */
export interface PageFacts {
  format: "maskdet.page";
  version: 1;
  title: string;
  model: string;
  /** Flavours of LiteRT's WebAssembly that lie in wasm/. */
  wasm: WasmFlavour[];
  /** Photos to try. */
  samples: string[];
  facts: Facts;
}

/** "compat" runs everywhere, "plain" needs relaxed SIMD, "threads" cross-origin isolation too. */
export type WasmFlavour = "plain" | "threads" | "compat";

/** A decoded photo, turned as its EXIF data say: RGBA, 4 bytes a pixel, row by row. */
export interface Photo {
  width: number;
  height: number;
  pixels: Uint8ClampedArray<ArrayBuffer>;
}

export type Box = [y1: number, x1: number, y2: number, x2: number];

/** A mask in its box's frame: shares 0..1, height x width, row by row. */
export interface SmallMask {
  height: number;
  width: number;
  shares: Float32Array;
}

export interface Detection {
  box: Box;
  /** 1 is the first class; 0 would be the background. */
  classId: number;
  className: string;
  score: number;
  mask?: SmallMask;
}

export interface DetectionResult {
  kind: "detections";
  width: number;
  height: number;
  detections: Detection[];
}

/** Probabilities of all classes, the likeliest first. */
export interface LabelResult {
  kind: "labels";
  width: number;
  height: number;
  labels: { classId: number; className: string; score: number }[];
}

export type Result = DetectionResult | LabelResult;

/** What the network runs on. */
export interface Engine {
  accelerator: "wasm" | "webgpu";
  threads: number;
  flavour: WasmFlavour;
  inputHeight: number;
  inputWidth: number;
}

/** A result and what it took, in milliseconds: placing the photo, the network, decoding. */
export interface Answer {
  result: Result;
  placing: number;
  network: number;
  decoding: number;
}

/** What is asked of the worker; each request has an id that its reply carries. */
export type Request =
  | { id: number; kind: "start"; page: PageFacts; base: string }
  | { id: number; kind: "look"; photo: Photo };

export type Reply =
  | { id: number; kind: "started"; engine: Engine }
  | { id: number; kind: "answer"; answer: Answer }
  | { id: number; kind: "fault"; sentence: string };
