// parts: what several pages of the trace are made of.
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";
import { Icon } from "../parts/icons";
import { onTheme } from "../theme";
import { go } from "../url";
import type { Asked } from "./ask";
import type { Frame, Histogram, Overview, Percentiles, Place, Times } from "./data";
import { address, inTimeline } from "./place";
import { PALETTES, type Palette } from "./timeline/palette";
import { count, long, share } from "./units";
import { Kind } from "./data";

// A link within the page; a click with Ctrl opens it elsewhere.
export function Link(props: { to: string; class?: string; title?: string; label?: string; children: ComponentChildren }) {
  return (
    <a
      href={props.to}
      class={props.class}
      title={props.title}
      aria-label={props.label}
      onClick={(e) => {
        if (e.ctrlKey || e.metaKey || e.shiftKey || e.button) return;
        e.preventDefault();
        go(props.to);
      }}
    >
      {props.children}
    </a>
  );
}

export function G({ id, name, word = "G" }: { id: number; name?: string; word?: string }) {
  if (id < 0) return <span class="muted">{name || "\u2013"}</span>;
  return (
    <Link to={address("goroutine", { goid: id })} title={name}>
      {word}
      {id}
    </Link>
  );
}

export function useDark(): boolean {
  const [, again] = useReducer((n: number) => n + 1, 0);
  useEffect(() => onTheme(() => again(0)), []);
  return document.documentElement.dataset.theme === "dark";
}

export const css = (c: number) => `rgb(${c & 255} ${(c >> 8) & 255} ${(c >> 16) & 255})`;

// Shows what has come, or why it has not.
export function Loaded<T>({ asked, children }: { asked: Asked<T>; children(answer: T): ComponentChildren }) {
  if (asked.failure)
    return (
      <div class="empty" role="alert">
        <p class="empty-title">That did not work</p>
        <p class="muted">{asked.failure.message}</p>
      </div>
    );
  if (!asked.answer) return <div class="loading">Working it out{"\u2026"}</div>;
  return (
    <div class={asked.waiting ? "stale" : ""} aria-busy={asked.waiting}>
      {children(asked.answer)}
    </div>
  );
}

export function Nothing({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      <p class="muted">{children}</p>
    </div>
  );
}

// --- times as a bar

type Part = { name: string; kind: Kind; of(t: Times): number; sort: string };
export const PARTS: Part[] = [
  { name: "Running", kind: Kind.Running, of: (t) => t.running, sort: "running" },
  { name: "Runnable", kind: Kind.Runnable, of: (t) => t.runnable, sort: "runnable" },
  { name: "System calls", kind: Kind.Syscall, of: (t) => t.syscall, sort: "syscall" },
  { name: "Locks, channels", kind: Kind.Sync, of: (t) => t.sync, sort: "sync" },
  { name: "Network", kind: Kind.Network, of: (t) => t.network, sort: "network" },
  { name: "Collector", kind: Kind.WaitGC, of: (t) => t.gc, sort: "gc" },
  { name: "Sleep", kind: Kind.Sleep, of: (t) => t.sleep, sort: "sleep" },
  { name: "Other", kind: Kind.Waiting, of: (t) => t.other, sort: "other" },
];

export function Bar({ times, of, label }: { times: Times; of?: number; label?: string }) {
  const p = useDark() ? PALETTES.dark : PALETTES.light;
  const all = of ?? times.total;
  const text = PARTS.filter((x) => x.of(times) > 0)
    .map((x) => `${x.name} ${long(x.of(times))} (${share(x.of(times), times.total)})`)
    .join("\n");
  return (
    <span class="bar-of" role="img" aria-label={label ?? text.replace(/\n/g, ", ")} title={text}>
      {PARTS.map((x) => {
        const part = all ? (x.of(times) / all) * 100 : 0;
        return part > 0.05 ? <i key={x.name} style={{ width: part.toFixed(2) + "%", background: css(p.kinds[x.kind]) }} /> : null;
      })}
    </span>
  );
}

export function Legend({ parts = PARTS.map((x) => [x.name, x.kind] as [string, Kind]) }: { parts?: [string, Kind][] }) {
  const p = useDark() ? PALETTES.dark : PALETTES.light;
  return (
    <ul class="legend-of" aria-label="Colours">
      {parts.map(([name, kind]) => (
        <li key={name}>
          <i style={{ background: css(p.kinds[kind]) }} />
          {name}
        </li>
      ))}
    </ul>
  );
}

export function Facts({ facts }: { facts: [string, ComponentChildren][] }) {
  return (
    <dl class="facts">
      {facts.map(([what, much]) => (
        <div key={what}>
          <dt>{what}</dt>
          <dd>{much}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Stack({ frames, none }: { frames: Frame[]; none?: string }) {
  const [all, setAll] = useState(false);
  if (!frames.length) return none ? <p class="muted">{none}</p> : null;
  const few = all ? frames : frames.slice(0, 10);
  return (
    <ol class="stack">
      {few.map((f, i) => (
        <li key={i}>
          <span class="stack-name">{f.name}</span>
          {f.place && (
            <span class="stack-place" title={f.place}>
              {f.place.slice(f.place.lastIndexOf("/") + 1)}
            </span>
          )}
        </li>
      ))}
      {few.length < frames.length && (
        <li>
          <button type="button" class="link" onClick={() => setAll(true)}>
            {frames.length - few.length} more
          </button>
        </li>
      )}
    </ol>
  );
}

// --- distributions

export function HistogramView({ histogram: h, link, small }: { histogram: Histogram; link?(min: number, max: number): string; small?: boolean }) {
  const most = Math.max(1, ...h.counts);
  if (!h.counts.length) return <p class="muted">Nothing complete.</p>;
  return (
    <ol class={small ? "histogram small" : "histogram"} aria-label="How often which length">
      {h.counts.map((n, i) => {
        const text = `${long(h.bounds[i])} to ${long(h.bounds[i + 1])}: ${count(n)}`;
        const bar = <i style={{ height: n ? Math.max(2, (n / most) * 100).toFixed(1) + "%" : "0" }} />;
        const mark = i % Math.max(1, Math.ceil(h.counts.length / 8)) === 0 ? <small>{long(h.bounds[i])}</small> : null;
        return (
          <li key={i} title={text}>
            {n && link ? (
              <Link to={link(h.bounds[i], h.bounds[i + 1])} label={text}>
                {bar}
              </Link>
            ) : (
              <span role="img" aria-label={text}>
                {bar}
              </span>
            )}
            {mark}
          </li>
        );
      })}
    </ol>
  );
}

export function spreadFacts(p: Percentiles): [string, string][] {
  return [
    ["Count", count(p.count)],
    ["Median", long(p.p50)],
    ["90%", long(p.p90)],
    ["99%", long(p.p99)],
    ["99.9%", long(p.p999)],
    ["Longest", long(p.max)],
    ["Together", long(p.total)],
  ];
}

// --- tables

export interface Column<R> {
  name: string;
  title?: string;
  number?: boolean;
  sort?: string; // the server's name, or of sortBy
  value?(row: R): number | string; // for sorting here
  cell(row: R): ComponentChildren;
  wide?: boolean; // left out on a phone
}

interface TableProps<R> {
  label: string;
  columns: Column<R>[];
  rows: R[];
  id(row: R): string | number;
  sort?: string; // how the server has sorted them: then clicks ask it
  dir?: string;
  sortBy?(column: string, dir: string): void;
  none?: string;
  compact?: boolean; // as wide as it needs to be
}

const FEW = 400; // rows that are there before one asks for all

export function Table<R>({ label, columns, rows, id, sort, dir, sortBy, none, compact }: TableProps<R>) {
  const [own, setOwn] = useState<{ column: string; dir: string } | null>(null);
  const [all, setAll] = useState(false);
  const at = sortBy ? { column: sort ?? "", dir: dir ?? "desc" } : own;
  let list = rows;
  if (!sortBy && own) {
    const c = columns.find((x) => x.name === own.column);
    if (c?.value) {
      const by = own.dir === "asc" ? 1 : -1;
      list = [...rows].sort((a, b) => {
        const [x, y] = [c.value!(a), c.value!(b)];
        return (x < y ? -1 : x > y ? 1 : 0) * by;
      });
    }
  }
  function clicked(c: Column<R>) {
    const name = sortBy ? c.sort! : c.name;
    const to = at?.column === name ? (at.dir === "asc" ? "desc" : "asc") : c.number === false ? "asc" : "desc";
    if (sortBy) sortBy(name, to);
    else setOwn({ column: name, dir: to });
  }
  if (!rows.length) return <p class="muted pad">{none ?? "Nothing."}</p>;
  return (
    <div class="table-box">
      <table class={compact ? "table compact" : "table"} aria-label={label}>
        <thead>
          <tr>
            {columns.map((c) => {
              const can = sortBy ? c.sort : c.value;
              const is = at && at.column === (sortBy ? c.sort : c.name);
              return (
                <th key={c.name} scope="col" title={c.title} class={(c.number ? "number" : "") + (c.wide ? " wide-only" : "")} aria-sort={is ? (at!.dir === "asc" ? "ascending" : "descending") : undefined}>
                  {can ? (
                    <button type="button" onClick={() => clicked(c)}>
                      {c.name}
                      {is && <span aria-hidden="true">{at!.dir === "asc" ? " \u2191" : " \u2193"}</span>}
                    </button>
                  ) : (
                    c.name
                  )}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {(all ? list : list.slice(0, FEW)).map((r) => (
            <tr key={id(r)}>
              {columns.map((c) => (
                <td key={c.name} class={(c.number ? "number" : "") + (c.wide ? " wide-only" : "")}>
                  {c.cell(r)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {!all && list.length > FEW && (
        <button type="button" class="button small" onClick={() => setAll(true)}>
          All {count(list.length)} rows
        </button>
      )}
    </div>
  );
}

export function Pages({ offset, n, shown, more, to }: { offset: number; n: number; shown: number; more: number; to(offset: number): string }) {
  if (!offset && !more) return null;
  return (
    <nav class="pages" aria-label="Rows">
      {offset > 0 && <Link class="button small" to={to(Math.max(0, offset - n))}>Before</Link>}
      <span class="muted">
        {count(offset + 1)} to {count(offset + shown)} of {count(offset + shown + more)}
      </span>
      {more > 0 && <Link class="button small" to={to(offset + n)}>Next</Link>}
    </nav>
  );
}

// "main.work file.go:12" without the place.
const functionOf = (where: string) => where.replace(/ \S+:\d+$/, "");

// Why it took so long: for what, where, and because of whom.
export function whyOf(p: Place): string {
  if (p.task > 0) return p.why && p.why.length > p.length / 10 ? `${long(p.why.length)} of it for ${whyOf(p.why)}` : "";
  const by = p.by && (p.lock ? (p.by === "nobody" ? "nobody gave it up" : `held by ${p.by}`) : `until ${p.by}`);
  return [p.lock ? "a lock" : p.what !== p.name && p.what, p.where && `in ${functionOf(p.where)}${by ? "," : ""}`, by].filter(Boolean).join(" ");
}

// Something that took time: a row that leads into the timeline.
export function Places({ places, what, none, word = "G" }: { places: Place[]; what: string; none: string; word?: string }) {
  if (!places.length) return <p class="muted pad">{none}</p>;
  const most = Math.max(...places.map((p) => p.length));
  return (
    <ol class="places" aria-label={what}>
      {places.map((p, i) => (
        <li key={i}>
          <Link to={inTimeline(p)} title={`${p.why?.where || p.where || p.name}: show it in the timeline`}>
            <span class="bar" style={{ width: `${((p.length / most) * 100).toFixed(1)}%` }} />
            <span class="places-length">{long(p.length)}</span>
            <span class="places-text">
              {p.task > 0 ? "" : p.g >= 0 ? `${word}${p.g} ` : ""}
              {p.name}
              {p.task > 0 ? ` ${p.task} ` : " "}
              <span class="muted">{whyOf(p)}</span>
            </span>
            <Icon name="right" />
          </Link>
        </li>
      ))}
    </ol>
  );
}

// --- the whole trace in small

export function drawMinimap(canvas: HTMLCanvasElement, map: Overview["minimap"], p: Palette) {
  const ratio = devicePixelRatio || 1;
  const [w, h] = [canvas.clientWidth, canvas.clientHeight];
  if (!w || !h) return;
  canvas.width = Math.round(w * ratio);
  canvas.height = Math.round(h * ratio);
  const pen = canvas.getContext("2d")!;
  pen.scale(ratio, ratio);
  const n = map.busy.length;
  const foot = 5;
  const room = h - foot - 2;
  const most = Math.max(1, ...map.runnable);
  const each = (x: number, list: number[]) => {
    let v = 0;
    for (let i = Math.floor((x / w) * n); i < Math.max(Math.floor((x / w) * n) + 1, Math.floor(((x + 1) / w) * n)) && i < n; i++) v = Math.max(v, list[i]);
    return v;
  };
  pen.fillStyle = p.running;
  for (let x = 0; x < w; x++) {
    const v = (each(x, map.busy) / 255) * room;
    pen.fillRect(x, 1 + room - v, 1, v);
  }
  pen.fillStyle = css(p.kinds[Kind.GC]);
  for (let x = 0; x < w; x++) {
    const v = each(x, map.gc);
    if (!v) continue;
    pen.globalAlpha = 0.3 + (0.7 * v) / 255;
    pen.fillRect(x, h - foot, 1, foot);
  }
  pen.globalAlpha = 1;
  pen.strokeStyle = p.runnable;
  pen.lineWidth = 1.2;
  pen.beginPath();
  for (let x = 0; x < w; x++) {
    const y = 1 + room - (each(x, map.runnable) / most) * room * 0.9;
    if (x) pen.lineTo(x, y);
    else pen.moveTo(x, y);
  }
  pen.stroke();
}

export function MinimapCanvas({ map }: { map: Overview["minimap"] }) {
  const dark = useDark();
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const draw = () => drawMinimap(canvas.current!, map, dark ? PALETTES.dark : PALETTES.light);
    draw();
    const resized = new ResizeObserver(draw);
    resized.observe(canvas.current!);
    return () => resized.disconnect();
  }, [map, dark]);
  return <canvas ref={canvas} class="minimap-canvas" />;
}
