/** The page: facts and network are loaded, then photos go one after another through it. */

import { Client } from "./client";
import { byId } from "./dom";
import { PageError, sentenceOf } from "./errors";
import { Gallery, type KnownAnswer } from "./gallery";
import { guardDrops, listen, showSamples, type Source } from "./intake";
import { showCamera } from "./live";
import { listenToToolbar, READY, tell, Threshold } from "./toolbar";
import type { PageFacts, Photo } from "./types";
import { engineLine } from "./wording";
import { Work } from "./work";

declare global {
  interface Window {
    /** For tests: what the page's cards hold, in their order. */
    maskdetPage?: { answers(): KnownAnswer[] };
  }
}

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
  const look = (photo: Photo) => client.look(photo); // photos and the camera's frames, in turn
  const detects = page.facts.task !== "classification";

  const { min_confidence: usual, min_score: lowest = usual } = page.facts;
  const threshold = new Threshold(detects ? usual : 0, detects ? lowest : 0, detects);
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

void start();
