// page: what the frame of the page hands to the page it shows.
import type { Meta } from "./data";
import type { Here } from "./place";

export interface PageProps {
  meta: Meta;
  here: Here;
  search: RegExp | null; // the search box
  go(to: string, replace?: boolean): void;
  say(text: string): void; // at the foot of the page for a moment
}
