// Boards by number: which things lie where, how they are painted, what of them is in sight.
"use strict";

const WIDTH = 720;
const HEIGHT = 600;
const SMALLEST = 62;
const LARGEST = 112;
// Nothing that is wanted is covered beyond this share when the level begins.
const LEAST_IN_SIGHT = 0.5;
const NOBODY = -1;
// Fingers are broad and keys have holes: so far beside a thing a tap still meets it, in pixels.
const FINGER = 10;

// Numbers of 0..1 from a seed: Marsaglia's xorshift of 32 bits, begun by Knuth's multiplier.
function makeRandom(seed) {
  let state = (Math.imul(seed + 1, 2654435761) ^ 0x5bd1e995) >>> 0 || 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 4294967296;
  };
  for (let i = 0; i < 16; i++) next();
  return next;
}

function shuffled(items, random) {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor((i + 1) * random());
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

class Board {
  constructor(seed) {
    const random = makeRandom(seed);
    const between = (low, high) => low + (high - low) * random();
    this.kinds = shuffled(KINDS, random);
    this.wanted = this.kinds[0];
    const others = this.kinds.slice(1).filter((kind) => kind !== ALIKE[this.wanted]);
    const choice = [ALIKE[this.wanted], ...others.slice(0, Math.floor(between(5, 9)))];
    const matches = Math.floor(between(2, 6));
    const count = Math.floor(between(26, 37));
    const list = Array(matches).fill(this.wanted);
    for (let i = matches; i < count; i++) list.push(choice[Math.floor(choice.length * random())]);
    this.ground = makeGround(random);
    this.paint = makePaint(random);
    this.things = [];
    for (const kind of shuffled(list, random)) {
      for (let tries = 0; tries < 40; tries++) {
        const size = between(SMALLEST, LARGEST);
        const sprite = makeSprite(kind, size, between(0, 2 * Math.PI), makePaint(random));
        const left = Math.floor(between(0, WIDTH - sprite.side));
        const top = Math.floor(between(0, HEIGHT - sprite.side));
        if (this.lay({ kind, left, top, ...sprite })) break;
      }
    }
  }

  // Lay a thing on top unless it hides too much of a wanted one.
  lay(thing) {
    this.things.push(thing);
    const seen = this.inSight();
    const fair = this.things.every(
      (other, i) => other.kind !== this.wanted || seen[i].pixels >= LEAST_IN_SIGHT * other.area,
    );
    if (!fair) this.things.pop();
    return fair;
  }

  // Which thing is on top at each pixel: an index into things, or NOBODY.
  owners() {
    const owners = new Int16Array(WIDTH * HEIGHT).fill(NOBODY);
    this.things.forEach((thing, index) => {
      for (let y = 0; y < thing.side; y++) {
        const row = (thing.top + y) * WIDTH + thing.left;
        for (let x = 0; x < thing.side; x++) {
          if (thing.mask[y * thing.side + x]) owners[row + x] = index;
        }
      }
    });
    return owners;
  }

  // For each thing {pixels, box: [y1, x1, y2, x2]} of the part in sight, far corners exclusive.
  inSight() {
    const owners = this.owners();
    const seen = this.things.map(() => ({ pixels: 0, box: [HEIGHT, WIDTH, 0, 0] }));
    for (let y = 0; y < HEIGHT; y++) {
      for (let x = 0; x < WIDTH; x++) {
        const owner = owners[y * WIDTH + x];
        if (owner === NOBODY) continue;
        const { box } = seen[owner];
        seen[owner].pixels++;
        if (y < box[0]) box[0] = y;
        if (x < box[1]) box[1] = x;
        if (y >= box[2]) box[2] = y + 1;
        if (x >= box[3]) box[3] = x + 1;
      }
    }
    return seen;
  }

  // The thing of a kind that a tap meets: what is in sight nearest to it, within a finger's breadth.
  near(x, y, kind) {
    const owners = this.owners();
    let nearest = null;
    let least = FINGER;
    for (let v = Math.max(0, y - FINGER); v <= Math.min(HEIGHT - 1, y + FINGER); v++) {
      for (let u = Math.max(0, x - FINGER); u <= Math.min(WIDTH - 1, x + FINGER); u++) {
        const thing = this.things[owners[v * WIDTH + u]];
        const away = Math.hypot(v - y, u - x);
        if (thing?.kind === kind && away <= least) {
          nearest = thing;
          least = away;
        }
      }
    }
    return nearest;
  }

  remove(thing) {
    this.things = this.things.filter((other) => other !== thing);
  }

  left(kind) {
    return this.things.filter((thing) => thing.kind === kind).length;
  }

  draw(pen) {
    pen.drawImage(this.ground, 0, 0);
    pen.shadowColor = "rgb(0 0 0 / 45%)";
    pen.shadowBlur = 4;
    pen.shadowOffsetX = pen.shadowOffsetY = 2;
    for (const thing of this.things) pen.drawImage(thing.canvas, thing.left, thing.top);
    pen.shadowColor = "transparent";
  }
}

// A table top: a colour, and faint stripes or dots on it.
function makeGround(random) {
  const canvas = new OffscreenCanvas(WIDTH, HEIGHT);
  const pen = canvas.getContext("2d");
  const hue = Math.floor(360 * random());
  const light = 30 + 50 * random();
  pen.fillStyle = `hsl(${hue} 25% ${light}%)`;
  pen.fillRect(0, 0, WIDTH, HEIGHT);
  pen.fillStyle = `hsl(${hue} 30% ${light + 5}%)`;
  const step = 12 + Math.floor(30 * random());
  const dotted = random() < 0.5;
  for (let y = 0; y < HEIGHT; y += step) {
    if (!dotted) pen.fillRect(0, y, WIDTH, step / 2);
    for (let x = 0; dotted && x < WIDTH; x += step) {
      pen.beginPath();
      pen.arc(x + ((y / step) % 2) * (step / 2), y, step / 6, 0, 2 * Math.PI);
      pen.fill();
    }
  }
  return canvas;
}
