// flamegraph: the call tree on a canvas, with its tools.
import type { ComponentChildren } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import type { Flame } from "../data";
import { FlameCanvas } from "../flame/canvas";
import { sourceOf } from "../flame/picture";
import { alone, middle, percent } from "../format";
import { NoSamples } from "../parts/empty";
import { exactly, plain } from "../regexps";
import type { ViewProps } from "../view";

// A choice of a few as a row of buttons; the first one is what no parameter means.
export function Choice(props: { label: string; value: string; options: [string, string][]; choose(value: string | null): void }) {
  const { options, value } = props;
  return (
    <div class="flame-choice" role="group" aria-label={props.label}>
      {options.map(([name, title], k) => (
        <button type="button" aria-pressed={value === name} onClick={() => value !== name && props.choose(k ? name : null)}>
          {title}
        </button>
      ))}
    </div>
  );
}

// Where one is: the whole, the pivot, the boxes that a zoom goes through.
export function Crumbs({ answer, place, go, bare }: Pick<ViewProps<Flame>, "answer" | "place" | "go"> & { bare?: boolean }) {
  const { pivot, zoom, values } = answer;
  const steps = zoom?.path ? zoom.path.split(".") : [];
  const parts: ComponentChildren[] = [];
  const crumb = (text: string, changes: Record<string, string | null> | null, title = text) =>
    parts.push(
      changes ? (
        <button type="button" title={title} onClick={() => go(place.view, changes)}>
          {middle(text, 32)}
        </button>
      ) : (
        <b title={title}>{middle(text, 64)}</b>
      ),
    );
  if (pivot || zoom) crumb("all", { p: null, z: null });
  if (pivot) {
    const text = pivotName(answer)!;
    crumb(pivot.functions > 1 ? `${pivot.functions} functions: ${text}` : text, zoom ? { z: null } : null, text);
  }
  if (zoom) {
    const names = zoom.names.slice(pivot ? 1 : 0);
    // Few of them say enough; all stand above the picture.
    names.forEach((name, k) => {
      if (k > 0 && k < names.length - 2) {
        if (k === 1) parts.push(<span>{"\u2026"}</span>);
        return;
      }
      crumb(name, { z: steps.slice(0, k + 1).join(".") });
    });
    const f = answer.callees.frame[0];
    if (f >= 0) crumb(answer.frames.names[f], null);
  }
  const value = zoom ? answer.callees.value[0] : pivot ? pivot.value : values.total;
  return (
    <nav class="flame-crumbs" aria-label="What is shown">
      {parts}
      {!bare && (
        <span>
          {alone(value, values)}
          {pivot || zoom ? `, ${percent(value, values.total)} of all` : " in all"}
        </span>
      )}
    </nav>
  );
}

// The pivot for people.
export function pivotName(answer: Flame): string | null {
  return answer.pivot && plain(answer.pivot.text);
}

// What clicks do, for the graphs of this and of the view of differences.
export function hooksOf({ place, go, openMenu }: Pick<ViewProps, "place" | "go" | "openMenu">) {
  return {
    pivot: (name: string) => go(place.view, { p: exactly(name), z: null }),
    zoom: (path: string) => go(place.view, { z: path || null }),
    out: () => {
      const z = place.params.get("z");
      if (z) go(place.view, { z: z.includes(".") ? z.slice(0, z.lastIndexOf(".")) : null });
      else if (place.params.get("p")) go(place.view, { p: null });
      else return false;
      return true;
    },
    menu: openMenu,
  };
}

// What the search box is told: how much of the total the matching functions have.
export function shareOfSearch(answer: Flame, place: ViewProps["place"], search: RegExp | null, seen: { functions: number; value: number } | null): string {
  if (!search || !seen) return "";
  const exact = answer.search && place.params.get("q") === search.source ? answer.search : null;
  const { functions, value } = exact ?? seen;
  if (!functions) return "no function";
  const share = percent(value, answer.values.total);
  const least = !exact && answer.callees.cut.length > 0 ? "at least " : "";
  return `${functions === 1 ? "1 function" : `${functions.toLocaleString("en")} functions`}, ${least}${share}`;
}

export function FlameGraphView(props: ViewProps<Flame>) {
  const { answer, place, search, go, tell } = props;
  const source = useMemo(() => sourceOf(answer, null, null, pivotName(answer)), [answer]);
  const order = place.params.get("order") === "flame" ? "flame" : "icicle";
  const color = place.params.get("color") === "heat" ? "heat" : "module";
  const empty = answer.callees.value[0] === 0 && answer.callees.children[0] === 0;
  useEffect(() => {
    if (empty) tell(search ? "no function" : "");
  }, [empty, search]);
  return (
    <section class="flame-page">
      <div class="flame-tools">
        <Crumbs answer={answer} place={place} go={go} />
        <Choice
          label="Order"
          value={order}
          options={[
            ["icicle", "Icicle"],
            ["flame", "Flame"],
          ]}
          choose={(v) => go(place.view, { order: v })}
        />
        <Choice
          label="Colour by"
          value={color}
          options={[
            ["module", "Module"],
            ["heat", "Self"],
          ]}
          choose={(v) => go(place.view, { color: v })}
        />
      </div>
      {empty ? (
        <NoSamples {...props} />
      ) : (
        <FlameCanvas
          source={source}
          look={{ flipped: order === "flame", color }}
          search={search}
          hooks={hooksOf(props)}
          found={(share) => tell(shareOfSearch(answer, place, search, share))}
        />
      )}
    </section>
  );
}
