// actions: the entries of the menus.
import { MenuList, type Item } from "../parts/menu";
import { REFINEMENTS, refine, reset } from "../refine";
import { exactly, functionOf } from "../regexps";
import { setTheme, themeChoice, type Choice } from "../theme";
import { address, type Changes } from "../url";
import { copy, type Page } from "./page";

export const OF_FUNCTION = ["peek", "source", "disasm", "sandwich"]; // p names what they show

export function viewItems(page: Page): Item[] {
  const { place, meta, target } = page;
  return (meta?.views ?? []).map((v) => {
    const changes: Changes = target && OF_FUNCTION.includes(v.name) ? { p: target.regexp } : {};
    return {
      label: v.title,
      note: v.missing ? "no " + v.missing : v.key,
      title: v.missing ? `${v.help}. There are no ${v.missing}.` : v.help,
      checked: v.name === place.view,
      disabled: v.missing !== null && v.name !== place.view,
      href: address(place, v.name, changes),
      run: () => page.go(v.name, changes),
    };
  });
}

export function sampleItems(page: Page): Item[] {
  const { place, meta } = page;
  return (meta?.types ?? []).map((type, i) => ({
    label: type,
    checked: i === meta!.type,
    href: address(place, place.view, { si: type }),
    run: () => page.go(place.view, { si: type }),
  }));
}

export function refineItems(page: Page): Item[] {
  const { place, meta, target } = page;
  const items: Item[] = [
    { kind: "heading", label: target ? target.text : "Search, or mark functions, and then:" },
  ];
  for (const r of REFINEMENTS) {
    const changes = target ? { ...refine(meta, r, target.regexp), q: null, ...ofPivot(page) } : {};
    items.push({
      label: r.label,
      title: r.help,
      disabled: !target,
      href: target ? address(place, place.view, changes) : undefined,
      run: () => page.go(place.view, changes),
    });
  }
  items.push({ kind: "rule" });
  if (meta)
    items.push({
      label: "Reset",
      title: "Show the whole profile",
      href: address(place, place.view, reset(meta)),
      run: () => page.go(place.view, reset(meta)),
    });
  items.push({ label: "Edit filters\u2026", title: "All filters, as text", run: () => page.open("options") });
  return items;
}

// In pictures a pivot that a filter is made of has done its work.
function ofPivot(page: Page) {
  return OF_FUNCTION.includes(page.place.view) ? {} : { p: null, z: null };
}

export function configItems(page: Page): Item[] {
  const { place, meta } = page;
  const items: Item[] = [
    { label: "Save as\u2026", title: "Keep these settings under a name", run: () => page.open("save") },
    { kind: "rule" },
  ];
  for (const c of meta?.configs ?? []) {
    const query = c.query.replace(/^\?/, "");
    const to = new URLSearchParams(query);
    const changes: Record<string, string | null> = {};
    for (const name of place.params.keys()) if (!to.has(name)) changes[name] = null;
    for (const [name, value] of to) changes[name] = value;
    items.push({
      label: c.name,
      checked: c.current,
      href: "./" + place.view + (query ? "?" + query : ""),
      run: () => page.go(place.view, changes),
      remove: c.user ? { label: "Delete " + c.name, run: () => page.open({ forget: c.name }) } : undefined,
    });
  }
  items.push({ kind: "rule" });
  items.push({
    label: "Copy link",
    title: "The address of what is shown, to share",
    run: async () => {
      if (await copy(location.href)) page.say("Link copied");
      else page.open({ link: location.href });
    },
  });
  return items;
}

export function downloadItems(page: Page): Item[] {
  const { place, meta } = page;
  const query = place.params.toString();
  const whole: Item = {
    label: "Profile, whole",
    note: "profile.pb.gz",
    title: "All samples and types, without the filters",
    href: "./download" + (place.params.has("m") ? "?m=" + place.params.get("m") : ""),
    download: "profile.pb.gz",
  };
  const reports = (meta?.downloads ?? []).map((d) => ({
    label: d.title,
    note: d.file,
    href: `./download/${d.name}${query ? "?" + query : ""}`,
    download: d.file,
  }));
  return [whole, ...reports];
}

export const THEMES: { choice: Choice; label: string }[] = [
  { choice: "auto", label: "As the system" },
  { choice: "light", label: "Light" },
  { choice: "dark", label: "Dark" },
];

export function themeItems(): Item[] {
  return THEMES.map(({ choice, label }) => ({
    label,
    checked: themeChoice() === choice,
    run: () => setTheme(choice),
  }));
}

// What can be done with one function.
export function functionItems(page: Page, shown: string): Item[] {
  const { place, meta } = page;
  const granularity = meta?.options.find((o) => o.name === "granularity")?.value ?? "";
  const name = functionOf(shown, granularity);
  const regexp = exactly(name);
  const there = (view: string) => meta?.views.some((v) => v.name === view && v.missing === null);
  const items: Item[] = [{ kind: "heading", label: name }];
  const leads = (view: string, label: string, newTab = false) => {
    if (!there(view)) return;
    const changes = { p: regexp, z: null };
    items.push({
      label,
      newTab,
      href: address(place, view, changes),
      run: () => page.go(view, changes),
    });
  };
  leads("source", "Show source");
  leads("source", "Show source in new tab", true);
  leads("disasm", "Disassemble");
  items.push({ kind: "rule" });
  for (const r of REFINEMENTS) {
    const changes = refine(meta, r, regexp);
    items.push({
      label: r.label,
      title: r.help,
      href: address(place, place.view, changes),
      run: () => page.go(place.view, changes),
    });
  }
  items.push({ kind: "rule" });
  leads("flamegraph", "Pivot here");
  leads("sandwich", "Sandwich");
  leads("peek", "Peek");
  items.push({ kind: "rule" });
  items.push({
    label: "Copy name",
    run: async () => {
      if (await copy(name)) page.say("Name copied");
      else page.open({ link: name });
    },
  });
  return items;
}

export function FunctionMenu({ page, name, x, y, close }: { page: Page; name: string; x: number; y: number; close(back: boolean): void }) {
  return (
    <MenuList
      label={"Function " + name}
      items={functionItems(page, name)}
      anchor={{ left: x, right: x, top: y, bottom: y }}
      close={close}
    />
  );
}
