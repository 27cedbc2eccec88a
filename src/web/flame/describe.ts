// describe: all that is known of a box, as lines of text.
import { alone, percent } from "../format";
import { CUT } from "./layout";
import { ABOVE, boxIn, CALLERS, kindOf, type Picture, type Spot } from "./picture";

export interface Told {
  name: string;
  place: string; // file:line
  facts: [string, string][]; // what, how much
  marks: string[];
}

const signed = (text: string, v: number) => (v < 0 ? "\u2212" : "+") + text.replace(/^-/, "");

// 1 -> "+100%"; shares that grow from nothing are "new".
export function growth(before: number, after: number): string {
  if (before === 0) return after === 0 ? "0%" : "new";
  if (after === 0) return "gone";
  return signed(percent(after - before, before), after - before);
}

export function describe(p: Picture, s: Spot): Told {
  const kind = kindOf(s);
  const box = boxIn(s);
  const { frames, values, sides } = p.source;
  const told: Told = { name: p.name(s) || "all", place: "", facts: [], marks: [] };
  if (kind === ABOVE) {
    told.marks.push("Click to zoom out to it");
    return told;
  }
  const l = p.layouts[kind];
  const tree = l.tree;
  const from = l.source[box];
  const total = values.total;
  if (l.frame[box] === CUT) {
    const [, n, value] = tree.cut[from];
    told.name = n === 1 ? "1 smaller box" : `${n.toLocaleString("en")} smaller boxes`;
    told.facts.push(["Total", `${alone(value, values)}, ${percent(value, total)}`]);
    told.marks.push("Zoom in to see them");
    return told;
  }
  const f = l.frame[box];
  const value = tree.value[from];
  if (f >= 0) {
    const file = frames.texts[frames.files[f]];
    told.place = file ? file + (frames.lines[f] ? ":" + frames.lines[f] : "") : "";
    const group = frames.groups[frames.modules[f]];
    if (group && group.name) told.facts.push(["Module", group.name]);
  }
  if (sides && tree.before && tree.after) {
    const before = tree.before[from];
    const after = tree.after[from];
    told.facts.push(["Before", `${alone(before, values)}, ${percent(before, sides.before.total)}`]);
    told.facts.push(["After", `${alone(after, values)}, ${percent(after, sides.after.total)}`]);
    const change = after - before;
    told.facts.push(["Change", change === 0 ? "none" : `${signed(alone(change, values), change)}, ${growth(before, after)}`]);
  } else {
    told.facts.push(["Total", `${alone(value, values)}, ${percent(value, total)} of all`]);
    const self = tree.self[from];
    if (self && kind !== CALLERS) told.facts.push(["Self", `${alone(self, values)}, ${percent(self, total)} of all`]);
    if (l.parent[box] >= 0) {
      const parent = tree.value[l.source[l.parent[box]]];
      told.facts.push([kind === CALLERS ? "Of the callee" : "Of the caller", percent(value, parent)]);
    }
    if (f >= 0) {
      const sum = p.sum(kind, f);
      if (sum.boxes > 1)
        told.facts.push([
          `In ${sum.boxes.toLocaleString("en")} places`,
          `${tree.cut.length ? "at least " : ""}${alone(sum.value, values)}, ${percent(sum.value, total)} of all`,
        ]);
    }
  }
  if (l.inlined[box]) told.marks.push("inlined");
  const last = l.first[box] + l.children[box] - 1;
  if (l.children[box] && l.frame[last] === CUT) {
    const [, n, cut] = tree.cut[l.source[last]];
    told.marks.push(`${n === 1 ? "1 smaller callee" : `${n} smaller callees`} not drawn, ${alone(cut, values)}`);
  }
  return told;
}

// The same on one line, for screen readers.
export const spoken = (t: Told): string =>
  [t.name, ...t.facts.map(([what, much]) => `${what} ${much}`), ...t.marks, t.place].filter(Boolean).join("; ");
