// colors: the palettes, as numbers of a canvas's pixels (ABGR).  Lightness is the same for
// all hues, so that text can be read on each.

export interface Theme {
  dark: boolean;
  ink: string;
  ground: number; // between boxes
  root: number;
  cut: number; // what is too small
  match: number;
  matchInk: string;
}

const clamp = (v: number) => (v < 0 ? 0 : v > 1 ? 1 : v);
const gamma = (v: number) => (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055);

// Oklch: lightness 0..1, chroma 0..0.4, hue in degrees.
export function oklch(lightness: number, chroma: number, hue: number): number {
  const h = (hue * Math.PI) / 180;
  const a = chroma * Math.cos(h);
  const b = chroma * Math.sin(h);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const byte = (v: number) => Math.round(clamp(gamma(clamp(v))) * 255);
  return pixel(
    byte(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    byte(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    byte(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  );
}

export const pixel = (r: number, g: number, b: number) => (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;

export const css = (p: number) => `rgb(${p & 255} ${(p >> 8) & 255} ${(p >> 16) & 255})`;

// For WCAG's contrast: (lighter + 0.05) / (darker + 0.05).
export function luminance(p: number): number {
  const linear = (v: number) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return (
    0.2126 * linear((p & 255) / 255) +
    0.7152 * linear(((p >> 8) & 255) / 255) +
    0.0722 * linear(((p >> 16) & 255) / 255)
  );
}

// Half way to the ground, and a little more.
export function faded(p: number, ground: number, keep: number): number {
  const mix = (shift: number) =>
    Math.round(((p >> shift) & 255) * keep + ((ground >> shift) & 255) * (1 - keep));
  return pixel(mix(0), mix(8), mix(16));
}

export const LIGHT: Theme = {
  dark: false,
  ink: "#16191d",
  ground: pixel(255, 255, 255),
  root: oklch(0.9, 0.006, 250),
  cut: oklch(0.925, 0.004, 250),
  match: oklch(0.78, 0.17, 325),
  matchInk: "#16191d",
};

export const DARK: Theme = {
  dark: true,
  ink: "#eceef1",
  ground: pixel(22, 24, 28),
  root: oklch(0.36, 0.008, 250),
  cut: oklch(0.29, 0.006, 250),
  match: oklch(0.74, 0.17, 325),
  matchInk: "#16191d",
};

// A module's colour; shade 0..2.
export function moduleColor(theme: Theme, hue: number, grey: boolean, shade: number): number {
  const by = (shade - 1) * 0.022;
  if (theme.dark) return grey ? oklch(0.39 + by, 0.008, 250) : oklch(0.41 + by, 0.068, hue * 30 + 15);
  return grey ? oklch(0.885 + by, 0.006, 250) : oklch(0.875 + by, 0.072, hue * 30 + 15);
}

// From hardly any (0) to the most (1).
export function heatColor(theme: Theme, heat: number): number {
  const t = Math.sqrt(clamp(heat));
  const hue = 92 - 62 * t;
  return theme.dark ? oklch(0.33 + 0.19 * t, 0.012 + 0.125 * t, hue) : oklch(0.945 - 0.22 * t, 0.02 + 0.145 * t, hue);
}

// Of a difference: -1 all gone, 1 all new.  `calm`: blue and orange in place of green and red.
export function changeColor(theme: Theme, change: number, calm: boolean): number {
  const t = Math.sqrt(clamp(Math.abs(change)));
  const hue = change > 0 ? (calm ? 58 : 24) : calm ? 252 : 152;
  const chroma = t * (theme.dark ? 0.135 : 0.15);
  return theme.dark ? oklch(0.36 + 0.13 * t, chroma, hue) : oklch(0.92 - 0.17 * t, chroma, hue);
}
