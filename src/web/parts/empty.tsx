// empty: what is said where there is nothing to show.
import type { ComponentChildren } from "preact";
import { FILTERS, reset } from "../refine";
import type { ViewProps } from "../view";

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children && <div class="muted">{children}</div>}
    </div>
  );
}

// Of a view without a value: filters are in the way, or it is another type that has values, as in
// a heap profile of a program that has freed everything.
export function NoSamples({ answer, meta, place, go }: Pick<ViewProps, "answer" | "meta" | "place" | "go">) {
  const filtered = FILTERS.some((f) => meta.options.find((o) => o.name === f)?.value);
  const others = filtered || answer.values.total ? [] : meta.types.filter((_, k) => k !== meta.type);
  return (
    <Empty title="No samples to show">
      {filtered ? (
        <>
          The filters leave none, or none that has a value.{" "}
          <button type="button" class="link" onClick={() => go(place.view, reset(meta))}>
            Show the whole profile
          </button>
        </>
      ) : (
        <>
          No sample has a value of this type{others.length ? "; others may have:" : "."}
          {others.length > 0 && (
            <div class="buttons">
              {others.map((type) => (
                <button type="button" class="button" key={type} onClick={() => go(place.view, { si: type })}>
                  {type}
                </button>
              ))}
            </div>
          )}
        </>
      )}
    </Empty>
  );
}
