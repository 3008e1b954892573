/** Addresses of pictures, as people type them. */

import { PageError } from "./errors";

const SCHEMES = ["https:", "http:", "blob:", "data:"];

/**
 * The address in a typed text.
 *
 * @throws PageError with one sentence for what is no address of a picture.
 */
export function checkedAddress(typed: string): URL {
  const text = typed.trim();
  if (!text) throw new PageError("Type the address of a picture first.");
  let address: URL;
  try {
    address = new URL(text);
  } catch {
    throw new PageError(`“${shortened(text)}” is no whole address; it begins with https:// or http://.`);
  }
  if (!SCHEMES.includes(address.protocol)) {
    throw new PageError(
      `An address that begins with ${shortened(address.protocol)} is not loaded; give one of https, http, data or blob.`,
    );
  }
  return address;
}

/** A name for the picture: the address's last part, or else its host. */
export function nameOf(address: URL): string {
  if (!address.protocol.startsWith("http")) return `picture of a ${address.protocol.slice(0, -1)} address`;
  const last = address.pathname.split("/").filter(Boolean).at(-1);
  if (last === undefined) return address.hostname;
  try {
    return decodeURIComponent(last);
  } catch {
    return last; // a stray %
  }
}

function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
