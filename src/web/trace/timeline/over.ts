// over: what lies over the boxes: who woke whom, what is selected and marked, where the pointer is.
import { ask } from "../ask";
import type { Arrows } from "../data";
import { long } from "../units";
import type { Timeline } from "./engine";
import type { Source } from "./tracks";
import { DOCK_HEAD, type Spot } from "./where";

interface Arrow {
  kind: number;
  from: number;
  fromTime: number;
  to: number;
  toTime: number;
  fromG: number;
  toG: number;
}

const REST_MS = 140; // until arrows are asked for
const ARROWS = 400;

export class Over {
  private pen: CanvasRenderingContext2D;
  private arrows: { key: string; list: Arrow[]; more: number } = { key: "", list: [], more: 0 };
  private abort: AbortController | null = null;
  private timer = 0;
  shown = 0; // arrows of the last frame: what tests ask

  constructor(
    private t: Timeline,
    private canvas: HTMLCanvasElement,
  ) {
    this.pen = canvas.getContext("2d")!;
  }

  end() {
    clearTimeout(this.timer);
    this.abort?.abort();
  }

  // As large as the picture.
  resize(like: HTMLCanvasElement) {
    this.canvas.width = like.width;
    this.canvas.height = like.height;
    this.canvas.style.width = like.style.width;
    this.canvas.style.height = like.style.height;
  }

  // The arrows are of other tracks, or of another goroutine.
  forget(all = false) {
    if (all) this.arrows = { key: "", list: [], more: 0 };
    else this.arrows.key = "";
  }

  // --- arrows

  ask() {
    clearTimeout(this.timer);
    if (!this.t.showArrows) return;
    const p = this.t.painter;
    const key = [p.t0, p.span, p.follow, JSON.stringify(this.t.listParams)].join();
    if (key === this.arrows.key) return;
    this.timer = window.setTimeout(async () => {
      this.abort?.abort();
      const abort = (this.abort = new AbortController());
      try {
        const of = p.follow >= 0 ? p.follow : null;
        const a = await ask<Arrows>("arrows", { ...this.t.listParams, start: Math.floor(Math.max(0, p.t0)), end: Math.ceil(p.t0 + p.span), max: ARROWS, of }, abort.signal);
        this.arrows = {
          key,
          more: a.more,
          list: a.kind.map((kind, i) => ({ kind, from: a.from[i], fromTime: a.from_time[i], fromG: a.from_g[i], to: a.to[i], toTime: a.to_time[i], toG: a.to_g[i] })),
        };
        this.t.refresh();
      } catch {
        // none, then
      }
    }, REST_MS);
  }

  draw() {
    const { pen } = this;
    const p = this.t.painter;
    const { palette } = p;
    pen.setTransform(p.ratio, 0, 0, p.ratio, 0, 0);
    pen.clearRect(0, 0, p.width, p.height);
    if (this.t.range) {
      const x0 = Math.max(p.left, p.x(this.t.range.start));
      const x1 = Math.min(p.width, p.x(this.t.range.end));
      if (x1 > p.left && x0 < p.width) {
        pen.fillStyle = palette.cover;
        pen.fillRect(x0, 0, x1 - x0, p.height);
        pen.fillStyle = palette.accent;
        pen.fillRect(x0, 0, 1, p.height);
        pen.fillRect(x1 - 1, 0, 1, p.height);
        const text = long(this.t.range.end - this.t.range.start);
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
    if (this.t.showArrows && p.main && !this.arrows.more) this.drawArrows();
    this.drawWakes();
    pen.restore();
    if (this.t.hover && !this.t.input.isHeld) this.outline(this.t.hover, palette.dark ? "rgb(255 255 255 / 0.6)" : "rgb(0 0 0 / 0.45)", 1);
    if (this.t.selected) this.outline(this.t.selected, palette.select, 2);
    // Where the pointer is in time.
    const zone = this.t.where.zone(this.t.pointer.x, this.t.pointer.y);
    if (this.t.pointer.x >= p.left && zone !== "none" && !this.t.input.isPanning) {
      pen.fillStyle = palette.dark ? "rgb(255 255 255 / 0.25)" : "rgb(0 0 0 / 0.22)";
      pen.fillRect(Math.round(this.t.pointer.x), 0, 1, p.height);
    }
  }

  private outline(s: Spot, color: string, width: number) {
    const { pen } = this;
    const p = this.t.painter;
    if (s.source !== p.main && s.source !== p.dock) return;
    if (s.track >= s.source.n || s.source.isHidden(s.track)) return;
    const area = s.source === p.dock ? { top: p.dockArea.top + DOCK_HEAD, height: p.dockArea.height - DOCK_HEAD } : p.mainArea;
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
    const { pen } = this;
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
    return this.t.painter.yOf(source, track) + source.laneHeight(track, 0) / 2;
  }

  private drawArrows() {
    const { pen } = this;
    const p = this.t.painter;
    const main = p.main!;
    pen.lineWidth = 1;
    pen.strokeStyle = pen.fillStyle = p.palette.arrow;
    pen.globalAlpha = this.arrows.list.length > 60 && p.follow < 0 ? 0.45 : 0.85;
    this.shown = 0;
    for (const a of this.arrows.list) {
      if (a.from < 0 || a.to < 0 || a.from >= main.n || a.to >= main.n || main.isHidden(a.from) || main.isHidden(a.to)) continue;
      const x0 = p.x(a.fromTime);
      const x1 = p.x(a.toTime);
      if (x1 < p.left || x0 > p.width || a.from === a.to) continue;
      this.shown++;
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
    const { pen } = this;
    const { painter: p, selected, details } = this.t;
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
}
