// diff: two profiles as one flame graph coloured by what has changed, or beside each other.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Diff } from "../data";
import { FlameCanvas } from "../flame/canvas";
import { changeColor, css, DARK, LIGHT } from "../flame/colors";
import { growth } from "../flame/describe";
import type { FlameGraph } from "../flame/engine";
import { sourceOf } from "../flame/picture";
import { alone } from "../format";
import type { ViewProps } from "../view";
import "./diff.css";
import { Choice, Crumbs, hooksOf, pivotName, shareOfSearch } from "./flamegraph";

const STEPS = [-1, -0.5, -0.1, 0, 0.1, 0.5, 1];

function Legend({ calm }: { calm: boolean }) {
  return (
    <div class="diff-legend" aria-label={calm ? "Colours: blue is less, orange is more" : "Colours: green is less, red is more"}>
      <span>gone</span>
      {STEPS.map((s) => (
        <i style={{ background: `light-dark(${css(changeColor(LIGHT, s, calm))}, ${css(changeColor(DARK, s, calm))})` }} />
      ))}
      <span>new</span>
    </div>
  );
}

function useNarrow(): boolean {
  const query = useMemo(() => matchMedia("(max-width: 760px)"), []);
  const [narrow, setNarrow] = useState(query.matches);
  useEffect(() => {
    const change = () => setNarrow(query.matches);
    query.addEventListener("change", change);
    return () => query.removeEventListener("change", change);
  }, []);
  return narrow;
}

export function DiffView(props: ViewProps<Diff>) {
  const { answer, place, meta, search, go, tell } = props;
  const { before, after, values } = answer;
  const beside = place.params.get("beside") === "1";
  const shares = place.params.get("change") === "share";
  const calm = place.params.get("palette") === "blue";
  const flipped = place.params.get("order") === "flame";
  const narrow = useNarrow();
  const [one, left, right] = useMemo(() => {
    const sides = { before, after };
    const pivot = pivotName(answer);
    return [null, "before" as const, "after" as const].map((side) => sourceOf(answer, sides, side, pivot));
  }, [answer]);
  const graphs = useRef<[FlameGraph | null, FlameGraph | null]>([null, null]);
  const look = { flipped, calm, shares, color: "change" as const };
  const hooks = hooksOf(props);
  const linked = (k: 0 | 1) => ({
    ...hooks,
    hover: (s: number) => graphs.current[1 - k]?.setHover(s),
    moved: (scrolled: boolean) => {
      const from = graphs.current[k];
      if (from) graphs.current[1 - k]?.follow(from, scrolled);
    },
  });
  const found = (share: { functions: number; value: number } | null) => tell(shareOfSearch(answer, place, search, share));
  const base = place.params.get("b") ?? "";
  return (
    <section class="flame-page">
      <div class="flame-tools">
        <Crumbs answer={answer} place={place} go={go} bare />
        {meta.moments.length > 1 && (
          <label class="diff-base">
            Compared with{" "}
            <select value={base || String(before.moment || "")} onChange={(e) => go(place.view, { b: e.currentTarget.value || null })}>
              {!base && !before.moment && <option value="">{before.name}</option>}
              {meta.moments.map((m) => (
                <option value={String(m.id)}>{[m.time, m.name].filter(Boolean).join(", ")}</option>
              ))}
            </select>
          </label>
        )}
        <Choice
          label="Pictures"
          value={beside ? "1" : "0"}
          options={[
            ["0", "One"],
            ["1", "Side by side"],
          ]}
          choose={(v) => go(place.view, { beside: v })}
        />
        <Choice
          label="Changes of"
          value={shares ? "share" : "value"}
          options={[
            ["value", "Values"],
            ["share", "Shares"],
          ]}
          choose={(v) => go(place.view, { change: v })}
        />
        <Choice
          label="Colours"
          value={calm ? "blue" : "red"}
          options={[
            ["red", "Red, green"],
            ["blue", "Orange, blue"],
          ]}
          choose={(v) => go(place.view, { palette: v })}
        />
        <Choice
          label="Order"
          value={flipped ? "flame" : "icicle"}
          options={[
            ["icicle", "Icicle"],
            ["flame", "Flame"],
          ]}
          choose={(v) => go(place.view, { order: v })}
        />
      </div>
      <p class="diff-totals">
        <span title={before.name}>Before: {alone(before.total, values)}</span>
        <span title={after.name}>After: {alone(after.total, values)}</span>
        <b>{growth(before.total, after.total)}</b>
        <Legend calm={calm} />
      </p>
      {beside ? (
        <div class={narrow ? "diff-two narrow" : "diff-two"} key="two">
          <FlameCanvas source={left} look={look} search={search} hooks={linked(0)} label="Before" half={narrow} found={found} graph={(g) => (graphs.current[0] = g)} />
          <FlameCanvas source={right} look={look} search={search} hooks={linked(1)} label="After" half={narrow} graph={(g) => (graphs.current[1] = g)} />
        </div>
      ) : (
        <FlameCanvas key="one" source={one} look={look} search={search} hooks={hooks} label="Flame graph of the difference" found={found} />
      )}
    </section>
  );
}
