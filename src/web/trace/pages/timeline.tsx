// timeline: the page around the timeline: tools, the whole trace in small, details beside it,
// and the address, which has all of what is shown.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { ask, useAsked, type Params } from "../ask";
import type { Box, Goroutines, Overview, Range, Step, Tracks } from "../data";
import { useNarrow } from "../../parts/rows";
import { MenuButton, type Item } from "../../parts/menu";
import { onTheme } from "../../theme";
import type { PageProps } from "../page";
import { Link, MinimapCanvas } from "../parts";
import { address, changed, here as hereNow } from "../place";
import { Timeline } from "../timeline/engine";
import { rank } from "../timeline/palette";
import { boxTiles } from "../timeline/tiles";
import { Source } from "../timeline/tracks";
import type { Spot } from "../timeline/where";
import { count, long, moment } from "../units";
import { Details, RangeDetails } from "./details";

const ADDRESS_MS = 300; // of rest, until the address has the new view
const VIEWS: [string, string][] = [
  ["proc", "Processors"],
  ["thread", "Threads"],
  ["goroutine", "Goroutines"],
  ["task", "Tasks"],
];
const NATIVE_VIEWS: [string, string][] = [
  ["goroutine", "Threads"],
  ["proc", "Processors"],
  ["task", "Tasks"],
];
// What chooses the tracks.
const OF_LIST = ["view", "goid", "name", "task", "taskid", "focustask", "related"];

function listOf(params: URLSearchParams, native: boolean): Record<string, string | number | null> {
  const out: Record<string, string | number | null> = {};
  for (const name of OF_LIST) if (params.get(name)) out[name] = params.get(name);
  if (!out.view) out.view = native || out.goid || out.name || out.taskid || out.task ? "goroutine" : "proc";
  return out;
}

// "goroutine.12.0" of the address: kind, id and lane of the track.
function boxPlace(text: string | null): { kind: string; id: number; lane: number } | null {
  const m = /^(\w+)\.(-?\d+)\.(\d+)$/.exec(text ?? "");
  return m && { kind: m[1], id: Number(m[2]), lane: Number(m[3]) };
}

// The window in the whole trace: dragged, or drawn anew beside it.
function Window({ map, duration, engine, t0, span }: { map: Overview["minimap"]; duration: number; engine: Timeline | null; t0: number; span: number }) {
  const box = useRef<HTMLDivElement>(null);
  const drag = useRef<{ kind: "move" | "new" | "left" | "right"; from: number; t0: number; span: number } | null>(null);
  const time = (e: PointerEvent) => {
    const r = box.current!.getBoundingClientRect();
    return ((e.clientX - r.left) / r.width) * duration;
  };
  const left = Math.max(0, (t0 / duration) * 100);
  const right = Math.min(100, ((t0 + span) / duration) * 100);
  return (
    <div
      ref={box}
      class="window-map"
      onPointerDown={(e) => {
        if (e.button || !engine) return;
        const t = time(e);
        const r = box.current!.getBoundingClientRect();
        const near = (7 / r.width) * duration;
        const { t0: a, span: s } = engine.painter;
        const wide = s > near * 3 && s < duration * 0.99;
        const kind = wide && Math.abs(t - a) < near ? "left" : wide && Math.abs(t - a - s) < near ? "right" : t > a && t < a + s && s < duration * 0.99 ? "move" : e.shiftKey || s >= duration * 0.99 ? "new" : "move";
        if (kind === "move" && (t < a || t > a + s)) engine.setView(t - s / 2, s);
        drag.current = { kind, from: t, t0: engine.painter.t0, span: engine.painter.span };
        box.current!.setPointerCapture(e.pointerId);
      }}
      onPointerMove={(e) => {
        const d = drag.current;
        if (!d || !engine) return;
        const t = time(e);
        if (d.kind === "move") engine.setView(d.t0 + t - d.from, d.span);
        else if (d.kind === "left") engine.setView(Math.min(t, d.t0 + d.span - 20), Math.max(20, d.t0 + d.span - t));
        else if (d.kind === "right") engine.setView(d.t0, Math.max(20, t - d.t0));
        else if (Math.abs(t - d.from) > duration / 300) engine.setView(Math.min(t, d.from), Math.abs(t - d.from));
      }}
      onPointerUp={(e) => {
        const d = drag.current;
        drag.current = null;
        if (d?.kind === "new" && engine && Math.abs(time(e) - d.from) <= duration / 300) engine.animateTo(time(e) - duration / 20, duration / 10);
      }}
      onDblClick={() => engine?.whole()}
    >
      <MinimapCanvas map={map} />
      <span class="window-shade" style={{ left: 0, width: left + "%" }} />
      <span class="window-shade" style={{ left: right + "%", right: 0 }} />
      <span class="window-frame" style={{ left: left + "%", width: Math.max(0, right - left) + "%" }} />
    </div>
  );
}

export function TimelinePage({ meta, here, search, go, say }: PageProps) {
  const host = useRef<HTMLDivElement>(null);
  const engine = useRef<Timeline | null>(null);
  const [view, setView] = useState({ t0: 0, span: meta.duration });
  const [selected, setSelected] = useState<Spot | null>(null);
  const [range, setRange] = useState<{ start: number; end: number } | null>(null);
  const [failed, setFailed] = useState("");
  const [lost, setLost] = useState(0); // tracks left out
  const [small, setSmall] = useState(false);
  const [arrows, setArrows] = useState(true);
  const [all, setAll] = useState(false); // tracks of goroutines that have nothing here, too
  const [mode, setMode] = useState<"pan" | "range">("pan");
  const [empty, setEmpty] = useState(false);
  const timer = useRef(0);
  const mine = useRef(""); // the address that was made here last
  const narrow = useNarrow(760);
  const overview = useAsked<Overview>("overview", { buckets: 1000 }).answer;
  const map = overview?.minimap;

  const groups = useAsked<Goroutines>("goroutines", {}).answer;
  useEffect(() => {
    if (!groups) return;
    rank([...groups.groups].sort((a, b) => b.times.running - a.times.running).map((g) => g.name));
    engine.current?.painter.recolor();
    engine.current?.redraw();
  }, [groups]);

  const list = listOf(here.params, meta.native);
  const listKey = JSON.stringify(list);
  const follow = here.params.has("follow") ? Number(here.params.get("follow")) : -1;
  const isLong = list.view === "goroutine" || list.view === "task";
  const liveOnly = isLong && !all;
  const color = here.params.get("color") === "state" ? "state" : "function";

  // The address follows what is seen, a moment later, without steps in the history.
  function remember(changes: Params, replace = true) {
    const to = changed(hereNow(), changes);
    mine.current = to;
    go(to, replace);
  }
  const latest = useRef({ remember, list });
  latest.current = { remember, list };

  useEffect(() => {
    const t = new Timeline(host.current!, meta.duration, {
      moved(t0, span) {
        setView({ t0, span });
        clearTimeout(timer.current);
        timer.current = window.setTimeout(() => {
          const whole = span >= meta.duration;
          latest.current.remember({ start: whole ? null : Math.round(t0), end: whole ? null : Math.round(t0 + span) });
        }, ADDRESS_MS);
      },
      select(spot) {
        setSelected(spot);
        if (spot) setRangeBoth(null);
        const at = spot && { box: `${spot.source.kind(spot.track)}.${spot.source.id[spot.track]}.${spot.lane}`, at: Math.round(spot.box.start) };
        latest.current.remember(at ?? { box: null, at: null });
      },
      range(r) {
        setRange(r);
        if (r) {
          setSelected(null);
          t.selected = t.details = null;
          t.redraw();
        }
        latest.current.remember({ range: r ? `${Math.round(r.start)}-${Math.round(r.end)}` : null, ...(r ? { box: null, at: null } : {}) });
      },
      follow: (g) => latest.current.remember({ follow: g >= 0 ? g : null }, false),
      said: say,
      failed: setFailed,
    });
    const p = t.painter;
    p.goroutineWord = meta.native ? "T" : "G";
    p.hasGC = p.hasHeap = !meta.native;
    engine.current = t;
    (window as any).timeline = t;
    t.measure();
    const off = onTheme(() => t.measure());
    return () => {
      off();
      clearTimeout(timer.current);
      t.end();
      engine.current = null;
    };
  }, []);

  // Strips that this trace has nothing for are left out.
  useEffect(() => {
    const t = engine.current;
    if (!t || !overview) return;
    t.painter.hasGC = meta.cycles > 0 || overview.gc.pauses > 0;
    t.painter.hasHeap = overview.heap.most > 0;
    t.measure();
  }, [overview]);

  function setRangeBoth(r: { start: number; end: number } | null) {
    engine.current?.setRange(r);
    setRange(r);
  }

  // What the address says, unless it was made from what is seen.
  useEffect(() => {
    const t = engine.current;
    if (!t) return;
    const now = changed(here, {});
    if (now === mine.current) return;
    mine.current = now;
    const { params } = here;
    const [a, b] = [Number(params.get("start")), Number(params.get("end"))];
    if (params.has("start") && params.has("end") && b > a) {
      if (Math.abs(t.painter.t0 - a) > 1 || Math.abs(t.painter.span - (b - a)) > 2) t.setView(a, b - a);
    } else t.setView(-meta.duration * 0.02, meta.duration * 1.04);
    const m = /^(\d+)-(\d+)$/.exec(params.get("range") ?? "");
    setRangeBoth(m ? { start: Number(m[1]), end: Number(m[2]) } : null);
    clearTimeout(timer.current);
  }, [here]);

  // The tracks.
  const [loaded, setLoaded] = useState("");
  useEffect(() => {
    const t = engine.current!;
    const abort = new AbortController();
    setFailed("");
    ask<Tracks>("tracks", list, abort.signal).then(
      (answer) => {
        const source = new Source(answer, boxTiles(list, t.names, meta.duration, () => t.redraw()), t.painter.goroutineWord);
        setLost(answer.more);
        setEmpty(source.n === 0);
        t.setLiveOnly(liveOnly);
        t.setMain(source, list);
        t.setSmall(small);
        setLoaded(listKey);
      },
      (e: Error) => e.name !== "AbortError" && setFailed(e.message),
    );
    return () => abort.abort();
  }, [listKey]);

  // Who is followed has its own tracks at the foot.
  const [docked, setDocked] = useState(-1);
  useEffect(() => {
    const t = engine.current!;
    t.setFollow(follow);
    setDocked(-1);
    if (follow < 0) {
      t.setDock(null);
      return;
    }
    const abort = new AbortController();
    const own = { view: "goroutine", goid: follow };
    ask<Tracks>("tracks", own, abort.signal).then(
      (answer) => {
        t.setDock(answer.id.length ? new Source(answer, boxTiles(own, t.names, meta.duration, () => t.redraw()), t.painter.goroutineWord) : null);
        setDocked(follow);
      },
      (e: Error) => e.name !== "AbortError" && say(e.message),
    );
    return () => abort.abort();
  }, [follow]);

  // The box that the address names, once its track is there.
  const wanted = here.params.get("box");
  const wantedAt = Number(here.params.get("at"));
  useEffect(() => {
    const t = engine.current!;
    const at = boxPlace(wanted);
    if (!at) {
      if (t.selected) {
        t.select(null, false);
        setSelected(null);
      }
      return;
    }
    const { main, dock } = t.painter;
    if (!main || loaded !== listKey) return;
    if (t.selected && t.selected.source.id[t.selected.track] === at.id && Math.round(t.selected.box.start) === wantedAt) return;
    const source = [main, dock].find((s) => s && s.trackOf(at.kind, at.id) >= 0);
    // It is not among the tracks: its own is at the foot, if it is followed.
    if (!source && at.kind === "goroutine" && follow !== at.id) remember({ follow: at.id });
    if (!source) return;
    const track = source.trackOf(at.kind, at.id);
    const abort = new AbortController();
    ask<Box>("box", { ...(source === main ? list : { view: "goroutine", goid: follow }), track, lane: at.lane, at: wantedAt }, abort.signal).then(
      (b) => {
        t.scrollTo(track, source);
        const spot: Spot = { source, track, lane: at.lane, box: { start: b.start, end: b.start + b.length, kind: b.kind, name: t.names.of(b.name), g: b.g, count: 1, busy: 255 } };
        t.select(spot, false);
        setSelected(spot);
      },
      () => {},
    );
    return () => abort.abort();
  }, [wanted, wantedAt, loaded, docked]);

  // Its details.
  const isDock = !!selected && selected.source === engine.current?.painter.dock;
  const details = useAsked<Box>(
    "box",
    selected ? { ...(isDock ? { view: "goroutine", goid: follow } : list), track: selected.track, lane: selected.lane, at: Math.round(selected.box.start + Math.min(1, (selected.box.end - selected.box.start) / 2)) } : null,
  );
  useEffect(() => {
    const t = engine.current;
    if (!t) return;
    t.details = details.waiting ? null : details.answer;
    t.redraw();
  }, [details.answer, details.waiting]);
  const summary = useAsked<Range>("range", range ? { start: Math.round(range.start), end: Math.round(range.end) } : null);

  useEffect(() => engine.current?.setSearch(search), [search]);
  useLayoutEffect(() => {
    const t = engine.current;
    if (!t) return;
    t.painter.colorBy = color;
    t.mode = mode;
    t.showArrows = arrows;
    t.setSmall(small);
    t.setLiveOnly(liveOnly);
    t.redraw();
  }, [color, mode, arrows, small, liveOnly]);
  useEffect(() => engine.current?.measure(), [!!selected, !!range, !!map]);

  const way = {
    follow: (g: number) => remember({ follow: g >= 0 ? g : null }, false),
    step(s: Step) {
      const t = engine.current!;
      const { main, dock } = t.painter;
      const lane = 0;
      if (isDock && dock) t.show(dock, selected!.track, lane, s.start, s.length, s.kind, s.name, s.g);
      else if (s.track >= 0 && main) t.show(main, s.track, lane, s.start, s.length, s.kind, s.name, s.g);
      else way.wake(s.g, s.start, -1);
    },
    wake(g: number, at: number, track: number) {
      const t = engine.current!;
      const { main } = t.painter;
      if (track < 0 && main) track = main.trackOf("goroutine", g);
      if (main && track >= 0) {
        // What it did then, as this view has it.
        ask<Box>("box", { ...list, track, lane: 0, at }).then(
          (b) => t.show(main, track, 0, b.start, b.length, b.kind, b.name, b.g),
          () => t.animateTo(at - t.painter.span / 2, t.painter.span),
        );
        return;
      }
      // It stood on no track of this view: on its own.
      const { t0, span } = t.painter;
      const inView = at > t0 && at < t0 + span;
      remember({ follow: g, box: `goroutine.${g}.0`, at: Math.round(at), ...(inView ? {} : { start: Math.round(at - span / 2), end: Math.round(at + span / 2) }) }, false);
      mine.current = "";
    },
    zoom: (a: number, b: number) => {
      remember({}, false); // back leads here
      engine.current!.zoomTo(a, b, range ? 0 : 0.2);
    },
    mark: (a: number, b: number) => {
      setRangeBoth({ start: a, end: b });
      setSelected(null);
      engine.current!.selected = null;
      remember({ range: `${Math.round(a)}-${Math.round(b)}`, box: null, at: null });
    },
    say,
  };

  // Keys of the details: to what the goroutine did before and after.
  const onKey = useRef<(e: KeyboardEvent) => void>(() => {});
  onKey.current = (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented || (e.target as Element).closest("input, textarea, select, dialog, .menu")) return;
    const b = details.answer;
    if (e.key === "[" && b?.previous) way.step(b.previous);
    else if (e.key === "]" && b?.next) way.step(b.next);
    else if (e.key === "F" && b && b.g >= 0) way.follow(follow === b.g ? -1 : b.g);
    else return;
    e.preventDefault();
  };
  useEffect(() => {
    const pressed = (e: KeyboardEvent) => onKey.current(e);
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);

  // Goroutines of a native program are its threads, and say more.
  const views = (meta.native ? NATIVE_VIEWS : VIEWS).filter(([v]) => (v !== "thread" || meta.threads > 0) && (v !== "task" || meta.tasks > 0));
  const isPart = list.goid || list.name || list.task || list.taskid || list.focustask;
  const part = list.goid ? `${meta.native ? "T" : "G"}${list.goid}` : list.name ? String(list.name) : list.task || list.taskid || list.focustask ? `task ${list.task ?? list.taskid ?? list.focustask}` : "";
  const items: Item[] = useMemo(
    () => [
      { kind: "heading", label: "Tracks" },
      ...views.map(([v, title]) => ({ label: title, checked: list.view === v && !isPart, run: () => go(changed(hereNow(), { ...Object.fromEntries(OF_LIST.map((n) => [n, null])), view: v, box: null, at: null })) })),
    ],
    [listKey],
  );
  const options: Item[] = [
    { kind: "heading", label: "Colour of what runs" },
    { label: "By start function", checked: color === "function", run: () => remember({ color: null }) },
    { label: "By state", checked: color === "state", run: () => remember({ color: "state" }) },
    { kind: "heading", label: "Show" },
    { label: arrows ? "No arrows" : "Arrows: who woke whom", run: () => setArrows(!arrows) },
    { label: engine.current?.painter.strips === false ? "Heap and counts" : "No heap and counts", run: () => { const p = engine.current!.painter; p.strips = !p.strips; engine.current!.measure(); setSmall((s) => s); } },
    { label: "Chrome's JSON of this part", href: address("jsontrace", { view: list.view, start: Math.max(0, Math.round(view.t0)), end: Math.round(view.t0 + view.span) }), download: "trace.json" },
  ];
  const open = selected || range;
  return (
    <div class={open ? "timeline-page with-details" : "timeline-page"}>
      <h1 class="unseen">Timeline</h1>
      <div class="timeline-tools">
        {!narrow && (
          <div class="flame-choice" role="group" aria-label="Tracks">
            {views.map(([v, title]) => (
              <button type="button" aria-pressed={list.view === v && !isPart} onClick={() => items.find((i) => i.label === title)?.run?.()}>
                {title}
              </button>
            ))}
          </div>
        )}
        {narrow && <MenuButton label="Tracks" value={views.find(([v]) => v === list.view)?.[1] ?? "Tracks"} items={items} />}
        {isPart && (
          <span class="chip">
            <span class="chip-text">
              <span class="chip-label">Only</span>
              {part}
            </span>
            <button type="button" class="chip-remove" aria-label="All of them" onClick={() => go(changed(hereNow(), Object.fromEntries(OF_LIST.filter((n) => n !== "view").map((n) => [n, null]))))}>
              {"\u00d7"}
            </button>
          </span>
        )}
        {follow >= 0 && (
          <span class="chip">
            <span class="chip-text">
              <span class="chip-label">Following</span>
              <Link to={address("goroutine", { goid: follow })}>
                {meta.native ? "T" : "G"}
                {follow}
              </Link>
            </span>
            <button type="button" class="chip-remove" aria-label="Follow no more" onClick={() => way.follow(-1)}>
              {"\u00d7"}
            </button>
          </span>
        )}
        <span class="tool-space" />
        <span class="shown-part muted" aria-live="off">
          {moment(Math.max(0, view.t0), view.span / 100)} <b>+ {long(view.span)}</b>
        </span>
        <div class="flame-choice" role="group" aria-label="What a drag does">
          <button type="button" aria-pressed={mode === "pan"} title="A drag moves" onClick={() => setMode("pan")}>
            Move
          </button>
          <button type="button" aria-pressed={mode === "range"} title="A drag marks a range (or Shift and drag, or in the ruler)" onClick={() => setMode("range")}>
            Mark
          </button>
        </div>
        <div class="flame-choice" role="group" aria-label="Zoom">
          <button type="button" title="Closer (w)" aria-label="Closer" onClick={() => engine.current?.zoomBy(2, undefined, true)}>
            +
          </button>
          <button type="button" title="Farther (s)" aria-label="Farther" onClick={() => engine.current?.zoomBy(0.5, undefined, true)}>
            {"\u2212"}
          </button>
          <button type="button" title="All of it (0)" onClick={() => engine.current?.whole()}>
            All
          </button>
        </div>
        {isLong && (
          <button type="button" class="button small" aria-pressed={!all} title="Only tracks that have something in this part of time" onClick={() => setAll(!all)}>
            Only here
          </button>
        )}
        <button type="button" class="button small" aria-pressed={small} title="Small tracks: more of them" onClick={() => setSmall(!small)}>
          Small
        </button>
        <MenuButton label="Options" icon="options" class="quiet" atEnd items={options} />
      </div>
      {map && (
        <div class="window-box">
          <Window map={map} duration={meta.duration} engine={engine.current} t0={view.t0} span={view.span} />
        </div>
      )}
      {failed && (
        <div class="failure" role="alert">
          <span>{failed}</span>
          <button
            type="button"
            class="button small"
            onClick={() => {
              setFailed("");
              engine.current?.painter.main?.tiles.retry();
              engine.current?.painter.globals.retry();
            }}
          >
            Retry
          </button>
        </div>
      )}
      <div class="timeline-body">
        <div class="timeline-left">
          <div ref={host} class="tl" />
          {empty && <p class="tl-empty muted">There is no such track in this trace.</p>}
          {lost > 0 && <p class="tl-more muted">{count(lost)} more tracks: choose some of them by their start function, on the page Goroutines.</p>}
        </div>
        {open && (
          <aside class="timeline-side">
            {selected ? (
              <Details asked={details} meta={meta} follow={follow} way={way} close={() => engine.current!.select(null)} />
            ) : (
              range && <RangeDetails range={range} asked={summary} meta={meta} way={way} close={() => { setRangeBoth(null); remember({ range: null }); }} />
            )}
          </aside>
        )}
      </div>
      <Seen engine={engine} />
    </div>
  );
}

// What is in the middle of the picture as text: for readers of screens, and on paper.
function Seen({ engine }: { engine: { current: Timeline | null } }) {
  const [rows, setRows] = useState<{ track: string; text: string }[] | null>(null);
  return (
    <details class="seen" onToggle={(e) => setRows(e.currentTarget.open ? (engine.current?.seen() ?? []) : null)}>
      <summary>What is in the middle, as a list</summary>
      <ul>
        {rows?.map((r) => (
          <li key={r.track}>{r.text === "nothing" ? `${r.track}: nothing` : r.text}</li>
        ))}
      </ul>
    </details>
  );
}
