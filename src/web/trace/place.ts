// place: the address of a page of the trace: ./PAGE?PARAMETERS.
import type { Place as Spot } from "./data";
import { query, type Params } from "./ask";

export interface Here {
  page: string; // "" is the first one
  params: URLSearchParams;
}

export function here(): Here {
  return { page: location.pathname.split("/").pop() ?? "", params: new URLSearchParams(location.search) };
}

export function address(page: string, params: Params = {}): string {
  const text = query(params);
  return `./${page}${text ? "?" + text : ""}`;
}

// Here, with some parameters changed; null takes one out.
export function changed(at: Here, changes: Params): string {
  const all: Params = Object.fromEntries(at.params);
  return address(at.page, { ...all, ...changes });
}

const ROOM = 1.5; // of the window around what is to be seen, a share of its length to each side
const TASK_ROOM = 0.15;
const LEAST = 2000; // ns

// Where the timeline shows it, selected, among what the others did then; of a task, the wait that it
// was so slow for; a run of many parts is marked.
export function inTimeline(p: Pick<Spot, "start" | "length" | "g" | "p" | "task" | "why"> & { what?: string }): string {
  const room = Math.max(p.length * (p.task > 0 ? TASK_ROOM : ROOM), LEAST);
  const params: Params = { start: Math.max(0, Math.round(p.start - room)), end: Math.round(p.start + p.length + room) };
  if (p.task > 0) {
    // The task with its goroutines.
    params.view = "goroutine";
    params.taskid = p.task;
  } else if (p.g >= 0) params.view = "goroutine";
  if (p.what === "runs") {
    params.range = `${Math.round(p.start)}-${Math.round(p.start + p.length)}`;
    return address("trace", params);
  }
  const of = p.task > 0 ? p.why : p;
  if (of && of.g >= 0) {
    params.at = Math.round(of.start);
    params.box = `goroutine.${of.g}.0`;
  }
  return address("trace", params);
}
