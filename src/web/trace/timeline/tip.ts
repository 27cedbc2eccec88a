// tip: the panel at the pointer.
import { element } from "../../element";
import { bytes, count, exact, long } from "../units";
import type { Timeline } from "./engine";
import { KIND_NAMES } from "./palette";
import { firstAfter } from "./tiles";

export class Tip {
  readonly panel = element("div", "tl-tip");

  constructor(private t: Timeline) {
    this.panel.setAttribute("aria-hidden", "true");
    this.panel.hidden = true;
  }

  hide() {
    this.panel.hidden = true;
  }

  private fill(x: number, y: number): boolean {
    const p = this.t.painter;
    const zone = this.t.where.zone(x, y);
    const facts: [string, string][] = [];
    let title = "";
    let sub = "";
    const t = p.time(x);
    if (zone === "strips" && x >= p.left) {
      if (t < 0 || t > this.t.duration) return false;
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
        if (i < b.n && b.start[i] <= t + p.span / p.plot) facts.push([text, `${this.t.names.list[b.name[i]]} ${long(b.end[i] - b.start[i])}`.trim()]);
      }
    } else if (zone === "names") {
      const at = this.t.where.trackAt(y);
      if (!at) return false;
      title = at.source.names[at.track];
      const kind = at.source.kind(at.track);
      if (kind === "goroutine" || kind === "task") facts.push(["From", exact(at.source.first[at.track])], ["For", long(at.source.last[at.track] - at.source.first[at.track])]);
      sub = "Click: fold or unfold";
    } else if (this.t.hoverMark) {
      const m = this.t.hoverMark;
      title = this.t.names.list[m.name];
      sub = ["log message", "CPU sample", "wakes", "creates", "event"][m.kind];
      facts.push(["At", exact(m.at)]);
      if (m.g >= 0) facts.push(["Goroutine", `${p.goroutineWord}${m.g}`]);
      if (m.count > 1) facts.push(["And", `${count(m.count - 1)} more here`]);
    } else if (this.t.hover) {
      const { box, source, track } = this.t.hover;
      const name = this.t.names.list[box.name];
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
    if (this.t.hover && !this.t.hoverMark && zone === "plot") {
      const swatch = element("i", "");
      const { box, source, track } = this.t.hover;
      const c = p.colorOf(box.kind, box.name, source.kind(track) === "goroutine");
      swatch.style.background = `rgb(${c & 255} ${(c >> 8) & 255} ${(c >> 16) & 255})`;
      parts[0].insertBefore(swatch, parts[0].firstChild);
    }
    this.panel.replaceChildren(...parts, list);
    return true;
  }

  show(e: PointerEvent, x: number, y: number) {
    if (e.pointerType === "touch" || !this.fill(x, y)) {
      this.panel.hidden = true;
      return;
    }
    this.panel.hidden = false;
    const { offsetWidth: w, offsetHeight: h } = this.panel;
    let left = e.clientX + 14;
    if (left + w > innerWidth - 8) left = e.clientX - w - 14;
    let top = e.clientY + 18;
    if (top + h > innerHeight - 8) top = e.clientY - h - 14;
    this.panel.style.left = Math.max(8, left) + "px";
    this.panel.style.top = Math.max(8, top) + "px";
  }
}
