// refused: what the server will not show, why, and ways out.
import { Picker } from "../parts/picker";
import { reset } from "../refine";
import { OF_FUNCTION } from "./actions";
import type { Page } from "./page";

export function Refused({ page, why }: { page: Page; why: string }) {
  const { place, meta } = page;
  return (
    <div>
      {meta && OF_FUNCTION.includes(place.view) && (
        <div class="bar-top">
          <Picker
            params={place.params}
            value={place.params.get("p") ?? place.params.get("f") ?? ""}
            label="A function, or a regexp of several"
            granularity=""
            pick={(to) => page.go(place.view, { p: to })}
          />
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
          {meta && place.params.size > 0 && (
            <button type="button" class="button" onClick={() => page.go(place.view, { ...reset(meta), m: null, b: null })}>
              Reset filters
            </button>
          )}
        </div>
      </div>
    </div>
  );
}
