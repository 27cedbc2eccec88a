// disasm: the instructions of functions, each with what it took.
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Disasm as DisasmAnswer } from "../data";
import { inUnit, middle, percent } from "../format";
import { Code } from "../parts/code";
import { Empty } from "../parts/empty";
import { Contents, Missing, More, Ways, base, useWays } from "../parts/listing";
import { Picker } from "../parts/picker";
import { exactly } from "../regexps";
import { address, go as goAddress } from "../url";
import type { ViewProps } from "../view";

export function Disasm({ answer, place, search, select, go, tell }: ViewProps<DisasmAnswer>) {
  const { values, functions } = answer;
  const scroller = useRef<HTMLDivElement>(null);
  const ways = useWays(scroller, answer);
  const hottest = useMemo(() => {
    let max = 0;
    for (const f of functions) for (const c of f.code) max = Math.max(max, Math.abs(c.flat));
    return max;
  }, [answer]);
  useEffect(() => {
    if (!location.hash) scroller.current?.scrollTo(0, 0);
    select(functions.length === 1 ? [functions[0].name] : []);
  }, [answer]);
  useEffect(() => {
    if (!search) return;
    let n = 0;
    for (const f of functions) for (const c of f.code) if (search.test(c.text)) n++;
    tell(n ? `${n} ${n === 1 ? "instruction matches" : "instructions match"}` : "no matches");
  }, [answer, search]);
  return (
    <div class="source">
      <div class="bar-top">
        <Picker params={place.params} pick={(to) => go("disasm", { p: to })} />
        <Contents routines={functions.map((f, i) => ({ id: String(i), name: f.name, cum: f.cum }))} total={values.total} />
        <Ways ways={ways} />
      </div>
      <div ref={scroller} class="scroller listing" tabIndex={-1}>
        {!functions.length && (
          <Empty title="No instructions to show">No function matches, none has samples, or its program is not here.</Empty>
        )}
        {functions.map((f, i) => (
          <section class="routine" key={i} id={"routine-" + i} data-routine>
            <div class="routine-head">
              <h2 data-function={f.name} title={f.name} tabIndex={0}>
                {middle(f.name, 240)}
              </h2>
              <span class="figures-line">
                flat {inUnit(f.flat, values)} ({percent(f.flat, values.total)}), cum {inUnit(f.cum, values)} (
                {percent(f.cum, values.total)})
              </span>
              <button type="button" class="button small" onClick={() => go("source", { p: exactly(f.name) })}>
                Source
              </button>
              <p class="file">
                {f.file}
                {f.aliases.length > 0 && `, also ${f.aliases.join(", ")}`}
              </p>
            </div>
            <Missing why={f.missing} before={functions[i - 1]?.missing} />
            <div class="lines">
              <Code
                code={f.code}
                values={values}
                hottest={hottest}
                hot
                jump={(to) => {
                  // "function file.c:12": the function can be one that is inlined here.
                  const cut = to.lastIndexOf(" ");
                  const name = cut > 0 ? to.slice(0, cut) : f.name;
                  goAddress(address(place, "source", { p: exactly(name) }) + "#" + encodeURIComponent(base(to)));
                }}
              />
            </div>
          </section>
        ))}
        <More more={answer.more} />
      </div>
    </div>
  );
}
