// main: the page of an execution trace: its header and the page that the address names.
import { render, type ComponentType } from "preact";
import { useEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import { Icon, Mark } from "../parts/icons";
import { MenuButton, type Item } from "../parts/menu";
import { regexp } from "../regexps";
import { onTheme, setTheme, themeChoice, type Choice } from "../theme";
import { go, onPlace } from "../url";
import "../style.css";
import { ask, Failure } from "./ask";
import type { Meta } from "./data";
import { Help } from "./help";
import type { PageProps } from "./page";
import { GcPage, MmuPage } from "./pages/gc";
import { GoroutinePage, GoroutinesPage } from "./pages/goroutines";
import { LatencyPage } from "./pages/latency";
import { OverviewPage } from "./pages/overview";
import { PROFILE_PAGES, ProfilePage } from "./pages/profile";
import { UserRegionPage, UserRegionsPage } from "./pages/regions";
import { UserTaskPage, UserTasksPage } from "./pages/tasks";
import { TimelinePage } from "./pages/timeline";
import { Link } from "./parts";
import { address, changed, here as hereNow } from "./place";
import { SearchBox } from "./search";
import { count, long } from "./units";
import "./trace.css";

const READING_MS = 400; // between looks at how far it has been read

interface Entry {
  title: string;
  component: ComponentType<PageProps>;
  tab: string; // the page whose tab is lit
}

const PAGES: Record<string, Entry> = {
  "": { title: "Overview", component: OverviewPage, tab: "" },
  trace: { title: "Timeline", component: TimelinePage, tab: "trace" },
  goroutines: { title: "Goroutines", component: GoroutinesPage, tab: "goroutines" },
  goroutine: { title: "Goroutine", component: GoroutinePage, tab: "goroutines" },
  usertasks: { title: "Tasks", component: UserTasksPage, tab: "usertasks" },
  usertask: { title: "Task", component: UserTaskPage, tab: "usertasks" },
  userregions: { title: "Regions", component: UserRegionsPage, tab: "userregions" },
  userregion: { title: "Region", component: UserRegionPage, tab: "userregions" },
  latency: { title: "Latency", component: LatencyPage, tab: "latency" },
  gc: { title: "GC", component: GcPage, tab: "gc" },
  mmu: { title: "Mutator utilization", component: MmuPage, tab: "gc" },
  flame: { title: "Profile", component: ProfilePage, tab: "flame" },
  ...Object.fromEntries(Object.keys(PROFILE_PAGES).map((p) => [p, { title: "Profile", component: ProfilePage, tab: "flame" }])),
};

function tabsOf(meta: Meta | null): [string, string][] {
  const tabs: [string, string][] = [
    ["", "Overview"],
    ["trace", "Timeline"],
    ["goroutines", meta?.native ? "Threads" : "Goroutines"],
  ];
  if (!meta || meta.tasks) tabs.push(["usertasks", "Tasks"]);
  if (!meta || meta.regions) tabs.push(["userregions", "Regions"]);
  tabs.push(["latency", "Latency"]);
  if (!meta?.native) tabs.push(["gc", "GC"]);
  return tabs;
}

function App() {
  const [here, setHere] = useState(hereNow);
  const [meta, setMeta] = useState<Meta | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [attempt, again] = useReducer((n: number) => n + 1, 0);
  const [, themed] = useReducer((n: number) => n + 1, 0);
  const [text, setText] = useState(() => hereNow().params.get("q") ?? "");
  const [said, say] = useState("");
  const [help, setHelp] = useState(false);
  const [searching, setSearching] = useState(false); // the box fills the header of a phone
  const [unnoted, setUnnoted] = useState(false);
  const main = useRef<HTMLElement>(null);

  useEffect(() => onPlace(() => setHere(hereNow())), []);
  useEffect(() => onTheme(() => themed(0)), []);
  useEffect(() => {
    let ended = false;
    let timer = 0;
    const look = () =>
      ask<Meta>("meta").then(
        (m) => {
          if (ended) return;
          setFailure(null);
          setMeta(m);
          if (m.reading < 1) timer = window.setTimeout(look, READING_MS);
        },
        (e: Error) => !ended && setFailure(e instanceof Failure ? e : new Failure(e.message)),
      );
    look();
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, [attempt]);

  const entry = PAGES[here.page];
  useEffect(() => {
    document.title = [entry?.title, meta?.title ?? "Sonde"].filter(Boolean).join(" \u00b7 ");
    main.current?.scrollTo(0, 0);
  }, [here.page, meta?.title]);
  useEffect(() => {
    if (!said) return;
    const timer = setTimeout(() => say(""), 4000);
    return () => clearTimeout(timer);
  }, [said]);

  const search = useMemo(() => {
    const re = text ? regexp(text) : null;
    return re instanceof RegExp ? re : null;
  }, [text]);
  function typed(to: string) {
    setText(to);
    if (!to && hereNow().params.has("q")) go(changed(hereNow(), { q: null }), true);
  }

  const onKey = useRef<(e: KeyboardEvent) => void>(() => {});
  onKey.current = (e) => {
    const element = e.target as HTMLElement;
    if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || element.closest("input, textarea, select, dialog, .menu")) return;
    if (e.key === "/") {
      const box = document.getElementById("search") as HTMLInputElement;
      if (box.offsetParent === null) setSearching(true);
      setTimeout(() => {
        box.focus();
        box.select();
      });
    } else if (e.key === "?") setHelp(true);
    else if (e.key === "Escape" && text) typed("");
    else if (/^[1-7]$/.test(e.key)) {
      const tab = tabsOf(meta)[Number(e.key) - 1];
      if (!tab) return;
      go(address(tab[0]));
    } else {
      // As long as nothing has the focus, keys go to the timeline.
      const idle = element === document.body || element === main.current;
      const picture = main.current?.querySelector<HTMLElement>(".tl-view, [role=application]");
      if (!idle || !picture) return;
      picture.focus({ preventScroll: true });
      if (picture.dispatchEvent(new KeyboardEvent("keydown", { key: e.key, shiftKey: e.shiftKey, bubbles: true, cancelable: true }))) return;
    }
    e.preventDefault();
  };
  useEffect(() => {
    const pressed = (e: KeyboardEvent) => onKey.current(e);
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);

  const tabs = tabsOf(meta);
  const profiles: Item[] = (meta?.profiles ?? []).map((p) => ({ label: p.title, note: p.name, href: address("flame", { profile: p.name }), run: () => go(address("flame", { profile: p.name })) }));
  const themes: Item[] = (
    [
      ["auto", "As the system has it"],
      ["light", "Light"],
      ["dark", "Dark"],
    ] as [Choice, string][]
  ).map(([name, label]) => ({ label, checked: themeChoice() === name, run: () => setTheme(name) }));
  const all: Item[] = [
    ...tabs.map(([page, label]) => ({ label, checked: entry?.tab === page, href: address(page), run: () => go(address(page)) })),
    ...(profiles.length ? [{ kind: "heading", label: "Flame graphs" } as Item, ...profiles] : []),
    { kind: "heading", label: "Theme" },
    ...themes,
    { kind: "rule" },
    { label: "Help\u2026", run: () => setHelp(true) },
  ];
  const reading = meta && meta.reading < 1;
  return (
    <>
      <a class="skip" href="#main" onClick={(e) => { e.preventDefault(); main.current?.focus(); }}>
        Skip to the page
      </a>
      <header class={searching ? "header searching" : "header"}>
        <Link class="home" to={address("")} label="Sonde: the overview">
          <Mark />
          <span class="home-name">Sonde</span>
        </Link>
        <nav class="tabs wide" aria-label="Pages">
          {tabs.map(([page, title]) => (
            <Link key={page} class={entry?.tab === page ? "tab lit" : "tab"} to={address(page)}>
              {title}
            </Link>
          ))}
          {profiles.length > 0 && <MenuButton label="Flame graphs" class={entry?.tab === "flame" ? "lit" : ""} items={profiles} />}
        </nav>
        <SearchBox here={here} text={text} duration={meta?.duration ?? 0} setText={typed} go={go} />
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
          <MenuButton label="Theme" icon={themeChoice()} title="Light or dark" class="quiet wide" atEnd items={themes} />
          <button type="button" class="button quiet wide" aria-label="Help" title="Help (?)" aria-haspopup="dialog" onClick={() => setHelp(true)}>
            <Icon name="help" />
          </button>
          <MenuButton label="Menu" icon="menu" class="quiet narrow" atEnd items={all} />
        </div>
      </header>
      {meta && here.page !== "trace" && (
        <section class="context" aria-label="The trace">
          <span class="details-title">{meta.title}</span>
          <span class="muted facts-line">
            {meta.format} {"\u00b7"} {long(meta.duration)} {"\u00b7"} {count(meta.events)} events
            {meta.wall > 0 && ` \u00b7 ${new Date(meta.wall).toLocaleString()}`}
          </span>
        </section>
      )}
      {failure && (
        <div class="failure" role="alert">
          <Icon name="warn" />
          <span>{failure.message}</span>
          <button type="button" class="button" onClick={() => again(0)}>
            Retry
          </button>
        </div>
      )}
      {meta && meta.notes.length > 0 && !unnoted && (
        <aside class="notes" aria-label="Notes">
          <Icon name="info" />
          <span>{meta.notes.join(" \u00b7 ")}</span>
          <button type="button" class="button quiet" aria-label="Close" onClick={() => setUnnoted(true)}>
            <Icon name="close" />
          </button>
        </aside>
      )}
      <main ref={main} id="main" tabIndex={-1}>
        {reading ? (
          <div class="reading" role="progressbar" aria-valuenow={Math.round(meta.reading * 100)} aria-label="Reading the trace">
            <p>
              Reading {meta.title}: {Math.round(meta.reading * 100)}%
            </p>
            <span>
              <i style={{ width: meta.reading * 100 + "%" }} />
            </span>
          </div>
        ) : !meta ? (
          !failure && <div class="loading">Reading the trace{"\u2026"}</div>
        ) : entry ? (
          <entry.component key={here.page} meta={meta} here={here} search={search} go={go} say={say} />
        ) : (
          <div class="empty">
            <p class="empty-title">There is no page {here.page}</p>
          </div>
        )}
      </main>
      <div class={said ? "said" : "said unseen"} role="status" aria-live="polite">
        {said}
      </div>
      {help && <Help close={() => setHelp(false)} />}
    </>
  );
}

render(<App />, document.getElementById("app")!);
