// ask: what is asked of the server, and the answers that are kept.
import { useEffect, useState } from "preact/hooks";
import { unpack } from "../flame/unpack";

export class Failure extends Error {
  // gone: nobody answers; else the server has said no.
  constructor(
    text: string,
    readonly gone = false,
  ) {
    super(text);
  }
}

export type Params = Record<string, string | number | null | undefined>;

// The parameters that are given, in the same order for the same ones.
export function query(params: Params): string {
  const out = new URLSearchParams();
  for (const name of Object.keys(params).sort()) {
    const value = params[name];
    if (value !== null && value !== undefined && value !== "") out.set(name, String(value));
  }
  return out.toString();
}

export function dataAddress(name: string, params: Params): string {
  const text = query(params);
  return `./data/${name}${text ? "?" + text : ""}`;
}

// Throws Failure, or an AbortError once the signal says so.
export async function ask<T>(name: string, params: Params = {}, signal?: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await fetch(dataAddress(name, params), { signal });
  } catch (e) {
    if ((e as Error).name === "AbortError") throw e;
    throw new Failure("The server does not answer: has it ended?", true);
  }
  if (response.ok) return unpack((await response.json()) as T & object);
  const text = await response.text();
  let why = text.trim();
  try {
    why = JSON.parse(text).error ?? why;
  } catch {
    // a text is fine
  }
  throw new Failure(why || `${response.status} ${response.statusText}`);
}

const KEPT = 40;
const answers = new Map<string, unknown>();

export async function kept<T>(name: string, params: Params = {}, signal?: AbortSignal): Promise<T> {
  const key = dataAddress(name, params);
  const there = answers.get(key);
  if (there) {
    answers.delete(key); // to the end: the last that goes
    answers.set(key, there);
    return there as T;
  }
  const answer = await ask<T>(name, params, signal);
  answers.set(key, answer);
  for (const old of answers.keys()) {
    if (answers.size <= KEPT) break;
    answers.delete(old);
  }
  return answer;
}

export interface Asked<T> {
  answer: T | null; // of what was asked for last that has come: an old one while `waiting`
  failure: Failure | null;
  waiting: boolean;
}

// null parameters: nothing is asked.
export function useAsked<T>(name: string, params: Params | null): Asked<T> {
  const key = params ? dataAddress(name, params) : "";
  const [state, setState] = useState<{ key: string; answer: T | null; failure: Failure | null }>({ key: "", answer: null, failure: null });
  useEffect(() => {
    if (!params) return;
    const abort = new AbortController();
    kept<T>(name, params, abort.signal).then(
      (answer) => setState({ key, answer, failure: null }),
      (e: Error) => {
        if (e.name !== "AbortError") setState({ key, answer: null, failure: e instanceof Failure ? e : new Failure(e.message) });
      },
    );
    return () => abort.abort();
  }, [key]);
  if (!params) return { answer: null, failure: null, waiting: false };
  const now = answers.get(key) as T | undefined;
  if (now) return { answer: now, failure: null, waiting: false };
  return { answer: state.answer, failure: state.key === key ? state.failure : null, waiting: state.key !== key };
}
