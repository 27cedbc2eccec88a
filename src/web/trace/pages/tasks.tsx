// tasks: user tasks by type; those of one type; one with all that belongs to it.
import { useAsked } from "../ask";
import type { Task, TaskRow, UserTask, UserTasks } from "../data";
import type { PageProps } from "../page";
import { Bar, Facts, G, HistogramView, Legend, Link, Loaded, Nothing, Pages, spreadFacts, Table } from "../parts";
import { address, changed, inTimeline } from "../place";
import { count, exact, long, plural } from "../units";

const ROWS = 100;

function length(r: TaskRow): string {
  return r.start < 0 || r.end < 0 ? "incomplete" : long(r.end - r.start);
}

function timelineOf(r: TaskRow, duration: number): string {
  const a = Math.max(0, r.start);
  const b = r.end < 0 ? duration : r.end;
  const room = Math.max(500, (b - a) * 0.1);
  return address("trace", { view: "goroutine", taskid: r.id, start: Math.max(0, Math.round(a - room)), end: Math.round(b + room) });
}

export function UserTasksPage({ meta, search }: PageProps) {
  const asked = useAsked<UserTasks>("usertasks", {});
  if (!meta.tasks)
    return (
      <Nothing title="There are no tasks in this trace">
        {meta.native ? "A program marks them with sonde_trace_task_begin and sonde_trace_task_end." : "A program marks them with trace.NewTask of runtime/trace."}
      </Nothing>
    );
  return (
    <div class="page">
      <h1>Tasks by type</h1>
      <Loaded asked={asked}>
        {(a) => (
          <div class="cards">
            {a.types
              .filter((t) => !search || search.test(t.name))
              .map((t) => (
                <section class="card" key={t.name}>
                  <header>
                    <h2>
                      <Link to={address("usertask", { type: t.name })}>{t.name || "(no name)"}</Link>
                    </h2>
                    <Link class="button small" to={address("usertask", { type: t.name })}>
                      {plural(t.count, "task")}
                    </Link>
                  </header>
                  <HistogramView histogram={t.histogram} link={(min, max) => address("usertask", { type: t.name, complete: 1, latmin: min, latmax: max })} />
                  <Facts facts={spreadFacts(t.spread)} />
                </section>
              ))}
          </div>
        )}
      </Loaded>
    </div>
  );
}

export function UserTaskPage(props: PageProps) {
  const id = props.here.params.get("id");
  return id ? <OneTask {...props} id={id} /> : <TasksOfType {...props} />;
}

function TasksOfType({ meta, here, go }: PageProps) {
  const q = here.params;
  const sort = q.get("sort") ?? "length";
  const dir = q.get("dir") ?? "desc";
  const offset = Number(q.get("offset") ?? 0);
  const asked = useAsked<UserTask>("usertask", { type: q.get("type"), complete: q.get("complete"), latmin: q.get("latmin"), latmax: q.get("latmax"), logtext: q.get("logtext"), sort, dir, n: ROWS, offset });
  const filters = (["latmin", "latmax", "complete", "logtext"] as const).filter((n) => q.get(n));
  const shown = (n: string, v: string) => (n.startsWith("lat") && /^\d+$/.test(v) ? long(Number(v)) : v);
  const words: Record<string, string> = { latmin: "at least", latmax: "less than", complete: "complete", logtext: "log has" };
  return (
    <div class="page">
      <Loaded asked={asked}>
        {(a) => (
          <>
            <h1>{a.name || "Tasks"}</h1>
            <div class="chips">
              <span class="muted">{plural(a.count, "task")}</span>
              {filters.map((n) => (
                <span class="chip" key={n}>
                  <span class="chip-text">
                    <span class="chip-label">{words[n]}</span>
                    {n !== "complete" && shown(n, q.get(n)!)}
                  </span>
                  <button type="button" class="chip-remove" aria-label="Take it away" onClick={() => go(changed(here, { [n]: null, offset: null }))}>
                    {"\u00d7"}
                  </button>
                </span>
              ))}
              <input
                type="text"
                class="log-filter"
                placeholder="Log message has"
                aria-label="Only tasks with this text in a log message"
                value={q.get("logtext") ?? ""}
                onChange={(e) => go(changed(here, { logtext: e.currentTarget.value || null, offset: null }))}
              />
            </div>
            <Legend />
            <Table
              label="Tasks"
              id={(r) => r.id}
              rows={a.rows}
              sort={sort}
              dir={dir}
              sortBy={(column, to) => go(changed(here, { sort: column, dir: to, offset: null }))}
              columns={[
                { name: "Task", number: true, sort: "id", cell: (r) => <Link to={address("usertask", { id: r.id })}>{count(r.id)}</Link> },
                { name: "Took", number: true, sort: "length", cell: (r) => length(r) },
                { name: "From", number: true, sort: "start", wide: true, cell: (r) => (r.start < 0 ? "before" : exact(r.start)) },
                { name: "Its goroutines", cell: (r) => <Bar times={r.times} /> },
                { name: "Goroutines", number: true, wide: true, cell: (r) => count(r.goroutines) },
                { name: "Regions", number: true, wide: true, cell: (r) => count(r.regions) },
                { name: "Subtasks", number: true, wide: true, cell: (r) => count(r.subtasks) },
                { name: "Logs", number: true, wide: true, cell: (r) => count(r.logs) },
                { name: "GC", number: true, wide: true, title: "The collector was active for so long of it", cell: (r) => long(r.gc) },
                { name: "In the timeline", cell: (r) => <Link to={timelineOf(r, meta.duration)} label={`Show task ${r.id} in the timeline`}>show</Link> },
              ]}
              none="No task is like this."
            />
            <Pages offset={offset} n={ROWS} shown={a.rows.length} more={a.more} to={(o) => changed(here, { offset: o || null })} />
          </>
        )}
      </Loaded>
    </div>
  );
}

function OneTask({ meta, id }: PageProps & { id: string }) {
  const asked = useAsked<Task>("task", { id });
  const word = meta.native ? "T" : "G";
  return (
    <div class="page">
      <Loaded asked={asked}>
        {(t) => {
          const a = Math.max(0, t.start);
          const b = t.end < 0 ? meta.duration : t.end;
          const wide = Math.max(1, b - a);
          const place = (at: number, len: number) => {
            const left = Math.min(99.5, ((at - a) / wide) * 100);
            return { left: `${left.toFixed(2)}%`, width: `${Math.min(100 - left, Math.max(0.3, (len / wide) * 100)).toFixed(2)}%` };
          };
          return (
            <>
              <h1>
                {t.name} <span class="muted">task {t.id}</span>
              </h1>
              <div class="buttons">
                <Link class="button primary" to={timelineOf(t, meta.duration)}>
                  Timeline
                </Link>
                <Link class="button" to={address("trace", { start: Math.round(a), end: Math.round(b), range: `${Math.round(a)}-${Math.round(b)}` })}>
                  Everything at that time
                </Link>
                <Link class="button" to={address("usertask", { type: t.name })}>
                  All {t.name}
                </Link>
                {meta.profiles.map((p) => (
                  <Link key={p.name} class="button" to={address("flame", { profile: p.name, task: t.id })} title={p.title}>
                    {p.name}
                  </Link>
                ))}
              </div>
              <Facts
                facts={[
                  ["Took", length(t)],
                  ["From", t.start < 0 ? "before the trace" : exact(t.start)],
                  ["Goroutines", count(t.goroutines)],
                  ["Regions", count(t.regions)],
                  ["Subtasks", count(t.subtasks)],
                  ["GC active", long(t.gc)],
                  ...(t.parent ? [["Part of", <Link to={address("usertask", { id: t.parent })}>task {t.parent}</Link>] as [string, any]] : []),
                ]}
              />
              <Legend />
              <Bar times={t.times} />
              <h2>What happened</h2>
              <ol class="task-events" aria-label="What happened in it">
                {t.events.map((e, i) => (
                  <li key={i} class={"is-" + e.kind}>
                    <span class="number">{e.at < 0 ? "before" : "+" + long(e.at - a)}</span>
                    <span class="task-what">
                      <b>{e.kind === "subtask" ? <Link to={address("usertask", { id: e.task })}>{e.text}</Link> : e.text || (e.kind === "begin" ? "begins" : e.kind === "end" ? "ends" : e.kind)}</b>
                      <small class="muted">
                        {e.kind} <G id={e.g} word={word} /> {e.length > 0 && long(e.length)}
                      </small>
                    </span>
                    <Link class="task-bar" to={inTimeline({ start: Math.max(0, e.at), length: e.length, g: e.g, p: -1, task: 0 })} label="Show it in the timeline">
                      <i style={place(Math.max(a, e.at), e.length)} />
                    </Link>
                  </li>
                ))}
              </ol>
              {t.more > 0 && <p class="muted">{count(t.more)} more.</p>}
              {t.tree.length > 0 && (
                <>
                  <h2>Subtasks</h2>
                  <Table
                    label="Subtasks"
                    compact
                    id={(r) => r.id}
                    rows={t.tree}
                    columns={[
                      { name: "Task", value: (r) => r.id, number: true, cell: (r) => <Link to={address("usertask", { id: r.id })}>{count(r.id)}</Link> },
                      { name: "Name", value: (r) => r.name, cell: (r) => r.name },
                      { name: "Took", number: true, value: (r) => (r.end < 0 ? Infinity : r.end - r.start), cell: (r) => length(r) },
                      { name: "Goroutines", number: true, value: (r) => r.goroutines, cell: (r) => count(r.goroutines) },
                    ]}
                  />
                  {t.more_tree > 0 && <p class="muted">{count(t.more_tree)} more.</p>}
                </>
              )}
            </>
          );
        }}
      </Loaded>
    </div>
  );
}
