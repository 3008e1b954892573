/** A page's network at work: from a Photo to an Answer. */
import { decode, neededOutputs, taskOf } from "./decoding";
import { PageError, sentenceOf } from "./errors";
import { gpuNetwork } from "./gpu";
import { Network } from "./network";
import { normalizedWindow, place, type Placement, type Shape } from "./placement";
import { placedPixels } from "./resampling";
import { loadRuntime, type Runtime } from "./runtime";
import type { Answer, Engine, Facts, PageFacts, Photo } from "./types";

const KNOWN_VERSION = 1;
const TASKS = ["detection", "classification"];

export class Session {
  private constructor(
    private readonly facts: Facts,
    private readonly runtime: Runtime,
    private readonly onWasm: Network,
    private onGpu: Network | null,
  ) {}

  /** Loads runtime and network; throws a PageError that says what is missing or damaged. */
  static async open(page: PageFacts, base: string): Promise<Session> {
    checkFacts(page);
    const [runtime, content] = await Promise.all([
      loadRuntime(page.wasm, base),
      fetchModel(new URL(page.model, base).href),
    ]);
    const { liteRt, threads } = runtime;
    const needed = neededOutputs(page.facts);
    const onWasm = await Network.compile(liteRt, content, "wasm", threads, needed);
    fittingPlacement(onWasm.inputShape, page.facts, onWasm);
    const { precision } = page.facts;
    const tryGpu = precision !== undefined && precision !== "int8";
    const onGpu = tryGpu ? await gpuNetwork(liteRt, content, needed, onWasm) : null;
    return new Session(page.facts, runtime, onWasm, onGpu);
  }

  get engine(): Engine {
    const [inputHeight, inputWidth] = this.onWasm.inputShape;
    const { flavour, threads } = this.runtime;
    const accelerator = this.onGpu ? "webgpu" : "wasm";
    return { accelerator, threads, flavour, inputHeight, inputWidth };
  }

  /** What the network says of a photo, everything that the file reports. */
  async look(photo: Photo): Promise<Answer> {
    checkPhoto(photo);
    const start = performance.now();
    const placement = fittingPlacement([photo.height, photo.width], this.facts, this.onWasm);
    const pixels = placedPixels(photo, placement);
    const placed = performance.now();
    const outputs = await this.run(pixels, normalizedWindow(placement));
    const ran = performance.now();
    const result = decode(outputs, placement, this.facts, 0);
    const decoded = performance.now();
    return { result, placing: placed - start, network: ran - placed, decoding: decoded - ran };
  }

  close(): void {
    this.onGpu?.close();
    this.onWasm.close();
  }

  /** A graphics processor that fails once, as when a device is lost, is not asked again. */
  private async run(...args: Parameters<Network["run"]>): ReturnType<Network["run"]> {
    if (this.onGpu) {
      try {
        return await this.onGpu.run(...args);
      } catch {
        this.onGpu = null;
      }
    }
    return this.onWasm.run(...args);
  }
}

function checkFacts({ format, version, facts }: PageFacts): void {
  if (format !== "maskdet.page" || facts?.format !== "maskdet.tflite") {
    throw new PageError("page.json is no maskdet page's; export the page again.");
  }
  if (version > KNOWN_VERSION || facts.version > KNOWN_VERSION) {
    throw new PageError(
      "page.json is of a newer maskdet than this page's scripts; export the page again, whole.",
    );
  }
  if (!TASKS.includes(taskOf(facts))) {
    throw new PageError(
      `This page's scripts cannot show the task '${taskOf(facts)}' of its network; export the page ` +
        "again, whole.",
    );
  }
}

function checkPhoto({ height, width, pixels }: Photo): void {
  if (!(height > 0 && width > 0) || pixels.length !== height * width * 4) {
    throw new PageError(
      `A photo of ${width} x ${height} pixels must have 4 bytes for each, but has ` +
        `${pixels.length}; give it again, as looking at a photo takes its pixels away.`,
    );
  }
}

async function fetchModel(address: string): Promise<Uint8Array<ArrayBuffer>> {
  let response: Response;
  try {
    response = await fetch(address);
  } catch (fault) {
    const advice = "check the connection to the server and reload the page";
    throw new PageError(sentenceOf(fault, `The network ${address} cannot be fetched`, advice));
  }
  if (!response.ok) {
    throw new PageError(
      `The network ${address} is not there (${response.status}); copy the page's folder whole.`,
    );
  }
  const content = new Uint8Array(await response.arrayBuffer());
  const mark = String.fromCharCode(...content.subarray(4, 8));
  if (mark !== "TFL3") {
    throw new PageError(`${address} is no .tflite file; copy or export the page again.`);
  }
  return content;
}

/** Where a photo goes in the network's input; throws a PageError where facts and input differ. */
function fittingPlacement(image: Shape, facts: Facts, network: Network): Placement {
  const placement = place(image, {
    minDim: facts.min_dim,
    maxDim: facts.max_dim,
    minScale: facts.min_scale,
    mode: facts.resize_mode ?? "square",
  });
  const [height, width] = network.inputShape;
  if (placement.canvasShape[0] !== height || placement.canvasShape[1] !== width) {
    throw new PageError(
      `page.json makes ${placement.canvasShape.join(" x ")} pixels of a photo, but the page's ` +
        `network takes ${height} x ${width}; export the page again.`,
    );
  }
  return placement;
}
