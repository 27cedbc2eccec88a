// neighbours: who calls a function and whom it calls, with what goes along.
import type { Edge, Values } from "../data";
import { inUnit, percent } from "../format";
import { Function } from "./name";

interface Props {
  title: string;
  edges: Edge[];
  more?: number; // left out
  values: Values;
  whole: number; // what the bars are shares of: the function's cum
  pick(name: string): void;
  none: string;
  upwards?: boolean; // the largest is the last one: next to the function below it
}

export function Neighbours({ title, edges, more = 0, values, whole, pick, none, upwards }: Props) {
  const list = upwards ? [...edges].reverse() : edges;
  return (
    <section class="neighbours">
      <h2>
        {title} <span class="count">{edges.length ? (edges.length + more).toLocaleString("en") : ""}</span>
      </h2>
      {more > 0 && <p class="muted">{more.toLocaleString("en")} more, smaller than these.</p>}
      {list.length === 0 ? (
        <p class="muted">{none}</p>
      ) : (
        <ul>
          {list.map((e, i) => (
            <li key={i}>
              <span class="bar" style={{ width: share(e.value, whole) }} />
              <span class="number">{inUnit(e.value, values)}</span>
              <span class="number faint">{percent(e.value, whole)}</span>
              <Function name={e.name} run={() => pick(e.name)}>
                {e.inlined && <span class="tag">inline</span>}
              </Function>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

// The length of a bar.
export function share(value: number, whole: number): string {
  const part = whole ? Math.abs(value / whole) * 100 : 0;
  return Math.min(100, part).toFixed(2) + "%";
}
