// listing: what source and disassembly share: heat, hot lines, the keys that go from one to
// the next, the place that an address asks for.
import { useEffect, useRef } from "preact/hooks";
import type { RefObject } from "preact";
import { percent } from "../format";
import { hashText } from "../url";
import { Icon } from "./icons";

// How warm a line is, 0..4: by its share of the warmest.
export function heat(value: number, hottest: number): number {
  const part = hottest ? Math.abs(value / hottest) : 0;
  return part === 0 ? 0 : part < 0.05 ? 1 : part < 0.2 ? 2 : part < 0.5 ? 3 : 4;
}

// "file.c:12" of a place, which may have a function's name before it.
export function base(place: string): string {
  const file = place.slice(place.lastIndexOf(" ") + 1);
  return file.slice(file.lastIndexOf("/") + 1);
}

export function More({ more }: { more: number }) {
  if (!more) return null;
  return (
    <p class="more">
      {more.toLocaleString("en")} more {more === 1 ? "function matches" : "functions match"}: a narrower expression shows them.
    </p>
  );
}

// The functions of a listing, to go to one; of each the id behind "routine-".
export function Contents({ routines, total }: { routines: { id: string; name: string; cum: number }[]; total: number }) {
  if (routines.length < 2) return null;
  return (
    <select
      class="contents"
      aria-label="Functions shown"
      value=""
      onChange={(e) => {
        document.getElementById("routine-" + e.currentTarget.value)?.scrollIntoView();
        e.currentTarget.value = "";
      }}
    >
      <option value="">{routines.length} functions{"\u2026"}</option>
      {routines.map(({ id, name, cum }) => (
        <option key={id} value={id}>
          {percent(cum, total)} {name}
        </option>
      ))}
    </select>
  );
}

// Why something is not there, unless the function before has said the same.
export function Missing({ why, before }: { why: string[]; before: string[] | undefined }) {
  if (!why.length || why.join("\n") === before?.join("\n")) return null;
  return (
    <ul class="missing">
      {why.map((w) => (
        <li key={w}>
          {/* No line ends within an option. */}
          {w.split(/(?<=\s)(-\S+)/).map((part) => (part[0] === "-" ? <span class="whole">{part}</span> : part))}
        </li>
      ))}
    </ul>
  );
}

// Scroll to it, and let it be seen.
export function reveal(element: Element | null | undefined): void {
  if (!element) return;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  element.scrollIntoView({ block: "center", behavior: calm ? "auto" : "smooth" });
  for (const old of document.querySelectorAll(".here")) old.classList.remove("here");
  element.classList.add("here");
  element.querySelector<HTMLElement>("button")?.focus({ preventScroll: true });
}

// The elements with [data-hot] (its value) and [data-routine], and ways between them.
export function useWays(scroller: RefObject<HTMLElement | null>, answer: unknown) {
  const ways = useRef({ line: (_: number) => {}, routine: (_: number) => {}, hottest: () => {} });
  ways.current = {
    line: (step) => reveal(beside(lines(), step)),
    routine: (step) => {
      const all = [...scroller.current!.querySelectorAll<HTMLElement>("[data-routine]")];
      const top = scroller.current!.getBoundingClientRect().top;
      let at = -1;
      all.forEach((e, i) => {
        if (e.getBoundingClientRect().top - top < 8) at = i;
      });
      all[Math.max(0, Math.min(all.length - 1, at + step))]?.scrollIntoView({ block: "start" });
    },
    hottest: () => {
      let best: HTMLElement | null = null;
      for (const e of scroller.current!.querySelectorAll<HTMLElement>("[data-hot]"))
        if (!best || Number(e.dataset.hot) > Number(best.dataset.hot)) best = e;
      reveal(best);
    },
  };

  function lines(): HTMLElement[] {
    return [...scroller.current!.querySelectorAll<HTMLElement>(".heat-2, .heat-3, .heat-4")].filter(
      (e) => e.dataset.hot !== undefined,
    );
  }

  // From the one that was shown last, else from the middle of what is in sight.
  function beside(all: HTMLElement[], step: number): HTMLElement | undefined {
    const now = scroller.current!.querySelector(".here");
    const box = scroller.current!.getBoundingClientRect();
    const middle = now ? now.getBoundingClientRect().top : step > 0 ? box.top : box.bottom;
    return step > 0
      ? all.find((e) => e.getBoundingClientRect().top > middle + 2)
      : all.reverse().find((e) => e.getBoundingClientRect().top < middle - 2);
  }

  useEffect(() => {
    const pressed = (e: KeyboardEvent) => {
      const element = e.target as HTMLElement;
      if (e.ctrlKey || e.altKey || e.metaKey || element.closest("input, textarea, select, dialog, .menu")) return;
      if (e.key === "n") ways.current.line(1);
      else if (e.key === "p") ways.current.line(-1);
      else if (e.key === "N") ways.current.routine(1);
      else if (e.key === "P") ways.current.routine(-1);
      else if (e.key === "h") ways.current.hottest();
      else return;
      e.preventDefault();
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, []);

  // The line that the address asks for, else the top.
  useEffect(() => {
    const wanted = hashText();
    if (!wanted) return;
    reveal(scroller.current!.querySelector(`[data-place="${CSS.escape(wanted)}"]`));
  }, [answer]);

  return ways;
}

export function Ways({ ways }: { ways: ReturnType<typeof useWays> }) {
  return (
    <div class="ways" role="group" aria-label="Go to">
      <button type="button" class="button small" title="The hottest line (h)" onClick={() => ways.current.hottest()}>
        Hottest
      </button>
      <button type="button" class="button small" title="The previous hot line (p)" aria-label="The previous hot line" onClick={() => ways.current.line(-1)}>
        <Icon name="up" />
      </button>
      <button type="button" class="button small" title="The next hot line (n)" aria-label="The next hot line" onClick={() => ways.current.line(1)}>
        <Icon name="down" />
      </button>
    </div>
  );
}
