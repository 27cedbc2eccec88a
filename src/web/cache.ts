// cache: answers of the server by their address; what the page shows of them.
import { useEffect, useState } from "preact/hooks";
import { load } from "./api";
import type { Answer } from "./data";

const LIMIT = 24;
const SEARCHED = ["flamegraph", "diff"]; // q is for these
const PICTURES = ["flamegraph", "diff", "sandwich", "timeline"]; // w is for these
const answers = new Map<string, Answer>();
let newest = -1;

// What a view is asked with: the parameters of the address, less what does not matter to it.
function asked(view: string, params: URLSearchParams): URLSearchParams {
  const own = new URLSearchParams(params);
  if (!SEARCHED.includes(view)) own.delete("q");
  if (PICTURES.includes(view) && !own.has("w"))
    own.set("w", String(Math.ceil((innerWidth * devicePixelRatio) / 256) * 256));
  own.sort();
  return own;
}

// The answer if it is there already.
export function known<T extends Answer>(view: string, params: URLSearchParams): T | undefined {
  const key = view + "?" + asked(view, params);
  const answer = answers.get(key);
  if (answer) {
    answers.delete(key); // to the end: the last that goes
    answers.set(key, answer);
  }
  return answer as T | undefined;
}

export async function fetched<T extends Answer>(
  view: string,
  params: URLSearchParams,
  signal?: AbortSignal,
): Promise<T> {
  const there = known<T>(view, params);
  if (there) return there;
  const own = asked(view, params);
  const answer = await load<T>(view, own, signal);
  answers.set(view + "?" + own, answer);
  for (const key of answers.keys()) {
    if (answers.size <= LIMIT) break;
    answers.delete(key);
  }
  return answer;
}

// There is a newer moment: answers that were asked for without one are out of date.  True if
// there were such.
export function renew(moment: number): boolean {
  if (moment === newest) return false;
  const first = newest < 0;
  newest = moment;
  if (first) return false;
  for (const key of [...answers.keys()]) {
    const params = new URLSearchParams(key.slice(key.indexOf("?")));
    if (!params.has("m")) answers.delete(key);
  }
  return true;
}

// An answer beside that of the view; null parameters: nothing is asked.
export function useAnswer<T extends Answer>(
  view: string,
  params: URLSearchParams | null,
): { answer: T | null; error: string } {
  const key = params ? params.toString() : null;
  const [state, setState] = useState<{ key: string | null; answer: T | null; error: string }>({
    key: null,
    answer: null,
    error: "",
  });
  useEffect(() => {
    if (key === null) return;
    const abort = new AbortController();
    fetched<T>(view, new URLSearchParams(key), abort.signal).then(
      (answer) => setState({ key, answer, error: "" }),
      (e: Error) => {
        if (e.name !== "AbortError") setState({ key, answer: null, error: e.message });
      },
    );
    return () => abort.abort();
  }, [view, key]);
  if (key === null) return { answer: null, error: "" };
  if (state.key === key) return state;
  return { answer: known<T>(view, new URLSearchParams(key)) ?? null, error: "" };
}
