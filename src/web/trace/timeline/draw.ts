// draw: the timeline on a canvas, the part of it that is in view.
//
// The boxes of a lane are written as pixels of one line; all lines go to the canvas at once,
// each stretched to the height of its lane.  What is thinner than a pixel blends into it.
// So a frame costs what the window is large.  Names come after that.
import { Measure, shorter } from "../../flame/text";
import { Kind, Mark } from "../data";
import { bytes, count, long, moment } from "../units";
import { mixed, nameColor, PALETTES, SHORT_NAMES, type Palette } from "./palette";
import { BLOCK, CELLS, firstAfter, type Boxes, type Names, type Piece, type Rows, type Strip, type Tiles } from "./tiles";
import type { Source } from "./tracks";

export type ColorBy = "function" | "state";

const FONT = "11.5px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
const SMALL_FONT = "11px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
const LABEL_LEAST = 26; // CSS pixels of a box with a name
const PALE = 0.24; // of the colour of what does not stand out
export const RULER = 24;
const GC_LANE = 15;
const SERIES = 38;
const COUNT = 25; // of what runs, of what is runnable: each has a scale of its own
const LIST = 6; // numbers a label is noted with

export interface Area {
  top: number; // CSS pixels of the canvas
  height: number;
}

export class Painter {
  private pen: CanvasRenderingContext2D;
  private strip = document.createElement("canvas");
  private stripPen: CanvasRenderingContext2D;
  private image: ImageData | null = null;
  private pixels = new Uint32Array(0);
  private measure: Measure;
  palette: Palette = PALETTES.light;
  ratio = 1;
  width = 1; // CSS pixels
  height = 1;
  left = 150; // of the names
  t0 = 0; // what is in view
  span = 1;
  scroll = 0;
  colorBy: ColorBy = "function";
  follow = -1; // goroutine that stands out
  duration = 1;
  hasGC = true;
  hasHeap = true;
  strips = true; // the counters are shown
  main: Source | null = null;
  dock: Source | null = null;
  dockScroll = 0;
  goroutineWord = "G";
  matched: ((name: string) => boolean) | null = null;

  private nameColors = new Uint32Array(256);
  private namePale = new Uint32Array(256);
  private nameMatch = new Uint8Array(256);
  private nameCount = 0;
  private kindNames: number[] = []; // what is written where a box has no name
  private kindColors = new Uint32Array(32);
  private kindPale = new Uint32Array(32);
  private shorts = new Map<number, string[]>();
  private cut = new Map<number, string>();
  private list = new Float64Array(LIST * 4096);
  private listed = 0;
  private markList: number[] = [];
  boxes = 0; // drawn in the last frame

  constructor(
    private canvas: HTMLCanvasElement,
    readonly names: Names,
    readonly globals: Tiles<Strip>,
  ) {
    this.pen = canvas.getContext("2d", { alpha: false })!;
    this.stripPen = this.strip.getContext("2d", { alpha: false })!;
    this.pen.font = FONT;
    this.measure = new Measure(this.pen);
    for (const [kind, text] of Object.entries(SHORT_NAMES)) this.kindNames[Number(kind)] = names.of(text);
    this.recolor();
  }

  resize(width: number, height: number, ratio: number) {
    this.width = width;
    this.height = height;
    this.ratio = ratio;
    this.canvas.width = Math.max(1, Math.round(width * ratio));
    this.canvas.height = Math.max(1, Math.round(height * ratio));
    this.canvas.style.width = width + "px";
    this.canvas.style.height = height + "px";
    this.image = null;
    this.left = width < 620 ? 78 : width < 1000 ? 130 : 190;
  }

  setDark(dark: boolean) {
    this.palette = dark ? PALETTES.dark : PALETTES.light;
    this.recolor();
  }

  // After a change of theme or search.
  recolor() {
    this.nameCount = 0;
    const p = this.palette;
    for (let k = 0; k < p.kinds.length; k++) {
      this.kindColors[k] = p.kinds[k] ?? p.kinds[Kind.Unknown];
      this.kindPale[k] = mixed(this.kindColors[k], p.ground, PALE);
    }
  }

  private learn() {
    const n = this.names.list.length;
    if (n === this.nameCount) return;
    if (n > this.nameColors.length) {
      const grown = (a: Uint32Array) => {
        const b = new Uint32Array(n * 2);
        b.set(a);
        return b;
      };
      this.nameColors = grown(this.nameColors);
      this.namePale = grown(this.namePale);
      const m = new Uint8Array(n * 2);
      m.set(this.nameMatch);
      this.nameMatch = m;
    }
    for (let i = this.nameCount; i < n; i++) {
      const name = this.names.list[i];
      this.nameColors[i] = nameColor(this.palette, name);
      this.namePale[i] = mixed(this.nameColors[i], this.palette.ground, PALE);
      this.nameMatch[i] = this.matched ? (this.matched(name) ? 1 : 0) : 1;
    }
    this.nameCount = n;
  }

  colorOf(kind: Kind, name: number, isGoroutine: boolean): number {
    this.learn();
    return this.byName(kind, isGoroutine) ? this.nameColors[name] : this.kindColors[kind];
  }

  private byName(kind: number, isGoroutine: boolean): boolean {
    if (kind === Kind.Region || kind === Kind.Task) return true;
    return kind === Kind.Running && this.colorBy === "function" && !isGoroutine;
  }

  // --- where things are, in CSS pixels

  get plot(): number {
    return Math.max(1, this.width - this.left);
  }
  get level(): number {
    return Math.max(0, Math.floor(Math.log2(this.span / this.plot)));
  }
  x(t: number): number {
    return this.left + ((t - this.t0) / this.span) * this.plot;
  }
  time(x: number): number {
    return this.t0 + ((x - this.left) / this.plot) * this.span;
  }
  get gcTop(): number {
    return RULER;
  }
  get heapTop(): number {
    return RULER + (this.hasGC ? GC_LANE : 0);
  }
  get countsTop(): number {
    return this.heapTop + (this.strips && this.hasHeap ? SERIES : 0);
  }
  get head(): number {
    return this.countsTop + (this.strips ? 2 * COUNT : 0) + 1;
  }
  get dockArea(): Area {
    const height = this.dock ? Math.min(this.dock.height + 22, Math.max(60, (this.height - this.head) * 0.45)) : 0;
    return { top: this.height - height, height };
  }
  get mainArea(): Area {
    return { top: this.head, height: Math.max(0, this.height - this.head - this.dockArea.height) };
  }
  // The top of a track in the canvas.
  yOf(source: Source, track: number, lane = 0): number {
    const top = source.laneTop(track, lane);
    return source === this.dock ? this.dockArea.top + 22 + top - this.dockScroll : this.head + top - this.scroll;
  }

  // --- a frame

  draw() {
    const { pen, ratio, palette: p } = this;
    this.learn();
    this.boxes = 0;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.fillStyle = p.row;
    pen.fillRect(0, 0, this.canvas.width, this.canvas.height);
    this.globals.begin();
    const level = this.level;
    const strips = this.globals.pieces(level, this.t0, this.t0 + this.span, 0);
    const width = CELLS * 2 ** level;
    const after = Math.floor((this.t0 + this.span) / width) + 1;
    const before = Math.floor(this.t0 / width) - 1;
    this.globals.soon(level, after, 0);
    this.globals.soon(level, before, 0);
    this.globals.end();
    const area = this.mainArea;
    if (this.main) this.drawSource(this.main, area.top, area.height, this.scroll, level);
    if (this.dock) {
      const dock = this.dockArea;
      this.drawSource(this.dock, dock.top + 22, dock.height - 22, this.dockScroll, level);
    }
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.drawHead(strips);
  }

  private room(rows: number) {
    const w = Math.round(this.plot * this.ratio);
    if (this.image && this.image.width === w && this.image.height >= rows) return;
    const h = Math.max(rows + 16, 32);
    this.strip.width = w;
    this.strip.height = h;
    this.image = new ImageData(w, h);
    this.pixels = new Uint32Array(this.image.data.buffer);
  }

  private drawSource(source: Source, top: number, height: number, scroll: number, level: number) {
    const { pen, ratio, palette: p } = this;
    const [t0, t1] = [this.t0, this.t0 + this.span];
    source.tiles.begin();
    const from = Math.max(0, source.at(Math.max(0, Math.min(scroll, source.height - 1))));
    let to = from;
    let lanes = 0;
    while (to < source.n && source.top[to] < scroll + height) lanes += source.lanesShown(to++);
    if (source.n === 0) {
      source.tiles.end();
      return;
    }
    this.room(lanes);
    const w = this.image!.width;
    const scale = w / this.span;
    this.listed = 0;
    this.markList.length = 0;
    let row = 0;
    let shown = from;
    const blocks: number[] = [];
    let pieces: Piece<Rows>[] = [];
    for (let i = from, block = -1; i < to; i++) {
      if (source.isHidden(i)) continue;
      if (Math.floor(i / BLOCK) !== block) {
        block = Math.floor(i / BLOCK);
        blocks.push(block);
        pieces = source.tiles.pieces(level, t0, t1, block);
      }
      shown++;
      const isGoroutine = source.kind(i) === "goroutine";
      const small = source.isSmall(i);
      for (let lane = 0; lane < source.lanesShown(i); lane++, row++) {
        const at = row * w;
        const ground = shown % 2 && !small ? p.odd : p.ground;
        this.pixels.fill(ground, at, at + w);
        const y = top + source.laneTop(i, lane) - scroll;
        for (const piece of pieces) {
          const boxes = piece.value[i % BLOCK]?.[lane];
          if (boxes) this.fill(boxes, piece, at, w, scale, ground, isGoroutine, isGoroutine ? source.id[i] : -1, small, y, source.laneHeight(i, lane), piece === pieces[0]);
        }
      }
    }
    if (source.n > 0) {
      const width = CELLS * 2 ** level;
      for (const block of blocks) {
        source.tiles.soon(level, Math.floor(t1 / width) + 1, block);
        source.tiles.soon(level, Math.floor(t0 / width) - 1, block);
      }
    }
    source.tiles.end();
    this.stripPen.putImageData(this.image!, 0, 0, 0, 0, w, row);
    pen.save();
    pen.beginPath();
    pen.rect(0, Math.round(top * ratio), this.canvas.width, Math.round(height * ratio));
    pen.clip();
    pen.imageSmoothingEnabled = false;
    const x = this.canvas.width - w;
    row = 0;
    for (let i = from; i < to; i++)
      for (let lane = 0; lane < source.lanesShown(i); lane++, row++) {
        const y0 = Math.round((top + source.laneTop(i, lane) - scroll) * ratio);
        const y1 = Math.round((top + source.laneTop(i, lane) - scroll + source.laneHeight(i, lane)) * ratio);
        pen.drawImage(this.strip, 0, row, w, 1, x, y0, w, y1 - y0);
      }
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.drawGrid(top, height);
    this.drawLabels();
    this.drawMarks();
    this.drawNames(source, from, to, top, scroll, height);
    pen.restore();
  }

  // Boxes of a lane between piece.a and piece.b as pixels from `at` on.
  private fill(boxes: Boxes, piece: Piece<Rows>, at: number, w: number, scale: number, ground: number, isGoroutine: boolean, own: number, small: boolean, y: number, height: number, isFirst: boolean) {
    const { start, end, kind, name, g, busy, count: many } = boxes;
    const { t0, follow, nameMatch, pixels } = this;
    const pa = Math.max(piece.a, t0);
    const pb = Math.min(piece.b, t0 + this.span);
    const searching = this.matched !== null;
    const least = LABEL_LEAST * this.ratio;
    const labels = height >= 12;
    const runsByName = this.byName(Kind.Running, isGoroutine);
    let i = firstAfter(boxes, pa);
    for (; i < boxes.n && start[i] < pb; i++) {
      this.boxes++;
      const s = start[i] > pa ? start[i] : pa;
      const e = end[i] < pb ? end[i] : pb;
      const x0 = (s - t0) * scale;
      const x1 = (e - t0) * scale;
      const k = kind[i];
      const named = k === Kind.Running ? runsByName : k === Kind.Region || k === Kind.Task;
      const stands = (follow < 0 || (g ? g[i] : own) === follow) && (!searching || nameMatch[name[i]] === 1);
      let color = named ? (stands ? this.nameColors : this.namePale)[name[i]] : (stands ? this.kindColors : this.kindPale)[k];
      if (busy && busy[i] < 255) color = mixed(color, ground, 0.12 + (0.88 * busy[i]) / 255);
      const wide = x1 - x0;
      if (wide < 1) {
        // Parts of one or two pixels.
        const a = Math.floor(x0);
        const into = Math.min(1, Math.max(0.2, wide));
        if (a < w) pixels[at + a] = mixed(color, pixels[at + a], into);
        continue;
      }
      let a = Math.round(x0);
      let b = Math.round(x1);
      if (b <= a) b = a + 1;
      if (b > w) b = w;
      if (a >= w) continue;
      if (wide > 3 && end[i] <= pb && !(many && many[i] > 1)) b--;
      if (b - a < 16) for (let x = at + a; x < at + b; x++) pixels[x] = color;
      else pixels.fill(color, at + a, at + b);
      if (labels && wide >= least && (start[i] >= piece.a || isFirst) && !(many && many[i] > 1)) {
        const full = Math.min(w, (end[i] - t0) * scale);
        this.note(x0 / this.ratio, full / this.ratio, y, height, name[i] || this.kindNames[k], g && k !== Kind.STW ? g[i] : -1, end[i] - start[i], stands ? 1 : 0);
      }
    }
    const m = boxes.marks;
    if (!m || small) return;
    let lo = 0;
    for (let hi = m.at.length; lo < hi; ) {
      const mid = (lo + hi) >> 1;
      if (m.at[mid] < pa) lo = mid + 1;
      else hi = mid;
    }
    // Where many stand close together they are one thin line.  Of who woke whom arrows tell.
    const put = (from: number, to: number, which: number, alone: boolean) => this.markList.push(from, y, which, alone ? -1 : to + 1);
    let from = -1; // of those that stand close together
    let last = -1;
    let what = 0;
    let crowd = false;
    for (; lo < m.at.length && m.at[lo] < pb; lo++) {
      if (m.kind[lo] === Mark.Wake || m.kind[lo] === Mark.Create) continue;
      const x = ((m.at[lo] - t0) * scale) / this.ratio;
      const many = m.count !== null && m.count[lo] > 1;
      if (from >= 0 && x - last < 6) crowd = true;
      else {
        if (from >= 0) put(from, last, what, !crowd);
        from = x;
        what = m.kind[lo];
        crowd = false;
      }
      crowd ||= many;
      last = x;
    }
    if (from >= 0) put(from, last, what, !crowd);
  }

  private labelData: { g: number; length: number }[] = [];
  private note(x0: number, x1: number, y: number, height: number, name: number, g: number, length: number, stands: number) {
    if ((this.listed + 1) * LIST > this.list.length) {
      const grown = new Float64Array(this.list.length * 2);
      grown.set(this.list);
      this.list = grown;
    }
    const at = this.listed * LIST;
    this.list[at] = x0;
    this.list[at + 1] = x1;
    this.list[at + 2] = y;
    this.list[at + 3] = height;
    this.list[at + 4] = name;
    this.list[at + 5] = stands;
    const data = (this.labelData[this.listed] ??= { g: -1, length: 0 });
    data.g = g;
    data.length = length;
    this.listed++;
  }

  // The name, as short as it must be for so much room (CSS pixels).
  private fit(name: number, room: number): string {
    const key = name * 1024 + Math.min(1023, Math.floor(room / 3));
    let text = this.cut.get(key);
    if (text === undefined) {
      const full = this.names.list[name];
      let options = this.shorts.get(name);
      if (!options) this.shorts.set(name, (options = [full, ...shorter(full)]));
      text = "";
      for (const o of options)
        if (this.measure.width(o) <= room) {
          text = o;
          break;
        }
      if (!text) text = this.measure.middle(options[options.length - 1], room);
      if (this.cut.size > 50000) this.cut.clear();
      this.cut.set(key, text);
    }
    return text;
  }

  private drawLabels() {
    const { pen, palette: p } = this;
    pen.font = FONT;
    pen.textBaseline = "middle";
    pen.textAlign = "left";
    for (let i = 0; i < this.listed; i++) {
      const at = i * LIST;
      const x0 = Math.max(0, this.list[at]);
      const room = this.list[at + 1] - x0 - 9;
      const y = this.list[at + 2] + this.list[at + 3] / 2 + 0.5;
      const text = this.fit(this.list[at + 4], room);
      const x = this.left + x0 + 5;
      pen.fillStyle = this.list[at + 5] ? p.ink : p.faint;
      if (text) pen.fillText(text, x, y);
      if (!this.list[at + 5]) continue;
      const used = text ? this.measure.width(text) + 9 : 0;
      const { g, length } = this.labelData[i];
      if (room - used < 46 || this.list[at + 3] < 18) continue;
      const size = long(length);
      const both = g >= 0 ? `${this.goroutineWord}${g} \u00b7 ${size}` : size;
      const note = this.measure.width(both) <= room - used ? both : this.measure.width(size) <= room - used ? size : "";
      pen.fillStyle = p.muted;
      if (note) pen.fillText(note, x + used, y);
    }
  }

  private drawMarks() {
    const { pen, palette: p, markList: list } = this;
    for (let i = 0; i < list.length; i += 4) {
      const kind = list[i + 2] as Mark;
      const x = this.left + list[i];
      const y = list[i + 1];
      pen.fillStyle = p.mark[kind];
      if (list[i + 3] >= 0) {
        pen.globalAlpha = 0.5;
        pen.fillRect(x - 0.5, y, Math.max(1, list[i + 3] - list[i]), 1.5);
        pen.globalAlpha = 1;
      } else if (kind === Mark.Log) {
        pen.beginPath();
        pen.moveTo(x - 3.5, y - 1);
        pen.lineTo(x + 3.5, y - 1);
        pen.lineTo(x, y + 5);
        pen.fill();
      } else pen.fillRect(x - 0.5, y, 1, kind === Mark.Sample ? 4 : 6);
    }
  }

  private drawNames(source: Source, from: number, to: number, top: number, scroll: number, height: number) {
    const { pen, palette: p } = this;
    pen.fillStyle = p.panel;
    pen.fillRect(0, top, this.left, height);
    pen.fillStyle = p.line;
    pen.fillRect(this.left - 1, top, 1, height);
    pen.font = FONT;
    for (let i = from; i < to; i++) {
      if (source.isHidden(i)) continue;
      const small = source.isSmall(i);
      const y = top + source.top[i] - scroll;
      if (small) {
        // Nobody reads names of 7 pixels; a tick says that one is there.
        pen.fillStyle = p.line;
        pen.fillRect(this.left - 7, y + 2, 5, 3);
        continue;
      }
      // Its arrow, and its name where it is in sight.
      const fits = source.top[i + 1] - source.top[i];
      const ty = Math.min(Math.max(y, top), y + fits - 24) + 11;
      pen.fillStyle = p.faint;
      pen.beginPath();
      pen.moveTo(8, ty - 2);
      pen.lineTo(14, ty - 2);
      pen.lineTo(11, ty + 3);
      pen.fill();
      pen.fillStyle = p.ink;
      pen.fillText(this.fitText(source.names[i], this.left - 27), 20, ty + 0.5);
    }
  }

  private texts = new Map<string, string>();
  private fitText(text: string, room: number): string {
    if (this.measure.width(text) <= room) return text;
    const key = text + "|" + Math.floor(room);
    let out = this.texts.get(key);
    if (out === undefined) {
      const space = text.indexOf(" ");
      // "G12 main.worker": the number stays.
      const head = /^[A-Z]\d+ /.test(text) ? text.slice(0, space + 1) : "";
      const rest = text.slice(head.length);
      const left = room - this.measure.width(head);
      out = head + ([rest, ...shorter(rest)].find((o) => this.measure.width(o) <= left) ?? this.measure.middle(rest, left));
      if (this.texts.size > 20000) this.texts.clear();
      this.texts.set(key, out);
    }
    return out;
  }

  // --- above all tracks

  // Where lines of the ruler are: the step, a round number.
  get tick(): number {
    const rough = (this.span / this.plot) * 90;
    const power = 10 ** Math.floor(Math.log10(rough));
    const k = rough / power;
    return Math.max(1, power * (k > 5 ? 10 : k > 2 ? 5 : k > 1 ? 2 : 1));
  }

  private drawGrid(top: number, height: number) {
    const { pen, palette: p, tick } = this;
    pen.fillStyle = p.grid;
    for (let t = Math.ceil(this.t0 / tick) * tick; t < this.t0 + this.span; t += tick) pen.fillRect(Math.round(this.x(t)), top, 1, height);
  }

  private drawHead(strips: Piece<Strip>[]) {
    const { pen, palette: p, tick } = this;
    pen.fillStyle = p.panel;
    pen.fillRect(0, 0, this.width, this.head);
    pen.textBaseline = "middle";
    pen.font = SMALL_FONT;
    // The ruler.  Where ticks share all their first digits only what differs is told.
    pen.fillStyle = p.line;
    const first = Math.ceil(this.t0 / tick) * tick;
    const far = this.span < 0.02 * (this.t0 + this.span);
    const base = far ? Math.floor(this.t0 / (tick * 10)) * tick * 10 : 0;
    for (let t = first; t <= Math.min(this.duration, this.t0 + this.span); t += tick) {
      const x = Math.round(this.x(t));
      pen.fillStyle = p.faint;
      pen.fillRect(x, RULER - 6, 1, 6);
      pen.fillStyle = p.muted;
      pen.textAlign = "left";
      const text = far && t !== first ? "+" + moment(t - base, tick, this.span) : moment(t, tick, far ? undefined : this.t0 + this.span);
      if (far && t === first) {
        // The base itself stands at the left, in the column of names.
        pen.fillText("+" + moment(t - base, tick, this.span), x + 4, 11);
      } else pen.fillText(text, x + 4, 11);
    }
    pen.fillStyle = p.panel;
    pen.fillRect(0, 0, this.left, RULER);
    if (far) {
      pen.fillStyle = p.ink;
      pen.textAlign = "right";
      pen.fillText(this.fitText(moment(base, tick * 10), this.left - 12), this.left - 6, 11);
    }
    pen.fillStyle = p.line;
    pen.fillRect(0, RULER - 1, this.width, 1);
    pen.fillRect(0, this.head - 1, this.width, 1);
    pen.fillRect(this.left - 1, 0, 1, this.head);
    pen.textAlign = "right";
    const name = (text: string, y: number, value = "") => {
      pen.fillStyle = p.muted;
      pen.fillText(text, this.left - 8, y);
      if (value) {
        pen.fillStyle = p.faint;
        pen.fillText(value, this.left - 8, y + 13);
      }
    };
    if (this.hasGC) {
      name("GC", this.gcTop + GC_LANE / 2 + 0.5);
      this.drawCycles(strips);
    }
    if (this.strips && this.hasHeap) {
      const heap = this.sample(strips, "heap");
      const goal = this.sample(strips, "goal");
      const top = Math.max(heap.top, goal.top, 1);
      name("Heap", this.heapTop + 13, top > 1 ? "to " + bytes(top) : "");
      this.area(heap.values, top, this.heapTop, p.heapFill, p.heap);
      this.line(goal.values, top, this.heapTop, p.faint, [3, 3]);
    }
    if (this.strips) {
      const running = this.sample(strips, "running");
      const runnable = this.sample(strips, "runnable");
      const syscall = this.sample(strips, "syscall");
      const below = this.countsTop + COUNT;
      const top = Math.max(running.top, syscall.top, 1);
      const to = (text: string, most: number) => (this.left < 100 || !most ? text : `${text}, to ${count(most)}`);
      name(to("Runnable", runnable.top), this.countsTop + COUNT / 2 + 2);
      name(to("Running", Math.max(running.top, syscall.top)), below + COUNT / 2 + 2);
      this.area(runnable.values, runnable.top || 1, this.countsTop, p.runnable, null, COUNT);
      this.area(running.values, top, below, p.running, null, COUNT);
      this.line(syscall.values, top, below, p.syscall, [], COUNT);
    }
    if (this.dock) {
      const { top } = this.dockArea;
      pen.fillStyle = p.panel;
      pen.fillRect(0, top, this.width, 21);
      pen.fillStyle = p.line;
      pen.fillRect(0, top, this.width, 1);
      pen.fillRect(0, top + 21, this.width, 1);
      pen.textAlign = "left";
      pen.fillStyle = p.muted;
      pen.fillText(this.fitText("Followed", this.width - 60), 8, top + 11);
      pen.textAlign = "right";
      pen.fillText("\u00d7", this.width - 10, top + 11);
    }
  }

  // A series by pixels: the most of each; NaN where it is not known.
  private sample(strips: Piece<Strip>[], name: string): { values: Float32Array; top: number } {
    const n = Math.ceil(this.plot);
    const values = new Float32Array(n).fill(NaN);
    let top = 0;
    for (const piece of strips) {
      const s = piece.value.series.get(name);
      if (!s || !s.most.length) continue;
      const { start, step } = piece.value;
      const from = Math.max(0, Math.floor(this.x(piece.a) - this.left));
      const to = Math.min(n, Math.ceil(this.x(piece.b) - this.left));
      for (let x = from; x < to; x++) {
        const t = this.t0 + (x / n) * this.span;
        if (t > this.duration) break;
        let a = Math.floor((t - start) / step);
        const b = Math.max(a + 1, Math.floor((t + this.span / n - start) / step));
        let v = -1;
        for (a = Math.max(0, a); a < b; a++) v = Math.max(v, s.most[Math.min(a, s.most.length - 1)]);
        if (v < 0) continue;
        values[x] = v;
        if (v > top) top = v;
      }
    }
    return { values, top };
  }

  valueAt(name: string, t: number): number {
    const [piece] = this.globals.pieces(this.level, t, t + 1, 0);
    const s = piece?.value.series.get(name);
    if (!piece || !s || !s.most.length) return -1;
    return s.most[Math.min(s.most.length - 1, Math.max(0, Math.floor((t - piece.value.start) / piece.value.step)))];
  }

  private area(values: Float32Array, top: number, y: number, fill: string, line: string | null, height = SERIES) {
    const { pen } = this;
    const h = height - 6;
    const at = (v: number) => y + 4 + h - ((v || 0) / top) * h;
    pen.fillStyle = fill;
    pen.beginPath();
    for (let x = 0; x < values.length; x++) {
      if (Number.isNaN(values[x])) continue;
      const a = at(values[x]);
      const b = y + 4 + h;
      if (b - a > 0) pen.rect(this.left + x, a, 1, b - a);
    }
    pen.fill();
    if (line) this.line(values, top, y, line, [], height);
  }

  private line(values: Float32Array, top: number, y: number, color: string, dash: number[], height = SERIES) {
    const { pen } = this;
    const h = height - 6;
    pen.strokeStyle = color;
    pen.lineWidth = 1;
    pen.setLineDash(dash);
    pen.beginPath();
    let on = false;
    for (let x = 0; x < values.length; x++) {
      if (Number.isNaN(values[x])) {
        on = false;
        continue;
      }
      const v = y + 4 + h - (values[x] / top) * h;
      if (on) pen.lineTo(this.left + x, v);
      else pen.moveTo(this.left + x, v);
      on = true;
    }
    pen.stroke();
    pen.setLineDash([]);
  }

  private drawCycles(strips: Piece<Strip>[]) {
    const { pen, palette: p } = this;
    const y = this.gcTop + 2;
    const h = GC_LANE - 4;
    const css = (c: number) => `rgb(${c & 255} ${(c >> 8) & 255} ${(c >> 16) & 255})`;
    for (const which of ["gc", "stw"] as const) {
      pen.fillStyle = css(p.kinds[which === "gc" ? Kind.GC : Kind.STW]);
      for (const piece of strips) {
        const b = piece.value[which];
        const [pa, pb] = [Math.max(piece.a, this.t0), Math.min(piece.b, this.t0 + this.span)];
        for (let i = firstAfter(b, pa); i < b.n && b.start[i] < pb; i++) {
          const x0 = Math.max(this.left, this.x(Math.max(b.start[i], pa)));
          const x1 = this.x(Math.min(b.end[i], pb));
          // A stop of the world is a thin line, fainter the less of its pixel it has.
          const wide = x1 - x0;
          const busy = b.busy ? b.busy[i] / 255 : 1;
          pen.globalAlpha = which === "stw" ? Math.min(1, 0.3 + wide * busy) : 0.2 + 0.8 * busy;
          pen.fillRect(x0, y, Math.max(which === "stw" ? 1 : 0.6, wide), h);
        }
      }
      pen.globalAlpha = 1;
    }
  }
}
