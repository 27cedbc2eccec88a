// options: the panel with all options of the reports.
import { useEffect, useState } from "preact/hooks";
import type { Meta } from "../data";
import { Dialog } from "../parts/dialog";
import { FILTERS } from "../refine";
import type { Page } from "./page";

type Option = Meta["options"][number];

const GROUPS: { title: string; names: string[] | null }[] = [
  { title: "Show", names: ["granularity", "sort", "unit", "relative_percentages", "call_tree", "noinlines", "mean", "intel_syntax", "showcolumns"] }, // prettier-ignore
  { title: "How much", names: ["nodecount", "nodefraction", "edgefraction", "trim"] },
  { title: "Filters", names: FILTERS },
  { title: "More", names: null },
];

const yes = (value: string) => /^(t|true|y|yes|1)$/i.test(value);

function Field({ option, page, wanted }: { option: Option; page: Page; wanted: boolean }) {
  const [draft, setDraft] = useState<string | null>(null); // until the server has it
  useEffect(() => setDraft(null), [option.value]);
  const value = draft ?? option.value;
  function set(to: string | null) {
    setDraft(to ?? option.normal);
    page.go(page.place.view, { [option.param]: to === "" || to === option.normal ? null : to });
  }
  const name = option.name.replace(/_/g, " ");
  const id = "option-" + option.name;
  const changed = value !== option.normal;
  const common = { id, "aria-describedby": id + "-help", autofocus: wanted };
  let control;
  if (option.kind === "bool")
    control = (
      <input
        {...common}
        type="checkbox"
        class="switch"
        checked={yes(value)}
        onChange={(e) => set(yes(option.normal) === e.currentTarget.checked ? null : e.currentTarget.checked ? "t" : "f")}
      />
    );
  else if (option.kind === "choice" && option.choices)
    control = (
      <select {...common} value={value} onChange={(e) => set(e.currentTarget.value)}>
        {!option.choices.includes(option.normal) && <option value={option.normal}>{option.normal || "default"}</option>}
        {option.value !== option.normal && !option.choices.includes(option.value) && <option value={option.value}>{option.value}</option>}
        {option.choices.map((c) => (
          <option key={c} value={c}>
            {c}
          </option>
        ))}
      </select>
    );
  else
    control = (
      <input
        {...common}
        type="text"
        inputMode={option.kind === "int" ? "numeric" : option.kind === "float" ? "decimal" : "text"}
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        class={option.kind === "string" ? "" : "short"}
        value={value}
        placeholder={option.normal}
        onInput={(e) => setDraft(e.currentTarget.value)}
        onChange={(e) => set(e.currentTarget.value)}
      />
    );
  return (
    <div class={option.kind === "bool" ? "field field-bool" : "field"}>
      <label for={id}>{name}</label>
      {control}
      <div class="field-help" id={id + "-help"}>
        {option.help}
        {changed && (
          <button type="button" class="link" onClick={() => set(null)}>
            {FILTERS.includes(option.name) ? "clear" : "default"}
          </button>
        )}
      </div>
    </div>
  );
}

export function Options({ page, field, close }: { page: Page; field: string; close(): void }) {
  const { meta } = page;
  const listed = new Set(GROUPS.flatMap((g) => g.names ?? []));
  listed.add("sample_index");
  return (
    <Dialog title="Options" side close={close}>
      <div class="dialog-body">
        {meta &&
          GROUPS.map((g) => {
            const options = g.names
              ? g.names.map((n) => meta.options.find((o) => o.name === n)).filter((o) => o !== undefined)
              : meta.options.filter((o) => !listed.has(o.name));
            if (!options.length) return null;
            return (
              <fieldset key={g.title}>
                <legend>{g.title}</legend>
                {options.map((o) => (
                  <Field key={o.name} option={o} page={page} wanted={o.name === field} />
                ))}
              </fieldset>
            );
          })}
      </div>
    </Dialog>
  );
}
