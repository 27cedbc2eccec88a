// url: what the page shows is its address: ./VIEW?PARAMETERS, with pprof's parameters and
// those of data.ts.  Back, forward and a shared link show the same.

export interface Place {
  view: string;
  params: URLSearchParams;
}

export function here(): Place {
  const view = location.pathname.split("/").pop() || "flamegraph";
  return { view, params: new URLSearchParams(location.search) };
}

// What the parameters of a view mean nothing to another: they are left behind on the way.
const OWN: Record<string, string[]> = {
  flamegraph: ["p", "z"],
  sandwich: ["p"],
  diff: ["p", "z", "b"],
  peek: ["p"],
  source: ["p"],
  disasm: ["p"],
  timeline: ["by"],
};

export type Changes = Record<string, string | null>; // null: take it out

// The address of another place.
export function address(from: Place, view: string, changes: Changes = {}): string {
  const params = new URLSearchParams(from.params);
  if (view !== from.view)
    for (const name of OWN[from.view] ?? [])
      if (!(OWN[view] ?? []).includes(name)) params.delete(name);
  // All rows of a table are fine; all boxes of a graph are not.
  if (from.view === "top" && view !== "top")
    for (const name of ["n", "nf"]) if (params.get(name) === "0") params.delete(name);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) params.delete(name);
    else params.set(name, value);
  }
  const query = params.toString();
  return "./" + view + (query ? "?" + query : "");
}

const listeners = new Set<() => void>();

// Call fn when the place changes; returns what ends that.
export function onPlace(fn: () => void): () => void {
  listeners.add(fn);
  return () => listeners.delete(fn);
}

// Go there.  `replace`: without a step in the history.
export function go(to: string, replace = false): void {
  if (replace) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  for (const fn of [...listeners]) fn();
}

addEventListener("popstate", () => {
  for (const fn of [...listeners]) fn();
});

// The text as a regexp that matches it alone (RE2 and JavaScript).
export function quoted(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

// What is behind "#"; "" also where that cannot be decoded.
export function hashText(): string {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return "";
  }
}
