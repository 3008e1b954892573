/** The page: facts and network are loaded, then photos go one after another through it. */

import { Client } from "./client";
import { byId, download } from "./dom";
import { PageError, sentenceOf } from "./errors";
import { Gallery, type KnownAnswer } from "./gallery";
import { guardDrops, listen, showSamples, type Source } from "./intake";
import { showCamera } from "./live";
import { Turns } from "./queue";
import type { PageFacts, Photo } from "./types";
import { doneLine, engineLine, queueLine } from "./wording";
import { Work } from "./work";

declare global {
  interface Window {
    /** For tests: what the page's cards hold, in their order. */
    maskdetPage?: { answers(): KnownAnswer[] };
  }
}

const READY = "Ready: give a photo.";
const LOWEST_THRESHOLD = 0.05; // files keep nothing below it

async function start(): Promise<void> {
  const status = byId("status", HTMLElement);
  guardDrops();
  try {
    const page = await loadFacts();
    showFacts(page);
    status.textContent = "Loading the network …";
    const client = await Client.start(page, document.baseURI);
    byId("engine", HTMLElement).textContent = `Runs here by ${engineLine(client.engine)}.`;
    open(page, client);
    status.textContent = READY;
  } catch (error) {
    document.body.dataset.state = "fault";
    status.textContent = sentenceOf(error, "The page does not start", "reload it");
  }
}

async function loadFacts(): Promise<PageFacts> {
  if (location.protocol === "file:") {
    throw new PageError(
      "This page works through a web server only: run “python -m http.server” in its folder and " +
        "open http://localhost:8000.",
    );
  }
  const reply = await fetch("page.json").catch(() => undefined);
  if (!reply?.ok) throw new PageError("page.json is not beside this page; export the page again.");
  const page = await reply.json().catch(() => undefined);
  if (page?.format !== "maskdet.page" || page.version !== 1) {
    throw new PageError("page.json is not one that this page can read; export the page again.");
  }
  return page;
}

function showFacts(page: PageFacts): void {
  const names = page.facts.class_names.slice(1);
  document.title = page.title;
  byId("title", HTMLElement).textContent = page.title;
  const few = names.length <= 6;
  byId("classes-few", HTMLElement).textContent = few ? `Knows ${names.join(", ")}.` : "";
  byId("classes-many", HTMLElement).hidden = few;
  byId("classes-count", HTMLElement).textContent = `Knows ${names.length} classes`;
  byId("classes-names", HTMLElement).textContent = few ? "" : names.join(", ");
}

/** Opens the page for photos. */
function open(page: PageFacts, client: Client): void {
  const say = (sentence: string) => void (byId("status", HTMLElement).textContent = sentence);
  const turns = new Turns();
  const look = (photo: Photo) => turns.take(() => client.look(photo));
  const detects = page.facts.task !== "classification";

  const threshold = new Threshold(detects ? page.facts.min_confidence : 0, detects);
  const gallery = new Gallery(
    byId("cards", HTMLElement), page.facts.class_names, threshold.value, (card) => work.forget(card),
  );
  const work: Work = new Work(gallery, look, () => tell(work, gallery));
  threshold.changed = (value) => void (gallery.threshold = value);
  window.maskdetPage = { answers: () => gallery.answers() };

  listenToToolbar(work, gallery);
  const receiver = { receive: (sources: Source[]) => work.receive(sources), say };
  listen(receiver);
  showSamples(page.samples, receiver);
  showCamera({ look, threshold: () => threshold.value }, say);
  byId("controls", HTMLFieldSetElement).disabled = false;
  document.body.dataset.state = "ready";
}

/** Scores from which on objects count. */
class Threshold {
  changed: (value: number) => void = () => undefined;
  private readonly slider = byId("threshold", HTMLInputElement);

  constructor(value: number, used: boolean) {
    this.slider.min = String(Math.min(value, LOWEST_THRESHOLD));
    this.slider.value = String(value);
    byId("threshold-part", HTMLElement).hidden = !used;
    this.slider.addEventListener("input", () => {
      this.show();
      this.changed(this.value);
    });
    this.show();
  }

  get value(): number {
    return this.slider.valueAsNumber;
  }

  private show(): void {
    byId("threshold-value", HTMLElement).textContent = this.value.toFixed(2);
  }
}

function listenToToolbar(work: Work, gallery: Gallery): void {
  byId("cancel", HTMLButtonElement).addEventListener("click", () => work.cancel());
  byId("clear", HTMLButtonElement).addEventListener("click", () => {
    work.clear();
    byId("choose", HTMLInputElement).focus();
  });
  byId("download-all", HTMLButtonElement).addEventListener("click", async () => {
    const content = JSON.stringify(await gallery.file());
    download(new Blob([content], { type: "application/json" }), "maskdet_results.json");
  });
}

/** Says how far the work is, and shows what can be done about it. */
function tell(work: Work, gallery: Gallery): void {
  const done = gallery.countOf("done");
  const line = queueLine(work.looking, work.hidden) || doneLine(done, gallery.countOf("fault"));
  byId("status", HTMLElement).textContent = line || READY;
  byId("toolbar", HTMLElement).hidden = gallery.count === 0;
  byId("cancel", HTMLElement).hidden = work.waiting === 0;
  byId("download-all", HTMLButtonElement).disabled = done === 0;
}

void start();
