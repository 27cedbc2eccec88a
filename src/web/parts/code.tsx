// code: instructions with what they took.
import type { Instruction, Values } from "../data";
import { inUnit } from "../format";
import { base, heat } from "./listing";

interface Props {
  code: Instruction[];
  values: Values;
  hottest: number;
  jump(place: string): void; // to "file.c:12"
  hot?: boolean; // they are the lines that one goes through
}

const figure = (v: number, values: Values) => (v ? inUnit(v, values) : "");

export function Code({ code, values, hottest, jump, hot }: Props) {
  return (
    <>
      {code.map((c, i) => (
        <>
          {c.block && i > 0 && <div class="block" role="presentation" />}
          {c.calls.map((call, k) => (
            <div class="line call" key={i + "-" + k}>
              <span class="gutter" />
              <span class="number" />
              <span class="number" />
              <span class="address" />
              <code>{call.text.trim()}</code>
              <button type="button" class="place" onClick={() => jump(call.place)}>
                {base(call.place)}
              </button>
            </div>
          ))}
          {c.text && (
            <div
              key={i}
              class={`line code heat-${heat(c.flat, hottest)}`}
              data-hot={hot && c.flat ? c.flat : undefined}
              data-place={c.address}
            >
              <span class="gutter" />
              <span class="number">{figure(c.flat, values)}</span>
              <span class="number faint">{figure(c.cum, values)}</span>
              <span class="address">{c.address}</span>
              <code>{c.text}</code>
              {c.place && (
                <button type="button" class="place" title={"Go to " + c.place} onClick={() => jump(c.place)}>
                  {base(c.place)}
                </button>
              )}
            </div>
          )}
        </>
      ))}
    </>
  );
}
