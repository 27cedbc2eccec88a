// latency: how long what could run waited for a processor.
import { useAsked } from "../ask";
import type { Latency } from "../data";
import type { PageProps } from "../page";
import { Facts, HistogramView, Link, Loaded, Places, spreadFacts, Table } from "../parts";
import { address, changed } from "../place";
import { count, exact, long } from "../units";

// Of a native program whose wake-ups the kernel was not permitted to tell.
function notMeasured(a: Latency): string {
  const times = `${count(a.untold)} ${a.untold === 1 ? "time was" : "times were"} not measured`;
  return a.spread.count > a.untold * 50
    ? `${times}: when the thread was woken is not known.`
    : `${times}: when threads were woken is in this trace for locks only.`;
}

export function LatencyPage({ meta, here, go, search }: PageProps) {
  const [start, end] = [here.params.get("start"), here.params.get("end")];
  const asked = useAsked<Latency>("latency", { start, end });
  return (
    <div class="page">
      <h1>Scheduling latency</h1>
      <p class="muted">From the moment a {meta.native ? "thread" : "goroutine"} could run until it ran.</p>
      {start && end && (
        <div class="chips">
          <span class="chip">
            <span class="chip-text">
              <span class="chip-label">Only</span>
              {exact(Number(start))} + {long(Number(end) - Number(start))}
            </span>
            <button type="button" class="chip-remove" aria-label="The whole trace" onClick={() => go(changed(here, { start: null, end: null }))}>
              {"\u00d7"}
            </button>
          </span>
        </div>
      )}
      <Loaded asked={asked}>
        {(a) => (
          <>
            <div class="buttons">
              <Link class="button" to={address("flame", { profile: "sched", start, end })}>
                Flame graph
              </Link>
            </div>
            {a.untold > 0 && <p class="muted">{notMeasured(a)}</p>}
            {(a.spread.count > 0 || !a.untold) && (
              <>
                <HistogramView histogram={a.histogram} />
                <Facts facts={spreadFacts(a.spread)} />
              </>
            )}
            <div class="columns">
              <section>
                <h2>The longest</h2>
                <Places places={a.longest.slice(0, 30)} what="The longest" none="None." word={meta.native ? "T" : "G"} />
              </section>
              <section>
                <h2>By start function</h2>
                <Table
                  label="By start function"
                  id={(f) => f.name}
                  rows={search ? a.functions.filter((f) => search.test(f.name)) : a.functions}
                  columns={[
                    { name: "Function", value: (f) => f.name, cell: (f) => <Link to={address("goroutine", { name: f.name, sort: "runnable" })}>{f.name || "(not known)"}</Link> },
                    { name: "Count", number: true, value: (f) => f.spread.count, cell: (f) => count(f.spread.count) },
                    { name: "Median", number: true, value: (f) => f.spread.p50, cell: (f) => long(f.spread.p50) },
                    { name: "99%", number: true, value: (f) => f.spread.p99, cell: (f) => long(f.spread.p99) },
                    { name: "Longest", number: true, value: (f) => f.spread.max, cell: (f) => long(f.spread.max) },
                    { name: "Together", number: true, wide: true, value: (f) => f.spread.total, cell: (f) => long(f.spread.total) },
                  ]}
                />
              </section>
            </div>
          </>
        )}
      </Loaded>
    </div>
  );
}
