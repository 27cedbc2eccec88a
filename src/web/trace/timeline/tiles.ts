// tiles: parts of the trace that the server has sent, in squares of time: of level L a box is
// shorter than 2^L ns only where it stands alone, and a tile has CELLS * 2^L ns.  What is
// missing is asked for, what is no longer looked at is called off, and as long as something
// is on its way there is what other levels have of it.
import { ask, type Params } from "../ask";
import type { Globals, Kind, Lane, Mark, Tile } from "../data";

export const CELLS = 1024;
export const BLOCK = 32; // tracks of a tile
const AT_ONCE = 4; // requests
const WAIT_MS = 25; // of a view that moves
const LEVELS = 44;

// Names of all tiles, each once.
export class Names {
  readonly list: string[] = [""];
  private numbers = new Map<string, number>([["", 0]]);

  of(text: string): number {
    let n = this.numbers.get(text);
    if (n === undefined) {
      n = this.list.length;
      this.list.push(text);
      this.numbers.set(text, n);
    }
    return n;
  }
}

export interface Boxes {
  n: number;
  start: Float64Array;
  end: Float64Array;
  kind: Uint8Array;
  name: Uint32Array;
  g: Float64Array | null;
  busy: Uint8Array | null; // null: 255 all over
  count: Uint32Array | null; // null: 1 all over
  marks: { at: Float64Array; kind: Uint8Array; name: Uint32Array; g: Float64Array | null; count: Uint32Array | null } | null;
}

export const NO_BOXES: Boxes = {
  n: 0,
  start: new Float64Array(0),
  end: new Float64Array(0),
  kind: new Uint8Array(0),
  name: new Uint32Array(0),
  g: null,
  busy: null,
  count: null,
  marks: null,
};

export function decode(lane: Lane, begin: number, texts: Uint32Array): Boxes {
  const n = lane.gap.length;
  const start = new Float64Array(n);
  const end = new Float64Array(n);
  const name = new Uint32Array(n);
  let at = begin;
  for (let i = 0; i < n; i++) {
    start[i] = at += lane.gap[i];
    end[i] = at += lane.length[i];
    name[i] = texts[lane.name[i]];
  }
  let busy: Uint8Array | null = null;
  let count: Uint32Array | null = null;
  if (lane.joined?.length) {
    busy = new Uint8Array(n).fill(255);
    count = new Uint32Array(n).fill(1);
    for (const [i, many, share] of lane.joined) {
      count[i] = many;
      busy[i] = share;
    }
  }
  const m = lane.marks;
  return {
    n,
    start,
    end,
    kind: Uint8Array.from(lane.kind as number[]),
    name,
    g: lane.g ? Float64Array.from(lane.g) : null,
    busy,
    count,
    marks: m
      ? {
          at: Float64Array.from(m.at, (t) => begin + t),
          kind: Uint8Array.from(m.kind as number[]),
          name: Uint32Array.from(m.name, (t) => texts[t]),
          g: m.g ? Float64Array.from(m.g) : null,
          count: m.count ? Uint32Array.from(m.count) : null,
        }
      : null,
  };
}

// The first box that ends after t.
export function firstAfter(b: Boxes, t: number): number {
  let lo = 0;
  for (let hi = b.n; lo < hi; ) {
    const mid = (lo + hi) >> 1;
    if (b.end[mid] <= t) lo = mid + 1;
    else hi = mid;
  }
  return lo;
}

export interface Box {
  start: number;
  end: number;
  kind: Kind;
  name: number;
  g: number;
  count: number;
  busy: number;
}

export function boxOf(b: Boxes, i: number): Box {
  return {
    start: b.start[i],
    end: b.end[i],
    kind: b.kind[i] as Kind,
    name: b.name[i],
    g: b.g ? b.g[i] : -1,
    count: b.count ? b.count[i] : 1,
    busy: b.busy ? b.busy[i] : 255,
  };
}

export interface MarkAt {
  at: number;
  kind: Mark;
  name: number;
  g: number;
  count: number;
}

// What a tile is for a part of what is in view: from a to b.
export interface Piece<T> {
  value: T;
  level: number;
  a: number;
  b: number;
}

interface Held<T> {
  value: T;
  weight: number;
  used: number; // the frame that last had it in view
}

export class Tiles<T> {
  private held = new Map<string, Held<T>>();
  private running = new Map<string, AbortController>();
  private failed = new Map<string, string>();
  private wanted: [string, number, number, number][] = []; // key, level, tile, block
  private weight = 0;
  private frame = 0;
  private timer = 0;
  private ended = false;

  constructor(
    private load: (start: number, end: number, step: number, block: number, signal: AbortSignal) => Promise<{ value: T; weight: number }>,
    private duration: number,
    private most: number, // weight that is kept
    private changed: () => void,
  ) {}

  get busy(): boolean {
    return this.running.size > 0 || this.timer !== 0;
  }

  get failure(): string {
    for (const why of this.failed.values()) return why;
    return "";
  }

  // A frame begins: what it asks for replaces what was asked for before.
  begin() {
    this.frame++;
    this.wanted = [];
  }

  // The best there is of block `block` between a and b; what is missing is asked for.
  pieces(level: number, a: number, b: number, block: number): Piece<T>[] {
    const out: Piece<T>[] = [];
    const width = CELLS * 2 ** level;
    const from = Math.max(0, Math.floor(a / width));
    const to = Math.min(Math.ceil(b / width), Math.ceil(this.duration / width));
    for (let k = from; k < to; k++) this.piece(out, level, k, block, Math.max(a, k * width), Math.min(b, (k + 1) * width), true);
    return out;
  }

  private get(level: number, k: number, block: number): Held<T> | undefined {
    const held = this.held.get(`${level}.${k}.${block}`);
    if (held) held.used = this.frame;
    return held;
  }

  private piece(out: Piece<T>[], level: number, k: number, block: number, a: number, b: number, ask: boolean) {
    const exact = this.get(level, k, block);
    if (exact) {
      out.push({ value: exact.value, level, a, b });
      return;
    }
    if (ask) this.wanted.push([`${level}.${k}.${block}`, level, k, block]);
    // Finer ones that are all there say more than a coarser one.
    const width = CELLS * 2 ** level;
    for (let down = 1; down <= 3 && level - down >= 0; down++) {
      const n = 2 ** down;
      const part = width / n;
      let all = true;
      const some: Piece<T>[] = [];
      for (let i = 0; i < n; i++) {
        const [pa, pb] = [Math.max(a, k * width + i * part), Math.min(b, k * width + (i + 1) * part)];
        if (pa >= pb || pa >= this.duration) continue;
        const fine = this.get(level - down, k * n + i, block);
        if (fine) some.push({ value: fine.value, level: level - down, a: pa, b: pb });
        else all = false;
      }
      if (all && some.length) {
        out.push(...some);
        return;
      }
    }
    for (let up = 1; level + up < LEVELS; up++) {
      const coarse = this.get(level + up, Math.floor(k / 2 ** up), block);
      if (!coarse) continue;
      const before = out[out.length - 1];
      if (before && before.value === coarse.value && before.b === a) before.b = b;
      else out.push({ value: coarse.value, level: level + up, a, b });
      return;
    }
    // Part of it is better than nothing.
    for (let down = 1; down <= 3 && level - down >= 0; down++) {
      const n = 2 ** down;
      const part = width / n;
      let any = false;
      for (let i = 0; i < n; i++) {
        const [pa, pb] = [Math.max(a, k * width + i * part), Math.min(b, k * width + (i + 1) * part)];
        const fine = pa < pb && this.get(level - down, k * n + i, block);
        if (!fine) continue;
        any = true;
        out.push({ value: fine.value, level: level - down, a: pa, b: pb });
      }
      if (any) return;
    }
  }

  // Tiles that are likely to be looked at next, after all others.
  soon(level: number, k: number, block: number) {
    const width = CELLS * 2 ** level;
    const key = `${level}.${k}.${block}`;
    if (k < 0 || k * width >= this.duration || this.held.has(key)) return;
    this.wanted.push([key, level, k, block]);
  }

  // The frame is drawn.
  end() {
    const keys = new Set(this.wanted.map((w) => w[0]));
    for (const [key, abort] of this.running) if (!keys.has(key)) abort.abort(), this.running.delete(key);
    const waits = this.wanted.some(([key]) => !this.running.has(key) && !this.failed.has(key));
    if (!waits) {
      clearTimeout(this.timer);
      this.timer = 0;
    } else if (!this.timer) this.timer = window.setTimeout(() => ((this.timer = 0), this.start()), this.held.size ? WAIT_MS : 0);
  }

  private start() {
    for (const [key, level, k, block] of this.wanted) {
      if (this.running.size >= AT_ONCE) return;
      if (this.running.has(key) || this.held.has(key) || this.failed.has(key)) continue;
      const abort = new AbortController();
      this.running.set(key, abort);
      const step = 2 ** level;
      this.load(k * CELLS * step, (k + 1) * CELLS * step, step, block, abort.signal).then(
        ({ value, weight }) => {
          if (this.ended) return;
          this.running.delete(key);
          this.held.set(key, { value, weight, used: this.frame });
          this.weight += weight;
          this.forget();
          this.changed();
          this.start();
        },
        (e: Error) => {
          if (e.name === "AbortError" || this.ended) return;
          this.running.delete(key);
          this.failed.set(key, e.message);
          this.changed();
          this.start();
        },
      );
    }
  }

  // Once more, what has failed.
  retry() {
    this.failed.clear();
    this.changed();
  }

  private forget() {
    if (this.weight <= this.most) return;
    const old = [...this.held].filter(([, h]) => h.used < this.frame).sort((x, y) => x[1].used - y[1].used);
    for (const [key, h] of old) {
      if (this.weight <= this.most * 0.8) break;
      this.held.delete(key);
      this.weight -= h.weight;
    }
  }

  stop() {
    this.ended = true;
    clearTimeout(this.timer);
    for (const abort of this.running.values()) abort.abort();
    this.running.clear();
  }
}

// Boxes of the tracks of a block, lane by lane.
export type Rows = Boxes[][];

export function boxTiles(list: Params, names: Names, duration: number, changed: () => void): Tiles<Rows> {
  return new Tiles<Rows>(
    async (start, end, step, block, signal) => {
      const tile = await ask<Tile>("tile", { ...list, start, end, step, first: block * BLOCK, n: BLOCK }, signal);
      const texts = Uint32Array.from(tile.texts, (t) => names.of(t));
      let weight = 200;
      const value = tile.tracks.map((lanes) =>
        lanes.map((lane) => {
          weight += lane.gap.length + (lane.marks?.at.length ?? 0);
          return lane.gap.length || lane.marks ? decode(lane, tile.start, texts) : NO_BOXES;
        }),
      );
      return { value, weight };
    },
    duration,
    2e6,
    changed,
  );
}

export interface Strip {
  gc: Boxes;
  stw: Boxes;
  start: number;
  step: number;
  series: Map<string, { most: Float64Array; least: Float64Array; max: number }>;
}

export function globalTiles(names: Names, duration: number, changed: () => void): Tiles<Strip> {
  return new Tiles<Strip>(
    async (start, end, step, _, signal) => {
      const g = await ask<Globals>("globals", { start, end, step }, signal);
      const texts = Uint32Array.from(g.texts, (t) => names.of(t));
      const series: Strip["series"] = new Map();
      for (const s of g.series) {
        const most = Float64Array.from(s.most);
        series.set(s.name, { most, least: s.least ? Float64Array.from(s.least) : most, max: s.max });
      }
      return { value: { gc: decode(g.gc, g.start, texts), stw: decode(g.stw, g.start, texts), start: g.start, step: g.step, series }, weight: 6 * CELLS };
    },
    duration,
    6e5,
    changed,
  );
}
