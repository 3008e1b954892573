/** The page's side of the worker: one request at a time, the others wait in order. */
import { PageError } from "./errors";
import type { Answer, Engine, PageFacts, Photo, Reply, Request, WasmFlavour } from "./types";

type Ask = { kind: "start"; page: PageFacts; base: string } | { kind: "look"; photo: Photo };

interface Waiting {
  ask: Ask;
  resolve: (reply: Reply) => void;
  reject: (error: Error) => void;
}

const FLAVOURS: WasmFlavour[] = ["plain", "threads", "compat"];

export class Client {
  private waiting: Waiting[] = [];
  private current: Waiting | null = null;
  private id = 0;
  private end: PageError | null = null;
  private started: Engine | null = null;

  private constructor(private readonly worker: Worker) {
    worker.addEventListener("message", ({ data }: MessageEvent<Reply>) => this.take(data));
    worker.addEventListener("messageerror", () => this.fail("An answer cannot be read"));
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.fail(event.message ? `The page's worker stopped (${event.message})` : "worker.js is not there");
    });
  }

  /**
   * A client whose network is ready. `base` is the page's address; "?flavour=plain" in it (or
   * threads, compat) takes that flavour alone. Rejects with a sentence for people.
   */
  static async start(page: PageFacts, base: string): Promise<Client> {
    const address = confined(new URL("worker.js", base));
    const client = new Client(new Worker(address));
    try {
      const reply = await client.ask({ kind: "start", page: withFlavour(page, base), base });
      if (reply.kind === "started") client.started = reply.engine;
    } catch (fault) {
      client.close();
      throw fault;
    } finally {
      URL.revokeObjectURL(address);
    }
    return client;
  }

  /** What the network runs on. */
  get engine(): Engine {
    if (!this.started) throw new PageError("The page's network has not started; reload the page.");
    return this.started;
  }

  /**
   * What the network says of a photo. Its pixels are moved to the worker when its turn comes, not
   * copied: the photo has none afterwards.
   */
  async look(photo: Photo): Promise<Answer> {
    const reply = await this.ask({ kind: "look", photo });
    if (reply.kind !== "answer") throw new PageError("The page's worker is out of step; reload the page.");
    return reply.answer;
  }

  /** Stops the worker, which frees all it holds; whoever still waits gets an error. */
  close(): void {
    this.fail("The page's network was closed");
  }

  private ask(ask: Ask): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.end) return reject(this.end);
      this.waiting.push({ ask, resolve, reject });
      this.next();
    });
  }

  private next(): void {
    if (this.current) return;
    const turn = this.waiting.shift();
    if (!turn) return;
    this.current = turn;
    const request = { ...turn.ask, id: ++this.id } as Request;
    try {
      this.worker.postMessage(request, request.kind === "look" ? [request.photo.pixels.buffer] : []);
    } catch {
      this.current = null;
      turn.reject(new PageError("This photo's pixels are gone, as it was looked at before; give it again."));
      this.next();
    }
  }

  private take(reply: Reply): void {
    const turn = this.current;
    if (!turn || reply.id !== this.id) return;
    this.current = null;
    if (reply.kind === "fault") turn.reject(new PageError(reply.sentence));
    else turn.resolve(reply);
    this.next();
  }

  private fail(reason: string): void {
    this.end ??= new PageError(`${reason}; reload the page.`);
    this.worker.terminate();
    const asked = this.current ? [this.current, ...this.waiting] : this.waiting;
    this.current = null;
    this.waiting = [];
    for (const { reject } of asked) reject(this.end);
  }
}

/**
 * The address of a worker that the page's Content-Security-Policy holds for. One started from the
 * script's own address would have the policy of that reply, of which static servers send none; one
 * of a blob inherits the page's.
 */
function confined(script: URL): string {
  const start = `importScripts(${JSON.stringify(script.href)});`;
  return URL.createObjectURL(new Blob([start], { type: "text/javascript" }));
}

/** The page with only the flavour that its address asks for, where it asks for one. */
export function withFlavour(page: PageFacts, base: string): PageFacts {
  const name = new URL(base).searchParams.get("flavour");
  const flavour = FLAVOURS.find((known) => known === name);
  return flavour ? { ...page, wasm: [flavour] } : page;
}
