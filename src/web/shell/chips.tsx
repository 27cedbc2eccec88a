// chips: what is not as it would be by itself, and can be taken away.
import type { Meta } from "../data";
import { middle } from "../format";
import { Icon } from "../parts/icons";
import { FILTERS, reset } from "../refine";
import { plain } from "../regexps";
import type { Changes } from "../url";
import type { Page } from "./page";

interface Chip {
  name: string;
  label: string;
  value: string;
  remove: Changes | null; // null: it is the command line's
}

function chips(meta: Meta, params: URLSearchParams, view: string): Chip[] {
  const list: Chip[] = [];
  for (const o of meta.options) {
    const filter = FILTERS.includes(o.name);
    if (o.name === "sample_index" || (filter ? !o.value : o.value === o.normal)) continue;
    const value = o.kind === "bool" ? (o.value === o.normal ? "" : /^(t|true|1|y|yes)$/.test(o.value) ? "" : "off") : plain(o.value);
    list.push({
      name: o.name,
      label: o.name.replace(/_/g, " "),
      value,
      remove: o.value === o.normal ? null : { [o.param]: null },
    });
  }
  const pivot = params.get("p");
  if (pivot && (view === "flamegraph" || view === "diff"))
    list.push({ name: "", label: "pivot", value: plain(pivot), remove: { p: null, z: null } });
  const moment = meta.moments.find((m) => String(m.id) === params.get("m"));
  if (moment) list.push({ name: "", label: "moment", value: moment.time || moment.name, remove: { m: null } });
  return list;
}

export function Chips({ page }: { page: Page }) {
  const { meta, place } = page;
  if (!meta) return null;
  const list = chips(meta, place.params, place.view);
  if (!list.length) return null;
  return (
    <ul class="chips" aria-label="In force">
      {list.map((c) => (
        <li class="chip" key={c.label}>
          {c.name ? (
            <button type="button" class="chip-text" title={`${c.label}: ${c.value} \u2013 change`} onClick={() => page.open("options", c.name)}>
              <span class="chip-label">{c.label}</span>
              {c.value && middle(c.value, 44)}
            </button>
          ) : (
            <span class="chip-text" title={`${c.label}: ${c.value}`}>
              <span class="chip-label">{c.label}</span>
              {middle(c.value, 44)}
            </span>
          )}
          {c.remove ? (
            <button
              type="button"
              class="chip-remove"
              aria-label={`Remove ${c.label} ${c.value}`}
              onClick={() => page.go(place.view, c.remove!)}
            >
              <Icon name="close" />
            </button>
          ) : (
            <span class="chip-fixed" title="From the command line">
              command line
            </span>
          )}
        </li>
      ))}
      {list.filter((c) => c.remove).length > 1 && (
        <li>
          <button type="button" class="link" onClick={() => page.go(place.view, { ...reset(meta), m: null })}>
            Reset
          </button>
        </li>
      )}
    </ul>
  );
}
