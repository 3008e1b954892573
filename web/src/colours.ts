/** A colour for each class, the same on every photo. */

export type Colour = [red: number, green: number, blue: number];

/** As maskdet's palette: steps of the golden ratio never fall on a hue that was just used. */
export function classColour(classId: number): Colour {
  const hue = (0.02 + (classId - 1) * 0.618034) % 1;
  return fromHue(((hue % 1) + 1) % 1, 0.85);
}

export function cssColour([red, green, blue]: Colour): string {
  return `rgb(${red} ${green} ${blue})`;
}

/** Black or white, whichever is read better on the colour. */
export function inkOn([red, green, blue]: Colour): "black" | "white" {
  return 0.299 * red + 0.587 * green + 0.114 * blue > 140 ? "black" : "white";
}

/** A colour of full brightness. */
function fromHue(hue: number, saturation: number): Colour {
  const channel = (shift: number): number => {
    const place = (shift + hue * 6) % 6;
    const share = Math.max(0, Math.min(1, place, 4 - place));
    return Math.floor(255 * (1 - saturation * share));
  };
  return [channel(5), channel(3), channel(1)];
}
