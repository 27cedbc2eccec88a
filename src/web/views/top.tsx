import type { Top as TopAnswer } from "../data";
import { inUnit, percent } from "../format";
import type { ViewProps } from "../view";

export function Top({ answer, go }: ViewProps<TopAnswer>) {
  const { values } = answer;
  return (
    <table class="top">
      <thead>
        <tr>
          <th>Flat</th>
          <th>Flat%</th>
          <th>Cum</th>
          <th>Cum%</th>
          <th>Name</th>
        </tr>
      </thead>
      <tbody>
        {answer.names.map((name, i) => (
          <tr>
            <td>{inUnit(answer.flat[i], values)}</td>
            <td>{percent(answer.flat[i], values.total)}</td>
            <td>{inUnit(answer.cum[i], values)}</td>
            <td>{percent(answer.cum[i], values.total)}</td>
            <td>
              <button onClick={() => go("flamegraph", { p: name })}>{name}</button>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
