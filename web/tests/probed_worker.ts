/** The page's worker, with its memory open to tests: self.memory(). */
import { getGlobalLiteRt } from "@litertjs/core";
import { Network } from "../src/network";
import "../src/worker";

/** The wasm heap's bytes, where a new block of 64 KB goes in it, and tensors that are not deleted. */
function memory(): { heap: number; place: number; tensors: number } {
  const wasm = getGlobalLiteRt().liteRtWasm;
  const place = wasm._malloc(65536);
  wasm._free(place);
  return { heap: wasm.HEAPU8.length, place, tensors: Network.liveTensors };
}

Object.assign(self, { memory });
