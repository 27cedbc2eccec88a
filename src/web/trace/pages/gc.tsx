// gc: the collector: its cycles and pauses, and what it leaves to the program (MMU).
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { useAsked } from "../ask";
import type { Gc, Mmu, MmuWorst } from "../data";
import type { PageProps } from "../page";
import { Facts, HistogramView, Link, Loaded, Nothing, Table, useDark } from "../parts";
import { address, changed, inTimeline } from "../place";
import { PALETTES } from "../timeline/palette";
import { bytes, count, exact, long, share } from "../units";

type Cycle = Gc["cycles"][number];

export function GcPage({ meta }: PageProps) {
  const asked = useAsked<Gc>("gc", {});
  if (meta.native) return <Nothing title="There is no collector in this trace">It is of a native program.</Nothing>;
  return (
    <div class="page">
      <h1>Garbage collection</h1>
      <div class="buttons">
        <Link class="button" to={address("mmu")}>
          Minimum mutator utilization
        </Link>
        {meta.profiles.some((p) => p.name === "gc") && (
          <Link class="button" to={address("flame", { profile: "gc" })}>
            Flame graph
          </Link>
        )}
      </div>
      <Loaded asked={asked}>
        {(a) => (
          <>
            <Facts
              facts={[
                ["Cycles", count(a.cycles.length + a.more_cycles)],
                ["Active", `${long(a.active)}, ${share(a.active, a.duration)} of the time`],
                ["Stops of the world", `${count(a.pauses.length + a.more_pauses)}, ${long(a.paused)} in all`],
                ["Longest stop", long(a.longest)],
              ]}
            />
            <div class="columns">
              <section>
                <h2>Stops of the world</h2>
                <HistogramView histogram={a.histogram} />
                <Table
                  label="Stops by reason"
                  id={(p) => p.name}
                  rows={a.by_pause}
                  none="The world was never stopped."
                  columns={[
                    { name: "Reason", value: (p) => p.name, cell: (p) => p.name },
                    { name: "Count", number: true, value: (p) => p.spread.count, cell: (p) => count(p.spread.count) },
                    { name: "Median", number: true, value: (p) => p.spread.p50, cell: (p) => long(p.spread.p50) },
                    { name: "Longest", number: true, value: (p) => p.spread.max, cell: (p) => long(p.spread.max) },
                  ]}
                />
              </section>
              <section>
                <h2>The longest stops</h2>
                <Table
                  label="The longest stops"
                  id={(p) => p.start}
                  rows={[...a.pauses].sort((x, y) => y.length - x.length).slice(0, 15)}
                  none="None."
                  columns={[
                    { name: "Took", number: true, cell: (p) => <Link to={inTimeline({ ...p, g: -1, p: -1, task: 0 })}>{long(p.length)}</Link> },
                    { name: "From", number: true, wide: true, cell: (p) => exact(p.start) },
                    { name: "Reason", cell: (p) => p.name },
                  ]}
                />
                {a.more_pauses > 0 && <p class="muted">Of the first {count(a.pauses.length)}; {count(a.more_pauses)} more.</p>}
              </section>
            </div>
            <h2>Cycles</h2>
            <Table
              label="Cycles"
              id={(c) => c.start}
              rows={a.cycles}
              none="The collector did not run."
              columns={[
                { name: "From", number: true, value: (c) => c.start, cell: (c) => <Link to={address("trace", { start: Math.max(0, Math.round(c.start - c.length * 0.1)), end: Math.round(c.start + c.length * 1.1) })}>{exact(c.start)}</Link> },
                { name: "Took", number: true, value: (c) => c.length, cell: (c) => long(c.length) },
                ...(a.cycles.some((c) => c.reason) ? [{ name: "Reason", title: "Why it began: the heap had grown to its goal, the program asked for it, or there was none for two minutes", value: (c: Cycle) => c.reason, cell: (c: Cycle) => c.reason }] : []),
                { name: "Processors", title: "Share that it used while it was active", number: true, value: (c) => c.share, cell: (c) => share(c.share, 1) },
                { name: "Stops", number: true, value: (c) => c.pauses, cell: (c) => long(c.pauses) },
                { name: "Workers", number: true, wide: true, value: (c) => c.workers, cell: (c) => long(c.workers) },
                { name: "Assists", number: true, wide: true, value: (c) => c.assists, cell: (c) => long(c.assists) },
                { name: "Sweeping", number: true, wide: true, value: (c) => c.sweep, cell: (c) => long(c.sweep) },
                { name: "Heap", number: true, wide: true, value: (c) => c.heap_before, cell: (c) => (c.heap_before ? `${bytes(c.heap_before)} \u2192 ${bytes(c.heap_after)}` : "") },
              ]}
            />
            {a.more_cycles > 0 && <p class="muted">{count(a.more_cycles)} more.</p>}
          </>
        )}
      </Loaded>
    </div>
  );
}

// A curve of shares over a logarithmic or plain axis.
function Plot({ x, lines, log, label, pick, height = 260 }: { x: number[]; lines: { name: string; values: number[]; step?: boolean }[]; log?: boolean; label: string; pick?(x: number): void; height?: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const p = useDark() ? PALETTES.dark : PALETTES.light;
  const [at, setAt] = useState<number | null>(null);
  const scale = (v: number) => (log ? Math.log10(Math.max(1, v)) : v);
  const [a, b] = [scale(x[0] ?? 0), scale(x[x.length - 1] ?? 1)];
  const [left, foot] = [44, 22];
  useLayoutEffect(() => {
    const draw = () => {
      const c = canvas.current!;
      const ratio = devicePixelRatio || 1;
      const [w, h] = [c.clientWidth, c.clientHeight];
      c.width = w * ratio;
      c.height = h * ratio;
      const pen = c.getContext("2d")!;
      pen.scale(ratio, ratio);
      const px = (v: number) => left + ((scale(v) - a) / (b - a || 1)) * (w - left - 10);
      const py = (v: number) => 8 + (1 - v) * (h - foot - 8);
      pen.font = "11px system-ui, sans-serif";
      pen.textBaseline = "middle";
      for (let k = 0; k <= 4; k++) {
        pen.fillStyle = p.grid;
        pen.fillRect(left, Math.round(py(k / 4)), w - left, 1);
        pen.fillStyle = p.muted;
        pen.textAlign = "right";
        pen.fillText(k * 25 + "%", left - 6, py(k / 4));
      }
      pen.textAlign = "center";
      const marks: number[] = [];
      if (log) for (let e = Math.ceil(a); e <= b; e++) marks.push(10 ** e);
      else for (let k = 0; k <= 5; k++) marks.push(a + ((b - a) * k) / 5);
      for (const m of marks) {
        pen.fillStyle = p.grid;
        pen.fillRect(Math.round(px(m)), 8, 1, h - foot - 8);
        pen.fillStyle = p.muted;
        pen.fillText(long(m), Math.min(w - 24, Math.max(left + 8, px(m))), h - 9);
      }
      const colors = [p.accent, p.runnable, p.running, p.heap];
      // The first is above the others.
      [...lines.entries()].reverse().forEach(([k, l]) => {
        pen.strokeStyle = colors[k % colors.length];
        pen.lineWidth = 1.6;
        pen.beginPath();
        l.values.forEach((v, i) => {
          if (i && l.step) pen.lineTo(px(x[i]), py(l.values[i - 1]));
          if (i) pen.lineTo(px(x[i]), py(v));
          else pen.moveTo(px(x[i]), py(v));
        });
        pen.stroke();
      });
      if (at !== null) {
        pen.fillStyle = p.muted;
        pen.fillRect(Math.round(px(x[at])), 8, 1, h - foot - 8);
        lines.forEach((l, k) => {
          pen.fillStyle = colors[k % colors.length];
          pen.beginPath();
          pen.arc(px(x[at]), py(l.values[at]), 3.5, 0, 7);
          pen.fill();
        });
      }
    };
    draw();
    const resized = new ResizeObserver(draw);
    resized.observe(canvas.current!);
    return () => resized.disconnect();
  }, [x, lines, p, at]);
  const nearest = (e: PointerEvent) => {
    const r = canvas.current!.getBoundingClientRect();
    const v = a + ((e.clientX - r.left - left) / (r.width - left - 10)) * (b - a);
    let best = 0;
    x.forEach((w, i) => {
      if (Math.abs(scale(w) - v) < Math.abs(scale(x[best]) - v)) best = i;
    });
    return best;
  };
  return (
    <figure class="plot">
      <canvas ref={canvas} style={{ height: height + "px" }} role="img" aria-label={label} onPointerMove={(e) => setAt(nearest(e))} onPointerLeave={() => setAt(null)} onClick={(e) => pick?.(x[nearest(e as unknown as PointerEvent)])} />
      {lines.length > 1 && (
        <p class="series">
          {lines.map((l, k) => (
            <span key={l.name}>
              <i style={{ background: [p.accent, p.runnable, p.running, p.heap][k % 4] }} /> {l.name}
            </span>
          ))}
        </p>
      )}
      <figcaption class="muted">{at === null ? label : `${long(x[at])}: ${lines.map((l) => `${l.name} ${share(l.values[at], 1)}`).join(", ")}`}</figcaption>
    </figure>
  );
}

const FLAGS: [string, string, boolean][] = [
  ["stw", "Stops of the world", true],
  ["background", "Background workers", true],
  ["assist", "Mark assists", true],
  ["sweep", "Sweeping", false],
  ["perProc", "Each processor alone", false],
  ["mut", "Percentiles", false],
];

export function MmuPage({ meta, here, go }: PageProps) {
  const normal = FLAGS.filter((f) => f[2]).map((f) => f[0]);
  const text = here.params.get("flags");
  const flags = text === null ? normal : text.split("|").filter((f) => FLAGS.some((g) => g[0] === f));
  const asked = useAsked<Mmu>("mmu", { flags: flags.join("|") || "|" });
  const window = Number(here.params.get("window") ?? 0);
  const worst = useAsked<MmuWorst>("mmuworst", window ? { flags: flags.join("|") || "|", window } : null);
  if (meta.native) return <Nothing title="There is no collector in this trace">It is of a native program.</Nothing>;
  function toggle(name: string, on: boolean) {
    const to = FLAGS.map((f) => f[0]).filter((f) => (f === name ? on : flags.includes(f)));
    go(changed(here, { flags: to.join("|") || "none" }));
  }
  return (
    <div class="page">
      <h1>Minimum mutator utilization</h1>
      <p class="muted">
        Of any stretch of time so long, the program itself has at least this share of the processors; the collector has the rest. Click the curve for the worst places.
      </p>
      <fieldset class="flags">
        <legend class="unseen">What counts as the collector</legend>
        {FLAGS.map(([name, title]) => (
          <label key={name}>
            <input type="checkbox" checked={flags.includes(name)} onChange={(e) => toggle(name, e.currentTarget.checked)} /> {title}
          </label>
        ))}
      </fieldset>
      <Loaded asked={asked}>
        {(a) => (
          <>
            <Plot x={a.windows} lines={[{ name: "at least", values: a.mmu }, ...a.quantiles]} log label="Share left to the program, by the length of the stretch" pick={(w) => go(changed(here, { window: w }))} />
            {window > 0 && (
              <section>
                <h2>
                  The worst stretches of {long(window)}
                </h2>
                <Loaded asked={worst}>
                  {(w) => (
                    <Table
                      label="The worst stretches"
                      compact
                      id={(r) => r.start}
                      rows={w.worst}
                      columns={[
                        { name: "From", number: true, cell: (r) => <Link to={address("trace", { start: Math.max(0, Math.round(r.start - w.window * 0.2)), end: Math.round(r.start + w.window * 1.2), range: `${Math.round(r.start)}-${Math.round(r.start + w.window)}` })}>{exact(r.start)}</Link> },
                        { name: "Left to the program", number: true, cell: (r) => share(r.share, 1) },
                      ]}
                    />
                  )}
                </Loaded>
              </section>
            )}
            {a.utilization.at.length > 1 && (
              <section>
                <h2>Over time</h2>
                <Plot x={a.utilization.at} lines={[{ name: "the program", values: a.utilization.share, step: true }]} label="Share of the processors that the program has, over time" height={130} pick={(t) => go(address("trace", { start: Math.max(0, Math.round(t - meta.duration / 200)), end: Math.round(t + meta.duration / 200) }))} />
              </section>
            )}
          </>
        )}
      </Loaded>
    </div>
  );
}
