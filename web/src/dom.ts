/** Making and finding elements. Text is always set as text, never parsed as HTML. */

import { PageError } from "./errors";

interface Parts {
  class?: string;
  text?: string;
  attributes?: Record<string, string>;
}

export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag, parts: Parts = {}, ...children: Node[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  if (parts.class !== undefined) element.className = parts.class;
  if (parts.text !== undefined) element.textContent = parts.text;
  for (const [name, value] of Object.entries(parts.attributes ?? {})) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** A button that says `text`, and `label` to those who do not see what it stands beside. */
export function button(text: string, label: string, press: () => void): HTMLButtonElement {
  const element = make("button", { text, attributes: { type: "button", "aria-label": label } });
  element.addEventListener("click", press);
  return element;
}

/** The element of an id in index.html. */
export function byId<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new PageError(`index.html has no ${kind.name} #${id}; take the one of this app.js.`);
  return element;
}

/** Hands a file to the browser's downloads. */
export function download(content: Blob, name: string): void {
  const address = URL.createObjectURL(content);
  make("a", { attributes: { href: address, download: name } }).click();
  // Not at once: the browser begins to read after this turn.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
