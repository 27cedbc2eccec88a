// details: what is known of the box that is selected, and of the range that is marked.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Asked } from "../ask";
import { Kind, type Box, type Meta, type Range, type Step, type Wake } from "../data";
import { functionOf, holderOf, isLock, type Holder } from "../holder";
import { Bar, Facts, G, Legend, Link, Loaded, Stack, Table } from "../parts";
import { address } from "../place";
import { KIND_NAMES } from "../timeline/palette";
import { count, exact, long, plural, share } from "../units";
import { Icon } from "../../parts/icons";

interface Way {
  follow(g: number): void;
  step(step: Step): void; // to another box
  wake(g: number, at: number, track: number): void; // to what a goroutine did then
  zoom(start: number, end: number): void;
  mark(start: number, end: number): void;
  say(text: string): void;
}

function asText(b: Box): string {
  const stack = (title: string, frames: Box["stack"]) => (frames.length ? [title, ...frames.map((f) => `  ${f.name}${f.place ? `\n      ${f.place}` : ""}`)] : []);
  return [
    `${b.name || KIND_NAMES[b.kind]} (${KIND_NAMES[b.kind]})`,
    `from ${exact(b.start)} for ${long(b.length)}`,
    b.g >= 0 ? `goroutine ${b.g} ${b.function}` : "",
    b.woken ? `woken by goroutine ${b.woken.g} ${b.woken.function} at ${exact(b.woken.at)}` : "",
    ...stack("at its start:", b.stack),
    ...stack("at its end:", b.end_stack),
    ...(b.woken ? stack("woken from:", b.woken.stack) : []),
  ]
    .filter(Boolean)
    .join("\n");
}

function WakeLine({ wake, verb, way, word }: { wake: Wake; verb: string; way: Way; word: string }) {
  return (
    <p class="wake">
      <span class="muted">{verb}</span>{" "}
      {wake.g >= 0 ? (
        <button type="button" class="link" title="Go there" onClick={() => way.wake(wake.g, wake.at, wake.track)}>
          {word}
          {wake.g} {wake.function}
        </button>
      ) : (
        <b>{word === "T" && (!wake.function || wake.function === "the runtime") ? "the kernel" : wake.function || "the runtime"}</b>
      )}
      {wake.reason && <span class="muted"> {wake.reason}</span>}
    </p>
  );
}

function Woken({ box: b, way, word }: { box: Box; way: Way; word: string }) {
  if (!b.woken) return null;
  return (
    <>
      <h3>{b.kind === Kind.Running || b.kind === Kind.GCWork ? "Why it runs" : "Who woke it"}</h3>
      <WakeLine wake={b.woken} verb="Woken by" way={way} word={word} />
      <p class="muted">{b.woken.at >= b.start ? `at its end` : `${long(b.start - b.woken.at)} before`}</p>
      <Stack frames={b.woken.stack} />
    </>
  );
}

// Who held the lock that it waited for: asked of the boxes of those who passed it on.
// `children`: who woke it, which is the same if nobody passed it on.
function HolderOf({ box: b, way, word, children }: { box: Box; way: Way; word: string; children: ComponentChildren }) {
  const [holder, setHolder] = useState<Holder | null | undefined>(undefined);
  useEffect(() => {
    const abort = new AbortController();
    setHolder(undefined);
    holderOf(b, abort.signal).then(setHolder, () => {});
    return () => abort.abort();
  }, [b]);
  return (
    <>
      <h3>Who held the lock</h3>
      {holder === undefined && <p class="loading">Working it out{"\u2026"}</p>}
      {holder === null && <p class="muted">Nobody gave it up: it was held until the trace ended, or what ended the wait is not in it.</p>}
      {holder && (
        <>
          <WakeLine wake={{ ...holder, at: Math.round(b.start + b.length / 2), track: -1, reason: "" }} verb="Held by" way={way} word={word} />
          <p class="muted">
            {functionOf(holder.stack) && (
              <>
                in <b class="stack-name">{functionOf(holder.stack)}</b>,{" "}
              </>
            )}
            given up {holder.at < b.start + b.length ? `${long(b.start + b.length - holder.at)} before the end` : "at its end"}
            {holder.passed > 0 && `, passed on by ${plural(holder.passed, "other")} who waited`}
          </p>
          <Stack frames={holder.stack} />
        </>
      )}
      {holder && holder.passed > 0 && children}
    </>
  );
}

export function Details({ asked, meta, follow, way, close }: { asked: Asked<Box>; meta: Meta; follow: number; way: Way; close(): void }) {
  const word = meta.native ? "T" : "G";
  const [more, setMore] = useState(false);
  return (
    <Loaded asked={asked}>
      {(b) => {
        const g = b.g >= 0;
        const runs = b.kind === Kind.Running || b.kind === Kind.GCWork;
        const woke = more ? b.woke : b.woke.slice(0, 6);
        const facts: [string, any][] = [
          ["Length", long(b.length)],
          ["From", exact(b.start)],
          ["To", exact(b.start + b.length)],
        ];
        if (b.reason && b.reason !== b.name) facts.push(["Reason", b.reason]);
        if (g) facts.push([meta.native ? "Thread" : "Goroutine", <><G id={b.g} word={word} /> {b.function}</>]);
        if (b.p >= 0) facts.push(["Processor", count(b.p)]);
        if (b.m >= 0) facts.push(["Thread", String(b.m)]);
        if (b.task) facts.push(["Task", <Link to={address("usertask", { id: b.task.id })}>{b.task.name || b.task.id}</Link>]);
        if (b.region) facts.push(["Region", b.region]);
        if (b.samples) facts.push(["CPU samples", count(b.samples)]);
        return (
          <section class="details-of" aria-label="Details">
            <header>
              <h2>{b.name || KIND_NAMES[b.kind]}</h2>
              <button type="button" class="button quiet" aria-label="Close (Esc)" onClick={close}>
                <Icon name="close" />
              </button>
            </header>
            {b.name !== KIND_NAMES[b.kind] && <p class="muted kind-name">{KIND_NAMES[b.kind]}</p>}
            <div class="buttons">
              {g && (
                <button type="button" class="button small" aria-pressed={follow === b.g} onClick={() => way.follow(follow === b.g ? -1 : b.g)}>
                  {follow === b.g ? "Follow no more" : `Follow ${word}${b.g}`}
                </button>
              )}
              <button type="button" class="button small" title="z" onClick={() => way.zoom(b.start, b.start + b.length)}>
                Zoom
              </button>
              <button type="button" class="button small" title="Mark its time (m)" onClick={() => way.mark(b.start, b.start + b.length)}>
                Mark
              </button>
              <button
                type="button"
                class="button small"
                onClick={() => navigator.clipboard?.writeText(asText(b)).then(() => way.say("Copied"), () => way.say("The browser does not let this page copy"))}
              >
                Copy
              </button>
            </div>
            {g && (b.previous || b.next) && (
              <div class="steps" role="group" aria-label={`What ${word}${b.g} did before and after`}>
                {[b.previous, b.next].map((s, i) =>
                  s ? (
                    <button type="button" class="step" title={i ? "Next (])" : "Before ([)"} onClick={() => way.step(s)}>
                      <small>{i ? "then" : "before"}</small>
                      <span>{s.name || KIND_NAMES[s.kind]}</span>
                      <small>{long(s.length)}</small>
                    </button>
                  ) : (
                    <span class="step none">{i ? "the end" : "the beginning"}</span>
                  ),
                )}
              </div>
            )}
            <Facts facts={facts} />
            {isLock(b) ? (
              <HolderOf box={b} way={way} word={word}>
                <Woken box={b} way={way} word={word} />
              </HolderOf>
            ) : (
              <Woken box={b} way={way} word={word} />
            )}
            {b.created && (
              <>
                <h3>Created</h3>
                <WakeLine wake={b.created} verb="By" way={way} word={word} />
                <Stack frames={b.created.stack} />
              </>
            )}
            {b.stack.length > 0 && <h3>{runs ? "Where it began" : "Where it stood"}</h3>}
            <Stack frames={b.stack} />
            {b.end_stack.length > 0 && <h3>Where it ended</h3>}
            <Stack frames={b.end_stack} />
            {b.woke.length > 0 && (
              <>
                <h3>It woke</h3>
                <ul class="woke">
                  {woke.map((w, i) => (
                    <li key={i}>
                      <WakeLine wake={w} verb={w.kind === "created" ? "created" : "woke"} way={way} word={word} />
                    </li>
                  ))}
                </ul>
                {woke.length < b.woke.length && (
                  <button type="button" class="link" onClick={() => setMore(true)}>
                    {count(b.woke.length - woke.length + b.more_woke)} more
                  </button>
                )}
              </>
            )}
            {b.inside.length > 0 && (
              <>
                <h3>Within it</h3>
                <Table
                  label="Within it"
                  id={(r) => r.name}
                  rows={b.inside}
                  columns={[
                    { name: "What", cell: (r) => r.name || KIND_NAMES[r.kind] },
                    { name: "Count", number: true, cell: (r) => count(r.count) },
                    { name: "Time", number: true, cell: (r) => long(r.total) },
                  ]}
                />
              </>
            )}
            {b.logs.length > 0 && (
              <>
                <h3>Log messages</h3>
                <ul class="logs">
                  {b.logs.map((l, i) => (
                    <li key={i}>
                      <small class="muted">{exact(l.at)}</small> <b>{l.category}</b> {l.message}
                    </li>
                  ))}
                </ul>
              </>
            )}
          </section>
        );
      }}
    </Loaded>
  );
}

export function RangeDetails({ range, asked, meta, way, close }: { range: { start: number; end: number }; asked: Asked<Range>; meta: Meta; way: Way; close(): void }) {
  const part = { start: Math.round(range.start), end: Math.round(range.end) };
  const length = part.end - part.start;
  const flames = meta.profiles;
  return (
    <section class="details-of" aria-label="The marked range">
      <header>
        <h2>{long(length)} marked</h2>
        <button type="button" class="button quiet" aria-label="Unmark (Esc)" onClick={close}>
          <Icon name="close" />
        </button>
      </header>
      <p class="muted kind-name">
        {exact(part.start)} to {exact(part.end)}
      </p>
      <div class="buttons">
        <button type="button" class="button small primary" onClick={() => way.zoom(part.start, part.end)}>
          Zoom
        </button>
        <Link class="button small" to={address("latency", part)}>
          Latency
        </Link>
      </div>
      {flames.length > 0 && (
        <>
          <h3>Flame graph of this range</h3>
          <div class="buttons">
            {flames.map((f) => (
              <Link key={f.name} class="button small" to={address("flame", { profile: f.name, ...part })} title={f.title}>
                {f.name}
              </Link>
            ))}
          </div>
        </>
      )}
      <Loaded asked={asked}>
        {(r) => {
          const s = r.states;
          const all = s.running + s.runnable + s.syscall + s.waiting;
          const busy = r.procs.reduce((sum, p) => sum + p.busy, 0);
          const collector = [
            ["workers", r.procs.reduce((sum, p) => sum + p.gc, 0)],
            ["mark assists with their waits", r.functions.reduce((sum, f) => sum + f.times.assist, 0)],
            ["sweeping", r.functions.reduce((sum, f) => sum + f.times.sweep, 0)],
          ] as const;
          return (
            <>
              <Facts
                facts={[
                  ["Processors", `${share(busy, length * Math.max(1, r.procs.length))} busy`],
                  ["Running", `${long(s.running)}, ${share(s.running, all)}`],
                  ["Runnable", `${long(s.runnable)}, ${share(s.runnable, all)}`],
                  ["System calls", `${long(s.syscall)}, ${share(s.syscall, all)}`],
                  ["Waiting", `${long(s.waiting)}, ${share(s.waiting, all)}`],
                  ...(collector.some((c) => c[1]) ? [["Collector", collector.filter((c) => c[1]).map(([what, ns]) => `${what} ${long(ns)}`).join(", ")] as [string, string]] : []),
                  ["Happened", `${plural(r.counts.wakes, "wake-up")}, ${count(r.counts.created)} created, ${count(r.counts.ended)} ended, ${plural(r.counts.syscalls, "system call")}${r.counts.pauses ? `, ${plural(r.counts.pauses, "stop")} of the world` : ""}`],
                ]}
              />
              <h3>By start function</h3>
              <Legend />
              <Table
                label="By start function"
                id={(g) => g.name}
                rows={r.functions.slice(0, 20)}
                columns={[
                  { name: "Function", cell: (g) => <><Link to={address("goroutine", { name: g.name })}>{g.name || "(unknown)"}</Link><Bar times={g.times} /></> },
                  { name: "Count", number: true, value: (g) => g.count, cell: (g) => count(g.count) },
                  { name: "Running", number: true, value: (g) => g.times.running, cell: (g) => long(g.times.running) },
                ]}
              />
              {r.blocked.length > 0 && <h3>Waited for</h3>}
              {r.blocked.length > 0 && (
                <Table
                  label="Waited for"
                  id={(b) => b.reason + b.where}
                  rows={r.blocked.slice(0, 12)}
                  columns={[
                    { name: "For what", cell: (b) => <><b>{b.reason}</b> <span class="where">{b.where}</span></> },
                    { name: "Time", number: true, value: (b) => b.total, cell: (b) => long(b.total) },
                  ]}
                />
              )}
            </>
          );
        }}
      </Loaded>
    </section>
  );
}
