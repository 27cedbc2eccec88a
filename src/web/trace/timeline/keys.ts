// keys: the timeline by keyboard: from box to box, from track to track, closer and farther.
import type { Timeline } from "./engine";
import { BLOCK, boxOf, firstAfter } from "./tiles";

function step(t: Timeline, direction: number) {
  const p = t.painter;
  const s = t.selected;
  if (!s) {
    t.setView(p.t0 + direction * p.span * 0.15, p.span);
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
    t.select(spot);
    const x = p.x(spot.box.start);
    if (x < p.left + 30 || x > p.width - 60) t.animateTo(spot.box.start - p.span * (direction > 0 ? 0.25 : 0.75), p.span);
    return;
  }
  t.setView(p.t0 + direction * p.span * 0.3, p.span);
}

function walk(t: Timeline, direction: number) {
  const p = t.painter;
  const s = t.selected;
  if (!p.main) return;
  const source = s?.source ?? p.main;
  const time = s ? (Math.max(s.box.start, p.t0) + Math.min(s.box.end, p.t0 + p.span)) / 2 : p.t0 + p.span / 2;
  let track = s ? s.track : p.main.at(p.scroll) - 1;
  let lane = s ? s.lane : 0;
  for (let tries = 0; tries < 4000; tries++) {
    lane += direction;
    if (lane < 0 || track < 0 || lane >= source.lanesShown(track)) {
      track += direction;
      if (track < 0 || track >= source.n) return;
      lane = direction > 0 ? 0 : source.lanesShown(track) - 1;
    }
    const box = t.where.boxAt(source, track, lane, time, (30 * p.span) / p.plot);
    if (!box || source.isHidden(track)) continue;
    t.scrollTo(track, source);
    t.select({ source, track, lane, box });
    return;
  }
}

export function pressed(t: Timeline, e: KeyboardEvent) {
  if (e.ctrlKey || e.metaKey || e.altKey) return;
  const p = t.painter;
  const at = t.pointer.x >= p.left ? p.time(t.pointer.x) : undefined;
  switch (e.key) {
    case "w":
    case "+":
    case "=":
      t.zoomBy(2, at, true);
      break;
    case "s":
    case "-":
      t.zoomBy(0.5, at, true);
      break;
    case "a":
      t.animateTo(p.t0 - p.span * 0.3, p.span);
      break;
    case "d":
      t.animateTo(p.t0 + p.span * 0.3, p.span);
      break;
    case "W":
      t.zoomBy(8, at, true);
      break;
    case "S":
      t.zoomBy(1 / 8, at, true);
      break;
    case "ArrowLeft":
      step(t, -1);
      break;
    case "ArrowRight":
      step(t, 1);
      break;
    case "ArrowUp":
      walk(t, -1);
      break;
    case "ArrowDown":
      walk(t, 1);
      break;
    case "PageDown":
    case "PageUp":
      t.view.scrollTop += (e.key === "PageUp" ? -0.85 : 0.85) * p.mainArea.height;
      break;
    case "0":
    case "Home":
      t.whole();
      break;
    case "f":
    case "z":
      if (t.selected) t.zoomTo(t.selected.box.start, t.selected.box.end);
      else if (t.range) t.zoomTo(t.range.start, t.range.end, 0);
      break;
    case "m":
      if (t.selected) {
        t.setRange({ start: t.selected.box.start, end: t.selected.box.end });
        t.hooks.range(t.range);
      }
      break;
    case "v":
      t.scrollToLive();
      break;
    case "Enter":
      if (t.selected) t.hooks.select(t.selected);
      break;
    case "Escape":
      if (t.range) {
        t.setRange(null);
        t.hooks.range(null);
      } else if (t.selected) t.select(null);
      else if (p.follow >= 0) t.hooks.follow(-1);
      else return;
      break;
    default:
      return;
  }
  t.tip.hide();
  e.preventDefault();
}
