// pivot: the trees of callees and callers of a function, made from the tree of all calls
// where there is no server to ask.
import type { Tree } from "../data";
import { layout } from "./layout";

interface Node {
  frame: number;
  value: number;
  before: number; // of a difference
  after: number;
  self: number;
  inlined: boolean;
  kids: Map<number, Node>;
  cut: [number, number];
}

const node = (frame: number): Node => ({ frame, value: 0, before: 0, after: 0, self: 0, inlined: true, kids: new Map(), cut: [0, 0] });

function kid(of: Node, frame: number): Node {
  let n = of.kids.get(frame);
  if (!n) of.kids.set(frame, (n = node(frame)));
  return n;
}

function count(n: Node, tree: Tree, s: number) {
  n.value += tree.value[s];
  if (tree.before) n.before += tree.before[s];
  if (tree.after) n.after += tree.after[s];
}

// Of the outermost boxes whose frames match.
export function pivot(tree: Tree, matches: (frame: number) => boolean): { callees: Tree; callers: Tree; functions: number } {
  const l = layout(tree);
  const down = node(-1);
  const up = node(-1);
  const within = new Uint8Array(l.n);
  const nodes: Node[] = new Array(l.n); // of those within, in `down`
  const found = new Set<number>();
  for (let i = 1; i < l.n; i++) {
    const parent = l.parent[i];
    const s = l.source[i];
    if (l.frame[i] < -1) {
      if (!within[parent]) continue;
      nodes[parent].cut[0] += tree.cut[s][1];
      nodes[parent].cut[1] += tree.cut[s][2];
      continue;
    }
    within[i] = within[parent];
    let to: Node | null = null;
    if (within[parent]) {
      to = kid(nodes[parent], l.frame[i]);
    } else if (matches(l.frame[i])) {
      within[i] = 1;
      found.add(l.frame[i]);
      to = down;
      count(up, tree, s);
      for (let at = parent, above = up; at > 0; at = l.parent[at]) {
        above = kid(above, l.frame[at]);
        count(above, tree, s);
        above.inlined &&= l.inlined[at] === 1;
      }
    }
    if (!to) continue;
    nodes[i] = to;
    count(to, tree, s);
    to.self += tree.self[s];
    to.inlined &&= l.inlined[i] === 1;
  }
  const one = found.size === 1 ? [...found][0] : -1;
  down.frame = up.frame = one;
  return { callees: columns(down, !!tree.before), callers: columns(up, !!tree.before), functions: found.size };
}

function columns(root: Node, both: boolean): Tree {
  const out: Tree = { frame: [], children: [], value: [], self: [], inlined: [], cut: [] };
  const before: number[] = [];
  const after: number[] = [];
  if (both) Object.assign(out, { before, after });
  const queue = [root];
  for (let i = 0; i < queue.length; i++) {
    const n = queue[i];
    const kids = [...n.kids.values()].sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
    out.frame.push(n.frame);
    out.children.push(kids.length);
    out.value.push(n.value);
    before.push(n.before);
    after.push(n.after);
    out.self.push(n.self);
    if (n.inlined && i > 0) out.inlined.push(i);
    if (n.cut[0]) out.cut.push([i, n.cut[0], n.cut[1]]);
    for (const k of kids) queue.push(k);
  }
  return out;
}
