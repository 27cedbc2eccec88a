// header: the first row of the page, and the line below it that says what is shown.
import { useEffect, useReducer, useState } from "preact/hooks";
import { alone } from "../format";
import { Icon, Mark } from "../parts/icons";
import { MenuButton, type Item } from "../parts/menu";
import { onTheme, themeChoice } from "../theme";
import { address } from "../url";
import * as actions from "./actions";
import { Chips } from "./chips";
import { Live } from "./live";
import type { Page } from "./page";
import { Search } from "./search";

function section(title: string, items: Item[]): Item[] {
  return items.length ? [{ kind: "heading", label: title }, ...items.filter((i) => i.kind === undefined)] : [];
}

export function Header({ page, told }: { page: Page; told: string }) {
  const { meta, place } = page;
  const [, again] = useReducer((n: number) => n + 1, 0);
  const [searching, setSearching] = useState(false); // the box fills the header of a phone
  useEffect(() => onTheme(() => again(0)), []);
  const view = meta?.views.find((v) => v.name === place.view);
  const home = address(place, "flamegraph");
  const all: Item[] = [
    ...section("Sample", (meta?.types.length ?? 0) > 1 ? actions.sampleItems(page) : []),
    ...section(page.target ? "Refine: " + page.target.text : "Refine: search first", actions.refineItems(page)),
    ...section("Config", actions.configItems(page)),
    ...section("Download", actions.downloadItems(page)),
    { kind: "heading", label: "Page" },
    { label: "Options\u2026", run: () => page.open("options") },
    { label: "Details\u2026", run: () => page.open("details") },
    { label: "Help\u2026", run: () => page.open("help") },
    ...section("Theme", actions.themeItems()),
  ];
  return (
    <header class={searching ? "header searching" : "header"}>
      <a
        class="home"
        href={home}
        aria-label="Sonde: the flame graph"
        onClick={(e) => {
          if (e.ctrlKey || e.metaKey || e.shiftKey) return;
          e.preventDefault();
          page.go("flamegraph");
        }}
      >
        <Mark />
        <span class="home-name">Sonde</span>
      </a>
      <nav class="menus" aria-label="Menus">
        <MenuButton label="View" value={view?.title ?? "View"} class="menu-view" items={actions.viewItems(page)} />
        {meta && meta.types.length > 1 && (
          <MenuButton label="Sample" value={meta.types[meta.type]} class="wide" items={actions.sampleItems(page)} />
        )}
        <MenuButton label="Refine" class="wide" items={actions.refineItems(page)} />
        <MenuButton label="Config" class="wide" items={actions.configItems(page)} />
        <MenuButton label="Download" class="wide" items={actions.downloadItems(page)} />
        <button type="button" class="button menu-button wide" aria-haspopup="dialog" onClick={() => page.open("options")}>
          Options
        </button>
      </nav>
      <Search page={page} told={told} leave={() => setSearching(false)} />
      <div class="header-end">
        <button
          type="button"
          class="button quiet narrow"
          aria-label={searching ? "Close the search" : "Search"}
          aria-expanded={searching}
          onClick={() => {
            setSearching(!searching);
            if (!searching) setTimeout(() => document.getElementById("search")?.focus());
          }}
        >
          <Icon name={searching ? "close" : "search"} />
        </button>
        <MenuButton label="Theme" icon={themeChoice()} title="Light or dark" class="quiet wide" atEnd items={actions.themeItems()} />
        <button type="button" class="button quiet wide" aria-label="Help" title="Help (?)" aria-haspopup="dialog" onClick={() => page.open("help")}>
          <Icon name="help" />
        </button>
        <MenuButton label="Menu" icon="menu" class="quiet narrow" atEnd items={all} />
      </div>
    </header>
  );
}

export function Context({ page, told }: { page: Page; told: string }) {
  const { answer, meta } = page;
  const title = answer?.title ?? meta?.title ?? "";
  return (
    <section class="context" aria-label="What is shown">
      <h1>
      <button type="button" class="details" aria-haspopup="dialog" title="Details of the profile (.)" onClick={() => page.open("details")}>
        <span class="details-title">{title || "Sonde"}</span>
        {answer && <span class="details-total">{alone(answer.values.total, answer.values)}</span>}
        <Icon name="info" />
      </button>
      </h1>
      <Chips page={page} />
      <div class="told" role="status" aria-live="polite">
        {told}
      </div>
      <Live page={page} />
    </section>
  );
}
