// picture: what a flame graph is drawn of, laid out: callees below box 0, callers above it,
// and over all the boxes that a zoom goes through.  Rows are counted from those.
import type { Flame, Frames, Tree, Values } from "../data";
import { depth, find, type Found, hit, type Layout, layout, levelOf, type Places, places, sumOf } from "./layout";

export interface Source {
  frames: Frames;
  values: Values;
  callees: Tree;
  callers: Tree | null;
  pivot: string | null; // what box 0 is then
  above: string[]; // names, outermost first
  path: string; // of box 0
  sides: { before: Side; after: Side } | null; // of a difference
  side: "before" | "after" | null; // whose values make the widths, in place of both
}
export interface Side {
  name: string;
  total: number;
}

// `pivot`: the pivot in words, where it is not one function.
export function sourceOf(a: Flame, sides: Source["sides"] = null, side: Source["side"] = null, pivot = a.pivot ? a.pivot.text : null): Source {
  const { zoom } = a;
  return {
    frames: a.frames,
    values: a.values,
    callees: a.callees,
    callers: a.callers,
    pivot,
    above: zoom?.path ? [pivot ?? "all", ...zoom.names.slice(a.pivot ? 1 : 0)] : [],
    path: zoom ? zoom.path : "",
    sides,
    side,
  };
}

// A box of a picture: its tree (or a row above all) and its place there, in one number.
export type Spot = number;
export const NOWHERE: Spot = -1;
export const CALLEES = 0;
export const CALLERS = 1;
export const ABOVE = 2;
const KIND = 2 ** 32;
export const spot = (kind: number, box: number): Spot => kind * KIND + box;
export const kindOf = (s: Spot): number => Math.floor(s / KIND);
export const boxIn = (s: Spot): number => s % KIND;

export class Picture {
  readonly layouts: Layout[]; // by kind; without callers only one
  readonly rows: number;
  readonly base: number; // the row of box 0
  private lists: (Places | undefined)[] = [];
  private sums = new Map<number, { boxes: number; value: number; self: number }>();
  found: (Found | null)[] = [];

  constructor(readonly source: Source) {
    const sizes = (tree: Tree) => (source.side && tree[source.side]) || tree.value;
    this.layouts = [layout(source.callees, sizes(source.callees))];
    if (source.callers) this.layouts.push(layout(source.callers, sizes(source.callers)));
    const callers = source.callers ? depth(this.layouts[CALLERS]) - 1 : 0;
    this.base = source.above.length + callers;
    this.rows = this.base + depth(this.layouts[CALLEES]);
  }

  rowOf(s: Spot): number {
    const kind = kindOf(s);
    if (kind === ABOVE) return boxIn(s);
    const level = levelOf(this.layouts[kind], boxIn(s));
    return kind === CALLERS ? this.base - level : this.base + level;
  }

  // What is at x of a row, a share of box 0's width.
  at(row: number, x: number, slack: number): Spot {
    if (row < 0 || row >= this.rows) return NOWHERE;
    if (row < this.source.above.length) return spot(ABOVE, row);
    const kind = row < this.base ? CALLERS : CALLEES;
    const box = hit(this.layouts[kind], Math.abs(row - this.base), x, slack);
    return box < 0 ? NOWHERE : spot(kind, box);
  }

  frame(s: Spot): number {
    return kindOf(s) === ABOVE ? -1 : this.layouts[kindOf(s)].frame[boxIn(s)];
  }

  isOutermost(s: Spot): boolean {
    return kindOf(s) !== ABOVE && boxIn(s) === 0;
  }

  // "" for the root of all.
  name(s: Spot): string {
    if (kindOf(s) === ABOVE) return this.source.above[boxIn(s)];
    const f = this.frame(s);
    if (f >= 0) return this.source.frames.names[f];
    return boxIn(s) === 0 && this.source.pivot ? this.source.pivot : "";
  }

  placesOf(kind: number): Places {
    return (this.lists[kind] ??= places(this.layouts[kind], this.source.frames.names.length));
  }

  // Of all boxes of a frame in the tree; once worked out it stays.
  sum(kind: number, frame: number) {
    const key = kind * KIND + frame;
    let sum = this.sums.get(key);
    if (!sum) this.sums.set(key, (sum = sumOf(this.layouts[kind], this.placesOf(kind), frame)));
    return sum;
  }

  // Look for functions: how many match, and their value together.
  search(re: RegExp | null): { functions: number; value: number } | null {
    this.found = [];
    if (!re) return null;
    const { names, files, texts } = this.source.frames;
    const matches = new Uint8Array(names.length);
    let functions = 0;
    for (let f = 0; f < names.length; f++) {
      re.lastIndex = 0;
      if (re.test(names[f]) || ((re.lastIndex = 0), re.test(texts[files[f]] ?? ""))) {
        matches[f] = 1;
        functions++;
      }
    }
    this.found = this.layouts.map((l) => find(l, matches));
    return { functions, value: this.found[CALLEES]!.value };
  }
}
