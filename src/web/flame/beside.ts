// beside: what stands beside a flame graph: the modules with the most of their own, and its largest
// boxes as a table, for those who do not see it.
import { element } from "../element";
import { alone, percent } from "../format";
import type { FlameGraph } from "./engine";
import { CUT } from "./layout";
import { CALLEES, spot } from "./picture";

const TABLE_ROWS = 100;

export function fillLegend(graph: FlameGraph) {
  const p = graph.picture;
  if (!p) return;
  const { look } = graph.painter;
  const { groups } = p.source.frames;
  graph.legend.hidden = look.color !== "module" || groups.length < 2;
  if (graph.legend.hidden) return graph.legend.replaceChildren();
  const total = p.source.values.total;
  const items = groups.slice(0, 12).flatMap((g, k) => {
    if (!g.self || !g.name) return [];
    const swatch = element("i", "");
    swatch.style.background = graph.painter.groupColor(k);
    const b = element("button", "", swatch, element("span", "", g.name), element("small", "", percent(g.self, total)));
    b.type = "button";
    b.title = `${g.name}: ${alone(g.self, p.source.values)}, ${percent(g.self, total)} of all in its own functions. Click to highlight.`;
    b.setAttribute("aria-pressed", String(look.group === k));
    b.onclick = () => {
      graph.setLook({ group: look.group === k ? -1 : k });
      (graph.legend.children[items.indexOf(b)] as HTMLElement | undefined)?.focus();
    };
    return [b];
  });
  graph.legend.replaceChildren(...items);
}

// The largest boxes, callers before callees, with their depth.
export function fillTable(details: HTMLElement, graph: FlameGraph) {
  const p = graph.picture;
  if (!p) return;
  const { values } = p.source;
  const l = p.layouts[CALLEES];
  const order = Array.from({ length: l.n }, (_, i) => i).filter((i) => l.frame[i] !== CUT);
  order.sort((x, y) => l.size[y] - l.size[x] || x - y);
  const chosen = new Set(order.slice(0, TABLE_ROWS));
  const body = element("tbody", "");
  const walk: [number, number][] = [[0, 1]];
  while (walk.length) {
    const [box, level] = walk.pop()!;
    const s = spot(CALLEES, box);
    const tree = l.tree;
    const name = element("button", "", p.name(s) || "all");
    name.type = "button";
    name.onclick = () => graph.activate(s);
    const cell = element("td", "", name, l.inlined[box] ? " (inlined)" : "");
    cell.style.paddingLeft = `${Math.min(level, 24) * 8}px`;
    const value = tree.value[l.source[box]];
    const self = tree.self[l.source[box]];
    const numbers =
      tree.before && tree.after
        ? [alone(tree.before[l.source[box]], values), alone(tree.after[l.source[box]], values)]
        : [alone(value, values), percent(value, values.total), alone(self, values)];
    body.append(element("tr", "", ...[String(level), ...numbers].map((t) => element("td", "", t)), cell));
    for (let k = l.first[box] + l.children[box] - 1; k >= l.first[box]; k--) if (chosen.has(k)) walk.push([k, level + 1]);
  }
  const heads = l.tree.before ? ["Level", "Before", "After", "Function"] : ["Level", "Total", "Share", "Self", "Function"];
  const head = element("tr", "", ...heads.map((t) => element("th", "", t)));
  for (const th of head.children) th.setAttribute("scope", "col");
  const table = element("table", "", element("caption", "flame-hidden", `${graph.label}: the largest boxes, each below its caller`), element("thead", "", head), body);
  details.replaceChildren(details.firstChild!, table);
}
