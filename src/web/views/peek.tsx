// peek: functions, each with its callers above and its callees below.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useAnswer } from "../cache";
import type { Peek as PeekAnswer } from "../data";
import { inUnit, percent } from "../format";
import { Empty } from "../parts/empty";
import { Name } from "../parts/name";
import { Neighbours, share } from "../parts/neighbours";
import { Picker } from "../parts/picker";
import { useRows } from "../parts/rows";
import { exactly, functionOf } from "../regexps";
import type { ViewProps } from "../view";

export function Peek({ answer, place, meta, search, select, go, tell }: ViewProps<PeekAnswer>) {
  const { nodes, values } = answer;
  const granularity = meta.options.find((o) => o.name === "granularity")?.value ?? "";
  const [chosen, setAt] = useState(-1); // -1: the largest
  const scroller = useRef<HTMLUListElement>(null);
  useEffect(() => setAt(-1), [answer]);
  const order = useMemo(() => {
    const list = nodes.map((_, i) => i);
    list.sort((a, b) => Math.abs(nodes[b].cum) - Math.abs(nodes[a].cum));
    return search ? list.filter((i) => search.test(nodes[i].name)) : list;
  }, [answer, search]);
  useEffect(() => {
    if (search) tell(order.length ? `${order.length} of ${nodes.length} match` : "no matches");
  }, [order, search]);
  const at = nodes[chosen] ? chosen : (order[0] ?? 0);
  const rough = nodes[at] as PeekAnswer["nodes"][number] | undefined;
  // Of the largest functions only the edges between them are known: all are asked for.
  const given = place.params.get("p") ?? place.params.get("f");
  const wanted = useMemo(() => {
    if (given || !rough) return null;
    const params = new URLSearchParams(place.params);
    params.set("p", exactly(functionOf(rough.name, granularity)));
    return params;
  }, [rough, given]);
  const { answer: exact } = useAnswer<PeekAnswer>("peek", wanted);
  const node = exact?.nodes.find((n) => n.name === rough?.name) ?? rough;
  useEffect(() => {
    if (rough) select([rough.name]);
  }, [rough]);
  const rows = useRows(order.length, 30, scroller);

  function pick(name: string) {
    const i = nodes.findIndex((n) => n.name === name);
    if (i < 0) return go("peek", { p: exactly(functionOf(name, granularity)) });
    setAt(i);
    const row = order.indexOf(i);
    if (row >= 0) rows.show(row);
  }

  function onKeyDown(e: KeyboardEvent) {
    const row = order.indexOf(at);
    let to = row;
    if (e.key === "ArrowDown") to = row + 1;
    else if (e.key === "ArrowUp") to = row - 1;
    else if (e.key === "Home") to = 0;
    else if (e.key === "End") to = order.length - 1;
    else return;
    e.preventDefault();
    to = Math.max(0, Math.min(order.length - 1, to));
    if (!order.length) return;
    setAt(order[to]);
    rows.show(to);
  }

  const picker = (
    <div class="bar-top">
      <Picker params={place.params} value={given ?? ""} granularity={granularity} pick={(regexp) => go("peek", { p: regexp })} />
    </div>
  );
  return (
    <div class="peek">
      {picker}
      {!node ? (
        <Empty title="No function to show">None matches, or no sample has a value.</Empty>
      ) : (
        <div class={nodes.length > 1 ? "peek-parts" : "peek-parts single"}>
          {nodes.length > 1 && (
            <ul
              ref={scroller}
              class="scroller list"
              role="listbox"
              aria-label="Functions"
              tabIndex={0}
              aria-activedescendant={"peek-" + at}
              onKeyDown={onKeyDown}
            >
              <div class="rows" role="presentation" style={{ height: rows.total + "px" }}>
                {rows.list.map(({ index, start }) => {
                  const i = order[index];
                  return (
                    <li
                      key={i}
                      id={"peek-" + i}
                      role="option"
                      aria-selected={i === at}
                      class={i === at ? "list-row active" : "list-row"}
                      data-function={nodes[i].name}
                      style={{ transform: `translateY(${start}px)` }}
                      onClick={() => setAt(i)}
                    >
                      <span class="number">{percent(nodes[i].cum, values.total)}</span>
                      <Name text={nodes[i].name} />
                    </li>
                  );
                })}
              </div>
              {answer.more > 0 && (
                <li class="more" role="presentation">
                  {answer.more.toLocaleString("en")} more: search for them above.
                </li>
              )}
            </ul>
          )}
          <div class="scroller peek-node" tabIndex={-1}>
            <Neighbours title="Callers" edges={node.callers} more={node.more_callers} values={values} whole={node.cum} pick={pick} none="None: stacks begin here." upwards />
            <div class="peek-self" data-function={node.name} tabIndex={0}>
              <span class="bar" style={{ width: share(node.cum, values.total) }} />
              <h2>{node.name}</h2>
              <dl class="figures">
                <div>
                  <dt>flat</dt>
                  <dd>{inUnit(node.flat, values)}</dd>
                  <dd class="faint">{percent(node.flat, values.total)}</dd>
                </div>
                <div>
                  <dt>cum</dt>
                  <dd>{inUnit(node.cum, values)}</dd>
                  <dd class="faint">{percent(node.cum, values.total)}</dd>
                </div>
              </dl>
            </div>
            <Neighbours title="Callees" edges={node.callees} more={node.more_callees} values={values} whole={node.cum} pick={pick} none="None: it calls nothing that was sampled." />
          </div>
        </div>
      )}
    </div>
  );
}
