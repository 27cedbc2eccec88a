// data: what the server sends, GET ./data/VIEW?PARAMETERS.  The C side is src/page
// (one file a view) and src/ui/web_*.c; both keep to this file.
//
// PARAMETERS are pprof's own (f i h s sf si g n nf ef tf ti ts th rel sort trim unit ...,
// see option_defs in src/report/options.c) and
//   p=REGEXP  pivot       z=2.0.1  zoom        q=REGEXP  search (its exact share)
//             (peek, source, disasm: the functions that are shown; f if it is not given)
//   m=ID      the moment that is looked at (the newest if not given)
//   b=ID      the moment it is compared with   w=PIXELS  width of the picture
//   by=KEY    timeline: a line for each value of this label
// A parameter without a value is one that is not given.  Of one that is not given the value is
// that of the command line (options[].normal).
// An answer that is no success is { error: string }, with HTTP's status.

export type Text = number; // an index of `texts`

// Values: numbers of the profile's unit.  In a table, value * scale of `unit`; alone,
// value * ratio / step.factor of the last of `steps` that is not larger than it.
export interface Values {
  type: string; // "cpu"
  unit: string; // "ms"; "" when not worth naming
  scale: number; // divide_by is in it, and in ratio
  ratio: number;
  total: number; // what shares are of
  steps: { name: string; factor: number }[]; // smallest first; at least one
}

// Every answer of ./data/VIEW begins with these.
export interface Answer {
  view: string;
  moment: number; // that it is of
  title: string; // "primes cpu"
  legend: string[]; // what pprof's details box says, a line each
  notes: string[]; // "Focus expression matched no samples"
  values: Values;
}

// GET ./data/profile: what menus need.  It takes the same parameters.
export interface Meta {
  version: string;
  sources: string[];
  title: string;
  live: boolean; // sources can be read again: POST ./refresh
  seconds: number; // ... which takes so long (0: at once)
  // Oldest first.  Of several files each one's own profile is a moment, and all of them together
  // is the last one, which is shown: `newest`.
  moments: { id: number; name: string; time: string; held: boolean }[];
  newest: number;
  types: string[]; // sample types
  type: number; // the chosen one
  views: { name: string; title: string; help: string; key: string; missing: string | null }[];
  // value: as the parameters have it; normal: where they do not say
  options: { name: string; param: string; kind: "bool" | "int" | "float" | "string" | "choice"; help: string; choices?: string[]; value: string; normal: string }[];
  configs: { name: string; query: string; current: boolean; user: boolean }[]; // query: "?f=..."
  downloads: { name: string; title: string; file: string }[]; // ./download/NAME?PARAMETERS
  doc_url: string;
  legend: string[];
  token: string; // header X-Sonde-Token of every POST and DELETE
}

// POST ./refresh: the new moment, which is then the newest.
export interface Refreshed {
  moment: number;
  notes: string[];
}
// POST ./hold?m=ID&on=0|1, ./saveconfig?config=NAME&PARAMETERS, ./deleteconfig?config=NAME
// answer "ok".

// Frames of trees: what is the same for all boxes of a function.
export interface Frames {
  names: string[];
  files: Text[]; // into texts
  lines: number[]; // 0: none
  modules: number[]; // index of `groups`
  shades: number[]; // 0..2
  texts: string[];
  groups: { name: string; hue: number; grey: boolean; self: number }[]; // largest first
}

// A tree in columns, level by level: box 0 is the root, children of a box are side by side,
// largest first, and come after all boxes of the level of their parent that are before it.
export interface Tree {
  frame: number[]; // index of Frames; -1: the root
  children: number[]; // how many
  value: number[]; // cum; of a difference the sum of both sides' sizes, what widths are made of
  self: number[]; // of value, what is the box's own
  inlined: number[]; // indexes of boxes whose frames are all inlined
  cut: [number, number, number][]; // box, children left out, their value
  step?: number; // what value, self, cut, before and after are in multiples of, as they are sent
  before?: number[]; // of a difference, and where values are negative: sizes of those (before)
  after?: number[]; // and of the others (after)
}

// ./data/flamegraph
// A pivot is the outermost function of a stack that p matches (its name, "name:line" where
// there are lines, or its file).  If that is the same function everywhere, it is box 0 of
// both trees; else box 0 is a root without a frame, with the functions as its children, in
// the same order in both trees.  No match: the whole tree, and `functions` is 0.
export interface Flame extends Answer {
  frames: Frames;
  callees: Tree; // from the root, from the pivot, or from the box that z names
  callers: Tree | null; // upwards from the pivot; null without one, and with z
  pivot: { text: string; functions: number; value: number } | null; // value: of samples that have one
  zoom: { path: string; names: string[] } | null; // names: the boxes above, outermost first, a pivot too
  search: { functions: number; value: number } | null; // of q: of samples that have one, whatever p and z
  smallest: number; // boxes below it are left out (of equal ones perhaps some)
  // Only of a profile whose base was subtracted (-diff_base, -base): it is a Diff.
  before?: Side;
  after?: Side;
}
export interface Side {
  name: string;
  moment: number; // 0: none, a side of the profile itself
  total: number; // what shares of this side are of
}

// ./data/diff: callees and callers have before and after.  Without b the profile's own base
// (its negative values) is meant, else the moment before.  Boxes are as wide as the sizes of
// both sides together, as in pprof.  A function is the same by name and file.
export interface Diff extends Flame {
  before: Side;
  after: Side;
}

// ./data/top: rows in the order of the report
export interface Top extends Answer {
  names: string[];
  files: string[]; // of each row
  flat: number[];
  cum: number[];
  inlined: (0 | 1 | 2)[]; // called, inlined, partly
  more: number; // rows left out: by n, and by nf
}

// ./data/peek?f=: nodes, each with its callers and callees
export interface Peek extends Answer {
  nodes: {
    name: string;
    flat: number;
    cum: number;
    callers: Edge[]; // the largest first
    more_callers: number; // left out
    callees: Edge[];
    more_callees: number;
  }[];
  more: number; // nodes left out
}
export interface Edge {
  name: string;
  value: number;
  inlined: boolean;
}

// ./data/sandwich?p=: one function (or those that match): tables and two trees
export interface Sandwich extends Answer {
  functions: number; // that match; 0 also without p
  names: string[]; // of those, the largest first, at most 100
  flat: number;
  cum: number; // of samples that have at least one
  // As peek has them; of several functions, a sample counts once for each caller and callee.
  callers: { names: string[]; values: number[] };
  callees: { names: string[]; values: number[] };
  frames: Frames;
  up: Tree; // as callers and callees of a flame graph with this pivot
  down: Tree;
}

// ./data/graph: boxes and arrows with their places, in points, y downwards
export interface Graph extends Answer {
  width: number;
  height: number;
  boxes: {
    id: string; // "node1"
    x: number; // upper left corner
    y: number;
    width: number;
    height: number;
    font: number;
    color: string; // "#rrggbb"
    fill: string;
    lines: string[];
    tooltip: string;
    tag: boolean;
    name: string; // the function; "" for tags
  }[];
  arrows: {
    from: number; // index of boxes
    to: number;
    path: string; // of SVG
    head: string; // points of a polygon
    color: string;
    width: number;
    dotted: boolean;
    label: string[];
    x: number; // middle of the label
    y: number; // baseline of its first line
    tooltip: string;
  }[];
}

// ./data/source?f=
export interface Source extends Answer {
  files: {
    name: string;
    functions: {
      name: string;
      file: string;
      flat: number;
      cum: number;
      missing: string[]; // why there is no source, or no code, a sentence each
      lines: {
        line: number; // 0: not known
        flat: number;
        cum: number;
        text: string;
        code: Instruction[];
      }[];
    }[];
  }[];
  more: number; // functions left out
}
export interface Instruction {
  address: string; // hex
  flat: number;
  cum: number;
  text: string; // "": only its calls are known
  place: string; // "file.c:12"; in ./data/disasm after the function's name; "": not known
  block: boolean; // a new one begins here
  calls: { text: string; place: string }[]; // inlined calls that lead here
}

// ./data/disasm?f=
export interface Disasm extends Answer {
  functions: {
    name: string;
    file: string; // the object
    aliases: string[]; // other names of the same place
    flat: number;
    cum: number;
    missing: string[]; // why there is no code
    code: Instruction[];
  }[];
  more: number; // functions left out
}

// ./data/tags
export interface Tags extends Answer {
  tags: {
    key: string;
    total: number;
    number: boolean; // of numbers with units
    values: { text: string; value: number; filter: string }[]; // filter: for tf=; "": there is none
    more: number; // values left out
  }[];
}

// ./data/timeline: values over time.  Of several moments: of each the 12 functions with the
// largest flat (sort=cum: cum) value in any of them.  Else of the samples of one profile, where
// these have a number label "timestamp", "timestamp_ns", "end_timestamp_ns" or "time": of
// the 12 functions (or values of the label `by`) with the most flat, of those samples that have
// a function in their stack that matches p; they add up to the total of each time.
export interface Timeline extends Answer {
  mode: "samples" | "sources";
  times: number[]; // seconds since 1970, or since the beginning (relative)
  relative: boolean;
  names: string[]; // of the moments in mode "sources", else []
  keys: string[]; // labels with texts, for by=, in mode "samples"
  series: { name: string; values: number[] }[]; // the largest first, the last one may be "others"
  // Of mode "samples": a time t is (zero + t * factor) of this label's unit, for
  // tf=KEY=FROMunit:TOunit; null when there is no such label.
  label: { key: string; unit: string; zero: number; factor: number } | null;
}
