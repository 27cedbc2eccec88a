// engine: a flame graph in an element of the page: canvases, panel, legend, keyboard and
// pointer.  It needs no framework: the page and the self-contained file both use it.
import { element } from "../element";
import { fillLegend, fillTable } from "./beside";
import { describe, spoken } from "./describe";
import { Painter, type Look } from "./draw";
import "./flame.css";
import { beyond, boxOf, CUT, depth, pathOf } from "./layout";
import { ABOVE, boxIn, CALLEES, CALLERS, kindOf, NOWHERE, Picture, spot, type Source, type Spot } from "./picture";
import { Tip } from "./tip";

export interface Hooks {
  pivot(name: string): void;
  zoom(path: string): void; // of the tree that all began with; "" zooms out
  out(): boolean; // one step back to the whole; false: there is none
  menu(name: string, x: number, y: number): void;
  hover?(at: Spot): void;
  moved?(scrolled: boolean): void; // the user has changed what is in view
}

const PAD = 2;
const DEEPEST = 1e-7; // the least part of the width that fills the window
const CLICK = 4; // pixels that a click may wander
const TWICE_MS = 230;
const LONG_MS = 500;
const TRANSITION_MS = 120;
let painted = false; // the first graph of the page: a mark for those who measure

export class FlameGraph {
  readonly view = element("div", "flame-view");
  private canvas = element("canvas", "");
  private over = element("canvas", "");
  private whole = element("button", "flame-whole", "Whole width");
  private screen = element("div", "flame-screen", this.canvas, this.over, this.whole);
  private spacer = element("div", "");
  private tip = new Tip(this);
  private said = element("div", "flame-hidden");
  private details = element("details", "flame-table");
  readonly legend = element("div", "flame-legend");
  readonly painter: Painter;
  picture: Picture | null = null;
  hover: Spot = NOWHERE;
  focus: Spot = NOWHERE;
  private shown = false; // the focus: after a key
  private matches: Spot[] = [];
  private match = -1;
  private frameAsked = 0;
  private stale = false;
  private animation = 0;
  private clicked = 0;
  private pointers = new Map<number, { x: number; y: number; startX: number; startY: number }>();
  private dragged = false;
  private long = 0;
  private ends: (() => void)[] = [];
  private calm = matchMedia("(prefers-reduced-motion: reduce)");
  half = false; // one of two that stand above each other

  constructor(
    readonly host: HTMLElement,
    readonly hooks: Hooks,
    readonly label = "Flame graph",
  ) {
    host.classList.add("flame");
    this.said.setAttribute("aria-live", "polite");
    this.view.tabIndex = 0;
    this.view.setAttribute("role", "application");
    this.view.setAttribute("aria-roledescription", "flame graph");
    this.view.setAttribute(
      "aria-label",
      `${label}. Arrow keys walk, Enter pivots, z zooms, Escape goes back, n finds the next match. A table follows.`,
    );
    this.legend.setAttribute("role", "group");
    this.legend.setAttribute("aria-label", "Largest modules");
    this.whole.type = "button";
    this.whole.hidden = true;
    this.whole.onclick = () => this.animateTo(0, 1, () => this.hooks.moved?.(false));
    this.whole.onpointerdown = (e) => e.stopPropagation();
    this.view.append(this.screen, this.spacer);
    host.append(this.legend, this.view, this.said, this.details, this.tip.panel);
    this.painter = new Painter(this.canvas, this.over);
    this.listen();
  }

  // What is drawn from now on.
  show(source: Source, re: RegExp | null = null): { functions: number; value: number } | null {
    const old = this.picture;
    const p = new Picture(source);
    this.picture = p;
    const share = p.search(re);
    this.painter.setPicture(p);
    this.setMatches();
    this.setHover(NOWHERE);
    this.tip.unpin();
    this.focus = NOWHERE;
    this.shown = false;
    cancelAnimationFrame(this.animation);
    // Out of a zoom: begin where that was.
    let [a, span] = [0, 1];
    if (old && old.source.path !== source.path && old.source.pivot === source.pivot && old.source.path.startsWith(source.path)) {
      const l = p.layouts[CALLEES];
      const from = boxOf(l, old.source.path.slice(source.path ? source.path.length + 1 : 0));
      if (from > 0 && l.size[from] > 0) [a, span] = [l.left[from], l.size[from]];
    }
    this.painter.a = a;
    this.painter.span = span;
    this.measure();
    if (span < 1) this.animateTo(0, 1);
    const same = old && old.source.pivot === source.pivot && old.base === p.base && old.source.path === source.path;
    if (!same) this.scrollToRow(p.base, source.callers ? 0.4 : 0);
    fillLegend(this);
    this.details.replaceChildren(element("summary", "", "The largest boxes as a table"));
    if (this.details.open) fillTable(this.details, this);
    this.redraw();
    return share;
  }

  search(re: RegExp | null): { functions: number; value: number } | null {
    if (!this.picture) return null;
    const share = this.picture.search(re);
    this.setMatches();
    this.painter.recolor();
    this.redraw();
    return share;
  }

  setLook(look: Partial<Look>) {
    const flips = look.flipped !== undefined && look.flipped !== this.painter.look.flipped;
    Object.assign(this.painter.look, look);
    if (flips && this.picture) this.scrollToRow(this.picture.base, this.picture.source.callers ? 0.4 : 0);
    this.painter.recolor();
    fillLegend(this);
    this.redraw();
  }

  end() {
    for (const fn of this.ends) fn();
    cancelAnimationFrame(this.frameAsked);
    cancelAnimationFrame(this.animation);
    clearTimeout(this.clicked);
    clearTimeout(this.long);
    this.host.replaceChildren();
  }

  // --- sizes and frames

  // The element fills the window down to its end.
  measure() {
    const { painter: p, view } = this;
    const coarse = matchMedia("(pointer: coarse)").matches;
    const below = this.spacer.offsetHeight - view.scrollTop - p.height / p.ratio;
    let top = view.getBoundingClientRect().top;
    for (let e = view.parentElement; e; e = e.parentElement) top += e.scrollTop;
    const free = innerHeight - top - 38;
    view.style.height = `${Math.max(240, Math.floor(this.half ? innerHeight * 0.36 : free))}px`;
    const ratio = devicePixelRatio || 1;
    p.pad = Math.round(PAD * ratio);
    p.resize(view.clientWidth, view.clientHeight, ratio, coarse ? 24 : 18);
    this.spacer.style.height = `${Math.floor(p.content() / ratio)}px`;
    // The root at the bottom stays in view.
    if (p.look.flipped && p.width) view.scrollTop = this.spacer.offsetHeight - view.clientHeight - Math.max(0, below);
    if (this.isDark() !== p.theme.dark) p.setDark(this.isDark());
    this.redraw();
  }

  private isDark(): boolean {
    // flame.css gives the element the ink of the theme, whichever way that was chosen.
    const [r, g, b] = (getComputedStyle(this.host).color.match(/[\d.]+/g) ?? ["0", "0", "0"]).map(Number);
    return r + g + b > 384;
  }

  redraw() {
    this.stale = true;
    this.refresh();
  }

  private refresh() {
    if (this.frameAsked) return;
    this.frameAsked = requestAnimationFrame(() => {
      this.frameAsked = 0;
      this.frame();
    });
  }

  // One frame; the times of these are what tests measure.
  frame() {
    if (this.stale) {
      this.stale = false;
      this.painter.scroll = Math.round(this.view.scrollTop * this.painter.ratio);
      this.painter.draw();
      if (!painted && this.picture) {
        painted = true;
        performance.mark("painted");
      }
      if (this.whole.hidden === this.isZoomed) this.whole.hidden = !this.isZoomed;
    }
    this.painter.drawOver(this.hover, this.shown ? this.focus : NOWHERE);
  }

  // --- zoom on what is there

  setView(a: number, span: number, byUser = false) {
    const p = this.painter;
    p.span = Math.min(1, Math.max(DEEPEST, span));
    p.a = Math.min(1 - p.span, Math.max(0, a));
    this.redraw();
    if (byUser) this.hooks.moved?.(false);
  }

  animateTo(a: number, span: number, then?: () => void) {
    cancelAnimationFrame(this.animation);
    const p = this.painter;
    const [a0, span0] = [p.a, p.span];
    if (this.calm.matches || (a0 === a && span0 === span)) {
      this.setView(a, span);
      then?.();
      return;
    }
    const start = performance.now();
    const step = (now: number) => {
      const t = Math.min(1, Math.max(0, (now - start) / TRANSITION_MS));
      const e = 1 - (1 - t) ** 3;
      // Spans by their ratio: so a zoom is as fast at its end as at its beginning.
      const s = span0 * (span / span0) ** e;
      const w = span0 === span ? e : (s - span0) / (span - span0);
      this.setView(a0 + (a - a0) * w, s);
      if (t < 1) this.animation = requestAnimationFrame(step);
      else then?.();
    };
    this.animation = requestAnimationFrame(step);
  }

  // Look at the same part as another graph, of a tree with the same boxes in other sizes: the
  // box that is pointed at, or the one in the middle, is at the same place in both.
  follow(other: FlameGraph, scrolled: boolean) {
    if (scrolled) {
      if (this.view.scrollTop !== other.view.scrollTop) this.view.scrollTop = other.view.scrollTop;
      return;
    }
    const p = other.painter;
    const [mine, its] = [this.picture?.layouts[CALLEES], other.picture?.layouts[CALLEES]];
    let a = p.a;
    if (mine && its && mine.n === its.n) {
      let box = other.hover !== NOWHERE && kindOf(other.hover) === CALLEES ? boxIn(other.hover) : 0;
      const middle = p.a + p.span / 2;
      for (let k = 0; box === 0 && k < depth(its); k++) {
        const i = beyond(its, its.levels[k], its.levels[k + 1], middle);
        if (i < its.levels[k + 1] && its.size[i] < p.span) box = i;
      }
      a += mine.left[box] + mine.size[box] / 2 - its.left[box] - its.size[box] / 2;
    }
    cancelAnimationFrame(this.animation);
    this.setView(a, p.span);
  }

  get isZoomed(): boolean {
    return this.painter.span < 1;
  }

  // By a factor, about a place of the window (0 to 1).
  zoomBy(factor: number, at = 0.5) {
    const p = this.painter;
    const span = Math.min(1, Math.max(DEEPEST, p.span / factor));
    this.setView(p.a + (p.span - span) * at, span, true);
  }

  private scrollToRow(row: number, at: number) {
    const p = this.painter;
    if (!this.picture) return;
    const shown = p.look.flipped ? this.picture.rows - 1 - row : row;
    const y = (shown * p.row) / p.ratio;
    this.view.scrollTop = at ? y - this.view.clientHeight * at : p.look.flipped ? y : 0;
  }

  // --- what is looked at

  private spotAt(clientX: number, clientY: number): Spot {
    const p = this.painter;
    if (!this.picture) return NOWHERE;
    const r = this.view.getBoundingClientRect();
    const x = (clientX - r.left) * p.ratio;
    const y = (clientY - r.top) * p.ratio;
    if (x < 0 || y < 0 || x >= p.width || y >= p.height) return NOWHERE;
    return this.picture.at(p.rowAt(y), p.a + (x / p.width) * p.span, (1.5 * p.ratio * p.span) / p.width);
  }

  setHover(s: Spot) {
    if (s === this.hover) return;
    this.hover = s;
    this.refresh();
  }

  private hoverAt(e: PointerEvent) {
    const s = this.spotAt(e.clientX, e.clientY);
    const changed = s !== this.hover;
    this.setHover(s);
    if (this.tip.pinned) return;
    if (s === NOWHERE) this.tip.hide();
    else {
      if (changed || this.tip.panel.hidden) this.tip.fill(s, false);
      this.tip.place(e.clientX, e.clientY);
    }
    this.view.style.cursor = s === NOWHERE ? "" : "pointer";
    if (changed) this.hooks.hover?.(s);
  }

  // The panel of a box that another graph's pointer is at.
  showTip(s: Spot) {
    this.tip.fill(s, false);
  }

  // --- what can be done

  // Click and Enter: pivot, or out again.
  activate(s: Spot) {
    const p = this.picture;
    if (!p || s === NOWHERE) return;
    if (kindOf(s) === ABOVE) {
      const steps = p.source.path ? p.source.path.split(".") : [];
      this.hooks.zoom(steps.slice(0, boxIn(s)).join("."));
    } else if (p.frame(s) === CUT) {
      this.zoomTo(spot(kindOf(s), p.layouts[kindOf(s)].parent[boxIn(s)]));
    } else if (p.isOutermost(s)) {
      this.goOut();
    } else {
      this.hooks.pivot(p.name(s));
    }
  }

  // To the calls below a box, at once with what is there, then with what that leads to.
  zoomTo(s: Spot) {
    const p = this.picture;
    if (!p || s === NOWHERE) return;
    if (kindOf(s) === ABOVE) return this.activate(s);
    let box = boxIn(s);
    const l = p.layouts[kindOf(s)];
    if (l.frame[box] === CUT) box = l.parent[box];
    if (l.size[box] <= 0) return;
    if (kindOf(s) === CALLERS) return this.animateTo(l.left[box], l.size[box], () => this.hooks.moved?.(false));
    if (box === 0) return void this.goOut();
    const path = [p.source.path, pathOf(l, box)].filter(Boolean).join(".");
    this.animateTo(l.left[box], l.size[box], () => this.hooks.zoom(path));
  }

  goOut(): boolean {
    if (this.tip.pinned) {
      this.tip.unpin();
      return true;
    }
    if (this.isZoomed) {
      this.animateTo(0, 1, () => this.hooks.moved?.(false));
      return true;
    }
    return this.hooks.out();
  }

  private setMatches() {
    this.matches = [];
    this.match = -1;
    const p = this.picture;
    if (!p) return;
    p.found.forEach((found, kind) => {
      const l = p.layouts[kind];
      const boxes = found!.outermost.slice().sort((x, y) => l.size[y] - l.size[x]);
      for (const box of boxes) if (kind === CALLEES || box > 0) this.matches.push(spot(kind, box));
    });
  }

  // To the next match; the largest is the first.
  next(step: number) {
    const n = this.matches.length;
    if (!n) return;
    this.match = this.match < 0 ? (step > 0 ? 0 : n - 1) : (this.match + step + n) % n;
    this.walkTo(this.matches[this.match], `Match ${this.match + 1} of ${n}: `);
  }

  // The keyboard's place, brought into view.
  walkTo(s: Spot, before = "") {
    const p = this.picture;
    if (!p || s === NOWHERE) return;
    this.focus = s;
    this.shown = true;
    const { painter, view } = this;
    if (kindOf(s) !== ABOVE) {
      const l = p.layouts[kindOf(s)];
      const [left, size] = [l.left[boxIn(s)], l.size[boxIn(s)]];
      const dots = (size / painter.span) * painter.width;
      if (dots < 8 && size > 0) {
        const span = Math.min(1, Math.max(DEEPEST, (size * painter.width) / (40 * painter.ratio)));
        this.setView(left + size / 2 - span / 2, span, true);
      } else if (left + size <= painter.a || left >= painter.a + painter.span) {
        this.setView(left + size / 2 - painter.span / 2, painter.span, true);
      }
    }
    const row = p.rowOf(s);
    const y = ((painter.look.flipped ? p.rows - 1 - row : row) * painter.row) / painter.ratio;
    const h = painter.row / painter.ratio;
    if (y < view.scrollTop) view.scrollTop = y;
    else if (y + 2 * h > view.scrollTop + view.clientHeight) view.scrollTop = y + 2 * h - view.clientHeight;
    this.said.textContent = before + spoken(describe(p, s));
    this.setHover(s);
    this.hooks.hover?.(s);
    this.redraw();
    // The panel stands beside the box.
    const r = view.getBoundingClientRect();
    const [x] = this.edges(s);
    this.tip.fill(s, false);
    this.tip.place(r.left + x + 8, r.top + y - view.scrollTop + h - 8);
  }

  // Where a box begins and ends in the window's pixels.
  private edges(s: Spot): [number, number] {
    const p = this.painter;
    if (kindOf(s) === ABOVE) return [0, p.width / p.ratio];
    const l = this.picture!.layouts[kindOf(s)];
    const x = p.x(l.left[boxIn(s)]) / p.ratio;
    const to = p.x(l.left[boxIn(s)] + l.size[boxIn(s)]) / p.ratio;
    return [Math.max(0, x), Math.min(p.width / p.ratio, to)];
  }

  // The box above (-1) or below (1) another, as the rows stand in the tree.
  private nextRow(s: Spot, step: number): Spot {
    const p = this.picture!;
    const kind = kindOf(s);
    const box = boxIn(s);
    if (kind === ABOVE) {
      if (box + step < 0) return s;
      return box + step < p.source.above.length ? spot(ABOVE, box + step) : spot(CALLEES, 0);
    }
    const l = p.layouts[kind];
    if (box === 0) {
      if (step > 0) return l === p.layouts[CALLEES] && l.children[0] ? spot(CALLEES, l.first[0]) : s;
      const callers = p.layouts[CALLERS];
      if (callers && callers.children[0]) return spot(CALLERS, callers.first[0]);
      return p.source.above.length ? spot(ABOVE, p.source.above.length - 1) : s;
    }
    if (step < 0 === (kind === CALLEES)) return l.parent[box] === 0 ? spot(CALLEES, 0) : spot(kind, l.parent[box]);
    // The first child in view.
    if (!l.children[box]) return s;
    const end = l.first[box] + l.children[box];
    const child = beyond(l, l.first[box], end, this.painter.a);
    return spot(kind, child < end ? child : l.first[box]);
  }

  private beside(s: Spot, step: number): Spot {
    if (kindOf(s) === ABOVE) return s;
    const l = this.picture!.layouts[kindOf(s)];
    const row = Math.abs(this.picture!.rowOf(s) - this.picture!.base);
    let box = boxIn(s) + step;
    while (box >= l.levels[row] && box < l.levels[row + 1] && l.size[box] === 0) box += step;
    return box >= l.levels[row] && box < l.levels[row + 1] && row < depth(l) ? spot(kindOf(s), box) : s;
  }

  private key(e: KeyboardEvent) {
    if (e.ctrlKey || e.metaKey || e.altKey || !this.picture || e.target !== this.view) return;
    const at = this.focus === NOWHERE ? spot(CALLEES, 0) : this.focus;
    const first = this.focus === NOWHERE || !this.shown;
    const up = this.painter.look.flipped ? 1 : -1;
    const walk = (to: Spot) => this.walkTo(first ? at : to);
    switch (e.key) {
      case "ArrowUp":
        walk(this.nextRow(at, up));
        break;
      case "ArrowDown":
        walk(this.nextRow(at, -up));
        break;
      case "ArrowLeft":
        walk(this.beside(at, -1));
        break;
      case "ArrowRight":
        walk(this.beside(at, 1));
        break;
      case "Home":
        this.setView(0, 1, true);
        this.walkTo(spot(CALLEES, 0));
        break;
      case "Enter":
        if (this.focus === NOWHERE) return;
        this.activate(this.focus);
        break;
      case "z":
        this.zoomTo(this.shown ? at : this.hover !== NOWHERE ? this.hover : at);
        break;
      case "n":
        this.next(1);
        break;
      case "N":
        this.next(-1);
        break;
      case "+":
      case "=":
        this.zoomAtFocus(1.5);
        break;
      case "-":
        this.zoomAtFocus(1 / 1.5);
        break;
      case "Escape":
        if (!this.goOut()) return;
        break;
      case "ContextMenu":
        this.menuAtFocus();
        break;
      case "F10":
        if (!e.shiftKey) return;
        this.menuAtFocus();
        break;
      default:
        return;
    }
    e.preventDefault();
    e.stopPropagation();
  }

  private zoomAtFocus(factor: number) {
    let at = 0.5;
    if (this.shown && this.focus !== NOWHERE) {
      const [from, to] = this.edges(this.focus);
      at = (from + to) / 2 / (this.painter.width / this.painter.ratio);
    }
    this.zoomBy(factor, Math.min(1, Math.max(0, at)));
  }

  private menuAtFocus() {
    const s = this.focus;
    if (s === NOWHERE || this.picture!.frame(s) < 0) return;
    const r = this.view.getBoundingClientRect();
    const y = this.painter.y(this.picture!.rowOf(s)) / this.painter.ratio;
    this.tip.hide();
    this.hooks.menu(this.picture!.name(s), r.left + this.edges(s)[0] + 8, r.top + y + 16);
  }

  // --- pointer

  private on<T extends EventTarget>(target: T, type: string, fn: (e: any) => void, options?: AddEventListenerOptions) {
    target.addEventListener(type, fn, options);
    this.ends.push(() => target.removeEventListener(type, fn, options));
  }

  private listen() {
    const { view } = this;
    this.on(view, "pointerdown", (e) => this.down(e));
    this.on(view, "pointermove", (e) => this.move(e));
    this.on(view, "pointerup", (e) => this.up(e));
    this.on(view, "pointercancel", (e) => this.cancel(e));
    this.on(view, "pointerleave", (e: PointerEvent) => {
      if (e.pointerType === "touch" || this.tip.pinned) return;
      this.setHover(NOWHERE);
      this.tip.hide();
      this.hooks.hover?.(NOWHERE);
    });
    this.on(view, "contextmenu", (e: MouseEvent) => {
      clearTimeout(this.long);
      const s = this.spotAt(e.clientX, e.clientY);
      if (s === NOWHERE || this.picture!.frame(s) < 0) return;
      e.preventDefault();
      this.tip.unpin();
      this.dragged = true;
      this.hooks.menu(this.picture!.name(s), e.clientX, e.clientY);
    });
    this.on(
      view,
      "wheel",
      (e: WheelEvent) => {
        const r = view.getBoundingClientRect();
        if (e.ctrlKey || e.metaKey) {
          e.preventDefault();
          const by = e.deltaMode === 1 ? 20 : 1;
          this.zoomBy(Math.exp(-Math.max(-120, Math.min(120, e.deltaY * by)) * 0.004), (e.clientX - r.left) / r.width);
        } else {
          const dx = e.shiftKey && !e.deltaX ? e.deltaY : e.deltaX;
          if (!dx || !this.isZoomed) return;
          if (e.shiftKey || Math.abs(dx) > Math.abs(e.deltaY)) e.preventDefault();
          this.setView(this.painter.a + (dx / r.width) * this.painter.span, this.painter.span, true);
        }
        this.tip.hide();
      },
      { passive: false },
    );
    this.on(view, "scroll", () => {
      if (!this.tip.pinned && !this.shown) this.tip.hide();
      this.setHover(NOWHERE);
      this.redraw();
      this.hooks.moved?.(true);
    });
    this.on(view, "keydown", (e) => this.key(e));
    this.on(view, "focus", () => {
      if (!view.matches(":focus-visible") || this.focus !== NOWHERE) return;
      this.said.textContent = this.picture ? spoken(describe(this.picture, spot(CALLEES, 0))) : "";
    });
    this.on(view, "blur", () => {
      this.shown = false;
      if (!this.tip.pinned) this.tip.hide();
      this.refresh();
    });
    this.on(this.details, "toggle", () => {
      if (!this.details.open) return;
      fillTable(this.details, this);
      this.details.scrollIntoView({ block: "start" }); // it stands below the window's end
    });
    this.on(document, "pointerdown", (e: PointerEvent) => {
      if (this.tip.pinned && !this.host.contains(e.target as Node)) this.tip.unpin();
    });
    const measure = () => this.measure();
    const recolor = () => {
      this.painter.setDark(this.isDark());
      fillLegend(this);
      this.redraw();
    };
    const watch = new ResizeObserver(measure);
    watch.observe(this.host);
    const themes = new MutationObserver(recolor);
    themes.observe(document.documentElement, { attributes: true });
    this.ends.push(
      () => watch.disconnect(),
      () => themes.disconnect(),
    );
    this.on(window, "resize", measure);
    this.on(matchMedia("(prefers-color-scheme: dark)"), "change", recolor);
  }

  private down(e: PointerEvent) {
    if (e.button !== 0) return;
    this.pointers.set(e.pointerId, { x: e.clientX, y: e.clientY, startX: e.clientX, startY: e.clientY });
    if (this.pointers.size === 1) {
      this.dragged = false;
      this.shown = false;
      clearTimeout(this.long);
      if (e.pointerType === "touch") {
        this.long = window.setTimeout(() => {
          const s = this.spotAt(e.clientX, e.clientY);
          if (this.dragged || s === NOWHERE || this.picture!.frame(s) < 0) return;
          this.dragged = true;
          this.tip.unpin();
          this.hooks.menu(this.picture!.name(s), e.clientX, e.clientY);
        }, LONG_MS);
      }
    } else {
      this.dragged = true;
      clearTimeout(this.long);
      for (const id of this.pointers.keys()) if (this.view.isConnected) this.view.setPointerCapture(id);
    }
  }

  private move(e: PointerEvent) {
    const at = this.pointers.get(e.pointerId);
    if (!at) {
      if (e.pointerType !== "touch") this.hoverAt(e);
      return;
    }
    if (this.pointers.size > 1) return this.pinch(e, at);
    if (!this.dragged && Math.hypot(e.clientX - at.startX, e.clientY - at.startY) > CLICK) {
      this.dragged = true;
      clearTimeout(this.long);
      this.tip.hide();
      this.tip.pinned = false;
      this.view.setPointerCapture(e.pointerId);
    }
    if (this.dragged) {
      const p = this.painter;
      this.view.style.cursor = "grabbing";
      if (this.isZoomed) this.setView(p.a - ((e.clientX - at.x) * p.ratio * p.span) / p.width, p.span, true);
      if (e.pointerType !== "touch") this.view.scrollTop -= e.clientY - at.y;
    }
    at.x = e.clientX;
    at.y = e.clientY;
  }

  // What is below each finger stays there.
  private pinch(e: PointerEvent, at: { x: number; y: number }) {
    const other = [...this.pointers.values()].find((o) => o !== at)!;
    const p = this.painter;
    const r = this.view.getBoundingClientRect();
    const dot = p.ratio / p.width; // a pixel, as a part of the window's width
    const shareAt = p.a + (at.x - r.left) * dot * p.span;
    const shareOther = p.a + (other.x - r.left) * dot * p.span;
    this.view.scrollTop -= (e.clientY - at.y) / 2;
    const was = at.x - other.x;
    const is = e.clientX - other.x;
    at.x = e.clientX;
    at.y = e.clientY;
    if (Math.abs(was) < 24 || Math.abs(is) < 24 || was * is < 0) {
      this.setView(p.a - ((is - was) / 2) * dot * p.span, p.span, true);
      return;
    }
    const span = Math.min(1, Math.max(DEEPEST, Math.abs(shareAt - shareOther) / (Math.abs(is) * dot)));
    this.setView(shareOther - (other.x - r.left) * dot * span, span, true);
  }

  private up(e: PointerEvent) {
    clearTimeout(this.long);
    if (!this.pointers.delete(e.pointerId) || this.dragged) {
      this.view.style.cursor = "";
      return;
    }
    const s = this.spotAt(e.clientX, e.clientY);
    if (e.pointerType === "touch") {
      if (s === NOWHERE || (this.tip.pinned && s === this.hover)) return this.tip.unpin();
      this.setHover(s);
      this.tip.pinned = true;
      this.tip.fill(s, true);
      this.tip.place(e.clientX, e.clientY);
      this.hooks.hover?.(s);
      return;
    }
    if (s === NOWHERE) return;
    this.tip.hide();
    this.focus = s;
    if (this.clicked) {
      clearTimeout(this.clicked);
      this.clicked = 0;
      this.zoomTo(s);
    } else if (e.shiftKey) {
      this.zoomTo(s);
    } else {
      // A second click would mean to zoom.
      this.clicked = window.setTimeout(() => {
        this.clicked = 0;
        this.activate(s);
      }, TWICE_MS);
    }
  }

  private cancel(e: PointerEvent) {
    clearTimeout(this.long);
    this.pointers.delete(e.pointerId);
    this.dragged = true;
  }
}
