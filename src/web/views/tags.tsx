// tags: how the samples are spread over the values of each label.
import { useEffect, useState } from "preact/hooks";
import type { Tags as TagsAnswer } from "../data";
import { inUnit, percent } from "../format";
import { Empty } from "../parts/empty";
import { Icon } from "../parts/icons";
import { MenuList } from "../parts/menu";
import { share } from "../parts/neighbours";
import { copy } from "../shell/page";
import { address, type Changes } from "../url";
import type { ViewProps } from "../view";

interface Open {
  at: DOMRect;
  back: HTMLElement;
  text: string;
  filter: string;
}

export function Tags({ answer, place, search, go, tell }: ViewProps<TagsAnswer>) {
  const { values, tags } = answer;
  const [menu, setMenu] = useState<Open | null>(null);
  const matches = (text: string) => search === null || search.test(text);
  useEffect(() => {
    if (!search) return;
    let n = 0;
    for (const tag of tags) for (const v of tag.values) if (search.test(v.text)) n++;
    tell(n ? `${n} ${n === 1 ? "value matches" : "values match"}` : "no matches");
  }, [answer, search]);
  if (!tags.length)
    return (
      <Empty title="No labels">
        The samples of this profile have none. Programs label their work with pprof.Do in Go, or sonde_set_label in C.
      </Empty>
    );

  // What is ignored adds up where the key is the same.
  function ignored(filter: string): Changes {
    const old = place.params.get("ti");
    const cut = filter.indexOf("=");
    if (old && cut > 0 && old.startsWith(filter.slice(0, cut + 1))) return { ti: old + "," + filter.slice(cut + 1) };
    return { ti: filter };
  }

  return (
    <div class="scroller tags" tabIndex={-1}>
      <div class="tags-columns">
      {tags.map((tag) => {
        const roots = address(place, "flamegraph", { tagroot: tag.key });
        return (
          <section class="tag-key" key={tag.key} aria-label={tag.key}>
            <div class="tag-head">
              <h2>{tag.key}</h2>
              <span class="faint">
                {inUnit(tag.total, values)} of {inUnit(values.total, values)} ({percent(tag.total, values.total)})
              </span>
              <a
                class="button small"
                href={roots}
                title="The flame graph with a box for each value at its root"
                onClick={(e) => {
                  if (e.ctrlKey || e.metaKey || e.shiftKey) return;
                  e.preventDefault();
                  go("flamegraph", { tagroot: tag.key });
                }}
              >
                Split the flame graph
              </a>
            </div>
            <ul>
              {tag.values.map((v) => (
                <li
                  key={v.filter + v.text}
                  class={matches(v.text) ? "tag-value" : "tag-value faded"}
                  onContextMenu={(e) => {
                    if (!v.filter) return;
                    e.preventDefault();
                    const back = e.currentTarget.querySelector("button") as HTMLElement;
                    setMenu({ at: new DOMRect(e.clientX, e.clientY, 0, 0), back, text: v.text, filter: v.filter });
                  }}
                >
                  <button
                    type="button"
                    class="tag-bar"
                    title={v.filter ? `Focus on ${v.filter} (with Alt: ignore it)` : "No filter can name this value"}
                    disabled={!v.filter}
                    onClick={(e) => go("tags", e.altKey ? ignored(v.filter) : { tf: v.filter })}
                  >
                    <span class="bar" style={{ width: share(v.value, tag.total) }} />
                    <span class="tag-text">{v.text}</span>
                    <span class="number">{inUnit(v.value, values)}</span>
                    <span class="number faint">{percent(v.value, tag.total)}</span>
                  </button>
                  <button
                    type="button"
                    class="button quiet"
                    aria-label={`More for ${v.text}`}
                    aria-haspopup="menu"
                    disabled={!v.filter}
                    onClick={(e) =>
                      setMenu({ at: e.currentTarget.getBoundingClientRect(), back: e.currentTarget, text: v.text, filter: v.filter })
                    }
                  >
                    <Icon name="more" />
                  </button>
                </li>
              ))}
            </ul>
            {tag.more > 0 && <p class="muted">{tag.more.toLocaleString("en")} more values, all of them small.</p>}
          </section>
        );
      })}
      </div>
      {menu && (
        <MenuList
          label={menu.text}
          anchor={menu.at}
          items={[
            { kind: "heading", label: menu.text },
            { label: "Focus", title: "Keep only these samples", run: () => go("tags", { tf: menu.filter }) },
            { label: "Ignore", title: "Leave these samples out", run: () => go("tags", ignored(menu.filter)) },
            { label: "Flame graph of these", run: () => go("flamegraph", { tf: menu.filter }) },
            { kind: "rule" },
            { label: "Copy", run: () => void copy(menu.text) },
          ]}
          close={(back) => {
            setMenu(null);
            if (back) menu.back.focus();
          }}
        />
      )}
    </div>
  );
}
