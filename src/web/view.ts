// view: what the page hands to the view it shows.  A view is one file in views/ and a line
// in views/registry.ts.
import type { ComponentType } from "preact";
import type { Answer, Meta } from "./data";
import type { Changes, Place } from "./url";

export interface ViewProps<T extends Answer = Answer> {
  answer: T; // of this view and place
  place: Place;
  meta: Meta;
  // The search box: names that match are to be highlighted; null when it is empty or no regexp.
  search: RegExp | null;
  // The functions that are marked, as the answer names them: what Refine and the views of one
  // function work on while the search box is empty.  It is emptied when the place changes.
  selected: string[];
  select(names: string[]): void;
  // Go to another place: a view and changed parameters.
  go(view: string, changes?: Changes): void;
  // The menu of what can be done with a function (focus, ignore, hide, show from, source,
  // pivot, copy name), at a point of the window.
  openMenu(name: string, x: number, y: number): void;
  // What is told below the search box and to screen readers: "12 functions, 3.4%".
  tell(text: string): void;
}

export interface View {
  name: string; // as in page_registry
  component: ComponentType<ViewProps<any>>;
}
