/** The ways on which photos come in: chosen, dropped, pasted, by address, from the samples. */

import { checkedAddress, nameOf } from "./addresses";
import { byId, make } from "./dom";
import { PageError, sentenceOf } from "./errors";
import { type Opened, readAddress, readFile } from "./photos";

/** A photo that was given and is not read yet. */
export interface Source {
  name: string;
  open: () => Promise<Opened>;
}

export interface Receiver {
  receive: (sources: Source[]) => void;
  say: (sentence: string) => void;
}

export function listen(receiver: Receiver): void {
  listenToFiles(receiver);
  listenToDrops(receiver);
  listenToPaste(receiver);
  listenToAddress(receiver);
}

/** A button for each sample; names are relative to the page. */
export function showSamples(samples: readonly string[], receiver: Receiver): void {
  const place = byId("samples", HTMLElement);
  for (const path of samples) {
    const name = path.split("/").at(-1)!;
    const image = make("img", { attributes: { src: path, alt: "", loading: "lazy" } });
    const label = `Look at the sample ${name}`;
    const sample = make("button", { attributes: { type: "button", "aria-label": label } }, image);
    sample.addEventListener("click", () => receiver.receive([{ name, open: () => readSample(path, name) }]));
    place.append(sample);
  }
  byId("samples-part", HTMLElement).hidden = samples.length === 0;
}

async function readSample(path: string, name: string): Promise<Opened> {
  const reply = await fetch(path).catch(() => undefined);
  if (!reply?.ok) throw new PageError(`The sample ${name} is not beside this page; export the page again.`);
  return readFile(await reply.blob(), name);
}

function filesOf(files: Iterable<File>): Source[] {
  return [...files].map((file) => ({
    name: file.name || "pasted picture",
    open: () => readFile(file, file.name || "The pasted picture"),
  }));
}

function listenToFiles({ receive }: Receiver): void {
  const choose = byId("choose", HTMLInputElement);
  choose.addEventListener("change", () => {
    receive(filesOf(choose.files ?? []));
    choose.value = ""; // the same file can be chosen again
  });
}

/** A file dropped where nobody takes it would be opened by the browser in the page's place. */
export function guardDrops(): void {
  for (const kind of ["dragover", "drop"]) {
    document.addEventListener(kind, (event) => event.preventDefault());
  }
}

/** Drops count on the whole page, not only on the marked place. */
function listenToDrops({ receive, say }: Receiver): void {
  const mark = (on: boolean) => byId("drop", HTMLElement).classList.toggle("over", on);
  document.addEventListener("dragover", () => mark(true));
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) mark(false);
  });
  document.addEventListener("drop", (event) => {
    mark(false);
    const { files } = event.dataTransfer!;
    if (files.length > 0) receive(filesOf(files));
    else offerAddress(firstAddress(event.dataTransfer!.getData("text/uri-list")), say);
  });
}

function listenToPaste({ receive, say }: Receiver): void {
  document.addEventListener("paste", (event) => {
    const files = event.clipboardData?.files ?? [];
    const intoField = event.target instanceof HTMLInputElement && event.target.type === "text";
    if (files.length > 0) receive(filesOf(files));
    else if (!intoField) offerAddress(event.clipboardData?.getData("text/plain") ?? "", say);
    if (files.length > 0 || !intoField) event.preventDefault();
  });
}

/** Of the lines of a list of addresses; those that begin with # are remarks. */
function firstAddress(list: string): string {
  return list.split(/\r?\n/).find((line) => line !== "" && !line.startsWith("#")) ?? "";
}

/** An address that was dropped or pasted is not asked for before the user says so. */
function offerAddress(text: string, say: (sentence: string) => void): void {
  try {
    const address = checkedAddress(text);
    byId("address", HTMLInputElement).value = address.href;
    say("Press Load to ask for the picture at this address.");
  } catch {
    say("There is no picture in what was given.");
  }
}

function listenToAddress({ receive, say }: Receiver): void {
  const field = byId("address", HTMLInputElement);
  byId("address-form", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    try {
      const address = checkedAddress(field.value);
      const name = nameOf(address);
      receive([{ name, open: () => readAddress(address, name) }]);
      field.value = "";
    } catch (error) {
      say(sentenceOf(error, "The address was not taken", "give another one"));
    }
  });
}
