// live: sources that can be read again, and the moments that were read.
import { useEffect, useState } from "preact/hooks";
import { change } from "../api";
import { Dialog } from "../parts/dialog";
import { Icon } from "../parts/icons";
import { MenuButton } from "../parts/menu";
import type { Page } from "./page";

const INTERVALS = [5, 10, 30, 60, 300];

const spoken = (seconds: number) =>
  seconds < 60 ? `every ${seconds} s` : seconds === 60 ? "every minute" : `every ${seconds / 60} min`;

export function Live({ page }: { page: Page }) {
  const { meta } = page;
  const [busy, setBusy] = useState(false);
  const [every, setEvery] = useState(0);

  async function refresh() {
    if (busy) return;
    setBusy(true);
    try {
      await page.refresh();
    } catch (e) {
      setEvery(0);
      page.say((e as Error).message);
    }
    setBusy(false);
  }

  useEffect(() => {
    if (!every || busy) return;
    const timer = setTimeout(refresh, every * 1000);
    return () => clearTimeout(timer);
  }, [every, busy]);

  if (!meta || (!meta.live && meta.moments.length < 2)) return null;
  return (
    <div class="live" role="group" aria-label="Live">
      {meta.live && (
        <>
          <button
            type="button"
            id="refresh"
            class={busy ? "button busy" : "button"}
            aria-busy={busy}
            title={meta.seconds ? `Read the sources again: it takes ${meta.seconds} s` : "Read the sources again"}
            onClick={refresh}
          >
            <Icon name="refresh" />
            <span class="live-text">{busy ? "Reading\u2026" : "Refresh"}</span>
          </button>
          <MenuButton
            label="Refresh by itself"
            value={every ? spoken(every) : "by hand"}
            atEnd
            items={[0, ...INTERVALS].map((s) => ({
              label: s ? spoken(s) : "by hand",
              checked: s === every,
              run: () => setEvery(s),
            }))}
          />
        </>
      )}
      {meta.moments.length > 1 && (
        <button type="button" class="button" aria-haspopup="dialog" onClick={() => page.open("moments")}>
          {meta.moments.length} {meta.live ? "moments" : "profiles"}
        </button>
      )}
    </div>
  );
}

export function Moments({ page, close }: { page: Page; close(): void }) {
  const { meta, place } = page;
  if (!meta) return null;
  const current = Number(place.params.get("m") ?? meta.newest);
  async function hold(id: number, on: boolean) {
    try {
      await change("POST", "hold", new URLSearchParams({ m: String(id), on: on ? "1" : "0" }));
    } catch (e) {
      page.say((e as Error).message);
    }
    page.again();
  }
  return (
    <Dialog title={meta.live ? "Moments" : "Profiles"} side close={close}>
      <div class="dialog-body">
        <p class="muted">
          {meta.live
            ? "Each reading of the sources. Old ones go when there are many, unless they are held."
            : "Look at one of them, or compare two."}
        </p>
        <ol class="moments">
          {[...meta.moments].reverse().map((m) => (
            <li key={m.id} class={m.id === current ? "moment current" : "moment"}>
              <button
                type="button"
                class="moment-name"
                aria-current={m.id === current ? "true" : undefined}
                onClick={() => page.go(place.view, { m: m.id === meta.newest ? null : String(m.id) })}
              >
                <b>{m.time || m.name}</b>
                {m.time && <span class="muted">{m.name}</span>}
                {m.id === meta.newest && meta.live && <span class="tag">newest</span>}
              </button>
              {meta.live && (
                <label class="moment-hold">
                  <input type="checkbox" class="switch" checked={m.held} onChange={(e) => hold(m.id, e.currentTarget.checked)} />
                  hold
                </label>
              )}
              <button
                type="button"
                class="button"
                disabled={m.id === current}
                title="The difference between this one and what is shown"
                onClick={() => {
                  close();
                  page.go("diff", { b: String(m.id) });
                }}
              >
                compare with
              </button>
            </li>
          ))}
        </ol>
      </div>
    </Dialog>
  );
}
