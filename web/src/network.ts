/** A compiled network: from a photo's pixels to named outputs, nothing left behind. */
import { Tensor } from "@litertjs/core";
import type { CompiledModel, LiteRt, TensorDetails } from "@litertjs/core";
import type { Outputs } from "./decoding";
import { PageError, sentenceOf } from "./errors";
import type { Shape } from "./placement";
import type { Box } from "./types";

export type Accelerator = "wasm" | "webgpu";

export class Network {
  private readonly image: TensorDetails;
  private readonly window: TensorDetails | null;
  /** Tensors that were made and not yet deleted; 0 between two photos. */
  static liveTensors = 0;

  private constructor(
    private readonly model: CompiledModel,
    neededOutputs: string[],
  ) {
    const inputs = model.getInputDetails();
    const images = inputs.filter(({ shape }) => shape.length === 4 && shape[3] === 3);
    const windows = inputs.filter(({ shape }) => shape.length === 2 && shape[1] === 4);
    if (!images.length || images[0].shape[0] !== 1 || inputs.length !== 1 + windows.length) {
      throw new PageError(
        "The page's network takes no single colour photo (1, height, width, 3); export one with " +
          "model.export().",
      );
    }
    const names = model.getOutputDetails().map(({ name }) => name);
    const missing = neededOutputs.filter((name) => !names.includes(name));
    if (missing.length) {
      throw new PageError(
        `The page's network lacks the outputs ${missing.join(", ")} that page.json speaks of; ` +
          "export the page again.",
      );
    }
    this.image = images[0];
    this.window = windows[0] ?? null;
  }

  /** Throws a PageError for bytes that are no network, or one that this page cannot feed. */
  static async compile(
    liteRt: LiteRt,
    content: Uint8Array,
    accelerator: Accelerator,
    threads: number,
    neededOutputs: string[],
  ): Promise<Network> {
    let model: CompiledModel;
    try {
      model = await liteRt.loadAndCompile(content, {
        accelerator,
        cpuOptions: { numThreads: threads },
        gpuOptions: { precision: "fp32" },
      });
    } catch (fault) {
      throw new PageError(
        sentenceOf(
          fault,
          "The page's network cannot be run",
          "it is truncated, damaged or made for another runtime: copy or export it again",
        ),
      );
    }
    try {
      return new Network(model, neededOutputs);
    } catch (fault) {
      model.delete();
      throw fault;
    }
  }

  /** (height, width) of the input. */
  get inputShape(): Shape {
    return [this.image.shape[1], this.image.shape[2]];
  }

  /** What it really runs on: LiteRT falls back to wasm of its own accord. */
  get accelerator(): Accelerator {
    return this.model.options.accelerator === "webgpu" ? "webgpu" : "wasm";
  }

  /** Outputs by name for `pixels` (height, width, 3), RGB, and the photo's window in them. */
  async run(pixels: Uint8Array<ArrayBuffer>, window: Box): Promise<Outputs> {
    const tensors: Tensor[] = [];
    const held = (tensor: Tensor): Tensor => {
      tensors.push(tensor);
      Network.liveTensors++;
      return tensor;
    };
    try {
      const fed: Record<string, Tensor> = {
        [this.image.name]: held(this.imageTensor(pixels)),
      };
      if (this.window) {
        fed[this.window.name] = held(new Tensor(new Float32Array(window), [1, 4]));
      }
      const given = await this.model.run(fed);
      Object.values(given).forEach(held);
      return await read(given);
    } finally {
      for (const tensor of tensors) {
        tensor.delete();
        Network.liveTensors--;
      }
    }
  }

  close(): void {
    this.model.delete();
  }

  /** Pixels as the input takes them: files of others with floats take -1..1, ours take bytes. */
  private imageTensor(pixels: Uint8Array<ArrayBuffer>): Tensor {
    const shape = Array.from(this.image.shape);
    if (this.image.dtype === "uint8") return new Tensor(pixels, shape);
    return new Tensor(Float32Array.from(pixels, (value) => (value - 127.5) / 127.5), shape);
  }
}

async function read(given: Record<string, Tensor>): Promise<Outputs> {
  const outputs: Outputs = {};
  for (const [name, tensor] of Object.entries(given)) {
    const values = await tensor.data();
    outputs[name] = {
      shape: Array.from(tensor.type.layout.dimensions),
      values: values instanceof Float32Array ? values : Float32Array.from(values),
    };
  }
  return outputs;
}
