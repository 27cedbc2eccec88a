// data: what the server of `sonde trace -http` sends, GET ./data/NAME?PARAMETERS.  The C side
// is src/ui/trace_web_*.c; both keep to this file.
//
// Pages (all of them the same HTML shell: #app, trace.css, trace.js; addresses relative to it):
//   /  /trace  /goroutines  /goroutine  /mmu  /gc  /latency  /usertasks  /usertask  /userregions
//   /userregion  /io /block /syscall /sched /regionio /regionblock /regionsyscall /regionsched
//   /cpu /flame
// `?raw=1` of the nine profile pages is the pprof file (as ./raw/NAME?PARAMETERS is for any
// profile), /jsontrace Chrome's JSON; ./assets/NAME as on the profile page.
//
// Conventions
//   Times are ns since the first event; lengths are ns; whole numbers.
//   g: a goroutine's id (of native traces: a thread's), -1: none.  p: a processor's, m: a thread's.
//   Text: an index of `texts` of the same answer; 0 is "".
//   An answer that is no success is { error: string }, with HTTP's status.
//   PARAMETERS that several take:
//     start= end=   part of the trace; not given: all of it
//     goid=1,2,3    goroutines     name=FUNCTION  goroutines that were started with it
//     task=ID       what belongs to a task and its subtasks
//     n= offset=    rows of a table, from which on; sort=COLUMN dir=asc|desc

import type { Flame as ProfileFlame } from "../data";

export type Text = number;
export type Ns = number;

// ---- GET ./data/meta: what the page begins with.  It answers while the trace is being read.
export interface Meta {
  version: string; // Sonde's
  title: string; // the file's name
  format: string; // "Go 1.26", "native program redis-server"
  native: boolean; // goroutines are threads of a native program
  reading: number; // share of the trace that was read, 0..1; 1: done, the rest is final
  duration: Ns;
  wall: number; // ms since 1970 of the beginning; 0: not known
  bytes: number; // of the file
  events: number;
  goroutines: number;
  procs: number[]; // ids, ascending
  threads: number; // how many; 0: the trace has none
  tasks: number;
  regions: number;
  logs: number;
  samples: number; // CPU samples
  cycles: number; // of the garbage collector
  notes: string[]; // "truncated at byte N of M"
  profiles: { name: string; title: string; raw: string }[]; // of ./data/flame, those that have something; raw: file name
}

// ---- GET ./data/overview?buckets=N: the minimap, and the answers.
export interface Overview {
  minimap: {
    step: Ns; // a bucket's length
    busy: number[]; // 0..255: processors that run goroutines, of all of them
    gc: number[]; // 0..255: share of time in which the collector is active
    runnable: number[]; // goroutines that wait for a processor, the most in the bucket
  };
  // Time of all goroutines by what they did; sums.
  states: { running: Ns; runnable: Ns; syscall: Ns; waiting: Ns };
  procs: { busy: number; count: number }; // busy: share of count * duration, 0..1
  gc: {
    cycles: number;
    active: Ns; // at least one cycle runs
    work: Ns; // of processors: workers, assists, sweeping
    share: number; // work, of procs.count * duration
    pauses: number;
    paused: Ns;
    longest: Place[]; // pauses
  };
  // Where goroutines waited: by reason and the innermost frame outside of the runtime and sync.
  // First are locks, and what the collector holds up, then the rest, the most time first.  Idle
  // waiting (see idle) is last.
  blocked: {
    reason: string; // "sync.Mutex.Lock", "chan receive"
    where: string; // function
    place: string; // "file.go:12"; ""
    profile: string; // "sync"; where its stacks are
    count: number;
    total: Ns;
    longest: Place;
    by: string; // function that woke most of it, of a lock: that held it; ""
    by_place: string;
    by_share: number; // of the time, 0..1
    idle: boolean; // asleep, waits for requests, background work of the runtime, or waits for nearly the whole trace
    kind?: "lock" | "collector";
    open?: number; // of a lock: how many waits nobody ended
  }[];
  waits: Place[]; // the longest that are not idle
  delays: Place[]; // the longest between runnable and running
  runs: Place[]; // the longest times from one wait to the next
  syscalls: Place[];
  tasks: Place[]; // the slowest
  latency: { p50: Ns; p99: Ns; max: Ns; count: number; untold: number }; // untold: not measured
  heap: { first: number; most: number; last: number }; // bytes; 0: not in the trace
}
// Something that took time, to be shown in the timeline.
export interface Place {
  start: Ns;
  length: Ns;
  g: number;
  p: number; // processor, where that is meant; else -1
  task: number; // 0: none
  name: string; // start function of g; name of the task, of the pause
  what: string; // "chan receive", "GC sweep termination"
  where: string; // "main.work file.go:12"; ""
  by: string; // who woke it, of a lock who held it: "G7 main.produce"; ""
  lock?: boolean;
  why?: Place; // of a task: the longest wait of who began it
}

// ---- GET ./data/tracks?view=VIEW&[goid name task focustask]: rows of the timeline, from above.
//   view=proc       processors              view=thread  threads
//   view=goroutine  goroutines, the earliest first.  goid=: these, and those that wake or create
//                   them (related=1).  name=: by start function.  taskid= (with its tracks) and
//                   focustask=: as Go's tool.
//   view=task       tasks, each with its tree
// At most 20,000; `more` are left out.
export interface Tracks {
  view: string;
  texts: string[];
  id: number[]; // of a processor, thread, goroutine, task
  kind: ("proc" | "thread" | "goroutine" | "task")[] | "proc" | "thread" | "goroutine" | "task"; // one for all
  name: Text[]; // "Proc 3"; start function; name of the task
  lanes: number[]; // how many lanes it has, at least 1: 0 states, then what lies within them
  first: Ns[]; // where it begins and ends to be of interest
  last: Ns[];
  more: number;
}

// ---- GET ./data/tile?view=&...&first=&n=&start=&end=&step=: boxes of tracks [first, first+n)
// of the same list that overlap [start, end).  step: a power of two, what is shorter is joined;
// start and end are multiples of it.
export interface Tile {
  start: Ns;
  end: Ns;
  step: Ns;
  first: number;
  texts: string[];
  tracks: Lane[][]; // of each track its lanes; missing ones at the end are empty
}
// Boxes one after the other, as columns.  Box i begins gap[i] after the end of box i-1 (the
// first: after the tile's start, which may be negative) and is length[i] long: both ends are
// the real ones, also outside of the tile.
// Boxes shorter than step that stand in one cell [k*step, (k+1)*step) are one box: it is as
// long as the cell (less what longer boxes need of it), has what most of its time is, and an
// entry in `joined`.  A lone short box in a cell stays what it is.
export interface Lane {
  gap: number[];
  length: number[];
  kind: Kind[];
  name: Text[]; // what to write on it
  g?: number[]; // whom it is of; left out on the tracks of goroutines
  joined?: [number, number, number][]; // box, how many boxes it stands for (at least 2), busy share 0..255
  // Points in time on the lane (lane 0): times since the tile's start.  Joined ones: one a cell.
  marks?: { at: number[]; kind: Mark[]; name: Text[]; g?: number[]; count?: number[] };
}

// What a box is.
export const enum Kind {
  Running = 0, // name: start function; on a goroutine's track the same
  Runnable = 1, // name: why: "" created or woken, "preempted"
  Waiting = 2, // name: reason.  Others than those below
  Syscall = 3, // name: innermost function outside of the runtime, if known
  Sync = 4, // waiting: mutexes, channels, select, conditions
  Network = 5, // waiting
  Sleep = 6, // waiting
  WaitGC = 7, // waiting for the collector
  Idle = 8, // waiting: background goroutines of the runtime without work
  GCWork = 9, // running: a worker of the collector
  Assist = 10, // within running: mark assist
  Sweep = 11, // within running
  STW = 12, // the world is stopped; also within running: who stops it
  GC = 13, // a cycle; a phase of it
  Region = 14,
  Task = 15,
  Unknown = 16, // before the trace says it
}
export const enum Mark {
  Log = 0, // name: "category: message"
  Sample = 1, // CPU sample; name: innermost function
  Wake = 2, // it wakes another; name: start function of that
  Create = 3, // it creates another; name: start function of that
  Event = 4, // any other; name tells it
}

// ---- GET ./data/globals?start=&end=&step=: above all tracks, the same in all views.  Cells
// as in tiles: series have one value for each cell [start + i*step, ...).
export interface Globals {
  start: Ns;
  end: Ns;
  step: Ns;
  texts: string[];
  gc: Lane; // cycles: Kind.GC
  stw: Lane; // Kind.STW
  series: {
    name: "heap" | "goal" | "running" | "runnable" | "syscall" | "waiting" | "procs";
    // heap, goal: bytes.  running, runnable, waiting: goroutines.  syscall: threads or goroutines in one.
    most: number[]; // in the cell; -1: not known yet.  As long as the range, or shorter: then the last one lasts
    least?: number[]; // left out where it is the same
    max: number; // in the whole trace
  }[];
}

// ---- GET ./data/arrows?view=&...&start=&end=&max=N&[of=G]: who woke and created whom, where
// either end is in the range; of: only those from or to this goroutine.
export interface Arrows {
  more: number; // more than max: then the columns are empty and this is how many there are
  texts: string[];
  kind: (0 | 1)[]; // 0 woke, 1 created
  from: number[]; // track (index of Tracks); -1: on none
  from_time: Ns[];
  from_g: number[]; // -1: not a goroutine
  to: number[]; // where it ran next; -1
  to_time: Ns[]; // when it began to run
  to_g: number[];
  reason: Text[]; // what it waited for
}

// ---- GET ./data/box?view=&...&track=INDEX&lane=&at=TIME: the box there (or g=&at=: what the
// goroutine did then, as on its own track; lane 0).
export interface Box {
  kind: Kind;
  name: string;
  start: Ns;
  length: Ns;
  g: number;
  function: string; // start function of g
  p: number;
  m: number;
  state: string; // "Running", "Waiting"
  reason: string; // why it waits, why it stopped running
  task: { id: number; name: string } | null; // of the region, or of g
  region: string; // innermost at its start; ""
  stack: Frame[]; // at its start
  end_stack: Frame[]; // at its end
  woken: Wake | null; // who ended the wait (also of a box of running: the wait before)
  created: Wake | null; // by whom, of the first box of a goroutine
  woke: Wake[]; // whom it woke and created, at most 100
  more_woke: number;
  logs: { at: Ns; category: string; message: string }[]; // at most 100
  samples: number; // CPU samples in it
  inside: { kind: Kind; name: string; count: number; total: Ns }[]; // assists, sweeps, syscalls within
  previous: Step | null; // of this goroutine (lane 0 of its track)
  next: Step | null;
  same: Step[]; // the previous and next of the same track, in this order, if there are such
}
export interface Frame {
  name: string;
  place: string; // "/path/file.go:12"; ""
}
export interface Wake {
  at: Ns;
  g: number; // the other one; -1: the network poller, a timer, the runtime
  function: string; // its start function, or "the network poller"
  track: number; // where it stood then in this view; -1
  kind: "woke" | "created";
  reason: string;
  stack: Frame[]; // of who did it
}
export interface Step {
  kind: Kind;
  name: string;
  start: Ns;
  length: Ns;
  track: number; // in this view; -1
  g: number;
}

// ---- GET ./data/range?start=&end=&[goid name task]: a summary of a part of the trace.
export interface Range {
  start: Ns;
  end: Ns;
  procs: { id: number; busy: Ns; gc: Ns }[];
  states: { running: Ns; runnable: Ns; syscall: Ns; waiting: Ns };
  counts: { switches: number; wakes: number; created: number; ended: number; syscalls: number; samples: number; pauses: number; events: number };
  functions: Group[]; // at most 50, the most running time first
  blocked: Overview["blocked"];
}

// ---- GET ./data/goroutines: groups by start function, all.
export interface Goroutines {
  groups: Group[];
  total: Times;
}
export interface Group {
  name: string; // start function; "" not known
  place: string;
  count: number;
  times: Times;
}
export interface Times {
  total: Ns; // that they were there
  running: Ns;
  runnable: Ns; // waiting for a processor
  syscall: Ns; // in syscalls, running or blocked
  sync: Ns; // waiting, by reason
  network: Ns;
  sleep: Ns;
  gc: Ns; // waiting for the collector
  other: Ns; // waiting for others
  unknown: Ns;
  // Overlapping with the above
  assist: Ns;
  sweep: Ns;
  reasons: Record<string, Ns>; // waiting by each reason
}

// ---- GET ./data/goroutine?name=&sort=&dir=&n=&offset=  (or goid=: one)
// sort: id start total running runnable syscall sync network sleep gc other assist sweep, or a reason.
export interface Goroutine {
  name: string;
  place: string;
  count: number;
  times: Times; // of all
  share: number; // of the running time of the whole trace, 0..1
  rows: {
    id: number;
    parent: number; // who created it; -1
    start: Ns; // -1: before the trace
    end: Ns; // -1: it goes on
    times: Times;
    created: Frame[]; // stack; only with goid=
  }[];
  more: number; // behind these
}

export interface Histogram {
  bounds: Ns[]; // n+1, ascending
  counts: number[]; // n
}
export interface Percentiles {
  count: number;
  min: Ns;
  p50: Ns;
  p90: Ns;
  p99: Ns;
  p999: Ns;
  max: Ns;
  total: Ns;
}

// ---- GET ./data/usertasks
export interface UserTasks {
  types: { name: string; count: number; complete: number; spread: Percentiles; histogram: Histogram }[]; // of complete ones
}
// ---- GET ./data/usertask?type=&complete=0|1&latmin=&latmax=(Go's durations, or ns)&logtext=&sort=&n=&offset=
// sort: start, length (the default, longest first), id
export interface UserTask {
  name: string;
  count: number;
  rows: TaskRow[];
  more: number;
}
export interface TaskRow {
  id: number;
  name: string;
  parent: number; // 0: none
  start: Ns; // -1: before the trace
  end: Ns; // -1: it goes on
  goroutines: number;
  regions: number;
  subtasks: number;
  logs: number;
  gc: Ns; // overlap with GC cycles
  times: Times; // of its regions' goroutines within them
}
// ---- GET ./data/task?id=: one, with what it is made of, in time
export interface Task extends TaskRow {
  tree: TaskRow[]; // its subtasks, depth first; at most 1000
  more_tree: number;
  events: { at: Ns; length: Ns; kind: "begin" | "end" | "region" | "log" | "subtask"; task: number; g: number; text: string }[]; // at most 2000
  more: number;
}

// ---- GET ./data/userregions
export interface UserRegions {
  types: { name: string; function: string; place: string; pc: string; count: number; complete: number; spread: Percentiles; histogram: Histogram }[];
}
// ---- GET ./data/userregion?type=&pc=HEX&latmin=&latmax=&sort=&n=&offset=
// sort: start, length, and those of goroutines
export interface UserRegion {
  name: string;
  function: string;
  place: string;
  count: number;
  times: Times; // of all
  by_goroutine: { g: number; function: string; count: number; total: Ns }[]; // at most 100
  rows: { g: number; task: number; start: Ns; end: Ns; times: Times }[]; // start, end: -1 as above
  more: number;
}

// ---- GET ./data/latency?[start end]: between runnable and running
export interface Latency {
  spread: Percentiles;
  untold: number; // times that were not measured: they are in none of the others
  histogram: Histogram;
  longest: Place[]; // at most 50
  functions: { name: string; spread: Percentiles }[]; // at most 200, the most total first
}

// ---- GET ./data/mmu?flags=stw|background|assist|sweep|perProc (Go's names; the normal ones:
// stw|background|assist)
export interface Mmu {
  windows: Ns[]; // ascending, logarithmic
  mmu: number[]; // the least share that mutators get in any window of this length
  quantiles: { name: string; values: number[] }[]; // "99.9%ile": with flag mut
  utilization: { at: Ns[]; share: number[] }; // over time: from `at` on; at most 2000 points
}
// ---- GET ./data/mmuworst?flags=&window=NS
export interface MmuWorst {
  window: Ns;
  worst: { start: Ns; share: number }[]; // at most 20
}

// ---- GET ./data/gc
export interface Gc {
  duration: Ns;
  active: Ns; // of all cycles
  cycles: {
    start: Ns;
    length: Ns;
    reason: string; // "heap": it grew to its goal; "forced": the program asked for it; "timer"; "" not known
    pauses: Ns; // sum
    longest: Ns;
    workers: Ns; // time of processors
    assists: Ns;
    sweep: Ns; // after it, until the next one
    share: number; // of processors while it was active, 0..1
    heap_before: number; // bytes; 0: not known
    heap_after: number;
    goal: number;
  }[]; // at most 5000
  more_cycles: number;
  paused: Ns; // by all stops of the world
  longest: Ns; // of them
  pauses: { start: Ns; length: Ns; name: string; g: number }[]; // all stops of the world, at most 5000
  more_pauses: number;
  by_pause: { name: string; spread: Percentiles }[];
  histogram: Histogram; // of pauses
}

// ---- GET ./data/flame?profile=NAME&[start end goid name task type pc latmin latmax p z w q]: as
// ./data/flamegraph of the profile page.  NAME: net sync syscall sched cpu gc ... of Meta.profiles,
// and regionnet regionsync regionsyscall regionsched.
export type Flame = ProfileFlame;

// ---- GET ./data/search?q=REGEXP&n=100&[view ...]: places to jump to, the earliest first in each kind
export interface Search {
  hits: {
    kind: "goroutine" | "function" | "task" | "region" | "log" | "proc";
    text: string; // what matched
    note: string; // "G12, 3 regions"
    count: number; // how many of it there are (functions: goroutines)
    start: Ns;
    length: Ns;
    g: number;
    task: number;
    track: number; // in the view; -1
  }[];
  more: number;
}
