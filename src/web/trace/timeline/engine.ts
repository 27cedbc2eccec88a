// engine: the timeline in an element of the page: canvases, pointer, keys.  It needs no
// framework.  What is shown of it in the address is the page's matter (pages/timeline.tsx).
import type { Arrows, Box as BoxAnswer, Place } from "../data";
import { Kind, Mark } from "../data";
import { ask } from "../ask";
import { bytes, count, exact, long } from "../units";
import { Painter, RULER } from "./draw";
import { KIND_NAMES } from "./palette";
import { BLOCK, boxOf, firstAfter, globalTiles, Names, type Box, type MarkAt } from "./tiles";
import type { Source } from "./tracks";

export interface Spot {
  source: Source;
  track: number;
  lane: number;
  box: Box;
}

export interface Hooks {
  moved(t0: number, span: number): void; // after each change of what is in view
  select(spot: Spot | null): void;
  range(range: { start: number; end: number } | null): void; // marked for a question
  follow(g: number): void; // -1: nobody
  said(text: string): void;
  failed(text: string): void;
}

interface Arrow {
  kind: number;
  from: number;
  fromTime: number;
  to: number;
  toTime: number;
  fromG: number;
  toG: number;
}

const CLICK = 4; // pixels that a click may wander
const LEAST_SPAN = 20; // ns
const MS = 140; // of a movement
const REST_MS = 140; // until arrows are asked for
const ARROWS = 400;
const LIVE_MS = 220; // until tracks without anything go

function element<K extends keyof HTMLElementTagNameMap>(tag: K, name: string, ...children: (Node | string)[]): HTMLElementTagNameMap[K] {
  const e = document.createElement(tag);
  if (name) e.className = name;
  e.append(...children);
  return e;
}

type Zone = "plot" | "names" | "ruler" | "strips" | "dockhead" | "none";

export class Timeline {
  readonly view = element("div", "tl-view");
  private canvas = element("canvas", "");
  private over = element("canvas", "");
  private spacer = element("div", "");
  private screen = element("div", "tl-screen", this.canvas, this.over);
  private tip = element("div", "tl-tip");
  private said = element("div", "unseen");
  private overPen: CanvasRenderingContext2D;
  readonly names = new Names();
  readonly painter: Painter;
  private hover: Spot | null = null;
  private hoverMark: MarkAt | null = null;
  private pointer = { x: -1, y: -1 };
  selected: Spot | null = null;
  details: BoxAnswer | null = null; // of what is selected: for its arrows
  range: { start: number; end: number } | null = null;
  mode: "pan" | "range" = "pan";
  showArrows = true;
  private liveOnly = false;
  private liveTimer = 0;
  listParams: Record<string, string | number | null> = {}; // of the main tracks
  private arrows: { key: string; list: Arrow[]; more: number } = { key: "", list: [], more: 0 };
  private arrowAbort: AbortController | null = null;
  private arrowTimer = 0;
  private frameAsked = 0;
  private stale = true;
  private animation = 0;
  private pointers = new Map<number, { x: number; y: number; startX: number; startY: number }>();
  private drag: { kind: "pan" | "range" | "left" | "right"; t: number; t0: number; scroll: number; x: number; y: number; moved: boolean; dock: boolean } | null = null;
  private pinch: { span: number; distance: number; t: number } | null = null;
  private long = 0;
  private clicks = { at: 0, x: 0, y: 0 };
  private ends: (() => void)[] = [];
  private calm = matchMedia("(prefers-reduced-motion: reduce)");
  frames: number[] = []; // ms of the last frames: what tests measure

  constructor(
    readonly host: HTMLElement,
    readonly duration: number,
    private hooks: Hooks,
  ) {
    this.overPen = this.over.getContext("2d")!;
    const globals = globalTiles(this.names, duration, () => this.redraw());
    this.painter = new Painter(this.canvas, this.names, globals);
    this.painter.duration = duration;
    this.painter.span = Math.max(LEAST_SPAN, duration);
    this.view.tabIndex = 0;
    this.view.setAttribute("role", "application");
    this.view.setAttribute("aria-roledescription", "timeline");
    this.view.setAttribute("aria-label", "Timeline. W and S zoom, A and D move, arrow keys walk from box to box, Enter shows details, question mark lists all keys.");
    this.tip.setAttribute("aria-hidden", "true");
    this.tip.hidden = true;
    this.said.setAttribute("aria-live", "polite");
    this.view.append(this.screen, this.spacer);
    host.append(this.view, this.tip, this.said);
    this.listen();
  }

  end() {
    for (const fn of this.ends) fn();
    cancelAnimationFrame(this.frameAsked);
    cancelAnimationFrame(this.animation);
    clearTimeout(this.arrowTimer);
    clearTimeout(this.liveTimer);
    clearTimeout(this.long);
    this.arrowAbort?.abort();
    this.painter.globals.stop();
    this.painter.main?.tiles.stop();
    this.painter.dock?.tiles.stop();
    this.host.replaceChildren();
  }

  // --- what is shown

  setMain(source: Source, params: Record<string, string | number | null>) {
    this.painter.main?.tiles.stop();
    this.painter.main = source;
    this.listParams = params;
    this.selected = null;
    this.arrows = { key: "", list: [], more: 0 };
    this.setHover(null);
    this.measure();
    this.view.scrollTop = 0;
    this.applyLive();
    this.redraw();
  }

  setDock(source: Source | null) {
    const p = this.painter;
    if (p.dock) {
      p.dock.tiles.stop();
      if (this.selected?.source === p.dock) this.selected = null;
    }
    p.dock = source;
    p.dockScroll = 0;
    this.measure();
  }

  setFollow(g: number) {
    if (this.painter.follow === g) return;
    this.painter.follow = g;
    this.arrows.key = "";
    this.redraw();
  }

  setSearch(re: RegExp | null) {
    this.painter.matched = re
      ? (name) => {
          re.lastIndex = 0;
          return re.test(name);
        }
      : null;
    this.painter.recolor();
    this.redraw();
  }

  fold(source: Source, track: number) {
    if (source.folded.has(track)) source.folded.delete(track);
    else source.folded.add(track);
    source.place();
    this.measure();
  }

  // Tracks that have nothing in view are left out, once it rests.
  setLiveOnly(on: boolean) {
    this.liveOnly = on;
    this.applyLive();
  }

  private applyLive() {
    clearTimeout(this.liveTimer);
    this.liveTimer = 0;
    const { painter: p } = this;
    const { main } = p;
    if (!main || this.drag || this.pinch) return;
    // What is pointed at, else selected, else at the top, stays where it is.
    const at = this.pointer.y > p.head ? main.at(this.pointer.y - p.head + p.scroll) : -1;
    let anchor = this.selected?.source === main ? this.selected.track : at;
    const span = this.liveOnly ? { a: p.t0, b: p.t0 + p.span } : null;
    if (anchor < 0) anchor = Math.max(0, main.at(p.scroll));
    const before = main.n ? main.top[anchor] - p.scroll : 0;
    if (!main.setLive(span)) return;
    this.measure();
    if (main.n) this.view.scrollTop = Math.max(0, main.top[anchor] - before);
    this.setHover(null);
    this.redraw();
  }

  setSmall(small: boolean) {
    const { main } = this.painter;
    if (!main || main.small === small) return;
    // What is in the middle stays there.
    const middle = main.at(this.painter.scroll + this.painter.mainArea.height / 2);
    main.small = small;
    main.folded.clear();
    main.place();
    this.measure();
    if (middle >= 0) this.scrollTo(middle);
  }

  measure() {
    const { painter: p, view } = this;
    const { clientWidth: w, clientHeight: h } = view;
    if (!w || !h) return;
    p.resize(w, h, devicePixelRatio || 1);
    this.over.width = this.canvas.width;
    this.over.height = this.canvas.height;
    this.over.style.width = w + "px";
    this.over.style.height = h + "px";
    const hidden = p.head + p.dockArea.height;
    this.spacer.style.height = `${Math.max(0, (p.main?.height ?? 0) + 12 + hidden)}px`;
    p.setDark(document.documentElement.dataset.theme === "dark");
    this.redraw();
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

  frame() {
    const begun = performance.now();
    if (this.stale) {
      this.stale = false;
      const p = this.painter;
      p.scroll = this.view.scrollTop;
      p.draw();
      this.view.classList.toggle("tl-busy", p.globals.busy || !p.main || p.main.tiles.busy || !!p.dock?.tiles.busy);
      const why = p.main?.tiles.failure ?? "";
      if (why) this.hooks.failed(why);
      this.askArrows();
    }
    this.drawOver();
    this.frames.push(performance.now() - begun);
    if (this.frames.length > 120) this.frames.shift();
  }

  setView(t0: number, span: number) {
    const p = this.painter;
    p.span = Math.min(Math.max(LEAST_SPAN, span), Math.max(LEAST_SPAN, this.duration * 1.04));
    // A little of what is not there may be seen at the ends.
    const slack = p.span * 0.25;
    p.t0 = Math.min(Math.max(-slack, t0), Math.max(-slack, this.duration - p.span + slack));
    if (p.span >= this.duration) p.t0 = (this.duration - p.span) / 2;
    this.redraw();
    if (this.hover) this.setHover(null);
    if (this.liveOnly) {
      clearTimeout(this.liveTimer);
      this.liveTimer = window.setTimeout(() => this.applyLive(), LIVE_MS);
    }
    this.hooks.moved(p.t0, p.span);
  }

  animateTo(t0: number, span: number, then?: () => void) {
    cancelAnimationFrame(this.animation);
    const p = this.painter;
    const [a, s] = [p.t0, p.span];
    const to = Math.min(Math.max(LEAST_SPAN, span), this.duration * 1.04);
    // Far away there is nothing to be seen on the way.
    if (this.calm.matches || Math.abs(t0 - a) > 30 * Math.max(s, to)) {
      this.setView(t0, to);
      then?.();
      return;
    }
    const begun = performance.now();
    const step = (now: number) => {
      const x = Math.min(1, Math.max(0, (now - begun) / MS));
      const e = 1 - (1 - x) ** 3;
      const width = s * (to / s) ** e;
      const w = Math.abs(s - to) < 1e-9 * s ? e : (width - s) / (to - s);
      this.setView(a + (t0 - a) * w, width);
      if (x < 1) this.animation = requestAnimationFrame(step);
      else then?.();
    };
    this.animation = requestAnimationFrame(step);
  }

  zoomBy(factor: number, t = this.painter.t0 + this.painter.span / 2, smooth = false) {
    const p = this.painter;
    const span = Math.min(Math.max(LEAST_SPAN, p.span / factor), this.duration * 1.04);
    const t0 = t - ((t - p.t0) / p.span) * span;
    if (smooth) this.animateTo(t0, span);
    else this.setView(t0, span);
  }

  whole() {
    this.animateTo(-this.duration * 0.02, this.duration * 1.04);
  }

  // With some room at both sides.
  zoomTo(start: number, end: number, room = 0.2) {
    const span = Math.max(LEAST_SPAN, (end - start) * (1 + 2 * room));
    this.animateTo((start + end) / 2 - span / 2, span);
  }

  scrollTo(track: number, source = this.painter.main) {
    const p = this.painter;
    if (!source || track < 0) return;
    if (source === p.main && source.isHidden(track)) this.reveal(source, track);
    const area = source === p.dock ? p.dockArea.height - 22 : p.mainArea.height;
    const [top, bottom] = [source.top[track], source.top[track + 1]];
    const now = source === p.dock ? p.dockScroll : this.view.scrollTop;
    if (top >= now && bottom <= now + area) return;
    const to = Math.max(0, (top + bottom - area) / 2);
    if (source === p.dock) p.dockScroll = Math.min(to, Math.max(0, source.height - area));
    else this.view.scrollTop = to;
    this.redraw();
  }

  // A track that was left out: the part of time is what it is there for.
  private reveal(source: Source, track: number) {
    const { t0, span } = this.painter;
    source.setLive({ a: Math.min(t0, source.first[track]), b: Math.max(t0 + span, source.last[track]) });
    this.measure();
  }

  // The first track that has something to show in this part of time comes into sight.
  scrollToLive() {
    const { main, t0, span } = this.painter;
    if (!main) return;
    for (let i = 0; i < main.n; i++)
      if (main.last[i] > t0 && main.first[i] < t0 + span) {
        this.view.scrollTop = main.top[i];
        this.redraw();
        return;
      }
  }

  // --- what is where

  private zone(x: number, y: number): Zone {
    const p = this.painter;
    if (x < 0 || y < 0 || x > p.width || y > p.height) return "none";
    if (y < RULER) return "ruler";
    if (y < p.head) return "strips";
    const dock = p.dockArea;
    if (dock.height && y >= dock.top && y < dock.top + 22) return "dockhead";
    return x < p.left ? "names" : "plot";
  }

  private trackAt(y: number): { source: Source; track: number; within: number } | null {
    const p = this.painter;
    const dock = p.dockArea;
    if (p.dock && y >= dock.top + 22) {
      const within = y - dock.top - 22 + p.dockScroll;
      const track = p.dock.at(within);
      return track < 0 ? null : { source: p.dock, track, within };
    }
    if (!p.main || y < p.head) return null;
    const within = y - p.head + p.scroll;
    const track = p.main.at(within);
    return track < 0 ? null : { source: p.main, track, within };
  }

  // The box at a time of a lane, or one that is at most `slack` ns away.
  boxAt(source: Source, track: number, lane: number, t: number, slack = 0): Box | null {
    const { level } = this.painter;
    const [piece] = source.tiles.pieces(level, t, t + 1, Math.floor(track / BLOCK));
    const boxes = piece?.value[track % BLOCK]?.[lane];
    if (!boxes) return null;
    const i = firstAfter(boxes, t);
    if (i < boxes.n && boxes.start[i] <= t) return boxOf(boxes, i);
    const after = i < boxes.n ? boxes.start[i] - t : Infinity;
    const before = i > 0 ? t - boxes.end[i - 1] : Infinity;
    if (Math.min(after, before) > slack) return null;
    return boxOf(boxes, after < before ? i : i - 1);
  }

  private spotAt(x: number, y: number): Spot | null {
    if (this.zone(x, y) !== "plot") return null;
    const at = this.trackAt(y);
    if (!at) return null;
    const p = this.painter;
    const lane = at.source.laneAt(at.track, at.within);
    const box = this.boxAt(at.source, at.track, lane, p.time(x), (1.5 * p.span) / p.plot);
    return box && { source: at.source, track: at.track, lane, box };
  }

  private markAt(x: number, y: number): MarkAt | null {
    if (this.zone(x, y) !== "plot") return null;
    const at = this.trackAt(y);
    if (!at) return null;
    const p = this.painter;
    if (at.within - at.source.top[at.track] > 8) return null;
    const t = p.time(x);
    const slack = (4 * p.span) / p.plot;
    const [piece] = at.source.tiles.pieces(p.level, t, t + 1, Math.floor(at.track / BLOCK));
    const m = piece?.value[at.track % BLOCK]?.[0]?.marks;
    if (!m) return null;
    let best = -1;
    for (let i = 0; i < m.at.length; i++) {
      const d = Math.abs(m.at[i] - t);
      if (d > slack || m.kind[i] === Mark.Wake || m.kind[i] === Mark.Create) continue; // they are not drawn
      if (best < 0 || (m.kind[i] === Mark.Log) > (m.kind[best] === Mark.Log) || d < Math.abs(m.at[best] - t)) best = i;
    }
    return best < 0 ? null : { at: m.at[best], kind: m.kind[best], name: m.name[best], g: m.g ? m.g[best] : -1, count: m.count ? m.count[best] : 1 };
  }

  // A stop of the world, or a cycle of the collector, there.
  private cycleAt(t: number): { start: number; end: number } | null {
    const { globals, level, span, plot } = this.painter;
    const slack = (2 * span) / plot;
    const [piece] = globals.pieces(level, t, t + 1, 0);
    for (const which of ["stw", "gc"] as const) {
      const b = piece?.value[which];
      const i = b ? firstAfter(b, t - slack) : 0;
      if (b && i < b.n && b.start[i] <= t + slack && !(b.count && b.count[i] > 1)) return { start: b.start[i], end: b.end[i] };
    }
    return null;
  }

  private same(a: Spot | null, b: Spot | null): boolean {
    return a === b || (!!a && !!b && a.source === b.source && a.track === b.track && a.lane === b.lane && a.box.start === b.box.start);
  }

  private setHover(spot: Spot | null, mark: MarkAt | null = null) {
    if (this.same(spot, this.hover) && mark?.at === this.hoverMark?.at) return;
    this.hover = spot;
    this.hoverMark = mark;
    if (!spot && !mark) this.tip.hidden = true;
    this.refresh();
  }

  // --- selection

  select(spot: Spot | null, tell = true) {
    this.selected = spot;
    this.details = null;
    this.refresh();
    if (tell) this.hooks.select(spot);
    if (spot) this.speak(this.words(spot));
  }

  words(s: Spot): string {
    const { box } = s;
    if (box.count > 1) return `${count(box.count)} short boxes, mostly ${this.names.list[box.name] || KIND_NAMES[box.kind]}, within ${long(box.end - box.start)}`;
    const g = box.g >= 0 && s.source.kind(s.track) !== "goroutine" ? ` ${this.painter.goroutineWord}${box.g}` : "";
    return `${s.source.names[s.track]}:${g} ${this.names.list[box.name]} ${KIND_NAMES[box.kind]}, ${long(box.end - box.start)}, at ${exact(box.start)}`;
  }

  private speak(text: string) {
    this.said.textContent = text;
  }

  setRange(range: { start: number; end: number } | null) {
    this.range = range && { start: Math.max(0, range.start), end: Math.min(this.duration, range.end) };
    if (this.range && this.range.end <= this.range.start) this.range = null;
    this.refresh();
  }

  // Select what the server has at a time of a track, and bring it into sight.
  show(source: Source, track: number, lane: number, start: number, length: number, kind: Kind, name: string, g: number) {
    const p = this.painter;
    const box: Box = { start, end: start + length, kind, name: this.names.of(name), g, count: 1, busy: 255 };
    this.scrollTo(track, source);
    const [x0, x1] = [p.x(start), p.x(start + length)];
    if (x1 < p.left + 20 || x0 > p.width - 20 || x1 - x0 < 3) {
      const span = x1 - x0 < 3 ? Math.max(length * 6, 400) : p.span;
      this.animateTo(start + Math.min(length, span) / 2 - span / 2, span);
    }
    this.select({ source, track, lane, box });
  }

  // --- arrows

  private askArrows() {
    clearTimeout(this.arrowTimer);
    if (!this.showArrows) return;
    const p = this.painter;
    const key = [p.t0, p.span, p.follow, JSON.stringify(this.listParams)].join();
    if (key === this.arrows.key) return;
    this.arrowTimer = window.setTimeout(async () => {
      this.arrowAbort?.abort();
      const abort = (this.arrowAbort = new AbortController());
      try {
        const of = p.follow >= 0 ? p.follow : null;
        const a = await ask<Arrows>("arrows", { ...this.listParams, start: Math.floor(Math.max(0, p.t0)), end: Math.ceil(p.t0 + p.span), max: ARROWS, of }, abort.signal);
        this.arrows = {
          key,
          more: a.more,
          list: a.kind.map((kind, i) => ({ kind, from: a.from[i], fromTime: a.from_time[i], fromG: a.from_g[i], to: a.to[i], toTime: a.to_time[i], toG: a.to_g[i] })),
        };
        this.refresh();
      } catch {
        // none, then
      }
    }, REST_MS);
  }

  // --- what lies over the boxes

  private drawOver() {
    const { overPen: pen, painter: p } = this;
    const { palette } = p;
    pen.setTransform(p.ratio, 0, 0, p.ratio, 0, 0);
    pen.clearRect(0, 0, p.width, p.height);
    if (this.range) {
      const x0 = Math.max(p.left, p.x(this.range.start));
      const x1 = Math.min(p.width, p.x(this.range.end));
      if (x1 > p.left && x0 < p.width) {
        pen.fillStyle = palette.cover;
        pen.fillRect(x0, 0, x1 - x0, p.height);
        pen.fillStyle = palette.accent;
        pen.fillRect(x0, 0, 1, p.height);
        pen.fillRect(x1 - 1, 0, 1, p.height);
        const text = long(this.range.end - this.range.start);
        pen.font = "600 11.5px system-ui, sans-serif";
        pen.textBaseline = "middle";
        const w = pen.measureText(text).width + 14;
        if (x1 - x0 > w) {
          pen.beginPath();
          pen.roundRect((x0 + x1 - w) / 2, 3, w, 18, 9);
          pen.fill();
          pen.textAlign = "center";
          pen.fillStyle = palette.row;
          pen.fillText(text, (x0 + x1) / 2, 12.5);
        }
      }
    }
    const area = p.mainArea;
    pen.save();
    pen.beginPath();
    pen.rect(p.left, area.top, p.width - p.left, area.height);
    pen.clip();
    if (this.showArrows && p.main && !this.arrows.more) this.drawArrows();
    this.drawWakes();
    pen.restore();
    if (this.hover && !this.drag) this.outline(this.hover, palette.dark ? "rgb(255 255 255 / 0.6)" : "rgb(0 0 0 / 0.45)", 1);
    if (this.selected) this.outline(this.selected, palette.select, 2);
    // Where the pointer is in time.
    const zone = this.zone(this.pointer.x, this.pointer.y);
    if (this.pointer.x >= p.left && zone !== "none" && !(this.drag?.moved && this.drag.kind === "pan")) {
      pen.fillStyle = palette.dark ? "rgb(255 255 255 / 0.25)" : "rgb(0 0 0 / 0.22)";
      pen.fillRect(Math.round(this.pointer.x), 0, 1, p.height);
    }
  }

  private outline(s: Spot, color: string, width: number) {
    const { overPen: pen, painter: p } = this;
    if (s.source !== p.main && s.source !== p.dock) return;
    if (s.track >= s.source.n || s.source.isHidden(s.track)) return;
    const area = s.source === p.dock ? { top: p.dockArea.top + 22, height: p.dockArea.height - 22 } : p.mainArea;
    const lane = s.source.isSmall(s.track) ? 0 : s.lane;
    const y = p.yOf(s.source, s.track, lane);
    const h = s.source.laneHeight(s.track, lane);
    const x0 = Math.max(p.left - 4, p.x(s.box.start));
    const x1 = Math.min(p.width + 4, p.x(s.box.end));
    if (x1 < p.left || x0 > p.width || y + h < area.top || y > area.top + area.height) return;
    pen.save();
    pen.beginPath();
    pen.rect(p.left, area.top, p.width - p.left, area.height);
    pen.clip();
    pen.strokeStyle = color;
    pen.lineWidth = width;
    pen.strokeRect(x0 - 0.5, y - 0.5, Math.max(2, x1 - x0), h + 1);
    pen.restore();
  }

  private arrow(x0: number, y0: number, x1: number, y1: number, created: boolean) {
    const { overPen: pen } = this;
    const bend = Math.min(60, Math.max(14, Math.abs(x1 - x0) / 2, Math.abs(y1 - y0) / 6));
    pen.setLineDash(created ? [3, 2] : []);
    pen.beginPath();
    pen.moveTo(x0, y0);
    pen.bezierCurveTo(x0 + bend, y0, x1 - bend, y1, x1, y1);
    pen.stroke();
    pen.setLineDash([]);
    pen.beginPath();
    pen.moveTo(x1, y1);
    pen.lineTo(x1 - 6, y1 - 3);
    pen.lineTo(x1 - 6, y1 + 3);
    pen.fill();
  }

  private trackMiddle(source: Source, track: number): number {
    return this.painter.yOf(source, track) + source.laneHeight(track, 0) / 2;
  }

  private drawArrows() {
    const { overPen: pen, painter: p } = this;
    const main = p.main!;
    pen.lineWidth = 1;
    pen.strokeStyle = pen.fillStyle = p.palette.arrow;
    pen.globalAlpha = this.arrows.list.length > 60 && p.follow < 0 ? 0.45 : 0.85;
    for (const a of this.arrows.list) {
      if (a.from < 0 || a.to < 0 || a.from >= main.n || a.to >= main.n || main.isHidden(a.from) || main.isHidden(a.to)) continue;
      const x0 = p.x(a.fromTime);
      const x1 = p.x(a.toTime);
      if (x1 < p.left || x0 > p.width || a.from === a.to) continue;
      const y0 = this.trackMiddle(main, a.from);
      const y1 = this.trackMiddle(main, a.to);
      const [top, bottom] = [p.head, p.head + p.mainArea.height];
      const [in0, in1] = [y0 >= top && y0 <= bottom, y1 >= top && y1 <= bottom];
      if (in0 && in1) this.arrow(x0, y0, x1, y1, a.kind === 1);
      else if (in0 || in1) {
        // The other end is out of sight: only the beginning of it.
        const [x, y, up] = in0 ? [x0, y0, y1 < y0] : [x1, y1, y0 < y1];
        pen.beginPath();
        pen.moveTo(x, y);
        pen.lineTo(in0 ? x + 4 : x - 4, y + (up ? -13 : 13));
        pen.stroke();
      }
    }
    pen.globalAlpha = 1;
  }

  // Of what is selected: who woke it, whom it woke.
  private drawWakes() {
    const { overPen: pen, painter: p, selected, details } = this;
    if (!selected || !details || selected.source !== p.main) return;
    const main = p.main;
    pen.strokeStyle = pen.fillStyle = p.palette.accent;
    pen.lineWidth = 1.6;
    const y = this.trackMiddle(main, selected.track);
    for (const w of [details.woken, details.created]) {
      if (!w || w.track < 0 || w.track >= main.n) continue;
      const end = w.at > details.start ? details.start + details.length : details.start;
      this.arrow(p.x(w.at), this.trackMiddle(main, w.track), p.x(Math.max(w.at, end)), y, w.kind === "created");
    }
    for (const w of details.woke) {
      if (w.track < 0 || w.track >= main.n) continue;
      this.arrow(p.x(w.at), y, p.x(w.at) + 16, this.trackMiddle(main, w.track), w.kind === "created");
    }
  }

  // --- the panel at the pointer

  private fillTip(x: number, y: number): boolean {
    const p = this.painter;
    const zone = this.zone(x, y);
    const facts: [string, string][] = [];
    let title = "";
    let sub = "";
    const t = p.time(x);
    if (zone === "strips" && x >= p.left) {
      if (t < 0 || t > this.duration) return false;
      title = exact(t);
      for (const [name, text, unit] of [
        ["heap", "Heap", bytes],
        ["goal", "Heap goal", bytes],
        ["running", "Running", count],
        ["runnable", "Runnable", count],
        ["syscall", "In system calls", count],
        ["waiting", "Waiting", count],
      ] as [string, string, (n: number) => string][]) {
        const v = p.valueAt(name, t);
        if (v >= 0) facts.push([text, unit(v)]);
      }
      const [piece] = p.globals.pieces(p.level, t, t + 1, 0);
      for (const [which, text] of [["stw", "Stopped"], ["gc", "GC cycle"]] as const) {
        const b = piece?.value[which];
        if (!b) continue;
        const i = firstAfter(b, t - p.span / p.plot);
        if (i < b.n && b.start[i] <= t + p.span / p.plot) facts.push([text, `${this.names.list[b.name[i]]} ${long(b.end[i] - b.start[i])}`.trim()]);
      }
    } else if (zone === "names") {
      const at = this.trackAt(y);
      if (!at) return false;
      title = at.source.names[at.track];
      const kind = at.source.kind(at.track);
      if (kind === "goroutine" || kind === "task") facts.push(["From", exact(at.source.first[at.track])], ["For", long(at.source.last[at.track] - at.source.first[at.track])]);
      sub = "Click: fold or unfold";
    } else if (this.hoverMark) {
      const m = this.hoverMark;
      title = this.names.list[m.name];
      sub = ["log message", "CPU sample", "wakes", "creates", "event"][m.kind];
      facts.push(["At", exact(m.at)]);
      if (m.g >= 0) facts.push(["Goroutine", `${p.goroutineWord}${m.g}`]);
      if (m.count > 1) facts.push(["And", `${count(m.count - 1)} more here`]);
    } else if (this.hover) {
      const { box, source, track } = this.hover;
      const name = this.names.list[box.name];
      if (box.count > 1) {
        title = `${count(box.count)} short boxes`;
        sub = `mostly ${name || KIND_NAMES[box.kind]}`;
        facts.push(["Within", long(box.end - box.start)], ["Filled", Math.round((box.busy / 255) * 100) + "%"], ["From", exact(box.start)]);
      } else {
        title = name || KIND_NAMES[box.kind];
        sub = KIND_NAMES[box.kind];
        facts.push(["Length", long(box.end - box.start)], ["From", exact(box.start)]);
        const g = source.kind(track) === "goroutine" ? source.id[track] : box.g;
        if (g >= 0) facts.push([p.goroutineWord === "G" ? "Goroutine" : "Thread", `${p.goroutineWord}${g}`]);
      }
      facts.push(["On", source.names[track]]);
    } else return false;
    const list = element("dl", "");
    for (const [what, much] of facts) list.append(element("dt", "", what), element("dd", "", much));
    const parts: Node[] = [element("b", "", title)];
    if (sub && sub !== title) parts.push(element("span", "tl-sub", sub));
    if (this.hover && !this.hoverMark && zone === "plot") {
      const swatch = element("i", "");
      const { box, source, track } = this.hover;
      const c = p.colorOf(box.kind, box.name, source.kind(track) === "goroutine");
      swatch.style.background = `rgb(${c & 255} ${(c >> 8) & 255} ${(c >> 16) & 255})`;
      parts[0].insertBefore(swatch, parts[0].firstChild);
    }
    this.tip.replaceChildren(...parts, list);
    return true;
  }

  private showTip(e: PointerEvent, x: number, y: number) {
    if (e.pointerType === "touch" || !this.fillTip(x, y)) {
      this.tip.hidden = true;
      return;
    }
    this.tip.hidden = false;
    const { offsetWidth: w, offsetHeight: h } = this.tip;
    let left = e.clientX + 14;
    if (left + w > innerWidth - 8) left = e.clientX - w - 14;
    let top = e.clientY + 18;
    if (top + h > innerHeight - 8) top = e.clientY - h - 14;
    this.tip.style.left = Math.max(8, left) + "px";
    this.tip.style.top = Math.max(8, top) + "px";
  }

  // --- input

  private on<T extends Event>(target: EventTarget, name: string, fn: (e: T) => void, options?: AddEventListenerOptions) {
    target.addEventListener(name, fn as EventListener, options);
    this.ends.push(() => target.removeEventListener(name, fn as EventListener, options));
  }

  private at(e: { clientX: number; clientY: number }): { x: number; y: number } {
    const r = this.view.getBoundingClientRect();
    return { x: e.clientX - r.left, y: e.clientY - r.top };
  }

  private listen() {
    const { view } = this;
    const resized = new ResizeObserver(() => this.measure());
    resized.observe(view);
    this.ends.push(() => resized.disconnect());
    this.on(view, "scroll", () => this.redraw());
    this.on<WheelEvent>(view, "wheel", (e) => this.wheel(e), { passive: false });
    this.on<PointerEvent>(view, "pointerdown", (e) => this.down(e));
    this.on<PointerEvent>(view, "pointermove", (e) => this.move(e));
    this.on<PointerEvent>(view, "pointerup", (e) => this.up(e));
    this.on<PointerEvent>(view, "pointercancel", (e) => this.cancel(e));
    this.on<PointerEvent>(view, "pointerleave", () => {
      if (this.drag) return;
      this.pointer = { x: -1, y: -1 };
      this.tip.hidden = true;
      this.setHover(null);
      this.refresh();
    });
    this.on<KeyboardEvent>(view, "keydown", (e) => this.key(e));
    this.on<MouseEvent>(view, "contextmenu", (e) => {
      const { x, y } = this.at(e);
      const spot = this.spotAt(x, y);
      if (!spot) return;
      e.preventDefault();
      this.select(spot);
    });
  }

  private wheel(e: WheelEvent) {
    const { x, y } = this.at(e);
    const p = this.painter;
    const unit = e.deltaMode === 1 ? 24 : e.deltaMode === 2 ? 400 : 1;
    const dx = e.deltaX * unit;
    const dy = e.deltaY * unit;
    const zone = this.zone(x, y);
    this.tip.hidden = true;
    if (!e.ctrlKey && !e.metaKey && (zone === "names" || e.altKey)) {
      const dock = p.dockArea;
      if (p.dock && y > dock.top) {
        p.dockScroll = Math.min(Math.max(0, p.dockScroll + dy), Math.max(0, p.dock.height - dock.height + 22));
        this.redraw();
        e.preventDefault();
      }
      return; // the browser scrolls
    }
    e.preventDefault();
    cancelAnimationFrame(this.animation);
    if (e.shiftKey || Math.abs(dx) > Math.abs(dy)) {
      const by = Math.abs(dx) > Math.abs(dy) ? dx : dy;
      this.setView(p.t0 + (by / p.plot) * p.span, p.span);
    } else this.zoomBy(Math.exp(-dy * (e.ctrlKey ? 0.01 : 0.0022)), p.time(Math.max(p.left, x)));
  }

  private down(e: PointerEvent) {
    if (e.button !== 0) return;
    const { x, y } = this.at(e);
    const p = this.painter;
    const bar = this.view.offsetWidth - this.view.clientWidth;
    if (bar && x >= this.view.clientWidth) return; // the scroll bar
    this.view.focus({ preventScroll: true });
    cancelAnimationFrame(this.animation);
    this.view.setPointerCapture(e.pointerId);
    this.pointers.set(e.pointerId, { x, y, startX: x, startY: y });
    if (this.pointers.size === 2) {
      clearTimeout(this.long);
      const [a, b] = [...this.pointers.values()];
      this.drag = null;
      this.pinch = { span: p.span, distance: Math.max(10, Math.abs(a.x - b.x)), t: p.time((a.x + b.x) / 2) };
      return;
    }
    const zone = this.zone(x, y);
    const ranging = (zone === "ruler" || e.shiftKey || this.mode === "range") && x >= p.left;
    let kind: "pan" | "range" | "left" | "right" = ranging ? "range" : "pan";
    // The ends of what is marked can be moved.
    if (this.range && x >= p.left) {
      if (Math.abs(x - p.x(this.range.start)) < 5) kind = "left";
      else if (Math.abs(x - p.x(this.range.end)) < 5) kind = "right";
    }
    this.drag = { kind, t: p.time(x), t0: p.t0, scroll: this.view.scrollTop, x, y, moved: false, dock: !!p.dock && y > p.dockArea.top };
    if (e.pointerType === "touch")
      this.long = window.setTimeout(() => {
        if (this.drag && !this.drag.moved && x >= p.left) {
          this.drag.kind = "range";
          navigator.vibrate?.(10);
          this.setRange({ start: p.time(x - 20), end: p.time(x + 20) });
        }
      }, 480);
  }

  private move(e: PointerEvent) {
    const { x, y } = this.at(e);
    const p = this.painter;
    this.pointer = { x, y };
    const held = this.pointers.get(e.pointerId);
    if (held) Object.assign(held, { x, y });
    if (this.pinch && this.pointers.size >= 2) {
      const [a, b] = [...this.pointers.values()];
      const span = Math.min(Math.max(LEAST_SPAN, (this.pinch.span * this.pinch.distance) / Math.max(10, Math.abs(a.x - b.x))), this.duration * 1.04);
      this.setView(this.pinch.t - (((a.x + b.x) / 2 - p.left) / p.plot) * span, span);
      return;
    }
    const d = this.drag;
    if (!d || !held) {
      this.setHover(this.spotAt(x, y), this.markAt(x, y));
      this.showTip(e, x, y);
      const near = this.range && x >= p.left && (Math.abs(x - p.x(this.range.start)) < 5 || Math.abs(x - p.x(this.range.end)) < 5);
      const zone = this.zone(x, y);
      this.view.style.cursor = near ? "ew-resize" : zone === "ruler" || (this.mode === "range" && zone === "plot") ? "text" : this.hover || zone === "names" ? "pointer" : "";
      this.refresh();
      return;
    }
    if (!d.moved && Math.hypot(x - d.x, y - d.y) < CLICK) return;
    d.moved = true;
    this.tip.hidden = true;
    if (d.kind !== "range" || !this.range) clearTimeout(this.long);
    if (d.kind === "pan") {
      this.view.style.cursor = "grabbing";
      this.setView(d.t0 - ((x - d.x) / p.plot) * p.span, p.span);
      if (d.dock && p.dock) p.dockScroll = Math.min(Math.max(0, p.dockScroll - e.movementY), Math.max(0, p.dock.height - p.dockArea.height + 22));
      else if (d.y > p.head) this.view.scrollTop = d.scroll - (y - d.y);
    } else {
      const t = p.time(Math.max(p.left, Math.min(p.width, x)));
      if (d.kind === "left") this.setRange({ start: Math.min(t, this.range!.end), end: this.range!.end });
      else if (d.kind === "right") this.setRange({ start: this.range!.start, end: Math.max(t, this.range!.start) });
      else this.setRange({ start: Math.min(d.t, t), end: Math.max(d.t, t) });
    }
  }

  private up(e: PointerEvent) {
    clearTimeout(this.long);
    this.pointers.delete(e.pointerId);
    if (this.pinch) {
      if (this.pointers.size === 0) this.pinch = null;
      return;
    }
    const d = this.drag;
    this.drag = null;
    this.view.style.cursor = "";
    this.refresh();
    if (!d) return;
    if (d.moved || (d.kind === "range" && this.range && e.pointerType === "touch")) {
      if (d.kind !== "pan") this.hooks.range(this.range);
      return;
    }
    const { x, y } = this.at(e);
    this.click(e, x, y);
  }

  private cancel(e: PointerEvent) {
    clearTimeout(this.long);
    this.pointers.delete(e.pointerId);
    this.drag = this.pinch = null;
  }

  private click(e: PointerEvent, x: number, y: number) {
    const p = this.painter;
    const now = e.timeStamp;
    const twice = now - this.clicks.at < 350 && Math.hypot(x - this.clicks.x, y - this.clicks.y) < 6;
    this.clicks = { at: twice ? 0 : now, x, y };
    const zone = this.zone(x, y);
    if (zone === "names") {
      const at = this.trackAt(y);
      if (at) this.fold(at.source, at.track);
      return;
    }
    if (zone === "dockhead") {
      if (x > p.width - 30) this.hooks.follow(-1);
      return;
    }
    if (zone === "ruler" || zone === "strips") {
      const cycle = y >= p.gcTop && y < p.heapTop && x >= p.left ? this.cycleAt(p.time(x)) : null;
      if (cycle) {
        this.setRange(cycle);
        this.hooks.range(this.range);
      } else if (twice) this.zoomBy(4, p.time(x), true);
      else if (zone === "ruler" && this.range) {
        this.setRange(null);
        this.hooks.range(null);
      }
      return;
    }
    const spot = this.spotAt(x, y);
    if (twice) {
      if (spot && spot.box.count === 1) this.zoomTo(spot.box.start, spot.box.end);
      else this.zoomBy(4, p.time(x), true);
      return;
    }
    if (spot && spot.box.count > 1) {
      // Closer, until one of them can be told from the others.
      this.zoomBy(Math.max(4, Math.min(64, spot.box.count)), p.time(x), true);
      return;
    }
    this.select(spot);
  }

  // --- keys

  private step(direction: number) {
    const p = this.painter;
    const s = this.selected;
    if (!s) {
      this.setView(p.t0 + direction * p.span * 0.15, p.span);
      return;
    }
    const { source, track, lane } = s;
    const block = Math.floor(track / BLOCK);
    const far = p.span;
    const [a, b] = direction > 0 ? [s.box.end, s.box.end + far] : [s.box.start - far, s.box.start];
    const pieces = source.tiles.pieces(p.level, Math.max(0, a), Math.max(1, b), block);
    const ordered = direction > 0 ? pieces : [...pieces].reverse();
    for (const piece of ordered) {
      const boxes = piece.value[track % BLOCK]?.[lane];
      if (!boxes?.n) continue;
      let i = direction > 0 ? firstAfter(boxes, Math.max(piece.a, s.box.end)) : firstAfter(boxes, Math.min(piece.b, s.box.start) - 0.5);
      if (direction < 0) while (i >= 0 && (i >= boxes.n || boxes.start[i] >= s.box.start)) i--;
      else while (i < boxes.n && boxes.start[i] < s.box.end) i++;
      if (i < 0 || i >= boxes.n) continue;
      const spot = { source, track, lane, box: boxOf(boxes, i) };
      this.select(spot);
      const x = p.x(spot.box.start);
      if (x < p.left + 30 || x > p.width - 60) this.animateTo(spot.box.start - p.span * (direction > 0 ? 0.25 : 0.75), p.span);
      return;
    }
    this.setView(p.t0 + direction * p.span * 0.3, p.span);
  }

  private walk(direction: number) {
    const p = this.painter;
    const s = this.selected;
    if (!p.main) return;
    const source = s?.source ?? p.main;
    const t = s ? (Math.max(s.box.start, p.t0) + Math.min(s.box.end, p.t0 + p.span)) / 2 : p.t0 + p.span / 2;
    let track = s ? s.track : p.main.at(p.scroll) - 1;
    let lane = s ? s.lane : 0;
    for (let tries = 0; tries < 4000; tries++) {
      lane += direction;
      if (lane < 0 || track < 0 || lane >= source.lanesShown(track)) {
        track += direction;
        if (track < 0 || track >= source.n) return;
        lane = direction > 0 ? 0 : source.lanesShown(track) - 1;
      }
      const box = this.boxAt(source, track, lane, t, (30 * p.span) / p.plot);
      if (!box || source.isHidden(track)) continue;
      this.scrollTo(track, source);
      this.select({ source, track, lane, box });
      return;
    }
  }

  private key(e: KeyboardEvent) {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const p = this.painter;
    const at = this.pointer.x >= p.left ? p.time(this.pointer.x) : undefined;
    switch (e.key) {
      case "w":
      case "+":
      case "=":
        this.zoomBy(2, at, true);
        break;
      case "s":
      case "-":
        this.zoomBy(0.5, at, true);
        break;
      case "a":
        this.animateTo(p.t0 - p.span * 0.3, p.span);
        break;
      case "d":
        this.animateTo(p.t0 + p.span * 0.3, p.span);
        break;
      case "W":
        this.zoomBy(8, at, true);
        break;
      case "S":
        this.zoomBy(1 / 8, at, true);
        break;
      case "ArrowLeft":
        this.step(-1);
        break;
      case "ArrowRight":
        this.step(1);
        break;
      case "ArrowUp":
        this.walk(-1);
        break;
      case "ArrowDown":
        this.walk(1);
        break;
      case "PageDown":
      case "PageUp":
        this.view.scrollTop += (e.key === "PageUp" ? -0.85 : 0.85) * p.mainArea.height;
        break;
      case "0":
      case "Home":
        this.whole();
        break;
      case "f":
      case "z":
        if (this.selected) this.zoomTo(this.selected.box.start, this.selected.box.end);
        else if (this.range) this.zoomTo(this.range.start, this.range.end, 0);
        break;
      case "m":
        if (this.selected) {
          this.setRange({ start: this.selected.box.start, end: this.selected.box.end });
          this.hooks.range(this.range);
        }
        break;
      case "v":
        this.scrollToLive();
        break;
      case "Enter":
        if (this.selected) this.hooks.select(this.selected);
        break;
      case "Escape":
        if (this.range) {
          this.setRange(null);
          this.hooks.range(null);
        } else if (this.selected) this.select(null);
        else if (p.follow >= 0) this.hooks.follow(-1);
        else return;
        break;
      default:
        return;
    }
    this.tip.hidden = true;
    e.preventDefault();
  }

  // What is in sight as a list, for readers of screens and for paper.
  seen(): { track: string; text: string }[] {
    const p = this.painter;
    const out: { track: string; text: string }[] = [];
    const { main } = p;
    if (!main) return out;
    for (let i = Math.max(0, main.at(p.scroll)); i < main.n && main.top[i] < p.scroll + p.mainArea.height && out.length < 60; i++) {
      if (main.isHidden(i)) continue;
      const box = this.boxAt(main, i, 0, p.t0 + p.span / 2, p.span / 2);
      out.push({ track: main.names[i], text: box ? this.words({ source: main, track: i, lane: 0, box }) : "nothing" });
    }
    return out;
  }
}

export type { Place };
