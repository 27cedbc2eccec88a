// draw: a picture on canvases, the part of it that is in view.
//
// Boxes of a row are written as pixels of one line, all lines go to the canvas at once,
// stretched to the height of a row: a frame costs what the window is large, not what the
// tree is.  Names come after that.  Nothing is allocated for a frame but names that
// are cut to a new length.
import { alone } from "../format";
import { changeColor, css, DARK, faded, heatColor, LIGHT, moduleColor, type Theme } from "./colors";
import { beyond, CUT, type Layout, ROOT, startsAt } from "./layout";
import { ABOVE, boxIn, CALLEES, CALLERS, kindOf, NOWHERE, type Picture, type Spot } from "./picture";
import { Measure, shorter } from "./text";

export interface Look {
  flipped: boolean; // the root at the bottom
  color: "module" | "heat" | "change";
  calm: boolean; // changes in blue and orange
  shares: boolean; // changes of the shares of each side's total, not of values
  group: number; // the module that stands out; -1: none
}

const FONT = "12px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
const STEPS = 32; // of heat and of change to either side
const NO_LABEL = 14; // a box that is not as wide has none, in CSS pixels
const KEEP = 0.28; // of the colour of what does not stand out

export class Painter {
  private pen: CanvasRenderingContext2D;
  private overPen: CanvasRenderingContext2D;
  private strip = document.createElement("canvas");
  private stripPen: CanvasRenderingContext2D;
  private image: ImageData | null = null;
  private pixels = new Uint32Array(0);
  private measure: Measure;
  theme: Theme = LIGHT;
  ratio = 1;
  width = 0; // in dots, as all that follows
  height = 0;
  row = 18;
  pad = 0;
  scroll = 0;
  a = 0; // what is in view: from a, so much
  span = 1;
  picture: Picture | null = null;
  look: Look = { flipped: false, color: "module", calm: false, shares: false, group: -1 };

  private colors: Uint32Array[] = [];
  private styles = new Map<number, string>();
  private nameWidth = new Float32Array(0);
  private shortNames: (string[] | undefined)[] = [];
  private labels: string[][] = [];
  private rooms: Int16Array[] = [];
  // Boxes that may have a label: tree, box, row on the screen, from and to.
  private list = new Int32Array(5 * 1024);
  private listed = 0;

  constructor(
    private canvas: HTMLCanvasElement,
    private over: HTMLCanvasElement,
  ) {
    this.pen = canvas.getContext("2d", { alpha: false })!;
    this.overPen = over.getContext("2d")!;
    this.stripPen = this.strip.getContext("2d", { alpha: false })!;
    this.pen.font = FONT;
    this.measure = new Measure(this.pen);
  }

  setPicture(p: Picture) {
    this.picture = p;
    const n = p.source.frames.names.length;
    this.nameWidth = new Float32Array(n).fill(-1);
    this.shortNames = new Array(n);
    this.labels = p.layouts.map((l) => new Array(l.n));
    this.rooms = p.layouts.map((l) => new Int16Array(l.n).fill(-1));
    this.recolor();
  }

  // The size of the canvas in CSS pixels, and of a row.
  resize(width: number, height: number, ratio: number, row: number) {
    const w = Math.max(1, Math.round(width * ratio));
    const h = Math.max(1, Math.round(height * ratio));
    if (w === this.width && h === this.height && ratio === this.ratio && this.row === Math.round(row * ratio)) return;
    this.width = w;
    this.height = h;
    this.ratio = ratio;
    this.row = Math.round(row * ratio);
    for (const c of [this.canvas, this.over]) {
      c.width = w;
      c.height = h;
      c.style.width = `${width}px`;
      c.style.height = `${height}px`;
    }
    this.image = null;
  }

  setDark(dark: boolean) {
    this.theme = dark ? DARK : LIGHT;
    this.styles.clear();
    this.recolor();
  }

  // All boxes' colours, after a change of theme, look or search.
  recolor() {
    const p = this.picture;
    if (!p) return;
    this.colors = p.layouts.map((l, kind) => this.colorsOf(p, l, kind));
  }

  private colorsOf(p: Picture, l: Layout, kind: number): Uint32Array {
    const { theme, look } = this;
    const { frames, sides, values } = p.source;
    const out = new Uint32Array(l.n);
    const found = p.found[kind];
    const fades = !!found || look.group >= 0;
    const fade = (c: number) => faded(c, theme.ground, KEEP);
    const change = look.color === "change" && sides && l.tree.before && l.tree.after;
    let palette: number[];
    if (change) {
      palette = Array.from({ length: 2 * STEPS + 1 }, (_, k) => changeColor(theme, (k - STEPS) / STEPS, look.calm));
    } else if (look.color === "heat") {
      palette = Array.from({ length: STEPS + 1 }, (_, k) => heatColor(theme, k / STEPS));
    } else {
      palette = frames.groups.flatMap((g) => [0, 1, 2].map((s) => moduleColor(theme, g.hue, g.grey, s)));
    }
    const pale = fades ? palette.map(fade) : palette;
    const paleRoot = fades ? fade(theme.root) : theme.root;
    const paleCut = fades ? fade(theme.cut) : theme.cut;
    let most = 1;
    if (look.color === "heat")
      for (let i = 0; i < l.n; i++)
        if (l.frame[i] >= 0) most = Math.max(most, Math.abs(kind === CALLERS ? l.tree.value[l.source[i]] : l.tree.self[l.source[i]]));
    const beforeTotal = (look.shares && sides && sides.before.total) || values.total || 1;
    const afterTotal = (look.shares && sides && sides.after.total) || values.total || 1;
    for (let i = 0; i < l.n; i++) {
      const f = l.frame[i];
      const s = l.source[i];
      if (f === CUT) {
        out[i] = paleCut;
        continue;
      }
      const is = found ? found.before[i + 1] > found.before[i] : look.group < 0 || (f >= 0 && frames.modules[f] === look.group);
      if (found && is) {
        out[i] = theme.match;
        continue;
      }
      let c: number;
      if (change) {
        const x = l.tree.before![s] / beforeTotal;
        const y = l.tree.after![s] / afterTotal;
        const sum = Math.abs(x) + Math.abs(y);
        c = STEPS + Math.round(sum ? ((y - x) / sum) * STEPS : 0);
      } else if (f === ROOT) {
        out[i] = is ? theme.root : paleRoot;
        continue;
      } else if (look.color === "heat") {
        c = Math.round((Math.abs(kind === CALLERS ? l.tree.value[s] : l.tree.self[s]) / most) * STEPS);
      } else {
        c = frames.modules[f] * 3 + frames.shades[f];
      }
      out[i] = (is ? palette : pale)[Math.max(0, Math.min(palette.length - 1, c))];
    }
    return out;
  }

  style(color: number): string {
    let s = this.styles.get(color);
    if (!s) this.styles.set(color, (s = css(color)));
    return s;
  }

  // The swatch of a module, for legends.
  groupColor(group: number): string {
    const g = this.picture!.source.frames.groups[group];
    return this.style(moduleColor(this.theme, g.hue, g.grey, 1));
  }

  // All rows, in dots.
  content(): number {
    return this.picture ? this.picture.rows * this.row + 2 * this.pad : 0;
  }

  private top(): number {
    const free = this.look.flipped ? Math.max(0, this.height - this.content()) : 0;
    return this.pad + free - this.scroll;
  }

  // The upper edge of a row.
  y(row: number): number {
    const shown = this.look.flipped ? this.picture!.rows - 1 - row : row;
    return this.top() + shown * this.row;
  }

  // The row at y; may be outside of the picture.
  rowAt(y: number): number {
    const shown = Math.floor((y - this.top()) / this.row);
    return this.look.flipped ? this.picture!.rows - 1 - shown : shown;
  }

  x(share: number): number {
    return ((share - this.a) / this.span) * this.width;
  }

  draw() {
    const p = this.picture;
    const { pen, width, height, row, theme } = this;
    if (!p || !width) return;
    const ground = theme.ground;
    const most = Math.ceil(height / row) + 1;
    if (!this.image || this.image.width !== width || this.image.height !== most) {
      this.strip.width = width;
      this.strip.height = most;
      this.image = this.stripPen.createImageData(width, most);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    const top = this.top();
    const from = Math.max(0, Math.floor(-top / row));
    const to = Math.min(p.rows, Math.ceil((height - top) / row));
    const shown = Math.max(0, to - from);
    this.pixels.fill(ground, 0, shown * width);
    this.listed = 0;
    for (let v = 0; v < shown; v++) {
      const r = this.look.flipped ? p.rows - 1 - (from + v) : from + v;
      if (r < p.source.above.length) this.rowAbove(r, v);
      else if (r < p.base) this.rowOf(p.layouts[CALLERS], CALLERS, p.base - r, v);
      else this.rowOf(p.layouts[CALLEES], CALLEES, r - p.base, v);
    }
    const y0 = top + from * row;
    pen.fillStyle = this.style(ground);
    pen.fillRect(0, 0, width, height);
    if (!shown) return;
    this.stripPen.putImageData(this.image, 0, 0, 0, 0, width, shown);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(this.strip, 0, 0, width, shown, 0, y0, width, shown * row);

    // Rows are a dot apart; inlined calls hang together with their callers.
    const gap = Math.max(1, Math.round(this.ratio));
    const edge = this.look.flipped ? row - gap : 0;
    for (let v = 0; v < shown; v++) pen.fillRect(0, y0 + v * row + edge, width, gap);
    const callersEdge = this.look.flipped ? 0 : row - gap;
    const { list } = this;
    for (let k = 0; k < this.listed; k++) {
      const kind = list[5 * k];
      const box = list[5 * k + 1];
      if (kind === ABOVE || box === 0) continue;
      if (kind === CALLERS ? !p.layouts[kind].inlined[p.layouts[kind].parent[box]] || p.layouts[kind].parent[box] === 0 : !p.layouts[kind].inlined[box]) continue;
      // The line between a caller and its inlined callee: above a callee's row, below a caller's.
      const at = y0 + list[5 * k + 2] * row + (kind === CALLERS ? callersEdge + (this.look.flipped ? -gap : gap) : edge);
      pen.fillStyle = this.style(this.colors[kind][box]);
      pen.fillRect(list[5 * k + 3], at, list[5 * k + 4] - list[5 * k + 3], gap);
    }
    this.drawLabels(p, y0);
  }

  private rowAbove(row: number, v: number) {
    this.pixels.fill(faded(this.theme.root, this.theme.ground, 0.6), v * this.width, (v + 1) * this.width);
    this.add(ABOVE, row, v, 0, this.width);
  }

  private rowOf(l: Layout, kind: number, level: number, v: number) {
    const { pixels, width, a, span, ratio } = this;
    const { left, size } = l;
    const colors = this.colors[kind];
    const before = this.picture!.found[kind]?.before;
    const scale = width / span;
    const at = v * width;
    const end = l.levels[level + 1];
    const gap = Math.max(1, Math.round(ratio));
    const least = NO_LABEL * ratio;
    const thin = before || this.look.group >= 0 ? faded(this.theme.cut, this.theme.ground, KEEP) : this.theme.cut;
    let i = beyond(l, l.levels[level], end, a);
    while (i < end) {
      const x = (left[i] - a) * scale;
      if (x >= width) break;
      const w = size[i] * scale;
      if (w >= 1) {
        const from = Math.max(0, Math.round(x));
        let to = Math.min(width, Math.round(x + w));
        if (w > 3 * gap && x + w <= width) to -= gap;
        pixels.fill(colors[i], at + from, at + to);
        if (to - from >= least) this.add(kind, i, v, from, to);
        i++;
        continue;
      }
      // Boxes that begin in this dot, but for a last one that goes on.
      const dot = Math.max(0, Math.floor(x));
      let next = startsAt(l, i + 1, end, a + (dot + 1) / scale);
      if (next - 1 > i && size[next - 1] * scale >= 1) next--;
      if (dot < width) pixels[at + dot] = before && before[next] > before[i] ? this.theme.match : thin;
      i = next;
    }
  }

  private add(kind: number, box: number, v: number, from: number, to: number) {
    if (5 * (this.listed + 1) > this.list.length) {
      const more = new Int32Array(2 * this.list.length);
      more.set(this.list);
      this.list = more;
    }
    const at = 5 * this.listed++;
    this.list[at] = kind;
    this.list[at + 1] = box;
    this.list[at + 2] = v;
    this.list[at + 3] = from;
    this.list[at + 4] = to;
  }

  private drawLabels(p: Picture, y0: number) {
    const { pen, list, ratio, row, theme } = this;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.font = FONT;
    pen.textBaseline = "alphabetic";
    const ink = theme.ink;
    const pale = theme.dark ? "#969da6" : "#626972";
    const baseline = Math.round((row / ratio) / 2 + 4.5);
    const fades = this.look.group >= 0 || !!p.found[CALLEES];
    let style = "";
    for (let k = 0; k < this.listed; k++) {
      const kind = list[5 * k];
      const box = list[5 * k + 1];
      const from = list[5 * k + 3] / ratio;
      const room = Math.floor(list[5 * k + 4] / ratio - from - 7);
      const text = this.label(p, kind, box, room);
      if (!text) continue;
      let next = ink;
      if (kind === ABOVE) next = pale;
      else if (fades) {
        const l = p.layouts[kind];
        const found = p.found[kind];
        if (found && found.before[box + 1] > found.before[box]) next = theme.matchInk;
        else if (found || l.frame[box] < 0 || p.source.frames.modules[l.frame[box]] !== this.look.group) next = pale;
      }
      if (next !== style) pen.fillStyle = style = next;
      pen.fillText(text, from + 4, (y0 + list[5 * k + 2] * row) / ratio + baseline);
    }
    pen.setTransform(1, 0, 0, 1, 0, 0);
  }

  private label(p: Picture, kind: number, box: number, room: number): string {
    if (kind === ABOVE) return this.cut(p.source.above[box], room);
    const rooms = this.rooms[kind];
    const labels = this.labels[kind];
    if (rooms[box] === room) return labels[box];
    rooms[box] = Math.min(room, 32767);
    return (labels[box] = this.fitted(p, kind, box, room));
  }

  private cut(text: string, room: number): string {
    return this.measure.width(text) <= room ? text : this.measure.middle(text, room);
  }

  private fitted(p: Picture, kind: number, box: number, room: number): string {
    const l = p.layouts[kind];
    const f = l.frame[box];
    const { measure } = this;
    if (f === CUT) {
      const text = `${l.tree.cut[l.source[box]][1]} smaller`;
      return measure.width(text) <= room ? text : "";
    }
    if (f < 0) {
      const { pivot, side, sides, values } = p.source;
      const name = pivot ?? (side && sides ? sides[side].name : "all");
      const of = (t: readonly number[] | undefined) => alone((t ?? l.tree.value)[l.source[box]], values);
      const { before, after } = l.tree;
      const value = sides && !side && before && after ? `${of(before)} \u2192 ${of(after)}` : of(side ? l.tree[side] : undefined);
      const text = `${name}  \u00b7  ${value}`;
      return measure.width(text) <= room ? text : this.cut(name, room);
    }
    const { frames } = p.source;
    const line = frames.lines[f] ? `:${frames.lines[f]}` : "";
    let w = this.nameWidth[f];
    if (w < 0) w = this.nameWidth[f] = measure.width(frames.names[f] + line);
    const name = frames.names[f] + line;
    if (w <= room) return name;
    const names = (this.shortNames[f] ??= shorter(frames.names[f]).map((s) => s + line));
    for (const s of names) if (measure.width(s) <= room) return s;
    return measure.middle(names.length ? names[names.length - 1] : name, room);
  }

  // What the pointer and the keyboard are at, and other boxes of the pointer's function.
  drawOver(hover: Spot, focus: Spot) {
    const { overPen: pen, picture: p, theme } = this;
    pen.clearRect(0, 0, this.width, this.height);
    if (!p) return;
    const line = Math.max(1, Math.round(this.ratio));
    if (hover !== NOWHERE) {
      const f = p.frame(hover);
      if (f >= 0) {
        pen.fillStyle = theme.dark ? "rgb(255 255 255 / 0.22)" : "rgb(0 0 0 / 0.16)";
        for (let kind = 0; kind < p.layouts.length; kind++) {
          const { starts, list } = p.placesOf(kind);
          const l = p.layouts[kind];
          let lastX = -1;
          let lastY = -1;
          for (let k = starts[f], level = 0; k < starts[f + 1]; k++) {
            const box = list[k];
            while (l.levels[level + 1] <= box) level++;
            const y = this.y(kind === CALLERS ? p.base - level : p.base + level);
            if (y > this.height || y + this.row < 0) continue;
            const x = Math.max(0, Math.round(this.x(l.left[box])));
            const to = Math.min(this.width, Math.round(this.x(l.left[box] + l.size[box])));
            if (to < 0 || x >= this.width || (x === lastX && y === lastY)) continue;
            lastX = x;
            lastY = y;
            pen.fillRect(x, y, Math.max(1, to - x), this.row);
          }
        }
      }
      pen.strokeStyle = theme.ink;
      this.outline(p, hover, line);
    }
    if (focus !== NOWHERE) {
      pen.strokeStyle = theme.dark ? "#7db7ff" : "#0b62d6";
      this.outline(p, focus, 2 * line);
    }
  }

  private outline(p: Picture, s: Spot, line: number) {
    const pen = this.overPen;
    const y = this.y(p.rowOf(s));
    let x = 0;
    let to = this.width;
    if (kindOf(s) !== ABOVE) {
      const l = p.layouts[kindOf(s)];
      x = Math.max(0, Math.round(this.x(l.left[boxIn(s)])));
      to = Math.min(this.width, Math.round(this.x(l.left[boxIn(s)] + l.size[boxIn(s)])));
    }
    if (to < 0 || x > this.width) return;
    pen.lineWidth = line;
    pen.strokeRect(x + line / 2, y + line / 2, Math.max(line, to - x - line), this.row - line);
  }
}
