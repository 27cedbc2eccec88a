// regions: user regions by type; those of one type.
import { useAsked } from "../ask";
import type { UserRegion, UserRegions } from "../data";
import type { PageProps } from "../page";
import { Bar, Facts, G, HistogramView, Legend, Link, Loaded, Nothing, Pages, spreadFacts, Table } from "../parts";
import { address, changed, inTimeline } from "../place";
import { count, exact, long, plural } from "../units";
import { timeColumns } from "./goroutines";

const ROWS = 100;

export function UserRegionsPage({ meta, search }: PageProps) {
  const asked = useAsked<UserRegions>("userregions", {});
  if (!meta.regions)
    return (
      <Nothing title="There are no regions in this trace">
        {meta.native ? "A program marks them with sonde_trace_region_begin and sonde_trace_region_end." : "A program marks them with trace.WithRegion of runtime/trace."}
      </Nothing>
    );
  return (
    <div class="page">
      <h1>Regions by type</h1>
      <p class="muted">By their type and by where they begin. The bars are of those that begin and end in the trace.</p>
      <Loaded asked={asked}>
        {(a) => (
          <div class="cards">
            {a.types
              .filter((t) => !search || search.test(t.name) || search.test(t.function))
              .map((t) => {
                const of = { type: t.name, pc: t.pc };
                return (
                  <section class="card" key={t.name + t.pc}>
                    <header>
                      <h2>
                        <Link to={address("userregion", of)}>{t.name || "(no name)"}</Link>
                      </h2>
                      <Link class="button small" to={address("userregion", of)}>
                        {plural(t.count, "region")}
                      </Link>
                    </header>
                    <p class="where" title={t.place}>
                      {t.function} {t.place.slice(t.place.lastIndexOf("/") + 1)}
                    </p>
                    <HistogramView histogram={t.histogram} link={(min, max) => address("userregion", { ...of, latmin: min, latmax: max })} />
                    <Facts facts={spreadFacts(t.spread)} />
                  </section>
                );
              })}
          </div>
        )}
      </Loaded>
    </div>
  );
}

export function UserRegionPage({ meta, here, go }: PageProps) {
  const q = here.params;
  const of = { type: q.get("type"), pc: q.get("pc"), latmin: q.get("latmin"), latmax: q.get("latmax") };
  const sort = q.get("sort") ?? "length";
  const dir = q.get("dir") ?? "desc";
  const offset = Number(q.get("offset") ?? 0);
  const asked = useAsked<UserRegion>("userregion", { ...of, sort, dir, n: ROWS, offset });
  const word = meta.native ? "T" : "G";
  return (
    <div class="page">
      <Loaded asked={asked}>
        {(a) => (
          <>
            <h1>{a.name}</h1>
            <p class="muted">
              {a.function} {a.place}
            </p>
            <div class="buttons">
              {["net", "sync", "syscall", "sched"].map((p) => (
                <Link key={p} class="button" to={address({ net: "regionio", sync: "regionblock", syscall: "regionsyscall", sched: "regionsched" }[p]!, of)}>
                  {p}
                </Link>
              ))}
            </div>
            <div class="chips">
              <span class="muted">{plural(a.count, "region")}</span>
              {(["latmin", "latmax"] as const)
                .filter((n) => q.get(n))
                .map((n) => (
                  <span class="chip" key={n}>
                    <span class="chip-text">
                      <span class="chip-label">{n === "latmin" ? "at least" : "less than"}</span>
                      {/^\d+$/.test(q.get(n)!) ? long(Number(q.get(n))) : q.get(n)}
                    </span>
                    <button type="button" class="chip-remove" aria-label="Take it away" onClick={() => go(changed(here, { [n]: null, offset: null }))}>
                      {"\u00d7"}
                    </button>
                  </span>
                ))}
            </div>
            <Legend />
            <Bar times={a.times} />
            {a.by_goroutine.length > 0 && (
              <details class="fold">
                <summary>By {meta.native ? "thread" : "goroutine"}</summary>
                <Table
                  label="By goroutine"
                  id={(r) => r.g}
                  rows={a.by_goroutine}
                  columns={[
                    { name: meta.native ? "Thread" : "Goroutine", value: (r) => r.g, cell: (r) => <><G id={r.g} word={word} /> {r.function}</> },
                    { name: "Count", number: true, value: (r) => r.count, cell: (r) => count(r.count) },
                    { name: "Time", number: true, value: (r) => r.total, cell: (r) => long(r.total) },
                  ]}
                />
              </details>
            )}
            <Table
              label="Regions"
              id={(r) => `${r.g} ${r.start}`}
              rows={a.rows}
              sort={sort}
              dir={dir}
              sortBy={(column, to) => go(changed(here, { sort: column, dir: to, offset: null }))}
              columns={[
                { name: "Took", number: true, sort: "length", cell: (r) => (r.start < 0 || r.end < 0 ? "incomplete" : <Link to={inTimeline({ start: r.start, length: r.end - r.start, g: r.g, p: -1, task: 0 })}>{long(r.end - r.start)}</Link>) },
                { name: "From", number: true, sort: "start", wide: true, cell: (r) => (r.start < 0 ? "before" : exact(r.start)) },
                { name: meta.native ? "Thread" : "Goroutine", number: true, cell: (r) => <G id={r.g} word={word} /> },
                { name: "Task", number: true, cell: (r) => (r.task ? <Link to={address("usertask", { id: r.task })}>{count(r.task)}</Link> : "") },
                { name: "States", cell: (r) => <Bar times={r.times} /> },
                ...timeColumns<UserRegion["rows"][number]>((r) => r.times, a.times),
              ]}
            />
            <Pages offset={offset} n={ROWS} shown={a.rows.length} more={a.more} to={(o) => changed(here, { offset: o || null })} />
          </>
        )}
      </Loaded>
    </div>
  );
}
