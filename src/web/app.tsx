// app: the page: its header and the view that the address names.
import { render } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Failure, change, loadMeta } from "./api";
import { fetched, known, renew, useAnswer } from "./cache";
import type { Answer, Flame, Meta, Refreshed } from "./data";
import { middle, percent } from "./format";
import { Icon } from "./parts/icons";
import { Refused } from "./shell/refused";
import { exactly, functionOf, plain, regexp } from "./regexps";
import { FunctionMenu, OF_FUNCTION } from "./shell/actions";
import { Context, Header } from "./shell/header";
import { Moments } from "./shell/live";
import { Options } from "./shell/options";
import type { Page, Panel, Target } from "./shell/page";
import { CopyByHand, Details, Forget, Help, Save } from "./shell/panels";
import "./style.css";
import { address, go, here, onPlace, type Changes, type Place } from "./url";
import { views } from "./views/registry";

interface Shown {
  place: Place;
  answer: Answer;
}

interface OpenMenu {
  name: string;
  x: number;
  y: number;
  back: HTMLElement | null;
}

const DRAWN = ["flamegraph", "diff"]; // they tell it by themselves
const NO_NAMES: string[] = [];
const SEARCH_MS = 300; // until what is typed goes into the address

// A touch that stays where it is asks for the menu, as the right button does.  Browsers that
// know this say so by themselves; the others are helped.
function useLongPress(open: (target: Element, x: number, y: number) => void) {
  const latest = useRef(open);
  latest.current = open;
  useEffect(() => {
    let timer = 0;
    let from = { x: 0, y: 0 };
    let swallow = 0;
    const down = (e: PointerEvent) => {
      if (e.pointerType !== "touch") return;
      from = { x: e.clientX, y: e.clientY };
      const target = e.target as Element;
      timer = window.setTimeout(() => {
        swallow = Date.now() + 800;
        latest.current(target, from.x, from.y);
      }, 550);
    };
    const moved = (e: PointerEvent) => {
      if (Math.hypot(e.clientX - from.x, e.clientY - from.y) > 10) clearTimeout(timer);
    };
    const up = () => clearTimeout(timer);
    const click = (e: Event) => {
      if (Date.now() > swallow || (e.target as Element).closest(".menu")) return;
      e.preventDefault();
      e.stopPropagation();
    };
    addEventListener("pointerdown", down);
    addEventListener("pointermove", moved);
    addEventListener("pointerup", up);
    addEventListener("pointercancel", up);
    addEventListener("click", click, true);
    return () => {
      removeEventListener("pointerdown", down);
      removeEventListener("pointermove", moved);
      removeEventListener("pointerup", up);
      removeEventListener("pointercancel", up);
      removeEventListener("click", click, true);
    };
  }, []);
}

function App() {
  const [place, setPlace] = useState(here);
  const [meta, setMeta] = useState<Meta | null>(null);
  const [shown, setShown] = useState<Shown | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [waiting, setWaiting] = useState(false);
  const [attempt, setAttempt] = useState(0);
  const [text, setTextState] = useState(() => here().params.get("q") ?? "");
  const [selected, select] = useState(NO_NAMES);
  const [told, tell] = useState("");
  const [said, say] = useState("");
  const [unnoted, setUnnoted] = useState<Answer | null>(null); // whose notes were read
  const [panel, setPanel] = useState<Panel>("");
  const [field, setField] = useState("");
  const [menu, setMenu] = useState<OpenMenu | null>(null);
  const typing = useRef(0);
  const main = useRef<HTMLElement>(null);

  // The address.
  useEffect(
    () =>
      onPlace(() => {
        const to = here();
        setPlace(to);
        if (!typing.current) setTextState(to.params.get("q") ?? "");
      }),
    [],
  );

  // What is asked of the server for it.
  useEffect(() => {
    const abort = new AbortController();
    const failed = (e: Error) => {
      if (e.name === "AbortError") return;
      setWaiting(false);
      setFailure(e instanceof Failure ? e : new Failure(e.message));
    };
    const arrived = (answer: Answer) => {
      setWaiting(false);
      setFailure(null);
      setShown({ place, answer });
    };
    const there = known(place.view, place.params);
    if (there) arrived(there);
    else setWaiting(true);
    if (!there) fetched(place.view, place.params, abort.signal).then(arrived, failed);
    loadMeta(place.params, abort.signal).then((m) => {
      setMeta(m);
      if (renew(m.newest)) fetched(place.view, place.params, abort.signal).then(arrived, failed);
    }, failed);
    return () => abort.abort();
  }, [place, attempt]);

  useEffect(() => {
    select(NO_NAMES);
  }, [shown?.place.view, shown?.answer]);
  useEffect(() => {
    if (!text) tell("");
  }, [text, shown?.place.view]);
  useEffect(() => {
    const view = meta?.views.find((v) => v.name === place.view);
    document.title = [view?.title, shown?.answer.title ?? "Sonde"].filter(Boolean).join(" \u00b7 ");
  }, [place.view, meta, shown]);
  useEffect(() => {
    if (!said) return;
    const timer = setTimeout(() => say(""), 4000);
    return () => clearTimeout(timer);
  }, [said]);

  // The search box: highlights at once, the address a moment later.
  const found = useMemo(() => (text ? regexp(text) : null), [text]);
  const wrong = typeof found === "string" ? found : "";
  const search = found instanceof RegExp ? found : null;

  function setText(to: string) {
    setTextState(to);
    clearTimeout(typing.current);
    typing.current = window.setTimeout(() => {
      typing.current = 0;
      if (typeof regexp(to) === "string") return;
      const now = here();
      if ((now.params.get("q") ?? "") !== to) go(address(now, now.view, { q: to || null }), true);
    }, SEARCH_MS);
  }

  // To another place, with what is in the search box.
  function goTo(view: string, changes: Changes = {}) {
    clearTimeout(typing.current);
    typing.current = 0;
    const kept: Changes = wrong ? {} : { q: text || null };
    const to = address(here(), view, { ...kept, ...changes });
    if ("q" in changes) setTextState(changes.q ?? "");
    go(to);
  }

  // Views that know only their own rows: the share of the whole is asked for beside.
  const settled = search !== null && place.params.get("q") === text && !DRAWN.includes(place.view);
  const asked = useMemo(() => {
    if (!settled) return null;
    const params = new URLSearchParams(place.params);
    for (const name of ["p", "z", "n", "b"]) params.delete(name);
    params.set("w", "1");
    return params;
  }, [settled, place]);
  const whole = useAnswer<Flame>("flamegraph", asked).answer;
  const share = whole?.search?.functions
    ? `${whole.search.functions.toLocaleString("en")} in the profile, cum ${percent(whole.search.value, whole.values.total)}`
    : "";
  const spoken = [told, settled ? share : ""].filter(Boolean).join(" \u00b7 ");

  const granularity = meta?.options.find((o) => o.name === "granularity")?.value ?? "";
  const target = useMemo<Target | null>(() => {
    if (search) return { regexp: text, text };
    const names = [...new Set(selected.map((n) => functionOf(n, granularity)))];
    if (names.length)
      return {
        regexp: names.map(exactly).join("|"),
        text: names.length > 1 ? `${names.length} functions` : middle(names[0], 48),
      };
    const pivot = place.params.get("p");
    return pivot ? { regexp: pivot, text: middle(plain(pivot), 48) } : null;
  }, [search, selected, place, granularity]);

  function open(to: Panel, wanted = "") {
    setField(wanted);
    setPanel(to);
  }

  const again = () => setAttempt((n) => n + 1);

  const page: Page = {
    place,
    meta,
    answer: shown?.answer ?? null,
    text,
    wrong,
    target,
    go: goTo,
    setText,
    open,
    say,
    again,
    async refresh() {
      const { notes } = JSON.parse(await change("POST", "refresh", new URLSearchParams())) as Refreshed;
      if (notes.length) say(notes.join(" \u00b7 "));
      again();
    },
  };

  function openMenu(name: string, x: number, y: number) {
    if (name) setMenu({ name, x, y, back: document.activeElement as HTMLElement | null });
  }

  function menuOf(element: Element | null, x: number, y: number): boolean {
    const name = element?.closest<HTMLElement>("[data-function]")?.dataset.function;
    if (!name) return false;
    openMenu(name, x, y);
    return true;
  }

  useLongPress((element, x, y) => menuOf(element, x, y));

  // Keys that mean the same everywhere.  A view that uses one for itself prevents the default.
  const onKey = useRef<(e: KeyboardEvent) => void>(() => {});
  onKey.current = (e) => {
    const element = e.target as HTMLElement;
    if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.key === "ContextMenu" || (e.key === "F10" && e.shiftKey)) {
      const box = element.getBoundingClientRect();
      if (menuOf(element, box.left + 16, Math.min(box.bottom, innerHeight - 40))) e.preventDefault();
      return;
    }
    if (element.closest("input, textarea, select, [contenteditable]")) return;
    // As long as nothing has the focus, keys that walk go to the view.
    const idle = element === document.body || element === main.current;
    if (idle && /^(Arrow.*|Home|End|Enter|[-+zn0N])$/.test(e.key)) {
      const picture = main.current?.querySelector<HTMLElement>("[role=application], .graph, [role=grid], [role=listbox]");
      const choice = picture ? null : main.current?.querySelector<HTMLElement>(".empty") && main.current.querySelector<HTMLElement>(".picker input");
      (picture ?? choice)?.focus({ preventScroll: true });
      if (choice) e.preventDefault();
      else if (picture && !picture.dispatchEvent(new KeyboardEvent("keydown", { key: e.key, shiftKey: e.shiftKey, bubbles: true, cancelable: true }))) e.preventDefault();
      if (picture || choice) return;
    }
    const view = meta?.views.find((v) => v.key === e.key && v.missing === null);
    if (e.key === "/") {
      const box = document.getElementById("search") as HTMLInputElement;
      if (box.offsetParent === null) document.querySelector<HTMLElement>(".header-end .narrow")?.click();
      box.focus();
      box.select();
    } else if (e.key === "?") open("help");
    else if (e.key === ",") open("options");
    else if (e.key === ".") open("details");
    else if (e.key === "R") document.getElementById("refresh")?.click();
    else if (e.key === "Escape" && text) setText("");
    else if (view) goTo(view.name, target && OF_FUNCTION.includes(view.name) ? { p: target.regexp } : {});
    else return;
    e.preventDefault();
  };
  useEffect(() => {
    const pressed = (e: KeyboardEvent) => onKey.current(e);
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);

  const view = views.find((v) => v.name === shown?.answer.view);
  const closePanel = () => setPanel("");
  return (
    <>
      <a class="skip" href="#main" onClick={(e) => { e.preventDefault(); main.current?.focus(); }}>
        Skip to the view
      </a>
      <Header page={page} told={spoken} />
      <Context page={page} told={spoken} />
      {failure?.gone && (
        <div class="failure" role="alert">
          <Icon name="warn" />
          <span>{failure.message}</span>
          <button type="button" class="button" onClick={again}>
            Retry
          </button>
        </div>
      )}
      {!failure && shown && shown.answer.notes.length > 0 && shown.answer !== unnoted && (
        <aside class="notes" aria-label="Notes">
          <Icon name="info" />
          <span>{shown.answer.notes.join(" \u00b7 ")}</span>
          <button type="button" class="button quiet" aria-label="Close" onClick={() => setUnnoted(shown.answer)}>
            <Icon name="close" />
          </button>
        </aside>
      )}
      <main
        ref={main}
        id="main"
        tabIndex={-1}
        class={waiting ? "waiting" : ""}
        aria-busy={waiting}
        onContextMenu={(e) => {
          if (menuOf(e.target as Element, e.clientX, e.clientY)) e.preventDefault();
        }}
      >
        {failure && !failure.gone ? (
          <Refused page={page} why={failure.message} />
        ) : view && shown && meta ? (
          <view.component
            key={view.name}
            answer={shown.answer}
            place={shown.place}
            meta={meta}
            search={search}
            selected={selected}
            select={select}
            go={goTo}
            openMenu={openMenu}
            tell={tell}
          />
        ) : (
          !failure && <div class="loading">Reading the profile{"\u2026"}</div>
        )}
      </main>
      <div class={said ? "said" : "said unseen"} role="status" aria-live="polite">
        {said}
      </div>
      {menu && (
        <FunctionMenu
          key={menu.name + menu.x + menu.y}
          page={page}
          name={menu.name}
          x={menu.x}
          y={menu.y}
          close={(back) => {
            setMenu(null);
            if (back) menu.back?.focus();
          }}
        />
      )}
      {panel === "help" && <Help page={page} close={closePanel} />}
      {panel === "options" && <Options page={page} field={field} close={closePanel} />}
      {panel === "details" && <Details page={page} close={closePanel} />}
      {panel === "save" && <Save page={page} close={closePanel} />}
      {panel === "moments" && <Moments page={page} close={closePanel} />}
      {typeof panel === "object" && "forget" in panel && <Forget page={page} name={panel.forget} close={closePanel} />}
      {typeof panel === "object" && "link" in panel && <CopyByHand text={panel.link} close={closePanel} />}
    </>
  );
}

render(<App />, document.getElementById("app")!);
