// where: what is at a place of the picture: the part of it, the track, the box, the mark.
import { Mark } from "../data";
import { RULER, type Painter } from "./draw";
import { BLOCK, boxOf, firstAfter, type Box, type MarkAt } from "./tiles";
import type { Source } from "./tracks";

export interface Spot {
  source: Source;
  track: number;
  lane: number;
  box: Box;
}

export function sameSpot(a: Spot | null, b: Spot | null): boolean {
  return a === b || (!!a && !!b && a.source === b.source && a.track === b.track && a.lane === b.lane && a.box.start === b.box.start);
}

export const DOCK_HEAD = 22; // CSS pixels

export type Zone = "plot" | "names" | "ruler" | "strips" | "dockhead" | "none";

export class Where {
  constructor(private painter: Painter) {}

  zone(x: number, y: number): Zone {
    const p = this.painter;
    if (x < 0 || y < 0 || x > p.width || y > p.height) return "none";
    if (y < RULER) return "ruler";
    if (y < p.head) return "strips";
    const dock = p.dockArea;
    if (dock.height && y >= dock.top && y < dock.top + DOCK_HEAD) return "dockhead";
    return x < p.left ? "names" : "plot";
  }

  trackAt(y: number): { source: Source; track: number; within: number } | null {
    const p = this.painter;
    const dock = p.dockArea;
    if (p.dock && y >= dock.top + DOCK_HEAD) {
      const within = y - dock.top - DOCK_HEAD + p.dockScroll;
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

  spotAt(x: number, y: number): Spot | null {
    if (this.zone(x, y) !== "plot") return null;
    const at = this.trackAt(y);
    if (!at) return null;
    const p = this.painter;
    const lane = at.source.laneAt(at.track, at.within);
    const box = this.boxAt(at.source, at.track, lane, p.time(x), (1.5 * p.span) / p.plot);
    return box && { source: at.source, track: at.track, lane, box };
  }

  markAt(x: number, y: number): MarkAt | null {
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
  cycleAt(t: number): { start: number; end: number } | null {
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
}
