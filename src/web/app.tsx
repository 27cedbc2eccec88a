// app: the page: its header and the view that the address names.
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { load, loadMeta } from "./api";
import type { Answer, Meta } from "./data";
import "./style.css";
import { address, go, here, onPlace } from "./url";
import { views } from "./views/registry";

function App() {
  const [place, setPlace] = useState(here());
  const [meta, setMeta] = useState<Meta | null>(null);
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [error, setError] = useState("");
  useEffect(() => onPlace(() => setPlace(here())), []);
  useEffect(() => {
    const abort = new AbortController();
    const failed = (e: Error) => e.name !== "AbortError" && setError(e.message);
    loadMeta(place.params, abort.signal).then(setMeta, failed);
    load(place.view, place.params, abort.signal).then((a) => {
      setError("");
      setAnswer(a);
    }, failed);
    return () => abort.abort();
  }, [place]);
  const view = views.find((v) => v.name === answer?.view);
  return (
    <>
      <header>
        <h1>{answer?.title ?? "Sonde"}</h1>
        <nav>
          {meta?.views.map((v) => (
            <a
              href={address(place, v.name)}
              onClick={(e) => {
                e.preventDefault();
                go(address(place, v.name));
              }}
            >
              {v.title}
            </a>
          ))}
        </nav>
      </header>
      <main>
        {error && <p role="alert">{error}</p>}
        {view && answer && meta && (
          <view.component
            answer={answer}
            place={place}
            meta={meta}
            search={null}
            selected={[]}
            select={() => {}}
            go={(name, changes) => go(address(place, name, changes))}
            openMenu={() => {}}
            tell={() => {}}
          />
        )}
      </main>
    </>
  );
}

render(<App />, document.getElementById("app")!);
