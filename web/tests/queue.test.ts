/** Photos beyond eight wait, none is lost, and each comes in its turn. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { Queue } from "../src/queue";

const numbers = (count: number): number[] => Array.from({ length: count }, (_, k) => k);

test("eight of twenty come into view, and one more as each is finished", () => {
  const queue = new Queue<number>(8);
  assert.deepEqual(queue.add(numbers(20)), numbers(8));
  assert.equal(queue.hidden, 12);
  assert.deepEqual(queue.finish(0), [8]);
  assert.equal(queue.first, 1);
  assert.equal(queue.hidden, 11);
});

test("all come in their order, also those added on the way", () => {
  const queue = new Queue<number>(2);
  const order: number[] = [];
  queue.add([0, 1, 2]);
  for (let item; (item = queue.first) !== undefined; queue.finish(item)) {
    order.push(item);
    if (item === 1) queue.add([3, 4]);
  }
  assert.deepEqual(order, [0, 1, 2, 3, 4]);
  assert.equal(queue.unfinished, 0);
});

test("finishing twice, as for a removed photo in work, takes nobody else out", () => {
  const queue = new Queue<number>(2);
  queue.add([0, 1, 2, 3]);
  assert.deepEqual(queue.finish(0), [2]);
  assert.deepEqual(queue.finish(0), []);
  assert.equal(queue.unfinished, 3);
});

test("cancelling keeps the photo in work alone", () => {
  const queue = new Queue<number>(3);
  queue.add(numbers(9));
  assert.deepEqual(queue.cancel(0), [1, 2]);
  assert.equal(queue.unfinished, 1);
  assert.equal(queue.hidden, 0);
  assert.deepEqual(queue.add([20]), [20]);
  assert.equal(queue.first, 0);
});
