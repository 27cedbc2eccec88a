// menu: menus, by WAI-ARIA's pattern: arrows, Home, End, Escape, the first letters of an
// item; Left and Right go to the menus beside it.
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Icon } from "./icons";

export interface Item {
  kind?: "item" | "heading" | "rule";
  label?: string;
  note?: string; // on the right: a key, why there is nothing
  title?: string;
  href?: string; // where it leads: can be opened in a new tab
  newTab?: boolean;
  download?: string; // the file's name
  checked?: boolean; // one of a group
  disabled?: boolean;
  run?(): void;
  remove?: { label: string; run(): void }; // a button at the end; the key Delete
}

interface ListProps {
  id?: string;
  label: string;
  items: Item[];
  // Where it stands: below this rectangle, or above it where there is no room.
  anchor: { left: number; right: number; top: number; bottom: number };
  atEnd?: boolean; // its right side is the anchor's
  last?: boolean; // the last item has the focus first
  close(back: boolean): void; // back: the focus returns to where it was
  aside?(direction: number): void; // Left and Right
  keep?: Element | null; // a press there does not close it
}

const MARGIN = 4;
const GAP = 3;

export function MenuList(props: ListProps) {
  const { items, anchor, close } = props;
  const list = useRef<HTMLDivElement>(null);
  const typed = useRef({ text: "", at: 0 });
  const entries = () => [...list.current!.querySelectorAll<HTMLElement>("[role^=menuitem]")];

  useLayoutEffect(() => {
    const box = list.current!;
    const { width, height } = box.getBoundingClientRect();
    let left = props.atEnd ? anchor.right - width : anchor.left;
    left = Math.max(MARGIN, Math.min(left, innerWidth - width - MARGIN));
    let top = anchor.bottom + GAP;
    if (top + height > innerHeight - MARGIN) {
      const above = anchor.top - height - GAP;
      top = above >= MARGIN && props.anchor.top > innerHeight / 2 ? above : innerHeight - height - MARGIN;
      if (top < Math.min(anchor.bottom, MARGIN)) top = MARGIN;
    }
    box.style.left = left + "px";
    box.style.top = Math.max(MARGIN, top) + "px";
    const all = entries();
    const first = all.find((e) => e.getAttribute("aria-checked") === "true");
    (props.last ? all[all.length - 1] : (first ?? all[0]))?.focus({ preventScroll: true });
    first?.scrollIntoView({ block: "nearest" });
  }, []);

  useEffect(() => {
    const away = (e: Event) => {
      const target = e.target as Node;
      if (!list.current?.contains(target) && !props.keep?.contains(target)) close(false);
    };
    const resized = () => close(false);
    addEventListener("pointerdown", away, true);
    addEventListener("resize", resized);
    addEventListener("popstate", resized);
    return () => {
      removeEventListener("pointerdown", away, true);
      removeEventListener("resize", resized);
      removeEventListener("popstate", resized);
    };
  });

  function move(to: HTMLElement | undefined) {
    to?.focus();
  }

  function onKeyDown(e: KeyboardEvent) {
    const all = entries();
    const i = all.indexOf(document.activeElement as HTMLElement);
    const n = all.length;
    if (e.key === "ArrowDown") move(all[(i + 1) % n]);
    else if (e.key === "ArrowUp") move(all[(i - 1 + n) % n]);
    else if (e.key === "Home" || e.key === "PageUp") move(all[0]);
    else if (e.key === "End" || e.key === "PageDown") move(all[n - 1]);
    else if (e.key === "Escape") close(true);
    else if (e.key === "Tab") {
      close(true);
      return; // and the focus goes on from there
    } else if (e.key === "ArrowLeft" && props.aside) props.aside(-1);
    else if (e.key === "ArrowRight" && props.aside) props.aside(1);
    else if (e.key === "Enter" || e.key === " ") all[i]?.click();
    else if (e.key === "Delete") all[i]?.parentElement?.querySelector<HTMLElement>(".menu-remove")?.click();
    else if (e.key.length === 1 && !e.ctrlKey && !e.altKey && !e.metaKey) {
      const now = e.timeStamp;
      const text = (now - typed.current.at < 700 ? typed.current.text : "") + e.key.toLowerCase();
      typed.current = { text, at: now };
      const repeated = [...text].every((c) => c === text[0]);
      const wanted = repeated ? text[0] : text;
      for (let k = repeated ? 1 : 0; k <= n; k++) {
        const entry = all[(i + k + n) % n];
        if (entry?.dataset.label?.toLowerCase().startsWith(wanted)) {
          move(entry);
          break;
        }
      }
    } else return;
    e.preventDefault();
    e.stopPropagation();
  }

  function chosen(e: MouseEvent, item: Item) {
    if (item.disabled) {
      e.preventDefault();
      return;
    }
    const elsewhere = item.href && (e.ctrlKey || e.metaKey || e.shiftKey || item.newTab || item.download !== undefined);
    close(true);
    if (elsewhere) return;
    e.preventDefault();
    item.run?.();
  }

  return (
    <div
      ref={list}
      id={props.id}
      class="menu"
      role="menu"
      aria-label={props.label}
      tabIndex={-1}
      onKeyDown={onKeyDown}
      onContextMenu={(e) => e.preventDefault()}
    >
      {items.map((item, i) => {
        if (item.kind === "rule") return <div key={i} class="menu-rule" role="separator" />;
        if (item.kind === "heading")
          return (
            <div key={i} class="menu-heading" role="presentation">
              {item.label}
            </div>
          );
        const common = {
          class: "menu-item",
          role: item.checked === undefined ? "menuitem" : "menuitemradio",
          "aria-checked": item.checked,
          "aria-disabled": item.disabled ? true : undefined,
          tabIndex: -1,
          title: item.title,
          "data-label": item.label,
          onClick: (e: MouseEvent) => chosen(e, item),
          onPointerMove: (e: PointerEvent) => {
            if (e.pointerType === "mouse") (e.currentTarget as HTMLElement).focus({ preventScroll: true });
          },
        } as const;
        const inner = (
          <>
            <span class="menu-check" aria-hidden="true">
              {item.checked ? "\u2713" : ""}
            </span>
            <span class="menu-label">{item.label}</span>
            {item.note && <span class="menu-note">{item.note}</span>}
          </>
        );
        return (
          <div key={i} class="menu-line" role="none">
            {item.href && !item.disabled ? (
              <a
                {...common}
                href={item.href}
                target={item.newTab ? "_blank" : undefined}
                rel={item.newTab ? "noopener" : undefined}
                download={item.download}
              >
                {inner}
              </a>
            ) : (
              <button type="button" {...common}>
                {inner}
              </button>
            )}
            {item.remove && (
              <button
                type="button"
                class="menu-remove"
                tabIndex={-1}
                title={item.remove.label + " (Delete)"}
                aria-label={item.remove.label}
                onClick={() => {
                  close(true);
                  item.remove!.run();
                }}
              >
                <Icon name="close" />
              </button>
            )}
          </div>
        );
      })}
    </div>
  );
}

let opened: Element | null = null; // the button whose menu is open

interface ButtonProps {
  label: string; // for screen readers, and what is shown if there is nothing else
  value?: string; // the choice that is shown instead
  icon?: string;
  title?: string;
  class?: string;
  atEnd?: boolean;
  disabled?: boolean;
  items: Item[];
}

export function MenuButton({ label, value, icon, title, class: extra, atEnd, disabled, items }: ButtonProps) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const [open, setOpen] = useState<"" | "first" | "last">("");

  function show(how: "first" | "last") {
    opened = button.current;
    setOpen(how);
  }

  function close(back: boolean) {
    if (opened === button.current) opened = null;
    setOpen("");
    if (back) button.current?.focus();
  }

  function aside(direction: number) {
    const all = [...document.querySelectorAll<HTMLElement>("header [aria-haspopup=menu]")].filter(
      (e) => e.offsetParent !== null,
    );
    const next = all[(all.indexOf(button.current!) + direction + all.length) % all.length];
    if (!next || next === button.current) return;
    close(false);
    next.focus();
    next.click();
  }

  return (
    <>
      <button
        ref={button}
        type="button"
        class={"button menu-button " + (extra ?? "")}
        aria-haspopup="menu"
        aria-expanded={open !== ""}
        aria-controls={open ? id : undefined}
        aria-label={value ? `${label}: ${value}` : label}
        title={title}
        disabled={disabled}
        onClick={() => (open ? close(true) : show("first"))}
        onPointerEnter={(e) => {
          if (e.pointerType === "mouse" && opened && opened !== button.current && button.current?.closest("header")) {
            (opened as HTMLElement).click();
            show("first");
          }
        }}
        onKeyDown={(e) => {
          if (e.key !== "ArrowDown" && e.key !== "ArrowUp") return;
          e.preventDefault();
          show(e.key === "ArrowUp" ? "last" : "first");
        }}
      >
        {icon && <Icon name={icon} />}
        {(value || !icon) && <span class="menu-button-text">{value ?? label}</span>}
        {!icon && <Icon name="down" />}
      </button>
      {open && button.current && (
        <MenuList
          id={id}
          label={label}
          items={items}
          anchor={button.current.getBoundingClientRect()}
          atEnd={atEnd}
          last={open === "last"}
          close={close}
          aside={button.current.closest("header") ? aside : undefined}
          keep={button.current}
        />
      )}
    </>
  );
}
