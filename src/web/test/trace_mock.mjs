// trace_mock: a server with a made trace, for work on the trace's page without a build of Sonde.
//
// usage: node test/trace_mock.mjs [PORT] [SECONDS]
//
// It answers in the shape of ../trace/data.ts.  It is slow where the program is fast, and
// keeps all in memory.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const port = Number(process.argv[2] ?? 7500);
const seconds = Number(process.argv[3] ?? 2);
const dist = new URL("../dist/", import.meta.url).pathname;
const END = seconds * 1e9;
const PROCS = 8;
const K = { Running: 0, Runnable: 1, Waiting: 2, Syscall: 3, Sync: 4, Network: 5, Sleep: 6, WaitGC: 7, Idle: 8, GCWork: 9, Assist: 10, Sweep: 11, STW: 12, GC: 13, Region: 14, Task: 15, Unknown: 16 };

// ---- a program that never was

let seed = 12345;
const random = () => ((seed = (seed * 1103515245 + 12345) & 0x7fffffff) / 0x7fffffff);
const about = (ns) => Math.round(ns * (0.4 + random() * 1.2) * (random() < 0.02 ? 8 : 1));

let now = 0;
const queue = []; // a heap of [time, order, fn]
let order = 0;
function at(time, fn) {
  let i = queue.length;
  queue.push([time, order++, fn]);
  for (; i; ) {
    const up = (i - 1) >> 1;
    if (queue[up][0] <= queue[i][0]) break;
    [queue[up], queue[i]] = [queue[i], queue[up]];
    i = up;
  }
}
function pop() {
  const top = queue[0];
  const last = queue.pop();
  if (queue.length) {
    queue[0] = last;
    for (let i = 0; ; ) {
      let c = 2 * i + 1;
      if (c >= queue.length) break;
      if (c + 1 < queue.length && queue[c + 1][0] < queue[c][0]) c++;
      if (queue[i][0] <= queue[c][0]) break;
      [queue[i], queue[c]] = [queue[c], queue[i]];
      i = c;
    }
  }
  return top;
}

const goroutines = [];
const procs = Array.from({ length: PROCS }, (_, id) => ({ id, boxes: [], g: null }));
const ready = [];
const arrows = []; // {kind, from, at, to, run, reason}
const tasks = [];
const logs = [];
const regions = [];
const cycles = [];
const stw = [];
const heap = [];
let bytes = 8e6;
let goal = 24e6;
let collecting = false;

function spawn(name, body, parent = null) {
  const g = { id: goroutines.length + 1, name, boxes: [], start: now, end: -1, state: null, since: now, parent, inner: [], marks: [] };
  goroutines.push(g);
  g.program = body(g);
  if (parent) arrows.push((g.arrow = { kind: 1, from: parent, at: now, to: g, run: -1, reason: "" }));
  enter(g, K.Runnable, "");
  ready.push(g);
  kick();
  return g;
}
function enter(g, kind, name, more) {
  if (g.state) {
    const b = { ...g.state, end: now };
    if (b.end > b.start) {
      g.boxes.push(b);
      if (b.p !== undefined) procs[b.p].boxes.push({ ...b, g: g.id, name: b.kind === K.Running ? g.name : b.name });
    }
  }
  g.state = kind === null ? null : { kind, name, start: now, g: g.id, ...more };
}
function kick() {
  for (const p of procs) {
    if (!ready.length) return;
    if (p.g) continue;
    const g = ready.shift();
    p.g = g;
    g.p = p;
    enter(g, g.work ? K.GCWork : K.Running, g.name, { p: p.id });
    if (g.arrow) (g.arrow.run = now), (g.arrow.runp = p.id), (g.arrow = null);
    step(g);
  }
}
function leave(g) {
  g.p.g = null;
  g.p = null;
}
function wake(g, by, reason) {
  if (!g.state || g.state.kind === K.Runnable || g.state.kind === K.Running) return;
  if (by) arrows.push((g.arrow = { kind: 0, from: by, at: now, to: g, run: -1, reason }));
  g.state.by = by;
  enter(g, K.Runnable, "");
  ready.push(g);
  kick();
}
function step(g) {
  const { value: act, done } = g.program.next();
  if (done || now >= END) {
    enter(g, null);
    g.end = now;
    leave(g);
    kick();
    return;
  }
  const [what, a, b] = act;
  if (what === "run") at(now + a, () => step(g));
  else if (what === "wait") {
    enter(g, a.kind, a.reason, { where: a.where });
    leave(g);
    if (a.for !== undefined) at(now + a.for, () => wake(g, null, a.reason));
    kick();
  } else if (what === "syscall") {
    const p = g.p.id;
    enter(g, K.Syscall, b, { where: b });
    if (a > 20000) {
      leave(g);
      at(now + a, () => {
        enter(g, K.Runnable, "");
        ready.push(g);
        kick();
      });
      kick();
    } else {
      g.state.p = p;
      at(now + a, () => {
        enter(g, K.Running, g.name, { p });
        step(g);
      });
    }
  } else if (what === "yield") {
    enter(g, K.Runnable, "preempted");
    leave(g);
    ready.push(g);
    kick();
  }
}
const locks = new Map();
function* lock(g, name) {
  let l = locks.get(name);
  if (!l) locks.set(name, (l = { owner: null, waiting: [] }));
  if (l.owner) {
    l.waiting.push(g);
    yield ["wait", { kind: K.Sync, reason: "sync.Mutex.Lock", where: name }];
  }
  l.owner = g;
}
function unlock(g, name) {
  const l = locks.get(name);
  l.owner = null;
  const next = l.waiting.shift();
  if (next) {
    l.owner = next;
    wake(next, g, "sync.Mutex.Lock");
  }
}
const channels = new Map();
const channel = (name) => {
  let c = channels.get(name);
  if (!c) channels.set(name, (c = { items: 0, waiting: [] }));
  return c;
};
function* receive(g, name) {
  const c = channel(name);
  if (c.items) c.items--;
  else {
    c.waiting.push(g);
    yield ["wait", { kind: K.Sync, reason: "chan receive", where: name }];
  }
}
function send(g, name) {
  const c = channel(name);
  const next = c.waiting.shift();
  if (next) wake(next, g, "chan receive");
  else c.items++;
}
function allocate(g, n) {
  bytes += n;
  heap.push([now, bytes, goal]);
  if (bytes > goal && !collecting) collect(g);
}
function within(g, kind, name, depth) {
  return { g: g.id, p: g.p?.id, kind, name, start: now, depth };
}
function inner(g, b) {
  b.end = now;
  g.inner.push(b);
}
function stop(g, ns, name) {
  stw.push({ start: now, end: now + ns, name, g: g.id });
}
function collect(g) {
  collecting = true;
  const start = now;
  stop(g, about(30000), "GC sweep termination");
  let left = 4;
  for (let i = 0; i < left; i++) {
    const w = spawn("runtime.gcBgMarkWorker", function* (g) {
      for (let k = 0; k < 6; k++) {
        yield ["run", about(400000)];
        yield ["yield"];
      }
      if (--left === 0) {
        collecting = false;
        stop(g, about(60000), "GC mark termination");
        cycles.push({ start, end: now, before: bytes, goal });
        bytes = Math.round(bytes * 0.35);
        goal = Math.max(16e6, bytes * 2);
        heap.push([now, bytes, goal]);
      }
    });
    w.work = true;
  }
}
function log(g, task, category, message) {
  logs.push({ at: now, g: g.id, task: task?.id ?? 0, category, message });
  g.marks.push({ at: now, kind: 0, name: `${category}: ${message}`, p: g.p?.id });
}
function* handler(g) {
  const task = { id: tasks.length + 1, name: random() < 0.7 ? "GET /items" : "POST /order", start: now, end: -1, parent: 0, gs: new Set([g.id]), regions: [], logs: 0 };
  tasks.push(task);
  g.task = task;
  let r = within(g, K.Region, "parse", 1);
  yield ["run", about(60000)];
  inner(g, r), regions.push({ ...r, task: task.id });
  log(g, task, "request", `id ${task.id}`);
  r = within(g, K.Region, "query", 1);
  yield* lock(g, "main.(*store).query");
  const q = within(g, K.Region, "index", 2);
  yield ["run", about(90000)];
  inner(g, q);
  allocate(g, 120000);
  if (collecting && random() < 0.5) {
    const a = within(g, K.Assist, "GC mark assist", 1 + 1);
    yield ["run", about(50000)];
    inner(g, a);
  }
  unlock(g, "main.(*store).query");
  inner(g, r), regions.push({ ...r, task: task.id });
  yield ["syscall", about(9000), "os.(*File).Write"];
  if (task.name[0] === "P") {
    const sub = { id: tasks.length + 1, name: "notify", start: now, end: -1, parent: task.id, gs: new Set(), regions: [], logs: 0 };
    tasks.push(sub);
    spawn("main.notify", function* (n) {
      sub.gs.add(n.id);
      n.task = sub;
      yield ["run", about(40000)];
      yield ["wait", { kind: K.Network, reason: "network", where: "net.(*conn).Read", for: about(900000) }];
      yield ["run", about(20000)];
      sub.end = now;
    }, g);
  }
  send(g, "jobs");
  yield ["run", about(30000)];
  yield ["syscall", about(120000), "syscall.fsync"];
  yield ["run", about(20000)];
  task.end = now;
}

spawn("main.main", function* (g) {
  for (let i = 0; i < 12; i++)
    spawn("main.worker", function* (g) {
      for (;;) {
        yield* receive(g, "jobs");
        for (let k = 0; k < 5; k++) {
          yield ["run", about(150000)];
          g.marks.push({ at: now, kind: 1, name: "main.checksum", p: g.p?.id });
          allocate(g, 60000);
          if (random() < 0.3) yield ["yield"];
        }
        yield* lock(g, "main.(*cache).put");
        yield ["run", about(35000)];
        unlock(g, "main.(*cache).put");
      }
    }, g);
  for (let i = 0; i < 3; i++)
    spawn("main.poll", function* (g) {
      for (;;) {
        yield ["wait", { kind: K.Sleep, reason: "sleep", where: "time.Sleep", for: about(4e6) }];
        for (let k = 0; k < 60; k++) {
          yield ["run", about(1500)];
          yield ["syscall", about(2500), "syscall.read"];
        }
      }
    }, g);
  spawn("runtime.bgsweep", function* () {
    for (;;) yield ["wait", { kind: K.Idle, reason: "GC sweep wait", where: "", for: 7e7 }];
  });
  for (;;) {
    yield ["wait", { kind: K.Network, reason: "network", where: "net.(*netFD).accept", for: about(260000) }];
    yield ["run", about(8000)];
    spawn("net/http.(*conn).serve", handler, g);
  }
});
while (queue.length && queue[0][0] <= END) {
  const [time, , fn] = pop();
  now = time;
  fn();
}
now = END;
for (const g of goroutines) if (g.state) enter(g, null);
for (const b of goroutines.flatMap((g) => g.inner)) if (b.end === undefined) b.end = END;
for (const p of procs) p.boxes.sort((a, b) => a.start - b.start);
console.log(`${goroutines.length} goroutines, ${goroutines.reduce((n, g) => n + g.boxes.length, 0)} boxes, ${cycles.length} cycles, ${tasks.length} tasks`);

// ---- answers

const texts = () => {
  const list = [""];
  const map = new Map([["", 0]]);
  return { list, of: (t) => (map.has(t) ? map.get(t) : (map.set(t, list.length), list.push(t) - 1)) };
};
const num = (q, name, normal) => (q.has(name) && q.get(name) !== "" ? Number(q.get(name)) : normal);

function lane(boxes, start, end, step, text, withG, marks) {
  const out = { gap: [], length: [], kind: [], name: [] };
  if (withG) out.g = [];
  const joined = [];
  let last = start;
  let cell = null;
  const put = (s, e, kind, name, g) => {
    out.gap.push(s - last);
    out.length.push(e - s);
    out.kind.push(kind);
    out.name.push(text.of(name));
    if (withG) out.g.push(g);
    last = e;
  };
  const flush = () => {
    if (!cell) return;
    const top = cell.top;
    if (cell.n === 1) put(top.start, top.end, top.kind, top.name, top.g);
    else {
      const s = Math.max(cell.k * step, last);
      const e = cell.limit ?? (cell.k + 1) * step;
      joined.push([out.gap.length, cell.n, Math.min(255, Math.round((255 * cell.sum) / Math.max(1, e - s)))]);
      put(s, Math.max(s, e), top.kind, top.name, top.g);
    }
    cell = null;
  };
  let lo = 0;
  for (let hi = boxes.length; lo < hi; ) {
    const mid = (lo + hi) >> 1;
    if (boxes[mid].end <= start) lo = mid + 1;
    else hi = mid;
  }
  for (let i = lo; i < boxes.length && boxes[i].start < end; i++) {
    const b = boxes[i];
    if (b.end - b.start >= step) {
      if (cell) cell.limit = Math.min((cell.k + 1) * step, b.start);
      flush();
      put(b.start, b.end, b.kind, b.name, b.g);
      continue;
    }
    const k = Math.floor(b.start / step);
    if (cell && cell.k !== k) flush();
    cell ??= { k, n: 0, sum: 0, top: b };
    cell.n++;
    cell.sum += b.end - b.start;
    if (b.end - b.start > cell.top.end - cell.top.start) cell.top = b;
  }
  flush();
  if (joined.length) out.joined = joined;
  const m = (marks ?? []).filter((x) => x.at >= start && x.at < end);
  if (m.length) {
    out.marks = { at: [], kind: [], name: [], g: [], count: [] };
    let prev = -1;
    for (const x of m) {
      const k = Math.floor(x.at / step);
      if (k === prev) out.marks.count[out.marks.count.length - 1]++;
      else {
        out.marks.at.push(x.at - start), out.marks.kind.push(x.kind), out.marks.name.push(text.of(x.name)), out.marks.g.push(x.g ?? -1), out.marks.count.push(1);
        prev = k;
      }
    }
  }
  return out;
}

const lists = new Map();
function trackList(q) {
  const view = q.get("view") ?? "proc";
  const key = [view, q.get("goid"), q.get("name"), q.get("task")].join("|");
  let list = lists.get(key);
  if (list) return list;
  if (view === "proc" || view === "thread")
    list = procs.map((p) => ({ id: view === "thread" ? 4000 + p.id * 3 : p.id, kind: view, name: view === "proc" ? `Proc ${p.id}` : `Thread ${4000 + p.id * 3}`, first: 0, last: END, lanes: innerLanes(p.id) ? [p.boxes, ...innerLanes(p.id)] : [p.boxes], marks: goroutines.flatMap((g) => g.marks.filter((m) => m.p === p.id).map((m) => ({ ...m, g: g.id }))).sort((a, b) => a.at - b.at) }));
  else if (view === "task") list = tasks.map((t) => ({ id: t.id, kind: "task", name: `Task ${t.id}: ${t.name}`, first: t.start, last: t.end < 0 ? END : t.end, lanes: [[{ start: t.start, end: t.end < 0 ? END : t.end, kind: K.Task, name: t.name, g: -1 }]], marks: [] }));
  else {
    let gs = goroutines;
    if (q.get("goid")) {
      const ids = q.get("goid").split(",").map(Number);
      gs = gs.filter((g) => ids.includes(g.id));
    }
    if (q.get("name")) gs = gs.filter((g) => g.name === q.get("name"));
    if (q.get("task")) gs = gs.filter((g) => g.task?.id === Number(q.get("task")));
    list = gs.map((g) => ({ id: g.id, kind: "goroutine", name: g.name, first: g.start, last: g.end < 0 ? END : g.end, lanes: [g.boxes, ...depths(g.inner)], marks: g.marks }));
  }
  // Many tracks: for a look at how fast it is drawn.
  if (view === "thread" && process.env.MANY) list = Array.from({ length: Number(process.env.MANY) }, (_, k) => list.map((t) => ({ ...t, id: t.id + 1000 * k }))).flat();
  lists.set(key, list);
  return list;
}
function depths(boxes) {
  const out = [];
  for (const b of [...boxes].sort((x, y) => x.start - y.start)) (out[b.depth - 1] ??= []).push(b);
  for (let i = 0; i < out.length; i++) out[i] ??= [];
  return out;
}
function innerLanes(p) {
  // Only what began and ended in one run there.
  const all = goroutines.flatMap((g) => g.inner.filter((b) => b.p === p && b.kind !== K.Region));
  return all.length ? depths(all.map((b) => ({ ...b, depth: 1 }))) : null;
}

const between = (boxes, a, b) => boxes.filter((x) => x.end > a && x.start < b);
function times(gs, a = 0, b = END) {
  const t = { total: 0, running: 0, runnable: 0, syscall: 0, sync: 0, network: 0, sleep: 0, gc: 0, other: 0, unknown: 0, assist: 0, sweep: 0, reasons: {} };
  const name = { [K.Running]: "running", [K.GCWork]: "running", [K.Runnable]: "runnable", [K.Syscall]: "syscall", [K.Sync]: "sync", [K.Network]: "network", [K.Sleep]: "sleep", [K.WaitGC]: "gc", [K.Waiting]: "other", [K.Idle]: "other" };
  for (const g of gs) {
    for (const x of between(g.boxes, a, b)) {
      const d = Math.min(x.end, b) - Math.max(x.start, a);
      t.total += d;
      t[name[x.kind]] += d;
      if (x.kind >= K.Waiting && x.kind <= K.Idle && x.kind !== K.Syscall) t.reasons[x.name] = (t.reasons[x.name] ?? 0) + d;
    }
    for (const x of between(g.inner, a, b)) if (x.kind === K.Assist) t.assist += x.end - x.start;
  }
  return t;
}
const most = (list) => list.reduce((m, x) => Math.max(m, x[1]), 0);
const spread = (list) => {
  const s = [...list].sort((a, b) => a - b);
  const q = (x) => s[Math.min(s.length - 1, Math.floor(x * s.length))] ?? 0;
  return { count: s.length, min: s[0] ?? 0, p50: q(0.5), p90: q(0.9), p99: q(0.99), p999: q(0.999), max: s[s.length - 1] ?? 0, total: s.reduce((a, b) => a + b, 0) };
};
const histogram = (list) => {
  const index = (d) => (d > 0 ? Math.floor(Math.log(d) / (Math.LN10 / 5)) : 0);
  const lo = list.map(index).reduce((m, x) => Math.min(m, x), Infinity);
  const hi = list.map(index).reduce((m, x) => Math.max(m, x), -Infinity);
  if (!list.length) return { bounds: [], counts: [] };
  const counts = new Array(hi - lo + 1).fill(0);
  for (const d of list) counts[index(d) - lo]++;
  return { bounds: Array.from({ length: counts.length + 1 }, (_, i) => Math.round(Math.exp(((lo + i) * Math.LN10) / 5))), counts };
};
const byG = new Map(goroutines.map((g) => [g.id, g]));
const place = (b, what) => ({ start: b.start, length: b.end - b.start, g: b.g ?? -1, p: b.p ?? -1, task: 0, name: byG.get(b.g)?.name ?? b.name, what: what ?? b.name, where: b.where ? `${b.where} store.go:41` : "", by: b.by ? `G${b.by.id} ${b.by.name}` : "" });
const all = goroutines.flatMap((g) => g.boxes);
const top = (list, n) => [...list].sort((a, b) => b.end - b.start - (a.end - a.start)).slice(0, n);
const frames = (name) => [
  { name, place: "/src/shop/store.go:41" },
  { name: "main.(*server).handle", place: "/src/shop/server.go:118" },
  { name: "net/http.HandlerFunc.ServeHTTP", place: "/usr/lib/go/src/net/http/server.go:2294" },
  { name: "net/http.(*conn).serve", place: "/usr/lib/go/src/net/http/server.go:2102" },
];
function groups(a, b) {
  const by = new Map();
  for (const g of goroutines) {
    if (g.start > b || (g.end >= 0 && g.end < a)) continue;
    by.get(g.name)?.push(g) ?? by.set(g.name, [g]);
  }
  return [...by].map(([name, gs]) => ({ name, place: "/src/shop/main.go:20", count: gs.length, times: times(gs, a, b) })).sort((x, y) => y.times.running - x.times.running);
}
function blockedIn(a, b) {
  const by = new Map();
  for (const x of between(all, a, b)) {
    if (x.kind !== K.Sync && x.kind !== K.Network && x.kind !== K.Sleep && x.kind !== K.Idle) continue;
    const key = x.name + "|" + x.where;
    by.get(key)?.push(x) ?? by.set(key, [x]);
  }
  return [...by].map(([, list]) => ({
    reason: list[0].name, where: list[0].where, place: "store.go:41", profile: list[0].kind === K.Network ? "net" : "sync", count: list.length,
    total: list.reduce((s, x) => s + x.end - x.start, 0), longest: place(top(list, 1)[0]), by: list[0].by?.name ?? "", by_place: list[0].by ? "store.go:57" : "", by_share: list[0].by ? 0.82 : 0, idle: list[0].kind === K.Idle || list[0].kind === K.Sleep,
  })).sort((x, y) => x.idle - y.idle || y.total - x.total).slice(0, 12);
}
const step0 = (b, q) => b && { kind: b.kind, name: b.name, start: b.start, length: b.end - b.start, track: trackList(q).findIndex((t) => t.id === (t.kind === "proc" ? b.p : b.g)), g: b.g };

const answers = {
  meta: () => ({
    version: "0.1", title: "shop.trace", format: "Go 1.26", native: false, reading: 1, duration: END, wall: Date.UTC(2026, 4, 3, 9, 30), bytes: 12e6, events: all.length * 3, goroutines: goroutines.length,
    procs: procs.map((p) => p.id), threads: PROCS + 3, tasks: tasks.length, regions: regions.length, logs: logs.length, samples: goroutines.reduce((n, g) => n + g.marks.filter((m) => m.kind === 1).length, 0), cycles: cycles.length,
    notes: process.env.NOTE ? [process.env.NOTE] : [], profiles: ["net Network blocking", "sync Synchronization blocking", "syscall Syscalls", "sched Scheduling latency", "cpu CPU samples", "gc Time of the collector"].map((t) => ({ name: t.split(" ")[0], title: t.slice(t.indexOf(" ") + 1), raw: t.split(" ")[0] + ".pb.gz" })),
  }),
  overview: (q) => {
    const n = num(q, "buckets", 1000);
    const step = END / n;
    const busy = new Float64Array(n), gc = new Float64Array(n), runnable = new Float64Array(n);
    const add = (into, s, e, w) => {
      for (let k = Math.floor(s / step); k < n && k * step < e; k++) into[k] += (Math.min(e, (k + 1) * step) - Math.max(s, k * step)) * w;
    };
    for (const p of procs) for (const b of p.boxes) add(busy, b.start, b.end, 255 / step / PROCS);
    for (const c of cycles) add(gc, c.start, c.end, 255 / step);
    for (const b of all) if (b.kind === K.Runnable) add(runnable, b.start, b.end, 1 / step);
    const t = times(goroutines);
    const work = all.filter((b) => b.kind === K.GCWork).reduce((s, b) => s + b.end - b.start, 0) + t.assist;
    const lat = all.filter((b) => b.kind === K.Runnable).map((b) => b.end - b.start);
    const l = spread(lat);
    return {
      minimap: { step, busy: [...busy].map(Math.round), gc: [...gc].map((x) => Math.min(255, Math.round(x))), runnable: [...runnable].map(Math.round) },
      states: { running: t.running, runnable: t.runnable, syscall: t.syscall, waiting: t.sync + t.network + t.sleep + t.other },
      procs: { busy: t.running / (END * PROCS), count: PROCS },
      gc: { cycles: cycles.length, active: cycles.reduce((s, c) => s + c.end - c.start, 0), work, share: work / (END * PROCS), pauses: stw.length, paused: stw.reduce((s, x) => s + x.end - x.start, 0), longest: top(stw, 5).map((b) => place(b, "stop-the-world (" + b.name + ")")) },
      blocked: blockedIn(0, END),
      waits: top(all.filter((b) => b.kind === K.Sync || b.kind === K.Network), 8).map((b) => place(b)),
      delays: top(all.filter((b) => b.kind === K.Runnable), 8).map((b) => place(b, "runnable")),
      runs: top(all.filter((b) => b.kind === K.Running), 8).map((b) => place(b)),
      syscalls: top(all.filter((b) => b.kind === K.Syscall), 8).map((b) => place(b)),
      tasks: top(tasks.filter((t) => t.end >= 0), 8).map((t) => ({ start: t.start, length: t.end - t.start, g: [...t.gs][0] ?? -1, p: -1, task: t.id, name: t.name, what: "", where: "", by: "" })),
      latency: { p50: l.p50, p99: l.p99, max: l.max, count: l.count, untold: 0 },
      heap: { first: heap[0][1], most: most(heap), last: heap[heap.length - 1][1] },
    };
  },
  tracks: (q) => {
    const list = trackList(q);
    const text = texts();
    return { view: q.get("view") ?? "proc", id: list.map((t) => t.id), kind: list[0]?.kind ?? "goroutine", name: list.map((t) => text.of(t.name)), lanes: list.map((t) => t.lanes.length), first: list.map((t) => t.first), last: list.map((t) => t.last), more: 0, texts: text.list };
  },
  tile: (q) => {
    const list = trackList(q).slice(num(q, "first", 0), num(q, "first", 0) + num(q, "n", 32));
    const [start, end, step] = [num(q, "start"), num(q, "end"), num(q, "step")];
    const text = texts();
    const tracks = list.map((t) => t.lanes.map((boxes, i) => lane(boxes, start, end, step, text, t.kind !== "goroutine", i === 0 ? t.marks : null)));
    return { start, end, step, first: num(q, "first", 0), tracks, texts: text.list };
  },
  globals: (q) => {
    const [start, end, step] = [num(q, "start"), num(q, "end"), num(q, "step")];
    const text = texts();
    const n = Math.ceil((Math.min(end, END) - start) / step);
    const cells = (fn) => Array.from({ length: Math.max(0, n) }, (_, i) => fn(start + i * step));
    const level = (t, k) => heap[Math.max(0, find(heap, t))][k];
    const running = counter(K.Running), runnable = counter(K.Runnable), syscall = counter(K.Syscall);
    const read = (c) => (t) => c[Math.max(0, find(c, t))][1];
    return {
      start, end, step,
      gc: lane(cycles.map((c) => ({ ...c, kind: K.GC, name: "GC", g: -1 })), start, end, step, text, false),
      stw: lane(stw.map((c) => ({ ...c, kind: K.STW })), start, end, step, text, true),
      series: [
        { name: "heap", most: cells((t) => level(t, 1)), max: most(heap) },
        { name: "goal", most: cells((t) => level(t, 2)), max: most(heap.map((h) => [0, h[2]])) },
        { name: "running", most: cells(read(running)), max: PROCS },
        { name: "runnable", most: cells(read(runnable)), max: most(runnable) },
        { name: "syscall", most: cells(read(syscall)), max: most(syscall) },
      ],
      texts: text.list,
    };
  },
  arrows: (q) => {
    const [start, end, max] = [num(q, "start"), num(q, "end"), num(q, "max", 200)];
    const list = trackList(q);
    const index = new Map(list.map((t, i) => [t.id, i]));
    const isG = (q.get("view") ?? "proc") === "goroutine";
    const where = (g, t, run) => {
      if (isG) return index.get(g.id) ?? -1;
      const p = run ?? g.boxes.find((b) => b.start <= t && b.end >= t && b.p !== undefined)?.p;
      return p ?? -1;
    };
    const of = q.get("of");
    const some = arrows.filter((a) => a.run >= 0 && a.run >= start && a.at < end && (!of || a.from.id === Number(of) || a.to.id === Number(of)));
    const text = texts();
    const cut = some.length > max ? [] : some;
    return { more: some.length > max ? some.length : 0, kind: cut.map((a) => a.kind), from: cut.map((a) => where(a.from, a.at)), from_time: cut.map((a) => a.at), from_g: cut.map((a) => a.from.id), to: cut.map((a) => where(a.to, a.run, a.runp)), to_time: cut.map((a) => a.run), to_g: cut.map((a) => a.to.id), reason: cut.map((a) => text.of(a.reason)), texts: text.list };
  },
  box: (q) => {
    const t = num(q, "at");
    const list = trackList(q);
    const track = list[num(q, "track", 0)];
    const lanes = q.has("g") ? [byG.get(num(q, "g")).boxes] : track.lanes;
    const boxes = lanes[num(q, "lane", 0)] ?? [];
    const i = boxes.findIndex((b) => b.start <= t && b.end > t);
    const b = boxes[i];
    if (!b) return null;
    const g = byG.get(b.g);
    const own = g ? g.boxes : [];
    const j = own.findIndex((x) => x.start >= b.start);
    const wakes = arrows.filter((a) => a.from === g && a.at >= b.start && a.at <= b.end);
    const wake = (a, other, at) => ({ at, g: other.id, function: other.name, track: (q.get("view") ?? "proc") === "goroutine" ? list.findIndex((t) => t.id === other.id) : (other.boxes.find((x) => x.start <= at && x.end >= at && x.p !== undefined)?.p ?? -1), kind: a.kind ? "created" : "woke", reason: a.reason, stack: frames("main.(*store).unlock") });
    const mine = arrows.find((a) => a.to === g && a.run === b.start && !a.kind) ?? arrows.find((a) => a.to === g && a.at === b.end && !a.kind);
    const born = j === 0 || own[j - 1]?.kind === K.Runnable ? arrows.find((a) => a.to === g && a.kind) : null;
    return {
      kind: b.kind, name: b.name, start: b.start, length: b.end - b.start, g: b.g ?? -1, function: g?.name ?? "", p: b.p ?? -1, m: b.p === undefined ? -1 : 4000 + b.p * 3, state: Object.keys(K).find((k) => K[k] === b.kind), reason: b.kind >= 2 ? b.name : "",
      task: g?.task ? { id: g.task.id, name: g.task.name } : null, region: "", stack: frames(b.where || "main.work"), end_stack: b.kind === K.Running ? frames("sync.(*Mutex).Lock") : [],
      woken: mine ? wake(mine, mine.from, mine.at) : null, created: born ? wake(born, born.from, born.at) : null, woke: wakes.slice(0, 100).map((a) => wake(a, a.to, a.at)), more_woke: Math.max(0, wakes.length - 100),
      logs: logs.filter((l) => l.g === b.g && l.at >= b.start && l.at <= b.end), samples: 0, inside: [], previous: step0(own[j - 1], q) ?? null, next: step0(own[j + 1], q) ?? null, same: [step0(boxes[i - 1], q), step0(boxes[i + 1], q)].filter(Boolean),
    };
  },
  range: (q) => {
    const [a, b] = [num(q, "start", 0), num(q, "end", END)];
    const t = times(goroutines, a, b);
    return {
      start: a, end: b, procs: procs.map((p) => ({ id: p.id, busy: between(p.boxes, a, b).reduce((s, x) => s + Math.min(b, x.end) - Math.max(a, x.start), 0), gc: 0 })),
      states: { running: t.running, runnable: t.runnable, syscall: t.syscall, waiting: t.sync + t.network + t.sleep + t.other },
      counts: { switches: between(all, a, b).length, wakes: arrows.filter((x) => x.at >= a && x.at < b).length, created: goroutines.filter((g) => g.start >= a && g.start < b).length, ended: goroutines.filter((g) => g.end >= a && g.end < b).length, syscalls: between(all, a, b).filter((x) => x.kind === K.Syscall).length, samples: 0, pauses: between(stw, a, b).length, events: 0 },
      functions: groups(a, b).slice(0, 50), blocked: blockedIn(a, b),
    };
  },
  goroutines: () => ({ groups: groups(0, END), total: times(goroutines) }),
  goroutine: (q) => {
    const gs = q.get("goid") ? [byG.get(num(q, "goid"))] : goroutines.filter((g) => g.name === (q.get("name") ?? ""));
    const t = times(gs);
    const sort = q.get("sort") ?? "total";
    const value = (r) => (sort === "id" ? r.id : sort === "start" ? r.start : (r.times[sort] ?? r.times.reasons[sort] ?? 0));
    const rows = gs.map((g) => ({ id: g.id, parent: g.parent?.id ?? -1, start: g.start, end: g.end, times: times([g]), created: frames("main.main") }));
    rows.sort((a, b) => (value(b) - value(a)) * (q.get("dir") === "asc" ? -1 : 1));
    const from = num(q, "offset", 0), n = num(q, "n", 100);
    return { name: gs[0]?.name ?? "", place: "/src/shop/main.go:20", count: gs.length, times: t, share: t.running / times(goroutines).running, rows: rows.slice(from, from + n), more: Math.max(0, rows.length - from - n) };
  },
  usertasks: () => ({ types: [...new Set(tasks.map((t) => t.name))].map((name) => { const of = tasks.filter((t) => t.name === name); const done = of.filter((t) => t.end >= 0).map((t) => t.end - t.start); return { name, count: of.length, complete: done.length, spread: spread(done), histogram: histogram(done) }; }) }),
  usertask: (q) => {
    const of = tasks.filter((t) => t.name === q.get("type") && (!q.has("latmin") || (t.end >= 0 && t.end - t.start >= num(q, "latmin"))) && (!q.has("latmax") || t.end - t.start < num(q, "latmax")));
    of.sort((a, b) => b.end - b.start - (a.end - a.start));
    const from = num(q, "offset", 0), n = num(q, "n", 100);
    return { name: q.get("type"), count: of.length, rows: of.slice(from, from + n).map(row), more: Math.max(0, of.length - from - n) };
  },
  task: (q) => {
    const t = tasks[num(q, "id") - 1];
    const sub = tasks.filter((x) => x.parent === t.id);
    const events = [{ at: t.start, length: 0, kind: "begin", task: t.id, g: [...t.gs][0], text: t.name }, ...regions.filter((r) => r.task === t.id).map((r) => ({ at: r.start, length: r.end - r.start, kind: "region", task: t.id, g: r.g, text: r.name })), ...logs.filter((l) => l.task === t.id).map((l) => ({ at: l.at, length: 0, kind: "log", task: t.id, g: l.g, text: `${l.category}: ${l.message}` })), ...sub.map((s) => ({ at: s.start, length: s.end - s.start, kind: "subtask", task: s.id, g: [...s.gs][0] ?? -1, text: s.name })), { at: t.end, length: 0, kind: "end", task: t.id, g: [...t.gs][0], text: "" }];
    return { ...row(t), tree: sub.map(row), more_tree: 0, events: events.sort((a, b) => a.at - b.at), more: 0 };
  },
  userregions: () => ({ types: [...new Set(regions.map((r) => r.name))].map((name) => { const of = regions.filter((r) => r.name === name).map((r) => r.end - r.start); return { name, function: "main.(*server).handle", place: "/src/shop/server.go:101", pc: "4a0b10", count: of.length, complete: of.length, spread: spread(of), histogram: histogram(of) }; }) }),
  userregion: (q) => {
    const of = regions.filter((r) => r.name === q.get("type") && (!q.has("latmin") || r.end - r.start >= num(q, "latmin")) && (!q.has("latmax") || r.end - r.start < num(q, "latmax"))).sort((a, b) => b.end - b.start - (a.end - a.start));
    const from = num(q, "offset", 0), n = num(q, "n", 100);
    const part = (r) => times([byG.get(r.g)], r.start, r.end);
    return { name: q.get("type"), function: "main.(*server).handle", place: "/src/shop/server.go:101", count: of.length, times: part(of[0]), by_goroutine: of.slice(0, 100).map((r) => ({ g: r.g, function: byG.get(r.g).name, count: 1, total: r.end - r.start })), rows: of.slice(from, from + n).map((r) => ({ g: r.g, task: r.task, start: r.start, end: r.end, times: part(r) })), more: Math.max(0, of.length - from - n) };
  },
  latency: () => {
    const of = all.filter((b) => b.kind === K.Runnable);
    return { spread: spread(of.map((b) => b.end - b.start)), untold: 0, histogram: histogram(of.map((b) => b.end - b.start)), longest: top(of, 50).map((b) => place(b, "runnable")), functions: [...new Set(goroutines.map((g) => g.name))].map((name) => ({ name, spread: spread(of.filter((b) => byG.get(b.g).name === name).map((b) => b.end - b.start)) })) };
  },
  mmu: () => {
    const windows = Array.from({ length: 60 }, (_, i) => Math.round(10 ** (4 + (i * 5) / 59)));
    return { windows, mmu: windows.map((w) => Math.max(0, 0.82 - 0.8 * Math.exp(-w / 3e6))), quantiles: [], utilization: { at: cycles.flatMap((c) => [c.start, c.end]), share: cycles.flatMap(() => [0.5, 1]) } };
  },
  mmuworst: (q) => ({ window: num(q, "window"), worst: cycles.slice(0, 10).map((c, i) => ({ start: c.start, share: 0.1 + i * 0.02 })) }),
  gc: () => ({
    duration: END, active: cycles.reduce((s, c) => s + c.end - c.start, 0), more_cycles: 0, cycles: cycles.map((c) => ({ start: c.start, length: c.end - c.start, reason: "", pauses: 90000, longest: 60000, workers: 9e6, assists: 5e5, sweep: 3e5, share: 0.31, heap_before: c.before, heap_after: c.before * 0.35, goal: c.goal })),
    paused: stw.reduce((s, x) => s + x.end - x.start, 0), longest: Math.max(0, ...stw.map((s) => s.end - s.start)), more_pauses: 0, pauses: stw.map((s) => ({ start: s.start, length: s.end - s.start, name: s.name, g: s.g })), by_pause: [...new Set(stw.map((s) => s.name))].map((name) => ({ name, spread: spread(stw.filter((s) => s.name === name).map((s) => s.end - s.start)) })), histogram: histogram(stw.map((s) => s.end - s.start)),
  }),
  flame: (q) => {
    const names = ["net/http.(*conn).serve", "main.(*server).handle", "main.(*store).query", "sync.(*Mutex).Lock", "main.worker", "runtime.chanrecv1", "main.(*cache).put"];
    const values = { type: "delay", unit: "ms", scale: 1e-6, ratio: 1, total: 1000e6, steps: [{ name: "ns", factor: 1 }, { name: "us", factor: 1e3 }, { name: "ms", factor: 1e6 }, { name: "s", factor: 1e9 }] };
    return { view: "flamegraph", moment: 0, title: q.get("profile"), legend: [], notes: [], values, frames: { names, files: names.map(() => 0), lines: names.map(() => 0), modules: [0, 1, 1, 2, 1, 3, 1], shades: names.map((_, i) => i % 3), texts: [""], groups: ["net/http", "main", "sync", "runtime"].map((name, i) => ({ name, hue: i * 3, grey: i === 3, self: 100 })) }, callees: { frame: [-1, 0, 4, 1, 5, 6, 2, 3, 3], children: [2, 1, 2, 1, 0, 1, 1, 0, 0], value: [1000e6, 600e6, 400e6, 600e6, 250e6, 150e6, 600e6, 150e6, 600e6], self: [0, 0, 0, 0, 250e6, 0, 0, 150e6, 600e6], inlined: [], cut: [] }, callers: null, pivot: null, zoom: null, search: null, smallest: 0 };
  },
  search: (q) => {
    const re = new RegExp(q.get("q"));
    const hits = [];
    const isG = q.get("view") === "goroutine";
    const list = trackList(q);
    for (const name of new Set(goroutines.map((g) => g.name))) if (re.test(name)) { const gs = goroutines.filter((g) => g.name === name); hits.push({ kind: "function", text: name, note: "", count: gs.length, start: gs[0].start, length: (gs[0].end < 0 ? END : gs[0].end) - gs[0].start, g: gs[0].id, task: 0, track: -1 }); }
    for (const g of goroutines) if (re.test("G" + g.id)) hits.push({ kind: "goroutine", text: "G" + g.id, note: g.name, count: 1, start: g.start, length: (g.end < 0 ? END : g.end) - g.start, g: g.id, task: 0, track: isG ? list.findIndex((t) => t.id === g.id) : -1 });
    for (const t of tasks) if (re.test(t.name)) hits.push({ kind: "task", text: t.name, note: `task ${t.id}`, count: 1, start: t.start, length: Math.max(0, t.end - t.start), g: [...t.gs][0] ?? -1, task: t.id, track: -1 });
    for (const l of logs) if (re.test(l.category) || re.test(l.message)) hits.push({ kind: "log", text: `${l.category}: ${l.message}`, note: "G" + l.g, count: 1, start: l.at, length: 0, g: l.g, task: l.task, track: -1 });
    return { hits: hits.slice(0, num(q, "n", 100)), more: Math.max(0, hits.length - num(q, "n", 100)) };
  },
};
function row(t) {
  return { id: t.id, name: t.name, parent: t.parent, start: t.start, end: t.end, goroutines: t.gs.size, regions: regions.filter((r) => r.task === t.id).length, subtasks: tasks.filter((x) => x.parent === t.id).length, logs: logs.filter((l) => l.task === t.id).length, gc: 0, times: times([...t.gs].map((id) => byG.get(id)), t.start, t.end < 0 ? END : t.end) };
}
function find(list, t) {
  let lo = 0;
  for (let hi = list.length; lo < hi; ) {
    const mid = (lo + hi) >> 1;
    if (list[mid][0] <= t) lo = mid + 1;
    else hi = mid;
  }
  return lo - 1;
}
const counters = new Map();
function counter(kind) {
  let c = counters.get(kind);
  if (c) return c;
  const changes = all.filter((b) => b.kind === kind).flatMap((b) => [[b.start, 1], [b.end, -1]]).sort((a, b) => a[0] - b[0]);
  let n = 0;
  counters.set(kind, (c = [[0, 0], ...changes.map(([t, d]) => [t, (n += d)])]));
  return c;
}

const made = new Map();
answers.goroutines();
made.set("goroutines", answers.goroutines());
made.set("overview?buckets=1000", answers.overview(new URLSearchParams()));
const TYPES = { js: "text/javascript", css: "text/css" };
createServer((request, response) => {
  const url = new URL(request.url, "http://x");
  const send = (body, type, status = 200) => {
    response.writeHead(status, { "Content-Type": type + "; charset=utf-8", "Content-Encoding": "gzip", "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" });
    response.end(gzipSync(body, { level: 1 }));
  };
  try {
    const [, folder, name] = url.pathname.split("/");
    if (folder === "assets") return send(readFileSync(dist + name), TYPES[name.split(".").pop()] ?? "text/plain");
    if (folder === "data") {
      const before = performance.now();
      const key = name + url.search;
      const answer = made.get(key) ?? answers[name]?.(url.searchParams);
      if (["overview", "goroutines", "gc", "latency", "usertasks", "userregions"].includes(name)) made.set(key, answer);
      if (!answer) return send(JSON.stringify({ error: "there is nothing there" }), "application/json", 404);
      const body = JSON.stringify(answer);
      if (process.env.VERBOSE) console.log(name, url.search, body.length, Math.round(performance.now() - before) + " ms");
      return setTimeout(() => send(body, "application/json"), Number(process.env.DELAY ?? 0));
    }
    send('<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><title>Sonde</title><link rel="icon" href="data:,"><link rel="stylesheet" href="./assets/trace.css"><script defer src="./assets/trace.js"></script></head><body><div id="app"></div></body></html>', "text/html");
  } catch (e) {
    send(JSON.stringify({ error: String(e) }), "application/json", 500);
  }
}).listen(port, "127.0.0.1", () => console.log(`http://localhost:${port}/`));
