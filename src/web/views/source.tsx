// source: the text of functions, each line with what it took; the instructions unfold.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Source as SourceAnswer } from "../data";
import { inUnit, middle, percent } from "../format";
import { Code } from "../parts/code";
import { Empty } from "../parts/empty";
import { Icon } from "../parts/icons";
import { Contents, Missing, More, Ways, base, heat, reveal, useWays } from "../parts/listing";
import { Picker } from "../parts/picker";
import { exactly } from "../regexps";
import { address, go as goAddress, hashText } from "../url";
import type { ViewProps } from "../view";

type Routine = SourceAnswer["files"][number]["functions"][number];

export function Source({ answer, place, search, select, go, tell }: ViewProps<SourceAnswer>) {
  const { values } = answer;
  const scroller = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState<Set<string>>(new Set());
  const ways = useWays(scroller, answer);
  const routines = useMemo(() => {
    const list: { key: string; file: string; routine: Routine }[] = [];
    answer.files.forEach((f, i) =>
      f.functions.forEach((routine, k) => list.push({ key: `${i}.${k}`, file: routine.file || f.name, routine })),
    );
    return list;
  }, [answer]);
  const hottest = useMemo(() => {
    let max = 0;
    for (const { routine } of routines) for (const l of routine.lines) max = Math.max(max, Math.abs(l.flat));
    return max;
  }, [routines]);
  const hottestCum = useMemo(() => {
    let max = 0;
    for (const { routine } of routines) for (const l of routine.lines) max = Math.max(max, Math.abs(l.cum));
    return max;
  }, [routines]);
  useEffect(() => {
    const from = inlinedFrom(hashText());
    setOpen(new Set(from ? [from.id] : []));
    if (from) setTimeout(() => reveal(scroller.current?.querySelector(`[data-place="${CSS.escape(from.place)}"]`)));
    else if (!location.hash) scroller.current?.scrollTo(0, 0);
    select(routines.length === 1 ? [routines[0].routine.name] : []);
  }, [answer]);
  useEffect(() => {
    if (!search) return;
    let n = 0;
    for (const { routine } of routines) for (const l of routine.lines) if (search.test(l.text)) n++;
    tell(n ? `${n} ${n === 1 ? "line matches" : "lines match"}` : "no matches");
  }, [routines, search]);

  // A place that is no line here, but was inlined into one: that line.
  function inlinedFrom(wanted: string): { id: string; place: string } | null {
    if (!wanted) return null;
    for (const { file, routine } of routines)
      if (routine.lines.some((l) => `${base(file)}:${l.line}` === wanted)) return null;
    for (const { key, file, routine } of routines)
      for (const l of routine.lines)
        if (l.code.some((c) => base(c.place) === wanted || c.calls.some((call) => base(call.place) === wanted)))
          return { id: key + ":" + l.line, place: `${base(file)}:${l.line}` };
    return null;
  }

  function toggle(key: string) {
    const next = new Set(open);
    if (!next.delete(key)) next.add(key);
    setOpen(next);
  }

  // To a line of a file, if it is here.
  function jump(to: string) {
    const wanted = base(to);
    for (const e of scroller.current!.querySelectorAll<HTMLElement>("[data-place]"))
      if (e.dataset.place === wanted) return reveal(e);
    tell(`${wanted} is not shown here`);
  }

  return (
    <div class="source">
      <div class="bar-top">
        <Picker params={place.params} pick={(to) => go("source", { p: to })} />
        <Contents routines={routines.map(({ key, routine }) => ({ id: key, name: routine.name, cum: routine.cum }))} total={values.total} />
        <Ways ways={ways} />
      </div>
      <div ref={scroller} class="scroller listing" tabIndex={-1}>
        {!routines.length && <Empty title="No source to show">No function matches, or none of them has samples.</Empty>}
        {routines.map(({ key, file, routine }, i) => (
          <section class="routine" key={key} id={"routine-" + key} data-routine>
            <div class="routine-head">
              <h2 data-function={routine.name} title={routine.name} tabIndex={0}>
                {middle(routine.name, 240)}
              </h2>
              <span class="figures-line">
                flat {inUnit(routine.flat, values)} ({percent(routine.flat, values.total)}), cum {inUnit(routine.cum, values)} (
                {percent(routine.cum, values.total)})
              </span>
              <button type="button" class="button small" onClick={() => go("disasm", { p: exactly(routine.name) })}>
                Disassembly
              </button>
              <p class="file">{file}</p>
            </div>
            <Missing why={routine.missing} before={routines[i - 1]?.routine.missing} />
            <div class="lines">
              {routine.lines.map((l) => {
                const id = key + ":" + l.line;
                const unfolded = open.has(id);
                const warm = Math.max(heat(l.flat, hottest), Math.min(2, heat(l.cum, hottestCum)));
                return (
                  <>
                    <div
                      key={l.line}
                      class={`line source-line heat-${warm}` + (search?.test(l.text) ? " match" : "")}
                      data-hot={l.flat || l.cum ? Math.abs(l.flat) || Math.abs(l.cum) / 1e6 : undefined}
                      data-place={`${base(file)}:${l.line}`}
                      onClick={() => l.code.length > 0 && !getSelection()?.toString() && toggle(id)}
                    >
                      <span class="gutter" />
                      <span class="number">{l.flat ? inUnit(l.flat, values) : ""}</span>
                      <span class="number faint">{l.cum ? inUnit(l.cum, values) : ""}</span>
                      {l.code.length > 0 ? (
                        <button
                          type="button"
                          class="fold"
                          aria-expanded={unfolded}
                          aria-label={`Instructions of line ${l.line}`}
                          onClick={(e) => {
                            e.stopPropagation();
                            toggle(id);
                          }}
                        >
                          <Icon name={unfolded ? "down" : "right"} />
                        </button>
                      ) : (
                        <span class="fold" />
                      )}
                      <span class="line-number">{l.line || ""}</span>
                      <code>{l.text || " "}</code>
                    </div>
                    {unfolded && (
                      <div class="unfolded" key={id}>
                        <Code code={l.code} values={values} hottest={hottest} jump={jump} />
                        <button
                          type="button"
                          class="link"
                          onClick={() =>
                            goAddress(
                              address(place, "disasm", { p: exactly(routine.name) }) + "#" + encodeURIComponent(l.code[0].address),
                            )
                          }
                        >
                          In the disassembly
                        </button>
                      </div>
                    )}
                  </>
                );
              })}
            </div>
          </section>
        ))}
        <More more={answer.more} />
      </div>
    </div>
  );
}
