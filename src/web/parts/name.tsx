// name: names of functions, cut in the middle where there is no room.
import type { ComponentChildren } from "preact";

const TAIL = 14;

export function Name({ text }: { text: string }) {
  const cut = text.length > 2 * TAIL ? text.length - TAIL : text.length;
  return (
    <span class="name" title={text}>
      <span class="name-head">{text.slice(0, cut)}</span>
      {cut < text.length && <span class="name-tail">{text.slice(cut)}</span>}
    </span>
  );
}

// A name that leads somewhere and has the menu of functions.
export function Function({ name, title, run, children }: { name: string; title?: string; run(): void; children?: ComponentChildren }) {
  return (
    <button type="button" class="function" data-function={name} title={title} onClick={run}>
      <Name text={name} />
      {children}
    </button>
  );
}
