/** The page's sentences say what is so, and addresses are taken only where they are ones. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { checkedAddress, nameOf } from "../src/addresses";
import { FrameRate } from "../src/rates";
import { doneLine, engineLine, percent, queueLine, stem, summary } from "../src/wording";

test("what the network runs on", () => {
  const engine = { accelerator: "wasm", threads: 2, flavour: "threads", inputHeight: 240, inputWidth: 320 } as const;
  assert.equal(engineLine(engine), "LiteRT, 2 threads, input 320 × 240");
  assert.equal(engineLine({ ...engine, threads: 1 }), "LiteRT, 1 thread, input 320 × 240");
  assert.match(engineLine({ ...engine, accelerator: "webgpu" }), /WebGPU/);
});

test("how far the queue is", () => {
  assert.equal(queueLine("a.jpg", 12), "Looking at a.jpg. 12 photos wait.");
  assert.equal(queueLine("a.jpg", 1), "Looking at a.jpg. 1 photo waits.");
  assert.equal(queueLine(undefined, 0), "");
  assert.equal(doneLine(3, 1), "3 photos done. 1 photo could not be looked at.");
  assert.equal(doneLine(0, 0), "");
});

test("counts, shares and names of files", () => {
  const of = (className: string) => ({ className, classId: 1, score: 1, box: [0, 0, 1, 1] as [number, number, number, number] });
  assert.equal(summary([of("dog"), of("cat"), of("cat")]), "2 cat, 1 dog");
  assert.equal(summary([]), "nothing");
  assert.deepEqual([0, 0.0001, 0.9342].map(percent), ["0.0 %", "< 0.1 %", "93.4 %"]);
  assert.deepEqual(["a.b.jpg", "photo", ".png"].map(stem), ["a.b", "photo", "photo"]);
});

test("frames a second over the last two seconds", () => {
  const rate = new FrameRate();
  assert.equal(rate.perSecond, 0);
  for (let at = 0; at <= 10_000; at += 100) rate.add(at, 40);
  assert.equal(rate.perSecond, 10);
  assert.equal(rate.milliseconds, 40);
  rate.add(20_000, 60); // after a pause
  assert.equal(rate.perSecond, 0);
  assert.equal(rate.milliseconds, 60);
});

test("addresses of https, http, data and blob are taken, with a name to show", () => {
  assert.equal(nameOf(checkedAddress(" https://host.example/a/caf%C3%A9.jpg?x=1 ")), "café.jpg");
  assert.equal(nameOf(checkedAddress("http://host.example/")), "host.example");
  assert.equal(nameOf(checkedAddress("https://host.example/100%.png")), "100%.png");
  assert.equal(nameOf(checkedAddress("data:image/png;base64,AAAA")), "picture of a data address");
});

for (const typed of ["", "cat.jpg", "javascript:alert(1)", "file:///etc/passwd"]) {
  test(`"${typed}" is refused in a sentence`, () => {
    assert.throws(() => checkedAddress(typed), /^PageError: .*\.$/);
  });
}
