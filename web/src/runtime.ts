/** LiteRT in this worker: which flavour of its WebAssembly, and loading it. */
import { loadLiteRt, supportsFeature } from "@litertjs/core";
import type { LiteRt } from "@litertjs/core";
import { PageError, sentenceOf } from "./errors";
import type { WasmFlavour } from "./types";

/** What a browser can do of what flavours need. */
export interface Abilities {
  relaxedSimd: boolean;
  isolated: boolean;
  cores: number;
}

export interface Runtime {
  liteRt: LiteRt;
  flavour: WasmFlavour;
  threads: number;
}

const SCRIPTS: Record<WasmFlavour, string> = {
  plain: "litert_wasm_internal.js",
  threads: "litert_wasm_threaded_internal.js",
  compat: "litert_wasm_compat_internal.js",
};
/** Phones have four fast cores or fewer, and slow ones hold the fast ones up. */
const MOST_THREADS = 4;
/** A function of one 128-bit constant: any browser without it runs no flavour. */
const SIMD_MODULE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15,
  253, 98, 11,
]);

/** The best of the flavours that lie there and that the browser runs; null for none. */
export function bestFlavour(there: WasmFlavour[], abilities: Abilities): WasmFlavour | null {
  const { relaxedSimd, isolated, cores } = abilities;
  const runs: Record<WasmFlavour, boolean> = {
    threads: relaxedSimd && isolated && cores > 1,
    plain: relaxedSimd,
    compat: true,
  };
  const order: WasmFlavour[] = ["threads", "plain", "compat"];
  return order.find((flavour) => there.includes(flavour) && runs[flavour]) ?? null;
}

/** Loads the best of the flavours `there` from the folder wasm/ beside `base`. */
export async function loadRuntime(there: WasmFlavour[], base: string): Promise<Runtime> {
  if (typeof WebAssembly === "undefined" || !WebAssembly.validate(SIMD_MODULE)) {
    throw new PageError(
      "This browser cannot run networks, as it lacks WebAssembly with SIMD; take a newer Chrome, " +
        "Edge, Firefox or Safari.",
    );
  }
  const abilities = {
    relaxedSimd: await supportsFeature("relaxedSimd"),
    isolated: self.crossOriginIsolated === true,
    cores: navigator.hardwareConcurrency || 1,
  };
  const flavour = bestFlavour(there, abilities);
  if (!flavour) {
    throw new PageError(
      `This browser runs none of this page's WebAssembly flavours (${there.join(", ")}); take a ` +
        "newer browser, or export the page with the flavour compat too.",
    );
  }
  const liteRt = await load(new URL(`wasm/${SCRIPTS[flavour]}`, base).href);
  const threads = flavour === "threads" ? Math.min(abilities.cores, MOST_THREADS) : 1;
  return { liteRt, flavour, threads };
}

async function load(script: string): Promise<LiteRt> {
  quieten();
  // The module asks for these before it starts; without the script's address its threads would
  // load this worker once more.
  Object.assign(self, {
    Module: {
      mainScriptUrlOrBlob: script,
      locateFile: (name: string) => new URL(name, script).href,
      print: () => undefined,
      printErr: () => undefined,
    },
  });
  try {
    return await loadLiteRt(script);
  } catch (fault) {
    throw new PageError(
      sentenceOf(
        fault,
        `${script} cannot be loaded`,
        "check that the page's folder wasm was copied whole, and reload the page",
      ),
    );
  }
}

/** This worker is ours alone: what LiteRT says on the way is for its makers. Errors stay. */
function quieten(): void {
  for (const level of ["log", "info", "debug", "warn"] as const) console[level] = () => undefined;
}
