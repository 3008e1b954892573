/**
 * Builds the page's files: `node build.mjs` writes ../maskdet/page/built/, which maskdet copies into
 * every page; `node build.mjs --tests` bundles the tests into build/.
 */
import { build } from "esbuild";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = dirname(fileURLToPath(import.meta.url));
const BUILT = join(ROOT, "..", "maskdet", "page", "built");
const WASM = join(ROOT, "node_modules", "@litertjs", "core", "wasm");
const FLAVOURS = ["litert_wasm_internal", "litert_wasm_threaded_internal", "litert_wasm_compat_internal"];
const SCRIPTS = { "app.js": "src/app.ts", "worker.js": "src/worker.ts" };
const COPIED = { "index.html": "src/index.html", "style.css": "src/style.css" };
const BROWSER = { bundle: true, format: "iife", minify: true, sourcemap: false, target: "es2022" };

process.chdir(ROOT);
await (process.argv.includes("--tests") ? buildTests("build") : whole(BUILT, buildPage));

/** Fills a temporary folder beside `folder`, then puts it in its place. */
async function whole(folder, fill) {
  const temporary = `${folder}.${process.pid}`;
  mkdirSync(temporary, { recursive: true });
  try {
    await fill(temporary);
    rmSync(folder, { recursive: true, force: true });
    renameSync(temporary, folder);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

async function buildPage(folder) {
  for (const [name, source] of Object.entries(SCRIPTS)) {
    if (there(source)) {
      await build({ ...BROWSER, entryPoints: [source], outfile: join(folder, name), legalComments: "none" });
    }
  }
  for (const [name, source] of Object.entries(COPIED)) {
    if (there(source)) copyFileSync(source, join(folder, name));
  }
  mkdirSync(join(folder, "wasm"));
  for (const flavour of FLAVOURS) {
    for (const ending of ["js", "wasm"]) {
      const name = `${flavour}.${ending}`;
      copyFileSync(join(WASM, name), join(folder, "wasm", name));
    }
  }
  writeFileSync(join(folder, "LICENSES.txt"), licences());
}

function there(source) {
  if (!existsSync(source)) console.log(`skipped: there is no web/${source}`);
  return existsSync(source);
}

/** Whose code is in the page besides ours, and its licence. */
function licences() {
  const packages = ["core", "wasm-utils"].map((name) => {
    const facts = JSON.parse(readFileSync(join("node_modules", "@litertjs", name, "package.json"), "utf8"));
    return `${facts.name} ${facts.version}\n${facts.repository.url}\n`;
  });
  return (
    "The scripts and styles of this page are part of maskdet and under the MIT licence of its LICENSE.\n\n" +
    "worker.js also holds, and wasm/ consists of, LiteRT.js in these packages, which are\n" +
    "Copyright 2025 Google LLC and under the Apache License, Version 2.0, below. They are unchanged\n" +
    "but for being bundled and minified into worker.js.\n\n" +
    `${packages.join("\n")}\n${readFileSync(join("licenses", "Apache-2.0"), "utf8")}`
  );
}

async function buildTests(folder) {
  await whole(folder, async (temporary) => {
    const node = { bundle: true, format: "esm", platform: "node", outExtension: { ".js": ".mjs" } };
    const names = readdirSync("tests").filter((name) => name.endsWith(".test.ts"));
    const tests = names.map((name) => join("tests", name));
    await build({ ...node, entryPoints: tests, outdir: join(temporary, "tests") });
    // What the Python tests drive: numbers in node, and the engine in a page.
    await build({ ...node, entryPoints: ["tests/numbers.ts"], outdir: temporary });
    const pages = ["tests/harness.ts", "tests/probed_worker.ts"];
    await build({ ...BROWSER, entryPoints: pages, outdir: temporary });
  });
}
