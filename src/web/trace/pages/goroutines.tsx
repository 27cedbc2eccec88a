// goroutines: by start function; those of one; a single one.
import { useAsked } from "../ask";
import type { Goroutine, Goroutines, Group, Times } from "../data";
import type { PageProps } from "../page";
import { Bar, Facts, G, Legend, Link, Loaded, Pages, PARTS, Stack, Table, type Column } from "../parts";
import { address, changed } from "../place";
import { count, exact, long, share } from "../units";
import { NOT_OF_FUNCTIONS } from "./profile";

const ROWS = 100;
const word = (meta: PageProps["meta"]) => (meta.native ? "T" : "G");

// Columns of what the time went to; those without any time are left out.
export function timeColumns<R>(of: (r: R) => Times, all: Times, wide = true): Column<R>[] {
  return PARTS.filter((p) => p.of(all) > 0).map((p) => ({
    name: p.name,
    number: true,
    wide: wide && p.sort !== "running",
    sort: p.sort,
    value: (r: R) => p.of(of(r)),
    cell: (r: R) => (p.of(of(r)) ? long(p.of(of(r))) : <span class="muted">0</span>),
  }));
}

export function GoroutinesPage({ meta, search }: PageProps) {
  const asked = useAsked<Goroutines>("goroutines", {});
  return (
    <div class="page">
      <h1>{meta.native ? "Threads" : "Goroutines"} by start function</h1>
      <Legend />
      <Loaded asked={asked}>
        {(a) => {
          const rows = search ? a.groups.filter((g) => search.test(g.name)) : a.groups;
          const most = Math.max(1, ...rows.map((g) => g.times.total));
          const columns: Column<Group>[] = [
            {
              name: "Function",
              value: (g) => g.name,
              cell: (g) => (
                <>
                  <Link to={address("goroutine", { name: g.name })} title={g.place}>
                    {g.name || "(not known)"}
                  </Link>
                  <Bar times={g.times} of={Math.sqrt(most * Math.max(1, g.times.total))} />
                </>
              ),
            },
            { name: "Count", number: true, value: (g) => g.count, cell: (g) => count(g.count) },
            { name: "Total", title: "How long they were there", number: true, value: (g) => g.times.total, cell: (g) => long(g.times.total) },
            ...timeColumns<Group>((g) => g.times, a.total),
            ...(a.total.assist ? [{ name: "Assist", number: true, wide: true, value: (g: Group) => g.times.assist, cell: (g: Group) => long(g.times.assist) }] : []),
          ];
          return <Table label="Start functions" columns={columns} rows={rows} id={(g) => g.name} none="No start function matches." />;
        }}
      </Loaded>
    </div>
  );
}

export function GoroutinePage({ meta, here, go }: PageProps) {
  const name = here.params.get("name");
  const goid = here.params.get("goid");
  const sort = here.params.get("sort") ?? here.params.get("sortby")?.toLowerCase() ?? "total";
  const dir = here.params.get("dir") ?? "desc";
  const offset = Number(here.params.get("offset") ?? 0);
  const asked = useAsked<Goroutine>("goroutine", goid ? { goid } : { name: name ?? "", sort, dir, n: ROWS, offset });
  const only = goid ? { goid } : { name };
  return (
    <div class="page">
      <Loaded asked={asked}>
        {(a) => {
          const one = goid ? a.rows[0] : null;
          const t = a.times;
          const reasons = Object.entries(t.reasons).sort((x, y) => y[1] - x[1]);
          return (
            <>
              <h1>
                {one ? `${word(meta)}${one.id} ` : ""}
                {a.name || "(not known)"}
              </h1>
              <p class="muted">{a.place}</p>
              <div class="buttons">
                {one ? (
                  <>
                    <Link class="button primary" to={address("trace", { follow: one.id, ...around(one, meta.duration) })}>
                      Follow in the timeline
                    </Link>
                    <Link class="button" to={address("trace", { view: "goroutine", goid: one.id, related: 1, ...around(one, meta.duration) })}>
                      With those it works with
                    </Link>
                    <Link class="button" to={address("goroutine", { name: a.name })}>
                      All of its function
                    </Link>
                  </>
                ) : (
                  <Link class="button primary" to={address("trace", { view: "goroutine", name: a.name })}>
                    Timeline
                  </Link>
                )}
                {meta.profiles.filter((p) => goid || !NOT_OF_FUNCTIONS.includes(p.name)).map((p) => (
                  <Link key={p.name} class="button" to={address("flame", { profile: p.name, ...only })} title={p.title}>
                    {p.name}
                  </Link>
                ))}
              </div>
              <Facts
                facts={
                  one
                    ? [
                        ["From", one.start < 0 ? "before the trace" : exact(one.start)],
                        ["To", one.end < 0 ? "after it" : exact(one.end)],
                        ["Created by", <G id={one.parent} word={word(meta)} />],
                        ["Running", long(t.running)],
                      ]
                    : [
                        ["Count", count(a.count)],
                        ["Running", `${long(t.running)}, ${share(a.share, 1)} of all that ran`],
                        ["Total", long(t.total)],
                      ]
                }
              />
              <Legend />
              <Bar times={t} />
              <div class="columns">
                <section>
                  <h2>What the time went to</h2>
                  <Table
                    label="What the time went to"
                    id={(p) => p.name}
                    rows={PARTS.filter((p) => p.of(t) > 0)}
                    columns={[
                      { name: "State", cell: (p) => p.name },
                      { name: "Time", number: true, cell: (p) => long(p.of(t)) },
                      { name: "Share", number: true, cell: (p) => share(p.of(t), t.total) },
                    ]}
                  />
                </section>
                {reasons.length > 0 && (
                  <section>
                    <h2>What it waited for</h2>
                    <Table
                      label="What it waited for"
                      id={(r) => r[0]}
                      rows={reasons}
                      columns={[
                        { name: "Reason", cell: (r) => r[0] || "(not known)" },
                        { name: "Time", number: true, cell: (r) => long(r[1]) },
                        { name: "Share", number: true, cell: (r) => share(r[1], t.total) },
                      ]}
                    />
                  </section>
                )}
                {one && one.created.length > 0 && (
                  <section>
                    <h2>Created at</h2>
                    <Stack frames={one.created} />
                  </section>
                )}
              </div>
              {!goid && (
                <>
                  <h2>Each of them</h2>
                  <Table
                    label={`Those started with ${a.name}`}
                    id={(r) => r.id}
                    rows={a.rows}
                    sort={sort}
                    dir={dir}
                    sortBy={(column, to) => go(changed(here, { sort: column, dir: to, sortby: null, offset: null }))}
                    columns={[
                      { name: meta.native ? "Thread" : "Goroutine", number: true, sort: "id", cell: (r) => <G id={r.id} word={word(meta)} /> },
                      { name: "From", number: true, sort: "start", wide: true, cell: (r) => (r.start < 0 ? "before" : exact(r.start)) },
                      { name: "Total", number: true, sort: "total", cell: (r) => long(r.times.total) },
                      { name: "States", cell: (r) => <Bar times={r.times} /> },
                      ...timeColumns<Goroutine["rows"][number]>((r) => r.times, t),
                      {
                        name: "In the timeline",
                        cell: (r) => (
                          <Link to={address("trace", { follow: r.id, ...around(r, meta.duration) })} label={`Follow ${word(meta)}${r.id} in the timeline`}>
                            show
                          </Link>
                        ),
                      },
                    ]}
                  />
                  <Pages offset={offset} n={ROWS} shown={a.rows.length} more={a.more} to={(o) => changed(here, { offset: o || null })} />
                </>
              )}
            </>
          );
        }}
      </Loaded>
    </div>
  );
}

// Its life, with a little around it.
function around(r: { start: number; end: number }, duration: number) {
  const a = Math.max(0, r.start);
  const b = r.end < 0 ? duration : r.end;
  const room = Math.max(500, (b - a) * 0.08);
  return { start: Math.max(0, Math.round(a - room)), end: Math.round(b + room) };
}
