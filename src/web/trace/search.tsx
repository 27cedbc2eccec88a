// search: the box with the regexp: what matches stands out, and places to jump to.
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Icon } from "../parts/icons";
import { regexp } from "../regexps";
import { ask } from "./ask";
import type { Search as Found } from "./data";
import { address, changed, type Here } from "./place";
import { count, exact, long } from "./units";

const TYPING_MS = 220;
const KINDS: Record<Found["hits"][number]["kind"], string> = { goroutine: "goroutine", function: "function", task: "task", region: "region", log: "log", proc: "processor" };

export function placeOf(hit: Found["hits"][number], text: string, duration: number): string {
  const q = text || null;
  if (hit.kind === "function" && hit.count > 1) return address("goroutine", { name: hit.text, q: null });
  const room = Math.max(hit.length * 0.4, 5000);
  const part = { start: Math.max(0, Math.round(hit.start - room)), end: Math.round(Math.min(duration + room, hit.start + hit.length + room)), q };
  if (hit.kind === "task") return address("usertask", { id: hit.task });
  if (hit.g >= 0) return address("trace", { ...part, follow: hit.g, box: `goroutine.${hit.g}.0`, at: Math.round(hit.start) });
  return address("trace", part);
}

export function SearchBox({ here, text, duration, setText, go }: { here: Here; text: string; duration: number; setText(text: string): void; go(to: string, replace?: boolean): void }) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);
  const [found, setFound] = useState<Found | null>(null);
  const [at, setAt] = useState(-1);
  const is = text ? regexp(text) : null;
  const wrong = typeof is === "string" ? is : "";

  useEffect(() => {
    setAt(-1);
    if (!text || wrong) {
      setFound(null);
      return;
    }
    const abort = new AbortController();
    const timer = setTimeout(() => {
      ask<Found>("search", { q: text, n: 60, view: here.params.get("view") }, abort.signal).then(setFound, () => {});
      const now = here.params.get("q") ?? "";
      if (now !== text) go(changed({ page: here.page, params: new URLSearchParams(location.search) }, { q: text }), true);
    }, TYPING_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [text, wrong]);

  function choose(i: number) {
    if (!found?.hits.length) return;
    const k = (i + found.hits.length) % found.hits.length;
    setAt(k);
    go(placeOf(found.hits[k], text, duration));
    document.getElementById(`${id}-${k}`)?.scrollIntoView({ block: "nearest" });
  }

  // From anywhere: the next match and the one before.
  const next = useRef<(step: number) => void>(() => {});
  next.current = (step) => choose(at < 0 && step < 0 ? -1 : at + step);
  useEffect(() => {
    const pressed = (e: KeyboardEvent) => {
      if (e.ctrlKey || e.metaKey || e.altKey || (e.target as Element).closest("input, textarea, select, dialog, .menu")) return;
      if (e.key === "n") next.current(1);
      else if (e.key === "N") next.current(-1);
      else return;
      e.preventDefault();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);

  return (
    <div
      ref={box}
      class="search"
      role="search"
      onFocusIn={() => setOpen(true)}
      onFocusOut={(e) => {
        if (!box.current?.contains(e.relatedTarget as Node)) setOpen(false);
      }}
    >
      <Icon name="search" />
      <input
        ref={input}
        id="search"
        type="text"
        inputMode="search"
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        role="combobox"
        aria-expanded={open && !!found}
        aria-controls={id}
        aria-activedescendant={at >= 0 ? `${id}-${at}` : undefined}
        placeholder="Search, a regexp"
        aria-label="Search goroutines, functions, tasks, regions and log messages by a regular expression"
        aria-invalid={wrong !== ""}
        value={text}
        onInput={(e) => setText(e.currentTarget.value)}
        onKeyDown={(e) => {
          if (e.key === "Enter") choose(at < 0 ? (e.shiftKey ? -1 : 0) : at + (e.shiftKey ? -1 : 1));
          else if (e.key === "ArrowDown") setAt(Math.min((found?.hits.length ?? 0) - 1, at + 1));
          else if (e.key === "ArrowUp") setAt(Math.max(-1, at - 1));
          else if (e.key === "Escape") {
            if (text) setText("");
            else input.current?.blur();
          } else return;
          e.preventDefault();
          e.stopPropagation();
        }}
      />
      {text ? (
        <button type="button" class="search-clear" aria-label="Empty the search box" onClick={() => { setText(""); input.current?.focus(); }}>
          <Icon name="close" />
        </button>
      ) : (
        <kbd class="search-key" aria-hidden="true">
          /
        </kbd>
      )}
      <div class={open && text ? "search-found" : "search-found unseen"}>
        {wrong ? (
          <p class="search-wrong">Not a regular expression yet: {wrong}</p>
        ) : (
          <>
            <p class="muted" role="status">
              {!found ? "Looking\u2026" : found.hits.length ? `${count(found.hits.length + found.more)} found` : "Nothing found"}
              <span class="keys-note">
                <kbd>Enter</kbd> next
              </span>
            </p>
            <ul id={id} role="listbox" aria-label="Found">
              {found?.hits.map((h, i) => (
                <li
                  key={i}
                  id={`${id}-${i}`}
                  role="option"
                  aria-selected={i === at}
                  onPointerDown={(e) => e.preventDefault()}
                  onClick={() => choose(i)}
                >
                  <small>{KINDS[h.kind]}</small>
                  <span class="found-text">{h.text}</span>
                  <small class="muted">
                    {[h.note, h.count > 1 ? count(h.count) : "", h.kind !== "function" ? exact(h.start) : "", h.length > 0 && h.kind !== "function" ? long(h.length) : ""].filter(Boolean).join(" \u00b7 ")}
                  </small>
                </li>
              ))}
            </ul>
          </>
        )}
      </div>
    </div>
  );
}
