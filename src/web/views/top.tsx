// top: the functions as a table; the callers and callees of the marked one beside it.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useAnswer } from "../cache";
import type { Peek, Top as TopAnswer } from "../data";
import { inUnit, percent } from "../format";
import { Empty, NoSamples } from "../parts/empty";
import { Icon } from "../parts/icons";
import { Name } from "../parts/name";
import { Neighbours, share } from "../parts/neighbours";
import { useNarrow, useRows } from "../parts/rows";
import { exactly, functionOf } from "../regexps";
import type { ViewProps } from "../view";

type Column = "flat" | "cum" | "name";

const ALL = { n: "0", nf: "0" };
const INLINED = ["", "inline", "partly"];
const ROW = 28;
const ROW_NARROW = 52;
const HEAD = 30;

function most(column: number[]): number {
  let max = 0;
  for (const v of column) max = Math.max(max, Math.abs(v));
  return max;
}

export function Top(props: ViewProps<TopAnswer>) {
  const { answer, meta, search, selected, select, go, openMenu, tell } = props;
  const { values, names, flat, cum } = answer;
  const granularity = meta.options.find((o) => o.name === "granularity")?.value ?? "";
  const byCum = meta.options.find((o) => o.name === "sort")?.value === "cum";
  const [sort, setSort] = useState<{ by: Column; down: boolean } | null>(null); // null: the report's
  const [active, setActive] = useState(-1); // a row of the answer
  const scroller = useRef<HTMLDivElement>(null);
  const narrow = useNarrow(700);
  useEffect(() => setActive(-1), [answer]);

  const order = useMemo(() => {
    const list = names.map((_, i) => i);
    if (sort) {
      const sign = sort.down ? -1 : 1;
      if (sort.by === "name") list.sort((a, b) => sign * (names[a] < names[b] ? -1 : names[a] > names[b] ? 1 : 0));
      else {
        const column = sort.by === "flat" ? flat : cum;
        list.sort((a, b) => sign * (column[a] - column[b]) || a - b);
      }
    }
    return list;
  }, [answer, sort]);
  const sums = useMemo(() => {
    let sum = 0;
    return order.map((i) => (sum += flat[i]));
  }, [order]);
  const [mostFlat, mostCum] = useMemo(() => [most(flat), most(cum)], [answer]); // the longest bars
  const matches = useMemo(() => (search ? names.map((n) => search.test(n)) : null), [answer, search]);
  useEffect(() => {
    if (!matches) return;
    let n = 0;
    let sum = 0;
    matches.forEach((yes, i) => {
      if (!yes) return;
      n++;
      sum += flat[i];
    });
    tell(n === 0 ? "no matches" : `${n.toLocaleString("en")} of ${names.length.toLocaleString("en")} match, flat ${percent(sum, values.total)}`);
  }, [matches]);

  const size = narrow ? ROW_NARROW : ROW;
  const rows = useRows(order.length, size, scroller, narrow ? 0 : HEAD);
  const marked = useMemo(() => new Set(selected), [selected]);

  function mark(i: number, more: boolean) {
    setActive(i);
    if (!more) select([names[i]]);
    else if (marked.has(names[i])) select(selected.filter((n) => n !== names[i]));
    else select([...selected, names[i]]);
  }

  function onKeyDown(e: KeyboardEvent) {
    if (e.ctrlKey || e.metaKey || e.altKey || (e.target as HTMLElement).closest("button")) return;
    const at = active < 0 ? -1 : order.indexOf(active);
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 300) / size) - 2);
    let to = at;
    if (e.key === "ArrowDown") to = at + 1;
    else if (e.key === "ArrowUp") to = at - 1;
    else if (e.key === "PageDown") to = at + page;
    else if (e.key === "PageUp") to = at - page;
    else if (e.key === "Home") to = 0;
    else if (e.key === "End") to = order.length - 1;
    else if (e.key === "Escape" && active >= 0) {
      setActive(-1);
      select([]);
      e.preventDefault();
      return;
    } else if ((e.key === "Enter" || e.key === "ContextMenu" || (e.key === "F10" && e.shiftKey)) && active >= 0) {
      const box = document.getElementById("row-" + active)?.getBoundingClientRect();
      if (box) openMenu(names[active], box.left + 200, box.bottom);
      e.preventDefault();
      return;
    } else return;
    e.preventDefault();
    to = Math.max(0, Math.min(order.length - 1, to));
    if (!order.length) return;
    mark(order[to], false);
    rows.show(to);
  }

  function head(by: Column | "", text: string, extra = "", help = "", second = false) {
    const own = by !== "" && (sort ? sort.by === by : by === (byCum ? "cum" : "flat"));
    const down = sort ? sort.down : true;
    return (
      <div
        role="columnheader"
        class={"cell " + extra}
        aria-sort={own && !second ? (down ? "descending" : "ascending") : undefined}
      >
        {by ? (
          <button
            type="button"
            class="sort"
            title={help}
            onClick={() => {
              // What was left out may be what is wanted now: the server knows.
              if (answer.more > 0 && by !== "name" && !own && !sort) return go("top", { sort: by });
              setSort({ by, down: own ? !down : by !== "name" });
            }}
          >
            {text}
            {own && !second && <Icon name={down ? "down" : "up"} />}
          </button>
        ) : (
          <span title={help}>{text}</span>
        )}
      </div>
    );
  }

  if (!names.length)
    return answer.more ? (
      <Empty title="No large functions">
        {answer.more.toLocaleString("en")} have less than the least share that is shown.{" "}
        <button type="button" class="link" onClick={() => go("top", ALL)}>
          Show all
        </button>
      </Empty>
    ) : (
      <NoSamples {...props} />
    );
  return (
    <div class={active >= 0 ? "top split" : "top"}>
      <div
        ref={scroller}
        class="scroller table"
        role="grid"
        aria-label="Functions"
        aria-rowcount={order.length + 1}
        aria-multiselectable="true"
        aria-activedescendant={active >= 0 ? "row-" + active : undefined}
        tabIndex={0}
        onKeyDown={onKeyDown}
      >
        <div class="row table-head" role="row" aria-rowindex={1}>
          {head("flat", "Flat", "number", "What the function has itself")}
          {head("flat", "Flat%", "number pct", "Its share of the total", true)}
          {head("", "Sum%", "number sum", "The shares of this and all rows above")}
          {head("cum", "Cum", "number", "What the function has together with what it calls")}
          {head("cum", "Cum%", "number pct", "Its share of the total", true)}
          {head("name", "Name", "name-cell")}
          {head("", "Inlined", "inlined", "Is it compiled into its callers?")}
        </div>
        <div class="rows" role="presentation" style={{ height: rows.total + "px" }}>
          {rows.list.map(({ index, start }) => {
            const i = order[index];
            const chosen = marked.has(names[i]);
            return (
              <div
                key={i}
                id={"row-" + i}
                role="row"
                aria-rowindex={index + 2}
                aria-selected={chosen}
                class={
                  "row" +
                  (i === active ? " active" : "") +
                  (chosen ? " chosen" : "") +
                  (matches ? (matches[i] ? " match" : " faded") : "")
                }
                data-function={names[i]}
                style={{ transform: `translateY(${start}px)`, height: size + "px" }}
                onClick={(e) => {
                  if (getSelection()?.toString()) return; // text is being selected
                  if (i === active && !e.ctrlKey && !e.metaKey && !e.shiftKey) {
                    setActive(-1);
                    select([]);
                  } else mark(i, e.ctrlKey || e.metaKey || e.shiftKey);
                }}
                onDblClick={() => go("flamegraph", { p: exactly(functionOf(names[i], granularity)), z: null })}
              >
                <div role="gridcell" class="cell number" data-label="flat">{inUnit(flat[i], values)}</div>
                <div role="gridcell" class="cell number pct">
                  <span class="bar" style={{ width: share(flat[i], mostFlat) }} />
                  {percent(flat[i], values.total)}
                </div>
                <div role="gridcell" class="cell number sum faint">{percent(sums[index], values.total)}</div>
                <div role="gridcell" class="cell number" data-label="cum">{inUnit(cum[i], values)}</div>
                <div role="gridcell" class="cell number pct">
                  <span class="bar" style={{ width: share(cum[i], mostCum) }} />
                  {percent(cum[i], values.total)}
                </div>
                <div role="gridcell" class="cell name-cell"><Name text={names[i]} /></div>
                <div role="gridcell" class="cell inlined faint">{INLINED[answer.inlined[i]]}</div>
              </div>
            );
          })}
        </div>
        {answer.more > 0 && (
          <div class="more" role="row">
            <span role="gridcell">
              {answer.more.toLocaleString("en")} more {answer.more === 1 ? "function" : "functions"}.{" "}
              <button type="button" class="link" onClick={() => go("top", ALL)}>
                Show all
              </button>
            </span>
          </div>
        )}
      </div>
      {active >= 0 && names[active] !== undefined && (
        <Beside
          key={names[active]}
          {...props}
          index={active}
          granularity={granularity}
          close={() => {
            setActive(-1);
            select([]);
            scroller.current?.focus();
          }}
          pick={(name) => {
            const i = names.indexOf(name);
            if (i < 0) return go("peek", { p: exactly(functionOf(name, granularity)) });
            mark(i, false);
            rows.show(order.indexOf(i));
          }}
        />
      )}
    </div>
  );
}

interface BesideProps extends ViewProps<TopAnswer> {
  index: number;
  granularity: string;
  close(): void;
  pick(name: string): void;
}

function Beside({ answer, place, meta, index, granularity, go, close, pick }: BesideProps) {
  const { values } = answer;
  const name = answer.names[index];
  const regexp = exactly(functionOf(name, granularity));
  const [wanted, setWanted] = useState<URLSearchParams | null>(null);
  useEffect(() => {
    // Rows that are only passed by are not asked for.
    const timer = setTimeout(() => {
      const params = new URLSearchParams(place.params);
      params.set("p", regexp);
      params.delete("n");
      setWanted(params);
    }, 120);
    return () => clearTimeout(timer);
  }, [regexp, place.params.toString()]);
  const { answer: peek, error } = useAnswer<Peek>("peek", wanted);
  const node = peek?.nodes.find((n) => n.name === name) ?? peek?.nodes[0];
  const has = (view: string) => meta.views.some((v) => v.name === view && v.missing === null);
  const to = (view: string, title: string) =>
    has(view) && (
      <button type="button" class="button small" onClick={() => go(view, { p: regexp, z: null })}>
        {title}
      </button>
    );
  return (
    <aside class="beside" aria-label={"Callers and callees of " + name}>
      <div class="beside-head">
        <h2 data-function={name}>{name}</h2>
        <button type="button" class="button quiet" aria-label="Close" onClick={close}>
          <Icon name="close" />
        </button>
      </div>
      {answer.files[index] && <p class="file">{answer.files[index]}</p>}
      <dl class="figures">
        <div>
          <dt>flat</dt>
          <dd>{inUnit(answer.flat[index], values)}</dd>
          <dd class="faint">{percent(answer.flat[index], values.total)}</dd>
        </div>
        <div>
          <dt>cum</dt>
          <dd>{inUnit(answer.cum[index], values)}</dd>
          <dd class="faint">{percent(answer.cum[index], values.total)}</dd>
        </div>
      </dl>
      <div class="buttons">
        {to("flamegraph", "Flame graph")}
        {to("sandwich", "Sandwich")}
        {to("source", "Source")}
        {to("disasm", "Disassembly")}
      </div>
      {error && <p class="error">{error}</p>}
      {!peek && !error && <p class="muted">Reading{"\u2026"}</p>}
      {peek && node && (
        <>
          <Neighbours title="Callers" edges={node.callers} more={node.more_callers} values={peek.values} whole={node.cum} pick={pick} none="None: stacks begin here." />
          <Neighbours title="Callees" edges={node.callees} more={node.more_callees} values={peek.values} whole={node.cum} pick={pick} none="None: it calls nothing that was sampled." />
        </>
      )}
    </aside>
  );
}
