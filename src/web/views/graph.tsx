// graph: the call graph as the server has laid it out, to pan, zoom and walk in.
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Graph as GraphAnswer } from "../data";
import { NoSamples } from "../parts/empty";
import { exactly } from "../regexps";
import type { ViewProps } from "../view";
import "./graph.css";

const LEAST = 0.02; // pixels a point
const MOST = 8;
const READABLE = 0.55; // what a graph begins with at least
const NODES = [10, 20, 40, 80, 160, 320, 640];

const counted = (n: number, what: string) => `${n || "no"} ${what}${n === 1 ? "" : "s"}`;

interface Links {
  out: number[][]; // by box: indexes of arrows
  into: number[][];
}

function linksOf(g: GraphAnswer): Links {
  const links: Links = { out: g.boxes.map(() => []), into: g.boxes.map(() => []) };
  g.arrows.forEach((a, k) => {
    links.out[a.from]?.push(k);
    links.into[a.to]?.push(k);
  });
  return links;
}

// Drawn once an answer; classes and the place change without it.
function Drawing({ graph, links }: { graph: GraphAnswer; links: Links }) {
  return (
    <>
      {graph.arrows.map((a, k) => (
        <g class={a.dotted ? "edge dotted" : "edge"} data-edge={k} style={{ "--line": a.color }}>
          <title>{a.tooltip}</title>
          <path d={a.path} stroke-width={a.width} />
          <path class="reach" d={a.path} />
          {a.head && <polygon points={a.head} />}
          {a.label.map((line, n) => (
            <text x={a.x} y={a.y + n * 15}>
              {line}
            </text>
          ))}
        </g>
      ))}
      {graph.boxes.map((b, i) => {
        const step = b.font * 1.2;
        const y = b.y + b.height / 2 - ((b.lines.length - 1) * step) / 2 + b.font * 0.35;
        return (
          <g
            class={b.tag ? "node tag" : "node"}
            data-node={i}
            tabIndex={-1}
            role={b.name ? "button" : "img"}
            aria-label={`${b.tooltip || b.lines.join(" ")}; ${counted(links.into[i].length, "caller")}, ${counted(links.out[i].length, "callee")}`}
            style={{ "--line": b.color, "--fill": b.fill }}
          >
            <title>{b.tooltip}</title>
            <rect x={b.x} y={b.y} width={b.width} height={b.height} rx={b.tag ? 9 : 3} />
            {b.lines.map((line, n) => (
              <text x={b.x + b.width / 2} y={y + n * step} font-size={b.font}>
                {line}
              </text>
            ))}
          </g>
        );
      })}
    </>
  );
}

// Where the picture stands: x = left + k * X.
interface Place2d {
  k: number;
  left: number;
  top: number;
}

class Board {
  at: Place2d = { k: 1, left: 0, top: 0 };
  private pointers = new Map<number, { x: number; y: number }>();
  moved = false;

  constructor(
    private svg: SVGSVGElement,
    private layer: SVGGElement,
    public graph: GraphAnswer,
  ) {}

  // Paper has no window: the whole graph, as large as a page.
  paper(on: boolean) {
    const { width, height } = this.graph;
    if (on) this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    else this.svg.removeAttribute("viewBox");
    if (on) this.layer.removeAttribute("transform");
    else this.put();
  }

  private put() {
    const { k, left, top } = this.at;
    this.layer.setAttribute("transform", `translate(${left} ${top}) scale(${k})`);
  }

  private size() {
    const r = this.svg.getBoundingClientRect();
    return { w: r.width || 1, h: r.height || 1, x: r.left, y: r.top };
  }

  fit(atLeast = LEAST) {
    const { w, h } = this.size();
    const { width, height, boxes } = this.graph;
    const whole = Math.min((w - 24) / (width || 1), (h - 24) / (height || 1), 1.5);
    const k = Math.max(whole, atLeast);
    // What does not fit begins at its top, with the first box in the middle.
    const first = boxes[0];
    const left = k * width <= w ? (w - k * width) / 2 : w / 2 - k * (first ? first.x + first.width / 2 : width / 2);
    const top = k * height <= h ? (h - k * height) / 2 : Math.min(12, h / 2 - k * (first ? first.y + first.height / 2 : 0));
    this.at = { k, left, top };
    this.put();
  }

  pan(dx: number, dy: number) {
    const { w, h } = this.size();
    const { width, height } = this.graph;
    const { k } = this.at;
    // Some of it stays in the window.
    this.at.left = Math.max(40 - k * width, Math.min(w - 40, this.at.left + dx));
    this.at.top = Math.max(40 - k * height, Math.min(h - 40, this.at.top + dy));
    this.put();
  }

  zoom(factor: number, x?: number, y?: number) {
    const s = this.size();
    const cx = x === undefined ? s.w / 2 : x - s.x;
    const cy = y === undefined ? s.h / 2 : y - s.y;
    const k = Math.max(LEAST, Math.min(MOST, this.at.k * factor));
    const by = k / this.at.k;
    this.at = { k, left: cx - (cx - this.at.left) * by, top: cy - (cy - this.at.top) * by };
    this.pan(0, 0);
  }

  // Bring a box into the window.
  reveal(i: number) {
    const { w, h } = this.size();
    const b = this.graph.boxes[i];
    const { k, left, top } = this.at;
    const [x0, y0] = [left + k * b.x, top + k * b.y];
    const [x1, y1] = [x0 + k * b.width, y0 + k * b.height];
    const by = (from: number, to: number, room: number) => (to - from > room - 32 ? room / 2 - (from + to) / 2 : from < 16 ? 16 - from : to > room - 16 ? room - 16 - to : 0);
    this.at.left += by(x0, x1, w);
    this.at.top += by(y0, y1, h);
    this.put();
  }

  down(e: PointerEvent) {
    if (e.button !== 0) return;
    if (!this.pointers.size) this.moved = false;
    this.pointers.set(e.pointerId, { x: e.clientX, y: e.clientY });
    if (this.pointers.size > 1) this.moved = true;
  }

  move(e: PointerEvent) {
    const p = this.pointers.get(e.pointerId);
    if (!p) return;
    const dx = e.clientX - p.x;
    const dy = e.clientY - p.y;
    if (this.pointers.size === 1) {
      if (!this.moved && Math.hypot(dx, dy) < 4) return;
      if (!this.moved) this.svg.setPointerCapture(e.pointerId);
      this.moved = true;
      this.pan(dx, dy);
    } else {
      const other = [...this.pointers.values()].find((o) => o !== p)!;
      const was = Math.hypot(p.x - other.x, p.y - other.y);
      const is = Math.hypot(e.clientX - other.x, e.clientY - other.y);
      this.pan(dx / 2, dy / 2);
      if (was > 8) this.zoom(is / was, (e.clientX + other.x) / 2, (e.clientY + other.y) / 2);
    }
    p.x = e.clientX;
    p.y = e.clientY;
  }

  up(e: PointerEvent) {
    this.pointers.delete(e.pointerId);
  }
}

export function GraphView(props: ViewProps<GraphAnswer>) {
  const { answer, place, search, selected, select, go, openMenu, tell } = props;
  const links = useMemo(() => linksOf(answer), [answer]);
  const drawing = useMemo(() => <Drawing graph={answer} links={links} />, [answer]);
  const svg = useRef<SVGSVGElement>(null);
  const layer = useRef<SVGGElement>(null);
  const board = useRef<Board | null>(null);
  const nodes = useRef<Element[]>([]);
  const edges = useRef<Element[]>([]);
  const current = useRef(0); // the box that Tab leads to

  const indexOf = (e: Event): number => {
    const g = (e.target as Element).closest?.("[data-node]");
    return g ? Number(g.getAttribute("data-node")) : -1;
  };
  const setCurrent = (i: number) => {
    nodes.current[current.current]?.setAttribute("tabindex", "-1");
    nodes.current[i]?.setAttribute("tabindex", "0");
    current.current = i;
  };
  // A box and its arrows stand out.
  const light = (i: number) => {
    if (!svg.current) return; // it is being left
    svg.current.classList.toggle("lit", i >= 0);
    for (const e of layer.current!.querySelectorAll(".near")) e.classList.remove("near", "in", "out");
    if (i < 0) return;
    nodes.current[i].classList.add("near");
    for (const k of links.out[i]) {
      edges.current[k].classList.add("near", "out");
      nodes.current[answer.arrows[k].to]?.classList.add("near");
    }
    for (const k of links.into[i]) {
      edges.current[k].classList.add("near", "in");
      nodes.current[answer.arrows[k].from]?.classList.add("near");
    }
  };

  useEffect(() => {
    nodes.current = [...layer.current!.querySelectorAll("[data-node]")];
    edges.current = [...layer.current!.querySelectorAll("[data-edge]")];
    // Widths are Helvetica's: another font is squeezed into them.
    for (const text of layer.current!.querySelectorAll<SVGTextElement>(".node text")) {
      const room = answer.boxes[Number(text.parentElement!.dataset.node)].width - 6;
      if (text.getComputedTextLength() <= room) continue;
      text.setAttribute("textLength", String(room));
      text.setAttribute("lengthAdjust", "spacingAndGlyphs");
    }
    board.current = new Board(svg.current!, layer.current!, answer);
    resize();
    board.current.fit(READABLE);
    current.current = 0;
    setCurrent(0);
  }, [answer]);

  function resize() {
    if (!svg.current) return;
    let { top } = svg.current.getBoundingClientRect();
    for (let e: Element | null = svg.current.parentElement; e; e = e.parentElement) top += e.scrollTop;
    svg.current.style.height = `${Math.max(240, Math.floor(innerHeight - top - 8))}px`;
  }
  useEffect(() => {
    const watch = new ResizeObserver(resize);
    watch.observe(svg.current!.parentElement!);
    addEventListener("resize", resize);
    // Not by preact: its wheel listeners are passive in some browsers.
    const wheel = (e: WheelEvent) => {
      e.preventDefault();
      board.current!.zoom(Math.exp(-Math.max(-160, Math.min(160, e.deltaY * (e.deltaMode === 1 ? 20 : 1))) * 0.0025), e.clientX, e.clientY);
    };
    svg.current!.addEventListener("wheel", wheel, { passive: false });
    const element = svg.current!;
    const print = (e: Event) => board.current?.paper(e.type === "beforeprint");
    addEventListener("beforeprint", print);
    addEventListener("afterprint", print);
    return () => {
      watch.disconnect();
      removeEventListener("beforeprint", print);
      removeEventListener("afterprint", print);
      removeEventListener("resize", resize);
      element.removeEventListener("wheel", wheel);
    };
  }, []);

  const matching = useMemo(() => {
    if (!search) return null;
    return answer.boxes.map((b) => {
      search.lastIndex = 0;
      return b.name !== "" && search.test(b.name);
    });
  }, [answer, search]);
  useEffect(() => {
    svg.current!.classList.toggle("searching", matching !== null);
    nodes.current.forEach((n, i) => n.classList.toggle("match", matching?.[i] ?? false));
    const n = matching?.filter(Boolean).length ?? 0;
    tell(matching ? (n === 1 ? "1 box" : `${n || "no"} boxes`) : "");
  }, [matching]);
  useEffect(() => {
    const chosen = new Set(selected);
    nodes.current.forEach((n, i) => {
      const { name } = answer.boxes[i];
      n.classList.toggle("selected", chosen.has(name) && name !== "");
      if (name) n.setAttribute("aria-pressed", String(chosen.has(name)));
    });
  }, [answer, selected]);

  const choose = (i: number, more: boolean) => {
    const { name } = answer.boxes[i];
    if (!name) return;
    const is = selected.includes(name);
    if (more) select(is ? selected.filter((n) => n !== name) : [...selected, name]);
    else select(is && selected.length === 1 ? [] : [name]);
  };
  const pivot = (i: number) => {
    const { name } = answer.boxes[i];
    if (name) go("flamegraph", { p: exactly(name) });
  };
  const focus = (i: number) => {
    if (i < 0) return;
    setCurrent(i);
    board.current!.reveal(i);
    (nodes.current[i] as unknown as HTMLElement).focus({ preventScroll: true });
  };
  // Along the heaviest arrow; sideways to the nearest box of about the same height.
  const neighbour = (i: number, key: string): number => {
    const heaviest = (arrows: number[], end: "from" | "to") =>
      arrows.reduce((best, k) => (answer.arrows[k][end] !== i && (best < 0 || answer.arrows[k].width > answer.arrows[best].width) ? k : best), -1);
    if (key === "ArrowDown") {
      const k = heaviest(links.out[i], "to");
      return k < 0 ? -1 : answer.arrows[k].to;
    }
    if (key === "ArrowUp") {
      const k = heaviest(links.into[i], "from");
      return k < 0 ? -1 : answer.arrows[k].from;
    }
    const sign = key === "ArrowRight" ? 1 : -1;
    const b = answer.boxes[i];
    const middle = b.y + b.height / 2;
    let best = -1;
    let least = Infinity;
    answer.boxes.forEach((o, k) => {
      const dx = sign * (o.x + o.width / 2 - b.x - b.width / 2);
      const dy = Math.abs(o.y + o.height / 2 - middle);
      if (k === i || dx <= 0 || dy > dx) return;
      if (dx + 3 * dy < least) {
        least = dx + 3 * dy;
        best = k;
      }
    });
    return best;
  };
  const matches = matching ? matching.flatMap((is, i) => (is ? [i] : [])) : [];

  const key = (e: KeyboardEvent) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const i = indexOf(e);
    const arrows: Record<string, [number, number]> = { ArrowUp: [0, 60], ArrowDown: [0, -60], ArrowLeft: [60, 0], ArrowRight: [-60, 0] };
    const b = board.current!;
    if (e.key in arrows) {
      if (i >= 0 && !e.shiftKey) focus(neighbour(i, e.key));
      else b.pan(...arrows[e.key]);
    } else if (e.key === "+" || e.key === "=") b.zoom(1.25);
    else if (e.key === "-") b.zoom(0.8);
    else if (e.key === "0") b.fit();
    else if (e.key === "Home") focus(0);
    else if ((e.key === "n" || e.key === "N") && matches.length) {
      const at = matches.indexOf(i);
      const step = e.key === "n" ? 1 : -1;
      focus(matches[at < 0 ? 0 : (at + step + matches.length) % matches.length]);
    } else if (i >= 0 && (e.key === "Enter" || e.key === " ")) {
      if (e.key === "Enter" && e.shiftKey) pivot(i);
      else choose(i, e.key === " ");
    } else if (i >= 0 && e.key === "p") pivot(i);
    else if (e.key === "Escape" && selected.length) select([]);
    else if (i >= 0 && answer.boxes[i].name && (e.key === "ContextMenu" || (e.key === "F10" && e.shiftKey))) {
      const r = nodes.current[i].getBoundingClientRect();
      openMenu(answer.boxes[i].name, r.left + 8, r.top + Math.min(r.height, 24));
    } else return;
    e.preventDefault();
    e.stopPropagation();
  };

  const shown = answer.boxes.filter((b) => !b.tag).length;
  const all = answer.legend.map((l) => /nodes out of ([\d,]+)/.exec(l)?.[1].replace(/,/g, "")).find(Boolean);
  const chosen = place.params.get("n") ?? "80";
  const counts = [...new Set([...NODES, Number(chosen) || 80])].sort((a, b) => a - b);
  return (
    <section class="graph-page">
      <div class="flame-tools">
        <label class="graph-count">
          Nodes{" "}
          <select value={chosen} onChange={(e) => go(place.view, { n: e.currentTarget.value === "80" ? null : e.currentTarget.value })}>
            {counts.map((n) => (
              <option value={String(n)}>{n}</option>
            ))}
          </select>
        </label>
        <span class="graph-shown">{`showing ${shown.toLocaleString("en")} of ${Number(all ?? shown).toLocaleString("en")}`}</span>
        <div class="flame-choice" role="group" aria-label="Size">
          <button type="button" aria-label="Smaller" title="Smaller (-)" onClick={() => board.current!.zoom(0.8)}>
            {"\u2212"}
          </button>
          <button type="button" title="All of it (0)" onClick={() => board.current!.fit()}>
            Fit
          </button>
          <button type="button" aria-label="Larger" title="Larger (+)" onClick={() => board.current!.zoom(1.25)}>
            +
          </button>
        </div>
      </div>
      {answer.boxes.length === 0 && <NoSamples {...props} />}
      <svg
        ref={svg}
        class="graph"
        tabIndex={0}
        role="group"
        aria-label="Call graph. Tab leads to a box, arrow keys to its callers and callees; Enter selects it, p shows it in the flame graph."
        onKeyDown={key}
        onPointerDown={(e) => board.current!.down(e)}
        onPointerMove={(e) => board.current!.move(e)}
        onPointerUp={(e) => board.current!.up(e)}
        onPointerCancel={(e) => board.current!.up(e)}
        onPointerOver={(e) => light(indexOf(e))}
        onPointerLeave={() => light(-1)}
        onFocusIn={(e) => {
          const i = indexOf(e);
          if (i >= 0) setCurrent(i);
          light(i);
        }}
        onFocusOut={() => light(-1)}
        onClick={(e) => {
          if (board.current!.moved) return;
          const i = indexOf(e);
          if (i >= 0) choose(i, e.shiftKey);
          else if (selected.length) select([]);
        }}
        onDblClick={(e) => {
          const i = indexOf(e);
          if (i >= 0) pivot(i);
        }}
        onContextMenu={(e) => {
          const i = indexOf(e);
          if (i < 0 || !answer.boxes[i].name) return;
          e.preventDefault();
          openMenu(answer.boxes[i].name, e.clientX, e.clientY);
        }}
      >
        <g ref={layer}>
          {drawing}
        </g>
      </svg>
    </section>
  );
}
