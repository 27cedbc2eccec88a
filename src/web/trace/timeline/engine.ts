// engine: the timeline in an element of the page: what is in view and what is selected.  What is at
// a place, what lies over the boxes, the panel at the pointer, pointers and keys are modules beside it.
// It needs no framework.  What is shown of it in the address is the page's matter
// (pages/timeline.tsx).
import { element } from "../../element";
import type { Box as BoxAnswer, Kind } from "../data";
import { count, exact, long } from "../units";
import { Painter } from "./draw";
import { Input } from "./input";
import { Over } from "./over";
import { KIND_NAMES } from "./palette";
import { globalTiles, Names, type Box, type MarkAt } from "./tiles";
import { Tip } from "./tip";
import type { Source } from "./tracks";
import { DOCK_HEAD, sameSpot, Where, type Spot } from "./where";

export interface Hooks {
  moved(t0: number, span: number): void; // after each change of what is in view
  select(spot: Spot | null): void;
  range(range: { start: number; end: number } | null): void; // marked for a question
  follow(g: number): void; // -1: nobody
  said(text: string): void;
  failed(text: string): void;
}

export const LEAST_SPAN = 20; // ns
const MS = 140; // of a movement
const LIVE_MS = 220; // until tracks without anything go

export class Timeline {
  readonly view = element("div", "tl-view");
  private canvas = element("canvas", "");
  private spacer = element("div", "");
  private said = element("div", "unseen");
  readonly names = new Names();
  readonly painter: Painter;
  readonly where: Where;
  readonly tip = new Tip(this);
  private over: Over;
  readonly input: Input;
  hover: Spot | null = null;
  hoverMark: MarkAt | null = null;
  pointer = { x: -1, y: -1 };
  selected: Spot | null = null;
  details: BoxAnswer | null = null; // of what is selected: for its arrows
  range: { start: number; end: number } | null = null;
  mode: "pan" | "range" = "pan";
  showArrows = true;
  private liveOnly = false;
  private liveTimer = 0;
  listParams: Record<string, string | number | null> = {}; // of the main tracks
  private frameAsked = 0;
  private stale = true;
  private animation = 0;
  private calm = matchMedia("(prefers-reduced-motion: reduce)");
  frames: number[] = []; // ms of the last frames: what tests measure

  constructor(
    readonly host: HTMLElement,
    readonly duration: number,
    readonly hooks: Hooks,
  ) {
    const globals = globalTiles(this.names, duration, () => this.redraw());
    this.painter = new Painter(this.canvas, this.names, globals);
    this.painter.duration = duration;
    this.painter.span = Math.max(LEAST_SPAN, duration);
    this.view.tabIndex = 0;
    this.view.setAttribute("role", "application");
    this.view.setAttribute("aria-roledescription", "timeline");
    this.view.setAttribute("aria-label", "Timeline. W and S zoom, A and D move, arrow keys walk from box to box, Enter shows details, question mark lists all keys.");
    this.said.setAttribute("aria-live", "polite");
    const cover = element("canvas", "");
    this.over = new Over(this, cover);
    this.where = new Where(this.painter);
    this.view.append(element("div", "tl-screen", this.canvas, cover), this.spacer);
    host.append(this.view, this.tip.panel, this.said);
    this.input = new Input(this);
  }

  end() {
    this.input.end();
    this.over.end();
    this.stopAnimation();
    cancelAnimationFrame(this.frameAsked);
    clearTimeout(this.liveTimer);
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
    this.over.forget(true);
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
    this.over.forget();
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
    if (!main || this.input.isHeld) return;
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
    this.over.resize(this.canvas);
    const hidden = p.head + p.dockArea.height;
    this.spacer.style.height = `${Math.max(0, (p.main?.height ?? 0) + 12 + hidden)}px`;
    p.setDark(document.documentElement.dataset.theme === "dark");
    this.redraw();
  }

  redraw() {
    this.stale = true;
    this.refresh();
  }

  refresh() {
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
      this.over.ask();
    }
    this.over.draw();
    this.frames.push(performance.now() - begun);
    if (this.frames.length > 120) this.frames.shift();
  }

  // --- what is in view

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

  stopAnimation() {
    cancelAnimationFrame(this.animation);
  }

  animateTo(t0: number, span: number, then?: () => void) {
    this.stopAnimation();
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
    const area = source === p.dock ? p.dockArea.height - DOCK_HEAD : p.mainArea.height;
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

  // --- selection

  setHover(spot: Spot | null, mark: MarkAt | null = null) {
    if (sameSpot(spot, this.hover) && mark?.at === this.hoverMark?.at) return;
    this.hover = spot;
    this.hoverMark = mark;
    if (!spot && !mark) this.tip.hide();
    this.refresh();
  }

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

  // What is in sight as a list, for readers of screens and for paper.
  seen(): { track: string; text: string }[] {
    const p = this.painter;
    const out: { track: string; text: string }[] = [];
    const { main } = p;
    if (!main) return out;
    for (let i = Math.max(0, main.at(p.scroll)); i < main.n && main.top[i] < p.scroll + p.mainArea.height && out.length < 60; i++) {
      if (main.isHidden(i)) continue;
      const box = this.where.boxAt(main, i, 0, p.t0 + p.span / 2, p.span / 2);
      out.push({ track: main.names[i], text: box ? this.words({ source: main, track: i, lane: 0, box }) : "nothing" });
    }
    return out;
  }
}
