// picker: a box to find a function in: those of the profile, largest first.
import { useId, useMemo, useRef, useState } from "preact/hooks";
import { useAnswer } from "../cache";
import type { Top } from "../data";
import { percent } from "../format";
import { exactly, functionOf, plain, regexp } from "../regexps";
import { Icon } from "./icons";
import { Name } from "./name";

const MOST = 60;

interface Props {
  params: URLSearchParams; // of the address
  value?: string; // the regexp that is shown; p, else f
  granularity?: string;
  pick(regexp: string | null): void;
}

export function Picker({ params, value = params.get("p") ?? params.get("f") ?? "", granularity = "", pick }: Props) {
  const label = "A function, or a regexp of several";
  const list = useId();
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState<string | null>(null); // null: not being edited
  const [at, setAt] = useState(-1);
  const asked = useMemo(() => {
    if (text === null) return null;
    const all = new URLSearchParams(params);
    for (const name of ["p", "z", "q", "g"]) all.delete(name);
    all.set("n", "0");
    all.set("sort", "cum");
    return all;
  }, [text === null, params]);
  const { answer, error } = useAnswer<Top>("top", asked);
  const found = useMemo(() => {
    if (!answer || text === null) return [];
    const wanted = text === plain(value) ? "" : text;
    const given = regexp(wanted);
    const small = wanted.toLowerCase();
    const matches = (name: string) =>
      name.toLowerCase().includes(small) || (given instanceof RegExp && given.test(name));
    const indexes: number[] = [];
    const seen = new Set<string>();
    for (let i = 0; i < answer.names.length && indexes.length < MOST; i++) {
      const name = answer.names[i];
      if (seen.has(name) || !matches(name)) continue;
      seen.add(name);
      indexes.push(i);
    }
    return indexes;
  }, [answer, text, value]);

  function choose(to: string | null) {
    setText(null);
    setAt(-1);
    input.current?.blur();
    if (to !== value) pick(to);
  }

  function onKeyDown(e: KeyboardEvent) {
    if (e.key === "ArrowDown") setAt(Math.min(at + 1, found.length - 1));
    else if (e.key === "ArrowUp") setAt(Math.max(at - 1, -1));
    else if (e.key === "Escape") choose(value);
    else if (e.key === "Enter") {
      if (at >= 0 && answer) choose(exactly(functionOf(answer.names[found[at]], granularity)));
      else if (!text || typeof regexp(text) !== "string") choose(text === plain(value) ? value : text || null);
    } else return;
    e.preventDefault();
    e.stopPropagation();
  }

  const open = text !== null;
  return (
    <div class="picker">
      <Icon name="search" />
      <input
        ref={input}
        type="text"
        role="combobox"
        aria-label={label}
        aria-expanded={open}
        aria-controls={list}
        aria-autocomplete="list"
        aria-activedescendant={open && at >= 0 ? `${list}-${at}` : undefined}
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        placeholder={label}
        value={text ?? plain(value)}
        onFocus={(e) => {
          setText(plain(value));
          e.currentTarget.select();
        }}
        onBlur={() => {
          setText(null);
          setAt(-1);
        }}
        onInput={(e) => {
          setText(e.currentTarget.value);
          setAt(-1);
        }}
        onKeyDown={onKeyDown}
      />
      {open && (
        <ul class="picker-list" id={list} role="listbox" aria-label="Functions">
          {error && <li class="picker-note">{error}</li>}
          {!answer && !error && <li class="picker-note">Reading the functions{"\u2026"}</li>}
          {answer && found.length === 0 && <li class="picker-note">No function has this in its name.</li>}
          {answer &&
            found.map((i, k) => (
              <li
                key={i}
                id={`${list}-${k}`}
                role="option"
                aria-selected={k === at}
                ref={(e) => {
                  if (k === at) e?.scrollIntoView({ block: "nearest" });
                }}
                onPointerDown={(e) => {
                  e.preventDefault();
                  choose(exactly(functionOf(answer.names[i], granularity)));
                }}
              >
                <Name text={answer.names[i]} />
                <span class="number faint">{percent(answer.cum[i], answer.values.total)}</span>
              </li>
            ))}
        </ul>
      )}
    </div>
  );
}
