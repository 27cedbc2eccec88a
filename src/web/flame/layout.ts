// layout: the boxes of a tree in typed arrays, level by level, and what is asked of them.
// Nothing here draws: places are shares of the root's width, 0 to 1.
import type { Tree } from "../data";

export const ROOT = -1; // frame of box 0 where the tree has none
export const CUT = -2; // frame of a box that stands for children left out

export interface Layout {
  n: number;
  frame: Int32Array; // of Frames, ROOT or CUT
  source: Int32Array; // box of the Tree; of a CUT its index in tree.cut
  parent: Int32Array; // -1 of the root
  first: Int32Array; // of the children, which are side by side
  children: Int32Array; // how many, the CUT included
  left: Float64Array;
  size: Float64Array;
  inlined: Uint8Array;
  levels: Int32Array; // first box of each level, and n at the end
  tree: Tree;
}

// sizes: what widths are made of, a number a box, in place of tree.value.
export function layout(tree: Tree, sizes: ArrayLike<number> = tree.value): Layout {
  const boxes = tree.frame.length;
  const n = boxes + tree.cut.length;
  const frame = new Int32Array(n);
  const source = new Int32Array(n);
  const parent = new Int32Array(n).fill(-1);
  const first = new Int32Array(n);
  const children = new Int32Array(n);
  const left = new Float64Array(n);
  const size = new Float64Array(n);
  const inlined = new Uint8Array(n);
  const cutOf = new Int32Array(boxes).fill(-1);
  tree.cut.forEach((cut, k) => (cutOf[cut[0]] = k));
  const isInlined = new Uint8Array(boxes);
  for (const i of tree.inlined) isInlined[i] = 1;

  const levels = [0];
  let next = 1; // to be placed
  let nextSource = 1;
  let levelEnd = 1;
  for (let i = 0; i < next; i++) {
    if (i === levelEnd) {
      levels.push(i);
      levelEnd = next;
    }
    first[i] = next;
    if (frame[i] === CUT) continue;
    const s = source[i];
    frame[i] = tree.frame[s];
    inlined[i] = isInlined[s];
    for (let k = tree.children[s]; k > 0 && nextSource < boxes; k--, next++) {
      parent[next] = i;
      source[next] = nextSource++;
    }
    if (cutOf[s] >= 0) {
      parent[next] = i;
      source[next] = cutOf[s];
      frame[next++] = CUT;
    }
    children[i] = next - first[i];
  }
  levels.push(next);

  // A box is as wide as its value and, where values have signs, at least as its children.
  const whole = sizes === tree.value;
  for (let i = next - 1; i >= 0; i--) {
    const own =
      frame[i] === CUT
        ? whole
          ? tree.cut[source[i]][2]
          : 0
        : sizes[source[i]];
    size[i] = Math.max(size[i], Math.abs(own));
    if (i > 0) left[parent[i]] += size[i]; // the sum of the children, for the moment
    if (i > 0 && left[parent[i]] > size[parent[i]]) size[parent[i]] = left[parent[i]];
  }
  const scale = size[0] ? 1 / size[0] : 0;
  size[0] = 1;
  left[0] = 0;
  for (let i = 0; i < next; i++) {
    let at = left[i];
    for (let k = first[i], end = k + children[i]; k < end; k++) {
      left[k] = at;
      size[k] *= scale;
      at += size[k];
    }
  }
  return { n: next, frame, source, parent, first, children, left, size, inlined, levels: Int32Array.from(levels), tree };
}

export const depth = (l: Layout): number => l.levels.length - 1;

// The level a box is on.
export function levelOf(l: Layout, box: number): number {
  let low = 0;
  let high = depth(l) - 1;
  while (low < high) {
    const mid = (low + high + 1) >> 1;
    if (l.levels[mid] <= box) low = mid;
    else high = mid - 1;
  }
  return low;
}

// The first box from `from` on, before `end`, whose right edge is beyond x; `end` if none.
export function beyond(l: Layout, from: number, end: number, x: number): number {
  const { left, size } = l;
  let low = from;
  let high = end;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (left[mid] + size[mid] > x) high = mid;
    else low = mid + 1;
  }
  return low;
}

// The first box from `from` on, before `end`, that begins at x or later.
export function startsAt(l: Layout, from: number, end: number, x: number): number {
  const { left } = l;
  // Most often it is near.
  let step = 1;
  let low = from;
  while (low + step < end && left[low + step] < x) {
    low += step;
    step *= 2;
  }
  let high = Math.min(low + step, end);
  while (low < high) {
    const mid = (low + high) >> 1;
    if (left[mid] >= x) high = mid;
    else low = mid + 1;
  }
  return low;
}

// The box at x of a level that is at most `slack` away; -1 if none.
export function hit(l: Layout, level: number, x: number, slack: number): number {
  if (level < 0 || level >= depth(l)) return -1;
  const end = l.levels[level + 1];
  const i = beyond(l, l.levels[level], end, x);
  if (i < end && l.left[i] <= x) return i;
  const before = i - 1 >= l.levels[level] ? x - (l.left[i - 1] + l.size[i - 1]) : Infinity;
  const after = i < end ? l.left[i] - x : Infinity;
  if (Math.min(before, after) > slack) return -1;
  return before <= after ? i - 1 : i;
}

// The way to a box as z has it, "2.0.1": child of child; "" is the root.
export function pathOf(l: Layout, box: number): string {
  const steps: number[] = [];
  for (let i = box; i > 0; i = l.parent[i]) steps.push(i - l.first[l.parent[i]]);
  return steps.reverse().join(".");
}

// The box of such a path, or the last one of it that there is.
export function boxOf(l: Layout, path: string): number {
  let at = 0;
  for (const step of path ? path.split(".") : []) {
    const k = Number(step);
    if (!(k >= 0 && k < l.children[at])) break;
    at = l.first[at] + k;
  }
  return at;
}

// The boxes of each frame: those of f are list[starts[f]] to list[starts[f + 1] - 1].
export interface Places {
  starts: Int32Array;
  list: Int32Array;
}

export function places(l: Layout, frames: number): Places {
  const starts = new Int32Array(frames + 1);
  for (let i = 0; i < l.n; i++) if (l.frame[i] >= 0) starts[l.frame[i] + 1]++;
  for (let f = 0; f < frames; f++) starts[f + 1] += starts[f];
  const list = new Int32Array(starts[frames]);
  const at = starts.slice(0, frames);
  for (let i = 0; i < l.n; i++) if (l.frame[i] >= 0) list[at[l.frame[i]]++] = i;
  return { starts, list };
}

// The boxes whose frame matches, and the values of the outermost of them.
export interface Found {
  count: number; // boxes
  value: number;
  before: Int32Array; // [n + 1]: how many of the boxes before it match
  outermost: number[];
}

export function find(l: Layout, matches: Uint8Array): Found {
  const before = new Int32Array(l.n + 1);
  const covered = new Uint8Array(l.n);
  const outermost: number[] = [];
  let value = 0;
  for (let i = 0; i < l.n; i++) {
    const f = l.frame[i];
    const is = f >= 0 ? matches[f] : 0;
    const above = i > 0 ? covered[l.parent[i]] : 0;
    before[i + 1] = before[i] + is;
    covered[i] = above | is;
    if (is && !above) {
      value += l.tree.value[l.source[i]];
      outermost.push(i);
    }
  }
  return { count: before[l.n], value, before, outermost };
}

// What all boxes of a frame have together, those inside of one another once.
export function sumOf(l: Layout, p: Places, frame: number): { boxes: number; value: number; self: number } {
  let value = 0;
  let self = 0;
  const from = p.starts[frame];
  const to = p.starts[frame + 1];
  for (let k = from; k < to; k++) {
    const box = p.list[k];
    self += l.tree.self[l.source[box]];
    let above = l.parent[box];
    while (above >= 0 && l.frame[above] !== frame) above = l.parent[above];
    if (above < 0) value += l.tree.value[l.source[box]];
  }
  return { boxes: to - from, value, self };
}
