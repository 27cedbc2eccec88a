// input: pointers, the wheel, and where a click leads; keys are in keys.ts.
import { LEAST_SPAN, type Timeline } from "./engine";
import { pressed } from "./keys";
import { DOCK_HEAD } from "./where";

const CLICK = 4; // pixels that a click may wander

export class Input {
  private pointers = new Map<number, { x: number; y: number; startX: number; startY: number }>();
  private drag: { kind: "pan" | "range" | "left" | "right"; t: number; t0: number; scroll: number; x: number; y: number; moved: boolean; dock: boolean } | null = null;
  private pinch: { span: number; distance: number; t: number } | null = null;
  private long = 0;
  private clicks = { at: 0, x: 0, y: 0 };
  private ends: (() => void)[] = [];

  constructor(private t: Timeline) {
    this.listen();
  }

  end() {
    clearTimeout(this.long);
    for (const fn of this.ends) fn();
  }

  get isHeld(): boolean {
    return !!this.drag || !!this.pinch;
  }

  get isPanning(): boolean {
    return !!this.drag?.moved && this.drag.kind === "pan";
  }

  private on<T extends Event>(target: EventTarget, name: string, fn: (e: T) => void, options?: AddEventListenerOptions) {
    target.addEventListener(name, fn as EventListener, options);
    this.ends.push(() => target.removeEventListener(name, fn as EventListener, options));
  }

  private at(e: { clientX: number; clientY: number }): { x: number; y: number } {
    const r = this.t.view.getBoundingClientRect();
    return { x: e.clientX - r.left, y: e.clientY - r.top };
  }

  private listen() {
    const { view } = this.t;
    const resized = new ResizeObserver(() => this.t.measure());
    resized.observe(view);
    this.ends.push(() => resized.disconnect());
    this.on(view, "scroll", () => this.t.redraw());
    this.on<WheelEvent>(view, "wheel", (e) => this.wheel(e), { passive: false });
    this.on<PointerEvent>(view, "pointerdown", (e) => this.down(e));
    this.on<PointerEvent>(view, "pointermove", (e) => this.move(e));
    this.on<PointerEvent>(view, "pointerup", (e) => this.up(e));
    this.on<PointerEvent>(view, "pointercancel", (e) => this.cancel(e));
    this.on<PointerEvent>(view, "pointerleave", () => {
      if (this.drag) return;
      this.t.pointer = { x: -1, y: -1 };
      this.t.tip.hide();
      this.t.setHover(null);
      this.t.refresh();
    });
    this.on<KeyboardEvent>(view, "keydown", (e) => pressed(this.t, e));
    this.on<MouseEvent>(view, "contextmenu", (e) => {
      const { x, y } = this.at(e);
      const spot = this.t.where.spotAt(x, y);
      if (!spot) return;
      e.preventDefault();
      this.t.select(spot);
    });
  }

  private wheel(e: WheelEvent) {
    const { x, y } = this.at(e);
    const p = this.t.painter;
    const unit = e.deltaMode === 1 ? 24 : e.deltaMode === 2 ? 400 : 1;
    const dx = e.deltaX * unit;
    const dy = e.deltaY * unit;
    const zone = this.t.where.zone(x, y);
    this.t.tip.hide();
    if (!e.ctrlKey && !e.metaKey && (zone === "names" || e.altKey)) {
      const dock = p.dockArea;
      if (p.dock && y > dock.top) {
        p.dockScroll = Math.min(Math.max(0, p.dockScroll + dy), Math.max(0, p.dock.height - dock.height + DOCK_HEAD));
        this.t.redraw();
        e.preventDefault();
      }
      return; // the browser scrolls
    }
    e.preventDefault();
    this.t.stopAnimation();
    if (e.shiftKey || Math.abs(dx) > Math.abs(dy)) {
      const by = Math.abs(dx) > Math.abs(dy) ? dx : dy;
      this.t.setView(p.t0 + (by / p.plot) * p.span, p.span);
    } else this.t.zoomBy(Math.exp(-dy * (e.ctrlKey ? 0.01 : 0.0022)), p.time(Math.max(p.left, x)));
  }

  private down(e: PointerEvent) {
    if (e.button !== 0) return;
    const { x, y } = this.at(e);
    const p = this.t.painter;
    const bar = this.t.view.offsetWidth - this.t.view.clientWidth;
    if (bar && x >= this.t.view.clientWidth) return; // the scroll bar
    this.t.view.focus({ preventScroll: true });
    this.t.stopAnimation();
    this.t.view.setPointerCapture(e.pointerId);
    this.pointers.set(e.pointerId, { x, y, startX: x, startY: y });
    if (this.pointers.size === 2) {
      clearTimeout(this.long);
      const [a, b] = [...this.pointers.values()];
      this.drag = null;
      this.pinch = { span: p.span, distance: Math.max(10, Math.abs(a.x - b.x)), t: p.time((a.x + b.x) / 2) };
      return;
    }
    const zone = this.t.where.zone(x, y);
    const ranging = (zone === "ruler" || e.shiftKey || this.t.mode === "range") && x >= p.left;
    let kind: "pan" | "range" | "left" | "right" = ranging ? "range" : "pan";
    // The ends of what is marked can be moved.
    if (this.t.range && x >= p.left) {
      if (Math.abs(x - p.x(this.t.range.start)) < 5) kind = "left";
      else if (Math.abs(x - p.x(this.t.range.end)) < 5) kind = "right";
    }
    this.drag = { kind, t: p.time(x), t0: p.t0, scroll: this.t.view.scrollTop, x, y, moved: false, dock: !!p.dock && y > p.dockArea.top };
    if (e.pointerType === "touch")
      this.long = window.setTimeout(() => {
        if (this.drag && !this.drag.moved && x >= p.left) {
          this.drag.kind = "range";
          navigator.vibrate?.(10);
          this.t.setRange({ start: p.time(x - 20), end: p.time(x + 20) });
        }
      }, 480);
  }

  private move(e: PointerEvent) {
    const { x, y } = this.at(e);
    const p = this.t.painter;
    this.t.pointer = { x, y };
    const held = this.pointers.get(e.pointerId);
    if (held) Object.assign(held, { x, y });
    if (this.pinch && this.pointers.size >= 2) {
      const [a, b] = [...this.pointers.values()];
      const span = Math.min(Math.max(LEAST_SPAN, (this.pinch.span * this.pinch.distance) / Math.max(10, Math.abs(a.x - b.x))), this.t.duration * 1.04);
      this.t.setView(this.pinch.t - (((a.x + b.x) / 2 - p.left) / p.plot) * span, span);
      return;
    }
    const d = this.drag;
    if (!d || !held) {
      this.t.setHover(this.t.where.spotAt(x, y), this.t.where.markAt(x, y));
      this.t.tip.show(e, x, y);
      const near = this.t.range && x >= p.left && (Math.abs(x - p.x(this.t.range.start)) < 5 || Math.abs(x - p.x(this.t.range.end)) < 5);
      const zone = this.t.where.zone(x, y);
      this.t.view.style.cursor = near ? "ew-resize" : zone === "ruler" || (this.t.mode === "range" && zone === "plot") ? "text" : this.t.hover || zone === "names" ? "pointer" : "";
      this.t.refresh();
      return;
    }
    if (!d.moved && Math.hypot(x - d.x, y - d.y) < CLICK) return;
    d.moved = true;
    this.t.tip.hide();
    if (d.kind !== "range" || !this.t.range) clearTimeout(this.long);
    if (d.kind === "pan") {
      this.t.view.style.cursor = "grabbing";
      this.t.setView(d.t0 - ((x - d.x) / p.plot) * p.span, p.span);
      if (d.dock && p.dock) p.dockScroll = Math.min(Math.max(0, p.dockScroll - e.movementY), Math.max(0, p.dock.height - p.dockArea.height + DOCK_HEAD));
      else if (d.y > p.head) this.t.view.scrollTop = d.scroll - (y - d.y);
    } else {
      const t = p.time(Math.max(p.left, Math.min(p.width, x)));
      if (d.kind === "left") this.t.setRange({ start: Math.min(t, this.t.range!.end), end: this.t.range!.end });
      else if (d.kind === "right") this.t.setRange({ start: this.t.range!.start, end: Math.max(t, this.t.range!.start) });
      else this.t.setRange({ start: Math.min(d.t, t), end: Math.max(d.t, t) });
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
    this.t.view.style.cursor = "";
    this.t.refresh();
    if (!d) return;
    if (d.moved || (d.kind === "range" && this.t.range && e.pointerType === "touch")) {
      if (d.kind !== "pan") this.t.hooks.range(this.t.range);
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
    const p = this.t.painter;
    const now = e.timeStamp;
    const twice = now - this.clicks.at < 350 && Math.hypot(x - this.clicks.x, y - this.clicks.y) < 6;
    this.clicks = { at: twice ? 0 : now, x, y };
    const zone = this.t.where.zone(x, y);
    if (zone === "names") {
      const at = this.t.where.trackAt(y);
      if (at) this.t.fold(at.source, at.track);
      return;
    }
    if (zone === "dockhead") {
      if (x > p.width - 30) this.t.hooks.follow(-1);
      return;
    }
    if (zone === "ruler" || zone === "strips") {
      const cycle = y >= p.gcTop && y < p.heapTop && x >= p.left ? this.t.where.cycleAt(p.time(x)) : null;
      if (cycle) {
        this.t.setRange(cycle);
        this.t.hooks.range(this.t.range);
      } else if (twice) this.t.zoomBy(4, p.time(x), true);
      else if (zone === "ruler" && this.t.range) {
        this.t.setRange(null);
        this.t.hooks.range(null);
      }
      return;
    }
    const spot = this.t.where.spotAt(x, y);
    if (twice) {
      if (spot && spot.box.count === 1) this.t.zoomTo(spot.box.start, spot.box.end);
      else this.t.zoomBy(4, p.time(x), true);
      return;
    }
    if (spot && spot.box.count > 1) {
      // Closer, until one of them can be told from the others.
      this.t.zoomBy(Math.max(4, Math.min(64, spot.box.count)), p.time(x), true);
      return;
    }
    this.t.select(spot);
  }
}
