// overview: the first page: what happened, and answers to what people ask of a trace.
import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { useAsked } from "../ask";
import { Kind, type Overview } from "../data";
import type { PageProps } from "../page";
import { css, Facts, Legend, Link, Loaded, MinimapCanvas, Places, useDark, whyOf } from "../parts";
import { address, inTimeline } from "../place";
import { PALETTES } from "../timeline/palette";
import { bytes, count, long, plural, share } from "../units";

function Card(props: { title: string; answer: ComponentChildren; more?: ComponentChildren; wide?: boolean; children: ComponentChildren }) {
  return (
    <section class={props.wide ? "card wide-card" : "card"}>
      <header>
        <h2>{props.title}</h2>
        {props.more}
      </header>
      <p class="answer">{props.answer}</p>
      {props.children}
    </section>
  );
}

// The whole trace; a click or a drag goes to the timeline there.
function Whole({ map, duration, go }: { map: Overview["minimap"]; duration: number; go(to: string): void }) {
  const box = useRef<HTMLDivElement>(null);
  const [drag, setDrag] = useState<[number, number] | null>(null);
  const at = (e: PointerEvent) => {
    const r = box.current!.getBoundingClientRect();
    return Math.min(1, Math.max(0, (e.clientX - r.left) / r.width));
  };
  return (
    <div
      ref={box}
      class="whole-map"
      onPointerDown={(e) => {
        if (e.button) return;
        box.current!.setPointerCapture(e.pointerId);
        setDrag([at(e), at(e)]);
      }}
      onPointerMove={(e) => drag && setDrag([drag[0], at(e)])}
      onPointerUp={() => {
        if (!drag) return;
        let [a, b] = [Math.min(...drag), Math.max(...drag)];
        if (b - a < 0.005) [a, b] = [a - 0.02, b + 0.02];
        setDrag(null);
        go(address("trace", { start: Math.round(Math.max(0, a * duration)), end: Math.round(Math.min(duration, b * duration)) }));
      }}
    >
      <MinimapCanvas map={map} />
      {drag && <span class="whole-drag" style={{ left: `${Math.min(...drag) * 100}%`, width: `${Math.abs(drag[1] - drag[0]) * 100}%` }} />}
    </div>
  );
}

function collector(o: Overview, duration: number): string {
  const { gc } = o;
  if (!gc.cycles) return gc.pauses ? `It did not run; the world was stopped ${plural(gc.pauses, "time")}, ${long(gc.paused)} in all.` : "It did not run.";
  const longest = gc.longest[0]?.length ?? 0;
  const much = gc.share >= 0.25 ? "Yes" : gc.share >= 0.1 || longest > 1e7 ? "In part" : gc.share >= 0.03 || longest > 1e6 ? "A little" : "Hardly";
  const pauses = longest ? `, the longest stop of the world took ${long(longest)}` : "";
  return `${much}: it used ${share(gc.share, 1)} of the processors, was active for ${share(gc.active, duration)} of the time${pauses}.`;
}

function slowest(o: Overview): string {
  const task = o.tasks[0];
  const why = whyOf(task);
  return `The slowest task, ${task.name} ${task.task}, took ${long(task.length)}${why ? `, ${why}` : ""}.`;
}

type Blocked = Overview["blocked"][number];
const GIVEN_UP = "nobody gave it up";

function byWhom(b: Blocked): string {
  if (!b.by) return b.open ? GIVEN_UP : "";
  const much = b.by_share < 0.995 ? ` (${share(b.by_share, 1)})` : "";
  return `${b.kind === "lock" ? "held" : "ended"} by ${b.by}${much}`;
}

function waiting(o: Overview, who: string, duration: number): string {
  const stuck = o.blocked.filter((b) => b.open && !b.by && b.longest.length > duration / 5);
  if (stuck.length > 1) return `Locks that nobody gave up, in ${stuck.map((b) => b.where || b.reason).join(" and ")}: is that a deadlock?`;
  const first = o.blocked[0];
  if (!first || first.idle) return `No ${who} was blocked but those who had nothing to do.`;
  const what = first.kind === "lock" ? "a lock" : first.kind === "collector" ? "the collector" : first.reason;
  const by = byWhom(first);
  return `Most of all for ${what}${first.where ? ` in ${first.where}` : ""}: ${long(first.total)} in ${plural(first.count, "wait")}${by ? `, ${by}` : ""}.`;
}

function scheduling(o: Overview): string {
  const { latency, procs } = o;
  const busy = `the processors were ${share(procs.busy, 1)} busy`;
  if (!latency.count && latency.untold) return `It was not measured: when threads were woken is not in this trace; ${busy}.`;
  if (!latency.count) return `Nothing had to wait for a processor; ${busy}.`;
  const bad = latency.p99 > 1e7 ? "Yes" : latency.p99 > 1e6 ? "In part" : "Hardly";
  return `${bad}: half of all waits for a processor were shorter than ${long(latency.p50)}, 99% than ${long(latency.p99)}, the longest was ${long(latency.max)}; ${latency.untold ? `${count(latency.untold)} were not measured; ` : ""}${busy}.`;
}

export function OverviewPage({ meta, go }: PageProps) {
  const asked = useAsked<Overview>("overview", { buckets: 1000 });
  const p = useDark() ? PALETTES.dark : PALETTES.light;
  return (
    <div class="page">
      <h1 class="unseen">Overview of {meta.title}</h1>
      <Loaded asked={asked}>
        {(o) => {
          const s = o.states;
          const all = s.running + s.runnable + s.syscall + s.waiting;
          const word = meta.native ? "T" : "G";
          // Without tasks it is what was slow.
          const longest = (
            <>
              {o.waits.length > 0 && (
                <Card title="The longest waits" answer="Single waits that were not idle; each leads to its place in the timeline.">
                  <Places places={o.waits.slice(0, 8)} what="The longest waits" none="None." word={word} />
                </Card>
              )}
              {o.tasks.length === 0 && o.runs.length > 0 && (
                <Card title="The longest runs" answer={`From one wait to the next: what ${meta.native ? "a thread" : "a goroutine"} does then keeps all others waiting who want something of it.`} more={<Link to={address("goroutines")}>{meta.native ? "Threads" : "Goroutines"}</Link>}>
                  <Places places={o.runs.slice(0, 8)} what="The longest runs" none="None." word={word} />
                </Card>
              )}
              {o.syscalls.length > 0 && (
                <Card title="The longest system calls" answer={`${long(s.syscall)} of all ${meta.native ? "threads" : "goroutines"}' time were spent in system calls.`} more={<Link to={address("syscall")}>Flame graph</Link>}>
                  <Places places={o.syscalls.slice(0, 8)} what="The longest system calls" none="None." word={word} />
                </Card>
              )}
            </>
          );
          return (
            <>
              <section class="card wide-card">
                <header>
                  <h2>The trace</h2>
                  <Link to={address("trace")} class="button small primary">
                    Timeline
                  </Link>
                </header>
                <Whole map={o.minimap} duration={meta.duration} go={go} />
                <p class="muted map-words">
                  Green: processors that run. Yellow: {meta.native ? "threads" : "goroutines"} that wait for one.{!meta.native && " Violet: the collector."} Click or drag to look at a part.
                </p>
                <Facts
                  facts={[
                    ["Length", long(meta.duration)],
                    ["Processors", `${count(o.procs.count)}, ${share(o.procs.busy, 1)} busy`],
                    [meta.native ? "Threads" : "Goroutines", count(meta.goroutines)],
                    ["Events", count(meta.events)],
                    ...(o.heap.most ? [["Heap", `${bytes(o.heap.first)} to ${bytes(o.heap.last)}, at most ${bytes(o.heap.most)}`] as [string, string]] : []),
                  ]}
                />
                <div class="state-bar" role="img" aria-label={`Of the time of all goroutines: running ${share(s.running, all)}, runnable ${share(s.runnable, all)}, in system calls ${share(s.syscall, all)}, waiting ${share(s.waiting, all)}`}>
                  {(
                    [
                      ["running", s.running, Kind.Running],
                      ["runnable", s.runnable, Kind.Runnable],
                      ["system calls", s.syscall, Kind.Syscall],
                      ["waiting", s.waiting, Kind.Waiting],
                    ] as [string, number, Kind][]
                  ).map(([name, v, kind]) =>
                    v > 0 ? (
                      <span key={name} style={{ flexGrow: v / all, background: css(p.kinds[kind]) }} title={`${name}: ${long(v)}, ${share(v, all)}`}>
                        {v / all > 0.07 && `${name} ${share(v, all)}`}
                      </span>
                    ) : null,
                  )}
                </div>
              </section>

              {o.tasks.length > 0 && (
                <Card title="What was slow?" answer={slowest(o)} more={<Link to={address("usertasks")}>All tasks</Link>}>
                  <Places places={o.tasks.slice(0, 10)} what="The slowest tasks" none="" word={word} />
                </Card>
              )}

              <Card title={`What did ${meta.native ? "threads" : "goroutines"} wait for? Who held the lock?`} answer={waiting(o, meta.native ? "thread" : "goroutine", meta.duration)} wide={o.tasks.length === 0} more={<Link to={address("block")}>Flame graph</Link>}>
                {o.blocked.length === 0 ? (
                  <p class="muted pad">Nothing was blocked.</p>
                ) : (
                  <div class="table-box">
                    <table class="table waits" aria-label={`What ${meta.native ? "threads" : "goroutines"} waited for`}>
                      <thead>
                        <tr>
                          <th scope="col" class="number">Time</th>
                          <th scope="col" class="number wide-only">Count</th>
                          <th scope="col">For what</th>
                          <th scope="col" class="wide-only">Because of</th>
                          <th scope="col" class="number">Longest</th>
                        </tr>
                      </thead>
                      <tbody>
                        {o.blocked.slice(0, 10).map((b, i) => (
                          <tr key={i} class={b.idle ? "idle" : ""}>
                            <td class="number">{long(b.total)}</td>
                            <td class="number wide-only">{count(b.count)}</td>
                            <td>
                              <b>{b.reason}</b> {b.where && <span class="where" title={b.place}>{b.where}</span>}
                              {b.idle && <span class="tag">idle</span>}
                              {b.kind && !b.reason.includes("GC") && <span class="tag">{b.kind}</span>}
                              {(!b.idle || b.open) && <small class="narrow-only">{byWhom(b)}</small>}
                            </td>
                            <td class="wide-only">{b.idle && !b.open ? <span class="muted">{"\u2013"}</span> : <span title={b.by_place}>{byWhom(b) || <span class="muted">{"\u2013"}</span>}</span>}</td>
                            <td class="number">
                              <Link to={inTimeline(b.longest)} title="Show it in the timeline">
                                {long(b.longest.length)}
                              </Link>
                            </td>
                          </tr>
                        ))}
                      </tbody>
                    </table>
                  </div>
                )}
              </Card>

              {o.tasks.length === 0 && longest}

              {!meta.native && (
                <Card title="Is the garbage collector to blame?" answer={collector(o, meta.duration)} more={<Link to={address("gc")}>GC</Link>}>
                  <Places places={o.gc.longest.slice(0, 6)} what="The longest stops of the world" none="The world was never stopped." word={word} />
                </Card>
              )}

              <Card title="Was the scheduler late?" answer={scheduling(o)} more={<Link to={address("latency")}>Latency</Link>}>
                <Places places={o.delays.slice(0, 6)} what="The longest waits for a processor" none="None." word={word} />
              </Card>

              {o.tasks.length > 0 && longest}
            </>
          );
        }}
      </Loaded>
      <Legend
        parts={[
          ["running", Kind.Running],
          ["runnable: waits for a processor", Kind.Runnable],
          ["in a system call", Kind.Syscall],
          ["waiting", Kind.Waiting],
        ]}
      />
    </div>
  );
}
