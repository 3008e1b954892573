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

/** Black or white, whichever stands out more on the colour (WCAG's contrast: at least 4.5 to 1). */
export function inkOn(colour: Colour): "black" | "white" {
  const [red, green, blue] = colour.map(linear);
  const luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  return (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) ? "black" : "white";
}

/** Light of a channel of sRGB, 0..1. */
function linear(channel: number): number {
  const share = channel / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
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
