// palette: the colours of what goes on, light and dark; of functions by their names.
import { DARK, LIGHT, oklch, pixel } from "../../flame/colors";
import { Kind } from "../data";

export interface Palette {
  dark: boolean;
  ink: string;
  muted: string;
  faint: string; // text that may be overlooked
  ground: number; // a row without anything
  row: string; // behind the rows, the same
  odd: number; // every other row
  line: string;
  grid: string;
  panel: string;
  accent: string;
  select: string;
  cover: string; // over what is selected
  kinds: number[];
  names: number[]; // hues of functions
  runtime: number; // of functions of the runtime
  mark: string[]; // by Mark
  arrow: string;
  heap: string;
  heapFill: string;
  running: string;
  runnable: string;
  syscall: string;
}

// Lightness, chroma, hue: light and dark.
const KINDS: [Kind, [number, number, number], [number, number, number]][] = [
  [Kind.Running, [0.8, 0.125, 150], [0.505, 0.105, 150]],
  [Kind.Runnable, [0.85, 0.13, 85], [0.57, 0.11, 80]],
  [Kind.Waiting, [0.9, 0.012, 260], [0.33, 0.014, 260]],
  [Kind.Syscall, [0.79, 0.1, 240], [0.51, 0.1, 245]],
  [Kind.Sync, [0.885, 0.05, 28], [0.355, 0.058, 24]],
  [Kind.Network, [0.905, 0.035, 205], [0.34, 0.034, 210]],
  [Kind.Sleep, [0.925, 0.008, 260], [0.285, 0.012, 260]],
  [Kind.WaitGC, [0.87, 0.06, 330], [0.38, 0.07, 330]],
  [Kind.Idle, [0.945, 0.006, 260], [0.265, 0.01, 260]],
  [Kind.GCWork, [0.76, 0.125, 315], [0.5, 0.13, 312]],
  [Kind.Assist, [0.73, 0.14, 338], [0.52, 0.145, 338]],
  [Kind.Sweep, [0.83, 0.08, 290], [0.45, 0.09, 290]],
  [Kind.STW, [0.66, 0.19, 28], [0.6, 0.19, 28]],
  [Kind.GC, [0.82, 0.085, 315], [0.43, 0.105, 312]],
  [Kind.Region, [0.86, 0.065, 230], [0.42, 0.065, 235]],
  [Kind.Task, [0.84, 0.085, 175], [0.43, 0.075, 178]],
  [Kind.Unknown, [0.955, 0.004, 260], [0.25, 0.006, 260]],
];

function palette(dark: boolean): Palette {
  const kinds: number[] = [];
  for (const [kind, light, night] of KINDS) kinds[kind] = oklch(...(dark ? night : light));
  const names: number[] = [];
  for (let k = 0; k < 36; k++) {
    const by = ((k % 3) - 1) * 0.03;
    names.push(oklch((dark ? 0.46 : 0.845) + by, dark ? 0.085 : 0.085, Math.floor(k / 3) * 30 + 15));
  }
  return dark
    ? {
        dark,
        ink: DARK.ink,
        muted: "#a3aab3",
        faint: "#7d858f",
        ground: DARK.ground,
        row: "#16181c",
        odd: pixel(0x1a, 0x1d, 0x22),
        line: "#2e3239",
        grid: "rgb(255 255 255 / 0.06)",
        panel: "#1b1e23",
        accent: "#8dbdff",
        select: "#fff",
        cover: "rgb(125 183 255 / 0.16)",
        kinds,
        names,
        runtime: oklch(0.4, 0.012, 260),
        mark: ["#f2c14e", "#9aa3ad", "#8dbdff", "#7ddba6", "#c9b6ff"],
        arrow: "rgb(220 228 240 / 0.75)",
        heap: "#8f9dff",
        heapFill: "rgb(143 157 255 / 0.3)",
        running: "rgb(87 168 112 / 0.75)",
        runnable: "rgb(214 164 66 / 0.85)",
        syscall: "#6fb3ff",
      }
    : {
        dark,
        ink: LIGHT.ink,
        muted: "#59616b",
        faint: "#757d87",
        ground: LIGHT.ground,
        row: "#fff",
        odd: pixel(0xfa, 0xfb, 0xfc),
        line: "#e3e6ea",
        grid: "rgb(22 25 29 / 0.07)",
        panel: "#f6f7f9",
        accent: "#0b57c0",
        select: "#16191d",
        cover: "rgb(11 98 214 / 0.12)",
        kinds,
        names,
        runtime: oklch(0.87, 0.01, 260),
        mark: ["#9a6700", "#737a83", "#0b57c0", "#1a7f4b", "#6b48c8"],
        arrow: "rgb(40 50 66 / 0.65)",
        heap: "#5566d8",
        heapFill: "rgb(85 102 216 / 0.2)",
        running: "rgb(70 160 98 / 0.55)",
        runnable: "rgb(224 160 24 / 0.75)",
        syscall: "#1f7ad1",
      };
}

export const PALETTES = { light: palette(false), dark: palette(true) };

// The functions that run most, the first ones first: they get hues that differ most.
const ranks = new Map<string, number>();
const GOLDEN = 137.508; // degrees

export function rank(names: string[]): void {
  ranks.clear();
  names.filter((n) => !isRuntime(n)).forEach((n, i) => i < 24 && ranks.set(n, i));
}

const isRuntime = (name: string) => /^runtime[./]/.test(name);

// The same name has the same colour everywhere; names of the runtime have none.
export function nameColor(p: Palette, name: string): number {
  if (isRuntime(name)) return p.runtime;
  const r = ranks.get(name);
  if (r !== undefined) {
    const by = (Math.floor(r / 8) % 3) * 0.035;
    return p.dark ? oklch(0.475 - by, 0.088, 145 + r * GOLDEN) : oklch(0.86 - by, 0.082, 145 + r * GOLDEN);
  }
  let h = 2166136261;
  for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 16777619);
  h ^= h >>> 13;
  h = Math.imul(h, 0x5bd1e995);
  return p.names[((h ^ (h >>> 15)) >>> 0) % p.names.length];
}

export function mixed(over: number, under: number, share: number): number {
  const s = share * 256;
  const rest = 256 - s;
  const r = ((over & 255) * s + (under & 255) * rest) >> 8;
  const g = (((over >> 8) & 255) * s + ((under >> 8) & 255) * rest) >> 8;
  const b = (((over >> 16) & 255) * s + ((under >> 16) & 255) * rest) >> 8;
  return (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;
}

export const KIND_NAMES: Record<Kind, string> = {
  [Kind.Running]: "running",
  [Kind.Runnable]: "runnable: waits for a processor",
  [Kind.Waiting]: "waiting",
  [Kind.Syscall]: "in a system call",
  [Kind.Sync]: "blocked: locks, channels",
  [Kind.Network]: "waits for the network",
  [Kind.Sleep]: "sleeping",
  [Kind.WaitGC]: "waits for the collector",
  [Kind.Idle]: "idle",
  [Kind.GCWork]: "collector's work",
  [Kind.Assist]: "mark assist",
  [Kind.Sweep]: "sweeping",
  [Kind.STW]: "the world is stopped",
  [Kind.GC]: "garbage collection",
  [Kind.Region]: "region",
  [Kind.Task]: "task",
  [Kind.Unknown]: "not known",
};

export const SHORT_NAMES: Record<Kind, string> = {
  [Kind.Running]: "running",
  [Kind.Runnable]: "runnable",
  [Kind.Waiting]: "waiting",
  [Kind.Syscall]: "system call",
  [Kind.Sync]: "blocked",
  [Kind.Network]: "network",
  [Kind.Sleep]: "sleep",
  [Kind.WaitGC]: "collector",
  [Kind.Idle]: "idle",
  [Kind.GCWork]: "collector's work",
  [Kind.Assist]: "assist",
  [Kind.Sweep]: "sweep",
  [Kind.STW]: "stopped",
  [Kind.GC]: "GC",
  [Kind.Region]: "region",
  [Kind.Task]: "task",
  [Kind.Unknown]: "not known",
};
