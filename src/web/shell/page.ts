// page: what the parts of the page share.
import type { Answer, Meta } from "../data";
import type { Changes, Place } from "../url";

export type Panel = "" | "help" | "options" | "details" | "save" | "moments" | { forget: string } | { link: string };

export interface Page {
  place: Place; // where we are; the answer may still be on its way
  meta: Meta | null;
  answer: Answer | null;
  text: string; // of the search box
  wrong: string; // why it is no regexp; "": it is one
  target: Target | null; // what Refine works on
  go(view: string, changes?: Changes): void;
  setText(text: string): void;
  open(panel: Panel, field?: string): void;
  say(text: string): void; // for a moment, at the foot of the page
  again(): void; // ask the server once more
  refresh(): Promise<void>; // read the live sources
}

export interface Target {
  regexp: string;
  text: string; // for people
}

export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // only secure pages have a clipboard: the old way
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "unseen";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}
