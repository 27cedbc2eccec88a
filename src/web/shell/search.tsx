// search: the box with the regexp.
import { useId, useRef, useState } from "preact/hooks";
import { Icon } from "../parts/icons";
import { Page } from "./page";

// What Enter does: pprof pivots in its flame graph and focuses elsewhere.
export function onEnter(view: string): { text: string; param: string } {
  if (view === "flamegraph" || view === "diff") return { text: "pivots on these functions", param: "p" };
  if (["sandwich", "peek", "source", "disasm"].includes(view)) return { text: "shows these functions", param: "p" };
  return { text: "focuses on these functions", param: "f" };
}

export function Search({ page, told, leave }: { page: Page; told: string; leave?(): void }) {
  const { text, wrong, place } = page;
  const hint = useId();
  const input = useRef<HTMLInputElement>(null);
  const [inside, setInside] = useState(false);
  const enter = onEnter(place.view);

  function onKeyDown(e: KeyboardEvent) {
    if (e.key === "Enter" && !wrong) {
      e.preventDefault();
      page.go(place.view, { [enter.param]: text || null, q: null, ...(enter.param === "p" ? { z: null } : {}) });
    } else if (e.key === "Escape") {
      e.preventDefault();
      if (text) page.setText("");
      else {
        input.current?.blur();
        leave?.();
      }
    }
    e.stopPropagation();
  }

  return (
    <div class="search" role="search" onFocusIn={() => setInside(true)} onFocusOut={() => setInside(false)}>
      <Icon name="search" />
      <input
        ref={input}
        id="search"
        type="text"
        inputMode="search"
        enterKeyHint="go"
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        placeholder="Search, a regexp"
        aria-label="Search functions by a regular expression"
        aria-invalid={wrong !== ""}
        aria-describedby={hint}
        value={text}
        onInput={(e) => page.setText(e.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      {text ? (
        <button type="button" class="search-clear" aria-label="Empty the search box" onClick={() => { page.setText(""); input.current?.focus(); }}>
          <Icon name="close" />
        </button>
      ) : (
        <kbd class="search-key" aria-hidden="true">/</kbd>
      )}
      <div id={hint} class={inside && text ? "search-hint" : "search-hint unseen"}>
        {wrong ? (
          <span class="search-wrong">Not a regular expression yet: {wrong}</span>
        ) : (
          <>
            {told && <strong>{told}</strong>}
            <span><kbd>Enter</kbd> {enter.text}; more in Refine</span>
          </>
        )}
      </div>
    </div>
  );
}
