// alone: the flame graph of a self-contained file, from the answer that stands in it.  There
// is no server: a pivot is worked out of the tree here.
import type { Flame } from "../data";
import { alone, percent } from "../format";
import { growth } from "./describe";
import { boxOf, layout } from "./layout";
import { FlameGraph } from "./engine";
import { pivot } from "./pivot";
import { sourceOf, type Source } from "./picture";
import { unpack } from "./unpack";
import "./alone.css";
import type { Tree } from "../data";

const data = unpack(JSON.parse(document.getElementById("data")!.textContent!) as Flame);
// Of a profile whose base was subtracted it shows what has changed.
const { before, after } = data.callees;
const sides = before && after ? { before: { name: "base", total: before[0] }, after: { name: "profile", total: after[0] } } : null;
const whole = sourceOf(data, sides);
const root = document.documentElement;

// The state is the part of the address after #, so that back and forward work.
interface State {
  p?: string;
  z?: string;
  order?: string;
  color?: string;
}

function state(): State {
  return Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
}

function go(changes: Record<string, string | null>) {
  const params = new URLSearchParams(location.hash.slice(1));
  for (const [name, value] of Object.entries(changes)) {
    if (value) params.set(name, value);
    else params.delete(name);
  }
  history.pushState(null, "", "#" + params);
  update();
}

function make<K extends keyof HTMLElementTagNameMap>(tag: K, set: object, ...children: (Node | string)[]) {
  const e = Object.assign(document.createElement(tag), set);
  e.append(...children);
  return e;
}

const title = make("h1", {}, data.title || "Flame graph");
const crumbs = make("nav", { className: "flame-crumbs", ariaLabel: "What is shown" });
const input = make("input", { type: "search", placeholder: "Search (regexp)   /", ariaLabel: "Search functions" });
const share = make("output", {});
const order = make("button", { type: "button" });
const color = make("button", { type: "button" });
const theme = make("button", { type: "button" }, "Light/dark");
const facts = [...data.legend, ...data.notes].filter((l) => l && !/^(Showing nodes|See http)/.test(l)).join(" \u00b7 ");
const about = make("p", { className: "flame-about", title: facts }, facts);
const host = make("div", {});
const menu = make("div", { className: "flame-menu", hidden: true });
document.title = `${data.title || "profile"} flame graph`;
document.body.append(
  make("header", {}, title, make("div", { className: "flame-tools" }, crumbs, input, share, order, color, theme), about),
  make("main", {}, host),
  menu,
);

// --- the tree that is shown

// The tree below a box, and the names of the boxes it goes through.
function below(tree: Tree, path: string): { tree: Tree; above: string[] } {
  const l = layout(tree);
  const from = boxOf(l, path);
  const above: string[] = [];
  for (let i = l.parent[from]; i >= 0; i = l.parent[i]) above.unshift(l.frame[i] < 0 ? "all" : data.frames.names[l.frame[i]]);
  const isInlined = new Set(tree.inlined);
  const cuts = new Map(tree.cut.map((c) => [c[0], c]));
  const out: Tree = { frame: [], children: [], value: [], self: [], inlined: [], cut: [] };
  if (tree.before && tree.after) [out.before, out.after] = [[], []];
  const queue = [from];
  for (let k = 0; k < queue.length; k++) {
    const i = queue[k];
    const s = l.source[i];
    out.frame.push(tree.frame[s]);
    out.children.push(tree.children[s]);
    out.value.push(tree.value[s]);
    out.before?.push(tree.before![s]);
    out.after?.push(tree.after![s]);
    out.self.push(tree.self[s]);
    if (isInlined.has(s)) out.inlined.push(k);
    const cut = cuts.get(s);
    if (cut) out.cut.push([k, cut[1], cut[2]]);
    for (let c = l.first[i], end = c + tree.children[s]; c < end; c++) queue.push(c);
  }
  return { tree: out, above };
}

function sourceFor(s: State): Source {
  let source = whole;
  if (s.p !== undefined) {
    const names = data.frames.names;
    const made = pivot(data.callees, (f) => names[f] === s.p);
    if (made.functions) source = { ...source, callees: made.callees, callers: made.callers, pivot: s.p };
  }
  if (s.z) {
    const { tree, above } = below(source.callees, s.z);
    if (above.length) source = { ...source, callees: tree, callers: null, above, path: s.z };
  }
  return source;
}

function regexp(): RegExp | null {
  if (!input.value) return null;
  try {
    return new RegExp(input.value, "i");
  } catch {
    return new RegExp(input.value.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"), "i");
  }
}

function tell(found: { functions: number; value: number } | null) {
  const least = data.callees.cut.length ? "at least " : "";
  share.textContent = !found ? "" : found.functions ? `${found.functions} found, ${least}${percent(found.value, data.values.total)}` : "none found";
}

const graph = new FlameGraph(host, {
  pivot: (name) => go({ p: name, z: null }),
  zoom: (path) => go({ z: path || null }),
  out: () => {
    const { p, z } = state();
    if (z) go({ z: z.includes(".") ? z.slice(0, z.lastIndexOf(".")) : null });
    else if (p !== undefined) go({ p: null });
    else return false;
    return true;
  },
  menu: openMenu,
});

let shown = "";
function update() {
  const s = state();
  const flipped = s.order === "flame";
  order.textContent = flipped ? "Order: flame" : "Order: icicle";
  const look = sides && s.color !== "module" ? "change" : s.color === "heat" ? "heat" : "module";
  color.textContent = { change: "Colour: change", heat: "Colour: self", module: "Colour: module" }[look];
  graph.setLook({ flipped, color: look });
  const key = JSON.stringify([s.p, s.z]);
  if (key === shown) return;
  shown = key;
  const source = sourceFor(s);
  tell(graph.show(source, regexp()));
  const value = source.callees.value[0];
  const parts: Node[] = [];
  const add = (text: string, changes: Record<string, string | null>) => parts.push(make("button", { type: "button", onclick: () => go(changes), title: text }, text));
  if (source.pivot || source.path) add("all", { p: null, z: null });
  if (source.pivot) add(source.pivot, { z: null });
  const { total } = data.values;
  if (sides) {
    const t = source.callees;
    parts.push(make("span", {}, `${alone(t.before![0], data.values)} \u2192 ${alone(t.after![0], data.values)}, ${growth(t.before![0], t.after![0])}`));
  } else parts.push(make("span", {}, value === total ? `${alone(value, data.values)} in all` : `${alone(value, data.values)}, ${percent(value, total)} of all`));
  crumbs.replaceChildren(...parts);
}

function openMenu(name: string, x: number, y: number) {
  const item = (text: string, fn: () => void) =>
    make(
      "button",
      {
        type: "button",
        onclick: () => {
          closeMenu();
          fn();
        },
      },
      text,
    );
  menu.replaceChildren(
    item("Pivot", () => go({ p: name, z: null })),
    item("Highlight", () => {
      input.value = `^${name.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")}$`;
      tell(graph.search(regexp()));
    }),
    item("Copy name", () => void navigator.clipboard?.writeText(name)),
  );
  menu.hidden = false;
  menu.style.left = `${Math.max(4, Math.min(x, innerWidth - menu.offsetWidth - 8))}px`;
  menu.style.top = `${Math.max(4, Math.min(y, innerHeight - menu.offsetHeight - 8))}px`;
  (menu.firstChild as HTMLElement).focus();
}

function closeMenu() {
  menu.hidden = true;
  graph.view.focus({ preventScroll: true });
}

const dark = matchMedia("(prefers-color-scheme: dark)");
theme.onclick = () => {
  const is = root.dataset.theme ? root.dataset.theme === "dark" : dark.matches;
  root.dataset.theme = is ? "light" : "dark";
};
order.onclick = () => go({ order: state().order === "flame" ? null : "flame" });
color.onclick = () => {
  const other = sides ? "module" : "heat";
  go({ color: state().color === other ? null : other });
};
input.oninput = () => tell(graph.search(regexp()));
input.onkeydown = (e) => {
  if (e.key === "Enter") graph.next(e.shiftKey ? -1 : 1);
  else if (e.key === "Escape") {
    input.value = "";
    tell(graph.search(null));
    graph.view.focus({ preventScroll: true });
  } else return;
  e.preventDefault();
  e.stopPropagation();
};
addEventListener("pointerdown", (e) => {
  if (!menu.hidden && !menu.contains(e.target as Node)) menu.hidden = true;
});
addEventListener("keydown", (e) => {
  if (!menu.hidden && e.key === "Escape") closeMenu();
  else if (e.key === "/" && e.target !== input) input.focus();
  else if (e.key === "Escape" && e.target !== input) graph.goOut();
  else return;
  e.preventDefault();
});
addEventListener("popstate", update);
update();
