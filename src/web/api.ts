// api: what is asked of the server.
import type { Answer, Meta } from "./data";
import { unpack } from "./flame/unpack";

let token = "";

export class Failure extends Error {
  // gone: nobody answers; else the server has said no.
  constructor(
    text: string,
    readonly gone = false,
  ) {
    super(text);
  }
}

async function ask(path: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (e) {
    if ((e as Error).name === "AbortError") throw e;
    throw new Failure("The server does not answer: has it ended?", true);
  }
  if (!response.ok) {
    const text = await response.text();
    let why = text.trim();
    try {
      why = JSON.parse(text).error ?? why;
    } catch {
      // a text is fine
    }
    throw new Failure(why || `${response.status} ${response.statusText}`);
  }
  return response;
}

// The JSON of a view.  Throws Failure, or an AbortError once the signal says so.
export async function load<T extends Answer>(
  view: string,
  params: URLSearchParams,
  signal?: AbortSignal,
): Promise<T> {
  const response = await ask(`./data/${view}?${params}`, { signal });
  return unpack((await response.json()) as T);
}

export async function loadMeta(params: URLSearchParams, signal?: AbortSignal): Promise<Meta> {
  const meta = (await (await ask(`./data/profile?${params}`, { signal })).json()) as Meta;
  token = meta.token;
  return meta;
}

// Change something at the server.  Returns what it says.
export async function change(method: "POST" | "DELETE", path: string, params: URLSearchParams): Promise<string> {
  return (await ask(`./${path}?${params}`, { method, headers: { "X-Sonde-Token": token } })).text();
}
