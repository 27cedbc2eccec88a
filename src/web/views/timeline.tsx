// timeline: values over time: a line a function over several sources or moments, stacked
// areas of the samples of one profile.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Timeline, Values } from "../data";
import { css, oklch } from "../flame/colors";
import { alone, middle, percent } from "../format";
import { Empty } from "../parts/empty";
import { isDark, onTheme } from "../theme";
import type { ViewProps } from "../view";
import "./timeline.css";

const HEIGHT = 380;
const TABLE_ROWS = 500;
const HUES = [255, 40, 150, 320, 85, 200, 20, 110, 285, 60, 175, 345];

function colorOf(k: number, dark: boolean, others: boolean): string {
  if (others) return dark ? "rgb(106 112 120)" : "rgb(169 175 183)";
  const round = Math.floor(k / HUES.length) % 2;
  return css(oklch((dark ? 0.74 : 0.58) - round * 0.12, 0.13, HUES[k % HUES.length]));
}

const two = (v: number) => String(v).padStart(2, "0");
const dateOf = (d: Date) => `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;

// The time of the day, as exact as steps of so many seconds need it.
function timeOf(d: Date, step: number): string {
  const text = `${two(d.getHours())}:${two(d.getMinutes())}`;
  if (step >= 60) return text;
  return `${text}:${two(d.getSeconds())}` + (step < 1 ? `.${String(d.getMilliseconds()).padStart(3, "0")}` : "");
}

// Points of time as texts.
function clock(answer: Timeline, k: number): string {
  if (answer.names.length) return answer.names[k];
  const { times } = answer;
  if (answer.relative) return seconds(times[k]);
  const d = new Date(times[k] * 1000);
  return `${dateOf(d)} ${timeOf(d, times.length > 1 ? times[1] - times[0] : 1)}`;
}

function seconds(t: number): string {
  const whole = Math.round(Math.abs(t));
  if (whole >= 60) return `${t < 0 ? "-" : ""}${Math.floor(whole / 60)}m${whole % 60}s`;
  if (Math.abs(t) >= 1 || t === 0) return `${Number(t.toFixed(2))}s`;
  if (Math.abs(t) >= 1e-3) return `${Number((t * 1e3).toFixed(2))}ms`;
  if (Math.abs(t) >= 1e-6) return `${Number((t * 1e6).toFixed(2))}us`;
  return `${Number((t * 1e9).toFixed(2))}ns`;
}

// Without the folder that all of them are in.
function inFolder(names: string[]): string[] {
  const folder = (name: string) => name.slice(0, name.lastIndexOf("/") + 1);
  const common = names.map(folder).reduce((a, b) => {
    while (!b.startsWith(a)) a = folder(a.slice(0, -1));
    return a;
  });
  return names.map((name) => name.slice(common.length));
}

// Steps between marks that are round in the unit that values up to `most` are told in; the
// profile's own are whole numbers.
function roundSteps(most: number, values: Values): number[] {
  const size = most * Math.abs(values.ratio);
  let unit = values.steps[0].factor;
  for (const s of values.steps) if (s.factor <= size) unit = s.factor;
  const steps: number[] = [];
  for (let ten = 1e-3; ten <= 1e18; ten *= 10) for (const n of [1, 2, 5]) steps.push((n * ten * unit) / Math.abs(values.ratio || 1));
  return steps.filter((step) => step >= 1);
}

// A mark of the axis: with the date where a day begins or marks are days apart.
function hour(t: number, k: number, all: number[]): string {
  const d = new Date(t * 1000);
  const step = all.length > 1 ? all[1] - all[0] : 0;
  if (step >= 86400) return dateOf(d);
  const time = timeOf(d, step);
  return k === 0 || new Date(all[k - 1] * 1000).getDate() !== d.getDate() ? `${time}\n${dateOf(d)}` : time;
}

// Whether the page is dark.
function useDark(): boolean {
  const [dark, setDark] = useState(isDark());
  useEffect(() => onTheme(() => setDark(isDark())), []);
  return dark;
}

export function TimelineView(props: ViewProps<Timeline>) {
  const { answer, meta, place, search, go, openMenu, tell } = props;
  const { values, series } = answer;
  const stacked = answer.mode === "samples";
  const by = (stacked && place.params.get("by")) || ""; // the label whose values are the lines
  const dark = useDark();
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [off, setOff] = useState<ReadonlySet<number>>(new Set());
  const [at, setAt] = useState(-1); // the point of time that is looked at
  const [range, setRange] = useState<[number, number] | null>(null); // by index
  const [width, setWidth] = useState(0);
  const [open, setOpen] = useState(false);
  const empty = !series.length || !answer.times.length;
  useEffect(() => {
    setOff(new Set());
    setAt(-1);
    setRange(null);
  }, [answer]);

  // Where times do not grow, points stand one after the other.
  const even = useMemo(() => answer.times.some((t, k) => k > 0 && t <= answer.times[k - 1]), [answer]);
  const xs = useMemo(() => (even ? answer.times.map((_, k) => k) : answer.times), [answer, even]);
  const matches = useMemo(() => {
    if (!search) return null;
    return series.map((s) => {
      search.lastIndex = 0;
      return search.test(s.name);
    });
  }, [answer, search]);
  useEffect(() => {
    const n = matches?.filter(Boolean).length ?? 0;
    tell(matches ? (n === 1 ? "1 line" : `${n || "no"} lines`) : "");
  }, [matches]);

  const lowest = series.findIndex((_, n) => !off.has(n));
  const data = useMemo(() => {
    if (!stacked) return [xs, ...series.map((s) => s.values)];
    // The first one lies at the bottom; sums are drawn from the top of the stack down.
    const sum = xs.map(() => 0);
    return [
      xs,
      ...series.map((s, n) => {
        if (!off.has(n)) s.values.forEach((v, k) => (sum[k] += v));
        return sum.slice();
      }),
    ];
  }, [answer, off, xs]);

  // A range of the samples' times, for tf=.
  const choose = (from: number, to: number) => {
    const { label } = answer;
    if (!label || to <= from) return;
    const text = (t: number) => `${Math.round(label.zero + t * label.factor)}${label.unit}`;
    go(place.view, { tf: `${label.key}=${text(from)}:${text(to)}` });
  };
  const chosen = !!answer.label && (place.params.get("tf") ?? "").startsWith(answer.label.key + "=");

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const watch = new ResizeObserver(() => setWidth(element.clientWidth));
    watch.observe(element);
    setWidth(element.clientWidth);
    return () => watch.disconnect();
  }, [empty]);
  useEffect(() => {
    if (!width || !series.length || !xs.length) return;
    const ink = dark ? "#bcc2ca" : "#4a515a";
    // What does not match the search is pale.
    const inkOf = (n: number) => {
      const color = colorOf(n, dark, series[n].name === "others");
      return matches && !matches[n] ? color.replace(")", " / 0.2)") : color;
    };
    const names = even ? inFolder(answer.names) : [];
    const grid = { stroke: dark ? "#2b3037" : "#e6e9ed", width: 1 };
    const u = new uPlot(
      {
        width,
        height: HEIGHT,
        padding: [null, even ? 44 : null, null, null],
        legend: { show: false },
        cursor: { y: false, drag: { x: stacked && !!answer.label, y: false, setScale: false }, points: { show: !stacked } },
        scales: { x: { time: !answer.relative && !even }, y: { range: (_, low, high) => [Math.min(0, low), high * 1.05 || 1] } },
        axes: [
          {
            stroke: ink,
            grid,
            ticks: grid,
            space: 90,
            ...(even ? { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000], values: (_: uPlot, splits: number[]) => splits.map((v) => middle(names[v] ?? String(v + 1), 14)) } : {}),
            ...(!even ? { values: (_: uPlot, splits: number[]) => (answer.relative ? splits.map(seconds) : splits.map(hour)) } : {}),
          },
          { stroke: ink, grid, ticks: grid, size: 76, incrs: (_, __, ___, most) => roundSteps(most, values), values: (_, splits) => splits.map((v) => alone(v, values)) },
        ],
        series: [
          {},
          ...series.map((s, n) => {
            const color = inkOf(n);
            return {
              label: s.name,
              show: !off.has(n),
              stroke: color,
              width: stacked ? 0 : matches && matches[n] ? 3 : 2,
              fill: stacked && n === lowest ? color : undefined,
              ...(stacked ? { paths: uPlot.paths.stepped!({ align: 1 }) } : {}),
              points: { show: !stacked && xs.length < 60, size: 6, fill: color },
            };
          }),
        ],
        bands: stacked
          ? series.flatMap((_, n) => {
              const below = series.map((_, k) => k).filter((k) => k < n && !off.has(k));
              return off.has(n) || !below.length ? [] : [{ series: [n + 1, below[below.length - 1] + 1] as [number, number], fill: inkOf(n) }];
            })
          : [],
        hooks: {
          setCursor: [(u) => setAt(u.cursor.idx ?? -1)],
          setSelect: [
            (u) => {
              if (u.select.width > 3) choose(u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x"));
            },
          ],
        },
      },
      data as uPlot.AlignedData,
      host.current!,
    );
    plot.current = u;
    return () => {
      u.destroy();
      plot.current = null;
    };
  }, [answer, dark, data, width, matches, off]);

  const toggle = (n: number, alone: boolean) => {
    const next = new Set(off);
    if (alone) {
      const only = series.every((_, k) => (k === n) !== off.has(k));
      next.clear();
      if (!only) series.forEach((_, k) => k !== n && next.add(k));
    } else if (!next.delete(n)) next.add(n);
    setOff(next);
  };

  const key = (e: KeyboardEvent) => {
    const u = plot.current;
    if (!u || e.ctrlKey || e.metaKey || e.altKey) return;
    const last = xs.length - 1;
    let to = at;
    if (e.key === "ArrowRight") to = Math.min(last, at + 1);
    else if (e.key === "ArrowLeft") to = Math.max(0, at < 0 ? last : at - 1);
    else if (e.key === "Home") to = 0;
    else if (e.key === "End") to = last;
    else if (e.key === "Enter" && range) return void (choose(xs[Math.min(...range)], xs[Math.max(...range)]), e.preventDefault());
    else if (e.key === "Escape" && range) {
      setRange(null);
      u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
      e.preventDefault();
      return;
    } else return;
    e.preventDefault();
    e.stopPropagation();
    const r: [number, number] | null = e.shiftKey && stacked && answer.label ? [range ? range[0] : Math.max(0, at), to] : null;
    setRange(r);
    if (r) {
      const [a, b] = [u.valToPos(xs[Math.min(...r)], "x"), u.valToPos(xs[Math.max(...r)], "x")];
      u.setSelect({ left: a, width: b - a, top: 0, height: u.over.clientHeight }, false);
    }
    u.setCursor({ left: u.valToPos(xs[to], "x"), top: 0 });
    setAt(to);
  };

  const sumAt = (k: number) => series.reduce((sum, s, n) => (off.has(n) ? sum : sum + s.values[k]), 0);
  const totals = useMemo(() => series.map((s) => (stacked ? s.values.reduce((x, y) => x + y, 0) : (s.values[s.values.length - 1] ?? 0))), [answer]);
  if (empty)
    return (
      <Empty title="Nothing over time">
        No sample that is shown says when it was taken, and there is one profile only. Of several files, or of a program
        that is read again and again, there is a line a function.
      </Empty>
    );
  const told = at < 0 ? "" : clock(answer, at) + (stacked ? `: ${alone(sumAt(at), values)} in all` : "");
  return (
    <section class="timeline">
      <p class="timeline-about">
        <span>
          {stacked ? "Samples over time" : `${xs.length} ${meta.live ? "moments" : "profiles"}, a line a function`}
          {stacked && answer.label ? ". Drag to choose a part." : ""}
        </span>
        {(answer.keys.length > 0 || by) && (
          <label class="timeline-by">
            {"By "}
            <select value={by} onChange={(e) => go(place.view, { by: e.currentTarget.value || null })}>
              <option value="">function</option>
              {(by && !answer.keys.includes(by) ? [by, ...answer.keys] : answer.keys).map((key) => (
                <option value={key}>{`label ${middle(key, 40)}`}</option>
              ))}
            </select>
          </label>
        )}
        {chosen && (
          <button type="button" class="button small" onClick={() => go(place.view, { tf: null })}>
            All of the time
          </button>
        )}
        <b>{told}</b>
      </p>
      <div
        class="timeline-plot"
        ref={host}
        tabIndex={0}
        role="application"
        aria-roledescription="chart"
        aria-label={`Values over time. Left and right walk${stacked && answer.label ? ", with shift they choose a part, Enter shows it" : ""}. A table follows.`}
        onKeyDown={key}
      />
      <div class="flame-hidden" aria-live="polite">
        {at >= 0 &&
          `${told}; ${series
            .filter((_, n) => !off.has(n))
            .slice(0, 5)
            .map((s) => `${s.name} ${alone(s.values[at], values)}`)
            .join("; ")}`}
      </div>
      <ul class="timeline-legend" aria-label="Lines">
        {series.map((s, n) => {
          const v = at < 0 ? totals[n] : s.values[at];
          return (
            <li class={matches && !matches[n] ? "dim" : ""}>
              <button
                type="button"
                aria-pressed={!off.has(n)}
                title={`${s.name}\nClick: show or hide; with shift: it alone`}
                onClick={(e) => toggle(n, e.shiftKey)}
                onContextMenu={(e) => {
                  if (s.name === "others" || by) return;
                  e.preventDefault();
                  openMenu(s.name, e.clientX, e.clientY);
                }}
              >
                <i style={{ background: off.has(n) ? "transparent" : colorOf(n, dark, s.name === "others"), borderColor: colorOf(n, dark, s.name === "others") }} />
                <span>{s.name}</span>
                <small>
                  {alone(v, values)}
                  {stacked && at < 0 ? `, ${percent(v, values.total)}` : ""}
                </small>
              </button>
            </li>
          );
        })}
      </ul>
      <details class="flame-table" onToggle={(e) => setOpen(e.currentTarget.open)}>
        <summary>As a table</summary>
        {open && (
          <div class="timeline-table">
            <table>
              <thead>
                <tr>
                  <th scope="col">Time</th>
                  {series.map((s) => (
                    <th scope="col">{s.name}</th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {xs.slice(0, TABLE_ROWS).map((_, k) => (
                  <tr>
                    <th scope="row">{clock(answer, k)}</th>
                    {series.map((s) => (
                      <td>{alone(s.values[k], values)}</td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
            {xs.length > TABLE_ROWS && <p>{`${xs.length - TABLE_ROWS} more`}</p>}
          </div>
        )}
      </details>
    </section>
  );
}
