// panels: details, help, saving and deleting of settings, a text to copy.
import { useState } from "preact/hooks";
import { change } from "../api";
import { Dialog } from "../parts/dialog";
import { onEnter } from "./search";
import type { Page } from "./page";

export function Details({ page, close }: { page: Page; close(): void }) {
  const { meta, answer } = page;
  const legend = answer?.legend ?? meta?.legend ?? [];
  return (
    <Dialog title={answer?.title ?? meta?.title ?? "Details"} close={close}>
      <div class="dialog-body">
        <ul class="legend">
          {legend.map((line, i) => {
            const cut = line.indexOf(": ");
            return (
              <li key={i}>
                {cut > 0 && cut < 24 ? (
                  <>
                    <b>{line.slice(0, cut)}</b> {line.slice(cut + 2)}
                  </>
                ) : (
                  line
                )}
              </li>
            );
          })}
        </ul>
        {meta && meta.sources.length > 0 && (
          <>
            <h3>{meta.sources.length > 1 ? "Sources" : "Source"}</h3>
            <ul class="sources">
              {meta.sources.map((s) => (
                <li key={s}>{s}</li>
              ))}
            </ul>
          </>
        )}
        {meta && /^https?:/i.test(meta.doc_url) && (
          <p>
            <a href={meta.doc_url} target="_blank" rel="noopener noreferrer">
              What this profile means
            </a>
          </p>
        )}
        {meta && <p class="muted">Sonde {meta.version}</p>}
      </div>
    </Dialog>
  );
}

function Keys({ title, keys }: { title: string; keys: [string, string][] }) {
  return (
    <section>
      <h3>{title}</h3>
      <dl class="keys">
        {keys.map(([key, what]) => (
          <div key={key + what}>
            <dt>
              {key.split(" ").map((k) => (
                <kbd key={k}>{k}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

export function Help({ page, close }: { page: Page; close(): void }) {
  const { meta, place } = page;
  const views = (meta?.views ?? []).filter((v) => v.key.trim());
  return (
    <Dialog title="Help" close={close}>
      <div class="dialog-body help" tabIndex={0}>
        <Keys title="Views" keys={views.map((v) => [v.key, v.title])} />
        <Keys
          title="Everywhere"
          keys={[
            ["/", "Search"],
            ["Enter", `In the search box: ${onEnter(place.view).text}`],
            ["Esc", "Empty the search box, close what is open"],
            ["Shift F10", "What can be done with a function (right click, long press)"],
            [",", "Options and filters"],
            [".", "Details of the profile"],
            ["R", "Read live sources again"],
            ["Alt \u2190", "Back to what was shown before"],
            ["?", "This help"],
          ]}
        />
        <Keys
          title="Tables"
          keys={[
            ["\u2191 \u2193", "Row by row; its callers and callees are shown beside"],
            ["Home End", "First and last row"],
            ["Enter", "What can be done with the function"],
            ["Ctrl click", "Mark several, for Refine"],
          ]}
        />
        <Keys
          title="Source and disassembly"
          keys={[
            ["n p", "Next and previous hot line"],
            ["N P", "Next and previous function"],
            ["h", "The hottest line"],
            ["Enter", "Unfold the instructions of a line"],
          ]}
        />
        <Keys
          title="Flame graph"
          keys={[
            ["\u2190 \u2191 \u2193 \u2192", "From box to box"],
            ["Enter", "Pivot on the box (click)"],
            ["z", "Zoom to its calls (double click, Shift click)"],
            ["+ -", "Larger and smaller (Ctrl wheel, pinch)"],
            ["n N", "Next and previous box that matches the search"],
            ["Home", "The whole width"],
            ["Esc", "A step back to the whole"],
          ]}
        />
        <Keys
          title="Graph"
          keys={[
            ["\u2190 \u2191 \u2193 \u2192", "From box to box along the heaviest arrows"],
            ["Enter Space", "Select the box (click), several (Shift click)"],
            ["p", "Show it in the flame graph (double click)"],
            ["+ - 0", "Larger, smaller, all of it"],
            ["n N", "Next and previous match"],
          ]}
        />
        <Keys
          title="Timeline"
          keys={[
            ["\u2190 \u2192", "From time to time"],
            ["Shift \u2190 \u2192", "Choose a part (drag), Enter shows it"],
          ]}
        />
        <section class="help-words">
          <h3>Words</h3>
          <dl>
            <dt>Flat</dt>
            <dd>What a function has itself, without what it calls.</dd>
            <dt>Cum</dt>
            <dd>What a function has together with all that it calls.</dd>
            <dt>Focus, Ignore</dt>
            <dd>Keep, or leave out, whole samples: those that go through the functions.</dd>
            <dt>Hide, Show, Show from</dt>
            <dd>Change which functions are shown; the samples stay.</dd>
          </dl>
        </section>
      </div>
    </Dialog>
  );
}

export function Save({ page, close }: { page: Page; close(): void }) {
  const [name, setName] = useState("");
  const [error, setError] = useState("");
  const users = (page.meta?.configs ?? []).filter((c) => c.user);
  async function save(e: Event) {
    e.preventDefault();
    const wanted = name.trim();
    if (!wanted) return setError("A name is needed.");
    const params = new URLSearchParams(page.place.params);
    params.set("config", wanted);
    try {
      await change("POST", "saveconfig", params);
    } catch (e) {
      return setError((e as Error).message);
    }
    close();
    page.say(`Saved as ${wanted}`);
    page.again();
  }
  return (
    <Dialog title="Save settings" close={close}>
      <form class="dialog-body" onSubmit={save}>
        <label class="field">
          <span>Name</span>
          <input
            type="text"
            list="configs"
            autofocus
            autocomplete="off"
            value={name}
            aria-invalid={error !== ""}
            onInput={(e) => setName(e.currentTarget.value)}
          />
        </label>
        <datalist id="configs">
          {users.map((c) => (
            <option key={c.name} value={c.name} />
          ))}
        </datalist>
        <p class="muted">
          {users.some((c) => c.name === name.trim())
            ? "There is one of this name: it will be replaced."
            : "The options and filters of now, for any profile. pprof reads them too."}
        </p>
        {error && (
          <p class="error" role="alert">
            {error}
          </p>
        )}
        <div class="dialog-foot">
          <button type="button" class="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class="button primary">
            Save
          </button>
        </div>
      </form>
    </Dialog>
  );
}

export function Forget({ page, name, close }: { page: Page; name: string; close(): void }) {
  const [error, setError] = useState("");
  async function forget() {
    try {
      await change("DELETE", "deleteconfig", new URLSearchParams({ config: name }));
    } catch (e) {
      return setError((e as Error).message);
    }
    close();
    page.say(`Deleted ${name}`);
    page.again();
  }
  return (
    <Dialog title="Delete settings" close={close}>
      <div class="dialog-body">
        <p>
          Delete <b>{name}</b>? What is shown stays as it is.
        </p>
        {error && (
          <p class="error" role="alert">
            {error}
          </p>
        )}
        <div class="dialog-foot">
          <button type="button" class="button" autofocus onClick={close}>
            Cancel
          </button>
          <button type="button" class="button danger" onClick={forget}>
            Delete
          </button>
        </div>
      </div>
    </Dialog>
  );
}

export function CopyByHand({ text, close }: { text: string; close(): void }) {
  return (
    <Dialog title="Copy" close={close}>
      <div class="dialog-body">
        <p class="muted">The browser gives this page no clipboard: copy the text by hand.</p>
        <input type="text" class="wide" readOnly autofocus value={text} onFocus={(e) => e.currentTarget.select()} />
      </div>
    </Dialog>
  );
}
