// sandwich: one function between its callers and its callees: as tables, and as a flame graph
// that goes both ways from it.
import { useEffect, useMemo } from "preact/hooks";
import type { Sandwich as SandwichAnswer } from "../data";
import { FlameCanvas } from "../flame/canvas";
import type { Source } from "../flame/picture";
import { inUnit, percent } from "../format";
import { Empty } from "../parts/empty";
import { Neighbours } from "../parts/neighbours";
import { Picker } from "../parts/picker";
import { exactly, functionOf, plain } from "../regexps";
import type { ViewProps } from "../view";

export function Sandwich({ answer, place, meta, search, select, go, openMenu, tell }: ViewProps<SandwichAnswer>) {
  const { names, functions, values, frames } = answer;
  const granularity = meta.options.find((o) => o.name === "granularity")?.value ?? "";
  const pivot = place.params.get("p") ?? "";
  const title = functions === 1 ? names[0] : plain(pivot);
  const source = useMemo<Source>(
    () => ({
      frames,
      values,
      callees: answer.down,
      callers: answer.up,
      pivot: title,
      above: [],
      path: "",
      sides: null,
      side: null,
    }),
    [answer],
  );
  useEffect(() => select(pivot ? names : []), [answer]);
  const edges = (side: { names: string[]; values: number[] }) =>
    side.names
      .map((name, i) => ({ name, value: side.values[i], inlined: false }))
      .filter((e) => !search || search.test(e.name));
  const callers = useMemo(() => edges(answer.callers), [answer, search]);
  const callees = useMemo(() => edges(answer.callees), [answer, search]);
  useEffect(() => {
    if (search) tell(`${callers.length} callers and ${callees.length} callees match`);
  }, [callers, callees, search]);
  const to = (name: string) => go("sandwich", { p: exactly(functionOf(name, granularity)) });
  return (
    <div class="sandwich">
      <div class="bar-top">
        <Picker params={place.params} value={pivot} granularity={granularity} pick={(regexp) => go("sandwich", { p: regexp })} />
      </div>
      {!pivot ? (
        <Empty title="Choose a function">
          What leads to it and what it leads to will be shown, over all the stacks that it is in.
        </Empty>
      ) : !functions ? (
        <Empty title="No function matches">{plain(pivot)}</Empty>
      ) : (
        <>
          <div class="sandwich-head">
            {functions === 1 ? (
              <h2 data-function={names[0]}>{names[0]}</h2>
            ) : (
              <details>
                <summary>{functions.toLocaleString("en")} functions match</summary>
                <ul>
                  {names.map((n) => (
                    <li key={n}>
                      <button type="button" class="link" data-function={n} onClick={() => to(n)}>
                        {n}
                      </button>
                    </li>
                  ))}
                  {functions > names.length && <li class="muted">{(functions - names.length).toLocaleString("en")} more, smaller than these</li>}
                </ul>
              </details>
            )}
            <dl class="figures">
              <div>
                <dt>flat</dt>
                <dd>{inUnit(answer.flat, values)}</dd>
                <dd class="faint">{percent(answer.flat, values.total)}</dd>
              </div>
              <div>
                <dt>cum</dt>
                <dd>{inUnit(answer.cum, values)}</dd>
                <dd class="faint">{percent(answer.cum, values.total)}</dd>
              </div>
            </dl>
          </div>
          <div class="sandwich-tables">
            <div class="scroller" tabIndex={-1}>
              <Neighbours title="Callers" edges={callers} values={values} whole={answer.cum} pick={to} none="None: stacks begin here." />
            </div>
            <div class="scroller" tabIndex={-1}>
              <Neighbours title="Callees" edges={callees} values={values} whole={answer.cum} pick={to} none="None: it calls nothing that was sampled." />
            </div>
          </div>
          <FlameCanvas
            key={pivot}
            source={source}
            look={{}}
            search={search}
            label={`Callers above and callees below ${title}`}
            hooks={{ pivot: to, zoom: () => {}, out: () => false, menu: openMenu }}
          />
        </>
      )}
    </div>
  );
}
