// dialog: a window that holds the focus until it is closed.
import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { Icon } from "./icons";

interface Props {
  title: string;
  side?: boolean; // at the right side, the page stays in sight
  close(): void;
  children: ComponentChildren;
}

export function Dialog({ title, side, close, children }: Props) {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    dialog.current!.showModal();
    const first = dialog.current!.querySelector<HTMLElement>("[autofocus]") ?? box.current!;
    first.focus();
    return () => before?.focus();
  }, []);
  return (
    <dialog
      ref={dialog}
      class={side ? "dialog side" : "dialog"}
      aria-labelledby={id}
      onClose={close}
      onPointerDown={(e) => e.target === dialog.current && close()}
      onKeyDown={(e) => e.stopPropagation()}
    >
      <div ref={box} class="dialog-box" tabIndex={-1}>
        <div class="dialog-head">
          <h2 id={id}>{title}</h2>
          <button type="button" class="button quiet" aria-label="Close" onClick={close}>
            <Icon name="close" />
          </button>
        </div>
        {children}
      </div>
    </dialog>
  );
}
