// A level: the wanted picture, taps, the clock. What it tells, it shows. For a referee, <html> has
// the attributes data-taps, data-wrong and, when the level is over, data-outcome.
"use strict";

const SECONDS = 45;
const WRONG_TAP_COSTS = 5;
const CARD = 100;
const CARD_SIZE = 84;

const asked = new URLSearchParams(location.search);
const element = (id) => document.getElementById(id);
const level = { over: true, taps: 0, wrong: 0, penalty: 0 };

function readAddress() {
  const text = asked.get("seed") ?? "1000000";
  if (!/^\d{1,9}$/.test(text)) {
    return { fault: `The seed of a level is a whole number such as 1000000, not "${text}".` };
  }
  const wanted = asked.get("wanted");
  if (wanted !== null && !KINDS.includes(wanted)) {
    return { fault: `Nothing here is called "${wanted}"; there are ${KINDS.join(", ")}.` };
  }
  return { seed: Number(text), wanted };
}

function start() {
  const { fault, seed, wanted } = readAddress();
  if (fault) return say(fault);
  level.seed = seed;
  level.board = new Board(seed);
  level.wanted = wanted ?? level.board.wanted;
  if (level.board.left(level.wanted) === 0) {
    return finish("without a match", "Nothing on this board matches; take another seed.");
  }
  level.card = makeSprite(level.wanted, CARD_SIZE, 0, level.board.paint);
  const edge = Math.floor((CARD - level.card.side) / 2);
  element("wanted").getContext("2d").drawImage(level.card.canvas, edge, edge);
  level.edge = edge;
  level.over = false;
  level.started = performance.now();
  show();
  requestAnimationFrame(tick);
}

function show() {
  level.board.draw(element("board").getContext("2d"));
  element("left").textContent = `${level.board.left(level.wanted)} to find`;
}

function secondsGone() {
  return (performance.now() - level.started) / 1000 + level.penalty;
}

function tick() {
  if (level.over) return;
  const gone = secondsGone();
  element("time").style.width = `${100 * Math.max(0, 1 - gone / SECONDS)}%`;
  if (gone >= SECONDS) finish("lost", "Time is up.");
  else requestAnimationFrame(tick);
}

function tap(event) {
  if (level.over) return;
  const corner = element("board").getBoundingClientRect();
  const scale = WIDTH / corner.width;
  const x = Math.floor((event.clientX - corner.left) * scale);
  const y = Math.floor((event.clientY - corner.top) * scale);
  level.taps++;
  note();
  const thing = level.board.near(x, y, level.wanted);
  if (thing === null) {
    level.wrong++;
    note();
    level.penalty += WRONG_TAP_COSTS;
    element("time").classList.add("wrong");
    setTimeout(() => element("time").classList.remove("wrong"), 300);
    return;
  }
  level.board.remove(thing);
  show();
  if (level.board.left(level.wanted) === 0) {
    const tries = level.wrong === 1 ? "1 wrong tap" : `${level.wrong} wrong taps`;
    finish("won", `Won in ${secondsGone().toFixed(1)} seconds with ${tries}.`);
  }
}

// The way on stands in the header, where a tap that was meant for the board does not meet it.
function say(sentence) {
  element("text").textContent = sentence;
  element("next").href = `?seed=${(level.seed ?? 999999) + 1}`;
  element("end").hidden = element("next").hidden = false;
  element("left").hidden = true;
}

function finish(outcome, sentence) {
  level.over = true;
  element("wanted").getContext("2d").clearRect(0, 0, CARD, CARD);
  say(sentence);
  note();
  document.documentElement.dataset.outcome = outcome;
}

function note() {
  const { taps, wrong } = level;
  Object.assign(document.documentElement.dataset, { taps, wrong });
}

// What is in sight in the page's pixels, for whoever makes training boards and for tests. A robot
// that asked here would cheat.
function truth() {
  const corner = (id) => element(id).getBoundingClientRect();
  const board = corner("board");
  const seen = level.board.inSight();
  const things = level.board.things.map((thing, i) => ({
    name: thing.kind,
    box: seen[i].box.map((side, k) => side + (k % 2 ? board.left : board.top)),
    share: seen[i].pixels / thing.area,
    matches: thing.kind === level.wanted,
    spot: spotOf(thing, i, board),
  }));
  const card = level.card;
  const rows = [];
  const columns = [];
  card.mask.forEach((inside, i) => {
    if (!inside) return;
    rows.push(Math.floor(i / card.side));
    columns.push(i % card.side);
  });
  const y = corner("wanted").top + level.edge;
  const x = corner("wanted").left + level.edge;
  const range = (list) => [Math.min(...list), Math.max(...list) + 1];
  const [y1, y2] = range(rows);
  const [x1, x2] = range(columns);
  const box = [y + y1, x + x1, y + y2, x + x2];
  return { wanted: { name: level.wanted, box }, things: things.filter((thing) => thing.share > 0) };
}

// A point of the page [y, x] where a tap meets this thing, nearest to the middle of what is seen.
function spotOf(thing, index, corner) {
  const owners = level.board.owners();
  const [y1, x1, y2, x2] = level.board.inSight()[index].box;
  let best = null;
  let least = Infinity;
  for (let y = y1; y < y2; y++) {
    for (let x = x1; x < x2; x++) {
      const away = Math.hypot(y - (y1 + y2) / 2, x - (x1 + x2) / 2);
      if (owners[y * WIDTH + x] === index && away < least) {
        best = [y + corner.top, x + corner.left];
        least = away;
      }
    }
  }
  return best;
}

element("board").addEventListener("pointerdown", tap);
start();
