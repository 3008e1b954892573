// The things of the game. Each is drawn in a square of side 1 around the origin, in colours that
// say nothing of its kind, so that only shapes tell things apart.
"use strict";

const LINE = 0.025;

function shape(pen, fill, path) {
  pen.beginPath();
  path();
  pen.fillStyle = fill;
  pen.fill();
  pen.stroke();
}

function disc(pen, fill, x, y, radius, tall = radius) {
  shape(pen, fill, () => pen.ellipse(x, y, radius, tall, 0, 0, 2 * Math.PI));
}

function bar(pen, fill, x, y, width, height, corner = 0.03) {
  shape(pen, fill, () => pen.roundRect(x, y, width, height, corner));
}

function star(pen, paint, points) {
  shape(pen, paint.main, () => {
    for (let i = 0; i < 2 * points; i++) {
      const angle = (Math.PI * i) / points - Math.PI / 2;
      const radius = i % 2 ? 0.23 : 0.49;
      pen.lineTo(radius * Math.cos(angle), radius * Math.sin(angle));
    }
    pen.closePath();
  });
  disc(pen, paint.light, 0, 0, 0.1);
}

function button(pen, paint, holes) {
  disc(pen, paint.main, 0, 0, 0.48);
  disc(pen, paint.light, 0, 0, 0.36);
  for (let i = 0; i < holes; i++) {
    const angle = (2 * Math.PI * i) / holes;
    disc(pen, "#2b2622", 0.18 * Math.cos(angle), 0.18 * Math.sin(angle), 0.075);
  }
}

const DRAWERS = {
  apple(pen, paint) {
    shape(pen, paint.main, () => {
      pen.moveTo(0, -0.22);
      pen.bezierCurveTo(0.2, -0.42, 0.52, -0.2, 0.42, 0.12);
      pen.bezierCurveTo(0.36, 0.4, 0.16, 0.56, 0, 0.42);
      pen.bezierCurveTo(-0.16, 0.56, -0.36, 0.4, -0.42, 0.12);
      pen.bezierCurveTo(-0.52, -0.2, -0.2, -0.42, 0, -0.22);
    });
    bar(pen, "#6b4526", -0.03, -0.46, 0.06, 0.28);
    disc(pen, "#5d9a3c", 0.15, -0.4, 0.13, 0.06);
  },
  tomato(pen, paint) {
    disc(pen, paint.main, 0, 0.06, 0.48, 0.42);
    shape(pen, "#3f7d34", () => {
      for (let i = 0; i < 10; i++) {
        const angle = (Math.PI * i) / 5 - Math.PI / 2;
        const radius = i % 2 ? 0.07 : 0.27;
        pen.lineTo(radius * Math.cos(angle), -0.16 + 0.8 * radius * Math.sin(angle));
      }
      pen.closePath();
    });
  },
  button_2: (pen, paint) => button(pen, paint, 2),
  button_4: (pen, paint) => button(pen, paint, 4),
  fork(pen, paint) {
    bar(pen, paint.main, -0.06, 0, 0.12, 0.5, 0.05);
    bar(pen, paint.main, -0.18, -0.2, 0.36, 0.22, 0.08);
    for (const x of [-0.18, -0.045, 0.09]) bar(pen, paint.main, x, -0.5, 0.09, 0.36);
  },
  spoon(pen, paint) {
    bar(pen, paint.main, -0.06, -0.1, 0.12, 0.6, 0.05);
    disc(pen, paint.main, 0, -0.26, 0.19, 0.24);
    disc(pen, paint.dark, 0, -0.26, 0.12, 0.17);
  },
  key(pen, paint) {
    bar(pen, paint.main, -0.05, -0.1, 0.1, 0.6);
    bar(pen, paint.main, 0.05, 0.18, 0.17, 0.09);
    bar(pen, paint.main, 0.05, 0.36, 0.22, 0.1);
    shape(pen, paint.main, () => {
      pen.arc(0, -0.26, 0.24, 0, 2 * Math.PI);
      pen.moveTo(0.12, -0.26);
      pen.arc(0, -0.26, 0.12, 0, 2 * Math.PI, true);
    });
  },
  fish(pen, paint) {
    shape(pen, paint.dark, () => {
      pen.moveTo(0.18, 0);
      pen.lineTo(0.48, -0.26);
      pen.lineTo(0.4, 0);
      pen.lineTo(0.48, 0.26);
      pen.closePath();
    });
    disc(pen, paint.main, -0.12, 0, 0.37, 0.23);
    disc(pen, "#ffffff", -0.32, -0.05, 0.06);
    disc(pen, "#20201e", -0.33, -0.05, 0.025);
    shape(pen, paint.light, () => pen.ellipse(-0.02, 0.02, 0.09, 0.06, 0.6, 0, 2 * Math.PI));
  },
  star_5: (pen, paint) => star(pen, paint, 5),
  star_6: (pen, paint) => star(pen, paint, 6),
  leaf(pen, paint) {
    bar(pen, paint.dark, -0.025, 0.3, 0.05, 0.2);
    shape(pen, paint.main, () => {
      pen.moveTo(0, -0.5);
      pen.bezierCurveTo(0.42, -0.2, 0.36, 0.3, 0, 0.38);
      pen.bezierCurveTo(-0.36, 0.3, -0.42, -0.2, 0, -0.5);
    });
    pen.beginPath();
    pen.moveTo(0, -0.4);
    pen.lineTo(0, 0.36);
    for (const y of [-0.18, 0, 0.18]) {
      pen.moveTo(-0.2, y - 0.08);
      pen.lineTo(0, y + 0.08);
      pen.lineTo(0.2, y - 0.08);
    }
    pen.stroke();
  },
  mushroom(pen, paint) {
    bar(pen, "#eadfc8", -0.13, -0.05, 0.26, 0.52, 0.1);
    shape(pen, paint.main, () => {
      pen.arc(0, 0.02, 0.47, Math.PI, 2 * Math.PI);
      pen.closePath();
    });
    disc(pen, "#fbf6ea", -0.22, -0.16, 0.08);
    disc(pen, "#fbf6ea", 0.05, -0.28, 0.09);
    disc(pen, "#fbf6ea", 0.27, -0.1, 0.07);
  },
  mug(pen, paint) {
    shape(pen, paint.main, () => {
      pen.ellipse(0.24, 0.04, 0.24, 0.22, 0, 0, 2 * Math.PI);
      pen.moveTo(0.36, 0.04);
      pen.ellipse(0.24, 0.04, 0.12, 0.11, 0, 0, 2 * Math.PI, true);
    });
    bar(pen, paint.main, -0.45, -0.34, 0.66, 0.76, 0.08);
    bar(pen, paint.light, -0.45, -0.05, 0.66, 0.16, 0);
    disc(pen, "#5a3a22", -0.12, -0.34, 0.33, 0.1);
  },
  candle(pen, paint) {
    bar(pen, paint.main, -0.16, -0.12, 0.32, 0.6, 0.04);
    bar(pen, paint.light, -0.16, 0.06, 0.32, 0.1, 0);
    bar(pen, paint.light, -0.16, 0.26, 0.32, 0.1, 0);
    shape(pen, "#ffc83a", () => {
      pen.moveTo(0, -0.5);
      pen.bezierCurveTo(0.2, -0.28, 0.1, -0.14, 0, -0.14);
      pen.bezierCurveTo(-0.1, -0.14, -0.2, -0.28, 0, -0.5);
    });
  },
};

const KINDS = Object.keys(DRAWERS).sort();

// Kinds that are easily taken for one another: a board with the one has the other too.
const ALIKE = {
  apple: "tomato", tomato: "apple", button_2: "button_4", button_4: "button_2",
  fork: "spoon", spoon: "fork", star_5: "star_6", star_6: "star_5",
  leaf: "fish", fish: "leaf", mushroom: "mug", mug: "mushroom", key: "spoon", candle: "key",
};

function makePaint(random) {
  const hue = Math.floor(360 * random());
  const strength = Math.floor(35 + 45 * random());
  const light = Math.floor(45 + 20 * random());
  const colour = (lightness) => `hsl(${hue} ${strength}% ${lightness}%)`;
  return { main: colour(light), dark: colour(light - 18), light: colour(light + 18) };
}

// A thing turned and scaled on a canvas of its own: {canvas, mask, area}; mask is 1 where it is.
function makeSprite(kind, size, angle, paint) {
  const side = Math.ceil(1.5 * size) + 4;
  const canvas = new OffscreenCanvas(side, side);
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.translate(side / 2, side / 2);
  pen.rotate(angle);
  pen.scale(size, size);
  pen.lineWidth = LINE;
  pen.lineJoin = "round";
  pen.strokeStyle = "rgb(40 34 30 / 75%)";
  DRAWERS[kind](pen, paint);
  const pixels = pen.getImageData(0, 0, side, side).data;
  const mask = new Uint8Array(side * side);
  let area = 0;
  for (let i = 0; i < mask.length; i++) area += mask[i] = pixels[4 * i + 3] > 127 ? 1 : 0;
  return { canvas, mask, area, side };
}
