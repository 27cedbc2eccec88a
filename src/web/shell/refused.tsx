// refused: what the server will not show, why, and ways out.
import { Picker } from "../parts/picker";
import { reset } from "../refine";
import { OF_FUNCTION } from "./actions";
import type { Page } from "./page";

export function Refused({ page, why }: { page: Page; why: string }) {
  const { place, meta } = page;
  // Where menus are refused as well, it is an option that cannot be.
  const none = Object.fromEntries([...place.params.keys()].map((name) => [name, null]));
  return (
    <div>
      {meta && OF_FUNCTION.includes(place.view) && (
        <div class="bar-top">
          <Picker params={place.params} pick={(to) => page.go(place.view, { p: to })} />
        </div>
      )}
      <div class="empty" role="alert">
        <p class="empty-title">This cannot be shown</p>
        <p class="muted">{why}</p>
        {place.view === "disasm" && (
          <p class="muted">A function that is compiled into its callers has no instructions of its own: Source shows it.</p>
        )}
        <div class="buttons">
          <button type="button" class="button" onClick={page.again}>
            Retry
          </button>
          {place.params.size > 0 && (
            <button type="button" class="button" onClick={() => page.go(place.view, meta ? { ...reset(meta), m: null, b: null } : none)}>
              {meta ? "Reset filters" : "Without options"}
            </button>
          )}
        </div>
      </div>
    </div>
  );
}
