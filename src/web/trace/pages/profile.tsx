// profile: a profile made of the trace, as a flame graph; also of a part of it.
import { useMemo } from "preact/hooks";
import { Choice, Crumbs, pivotName, shareOfSearch } from "../../views/flamegraph";
import { FlameCanvas } from "../../flame/canvas";
import { sourceOf } from "../../flame/picture";
import { exactly } from "../../regexps";
import { useAsked } from "../ask";
import type { Flame } from "../data";
import type { PageProps } from "../page";
import { Link, Loaded } from "../parts";
import { address, changed } from "../place";
import { query } from "../ask";
import { exact, long } from "../units";

// Pages of Go's tool and the profiles they show.
export const PROFILE_PAGES: Record<string, string> = {
  io: "net",
  block: "sync",
  syscall: "syscall",
  sched: "sched",
  regionio: "regionnet",
  regionblock: "regionsync",
  regionsyscall: "regionsyscall",
  regionsched: "regionsched",
  cpu: "cpu",
};
// These have no start function.
export const NOT_OF_FUNCTIONS = ["gc", "regions", "tasks"];
const OF = ["start", "end", "goid", "name", "task", "type", "pc", "latmin", "latmax"];

export function ProfilePage({ meta, here, search, go, say }: PageProps) {
  const q = here.params;
  const profile = PROFILE_PAGES[here.page] ?? q.get("profile") ?? "sched";
  const part = Object.fromEntries(OF.filter((n) => q.get(n)).map((n) => [n, q.get(n)]));
  // Go's tool names a goroutine's function `name`, as here.
  const asked = useAsked<Flame>("flame", { profile, ...part, p: q.get("p"), z: q.get("z"), w: Math.ceil((innerWidth * devicePixelRatio) / 256) * 256 });
  const others = meta.profiles.filter((p) => p.name !== profile && !(q.get("name") && NOT_OF_FUNCTIONS.includes(p.name)));
  const title = meta.profiles.find((p) => p.name === profile)?.title ?? profile;
  const chips: [string, string, string[]][] = [];
  if (q.get("start") && q.get("end")) chips.push(["Only", `${exact(Number(q.get("start")))} + ${long(Number(q.get("end")) - Number(q.get("start")))}`, ["start", "end"]]);
  if (q.get("goid")) chips.push(["Only", "G" + q.get("goid"), ["goid"]]);
  if (q.get("name")) chips.push(["Started with", q.get("name")!, ["name"]]);
  if (q.get("task")) chips.push(["Task", q.get("task")!, ["task"]]);
  if (q.get("type")) chips.push(["Region", q.get("type")!, ["type", "pc", "latmin", "latmax"]]);
  return (
    <div class="page wide-page">
      <div class="profile-head">
        <h1>{title}</h1>
        <div class="chips">
          {chips.map(([label, text, names]) => (
            <span class="chip" key={names[0]}>
              <span class="chip-text">
                <span class="chip-label">{label}</span>
                {text}
              </span>
              <button type="button" class="chip-remove" aria-label="Take it away" onClick={() => go(changed(here, Object.fromEntries(names.map((n) => [n, null]))))}>
                {"\u00d7"}
              </button>
            </span>
          ))}
        </div>
        <div class="buttons">
          {others.map((p) => (
            <Link key={p.name} class="button small" to={address("flame", { profile: p.name, ...part })} title={p.title}>
              {p.name}
            </Link>
          ))}
          <a class="button small" href={`./raw/${profile}?${query(part)}`} download={`${profile}.pb.gz`}>
            Download
          </a>
        </div>
      </div>
      <Loaded asked={asked}>{(answer) => <Graph answer={answer} here={here} search={search} go={go} say={say} meta={meta} />}</Loaded>
    </div>
  );
}

function Graph({ answer, here, search, go, say }: PageProps & { answer: Flame }) {
  const source = useMemo(() => sourceOf(answer, null, null, pivotName(answer)), [answer]);
  const order = here.params.get("order") === "flame" ? "flame" : "icicle";
  const color = here.params.get("color") === "heat" ? "heat" : "module";
  const place = { view: here.page, params: here.params };
  const goTo = (_: string, changes: Record<string, string | null> = {}) => go(changed(here, changes));
  if (answer.callees.value[0] === 0)
    return (
      <div class="empty">
        <p class="empty-title">Nothing of this kind</p>
        <p class="muted">The part of the trace that is chosen has none of it.</p>
      </div>
    );
  return (
    <section class="flame-page">
      <div class="flame-tools">
        <Crumbs answer={answer} place={place} go={goTo} />
        <Choice label="Order" value={order} options={[["icicle", "Icicle"], ["flame", "Flame"]]} choose={(v) => goTo("", { order: v })} />
        <Choice label="Colour by" value={color} options={[["module", "Module"], ["heat", "Self"]]} choose={(v) => goTo("", { color: v })} />
      </div>
      <FlameCanvas
        source={source}
        look={{ flipped: order === "flame", color }}
        search={search}
        hooks={{
          pivot: (name) => goTo("", { p: exactly(name), z: null }),
          zoom: (path) => goTo("", { z: path || null }),
          out: () => {
            const z = here.params.get("z");
            if (z) goTo("", { z: z.includes(".") ? z.slice(0, z.lastIndexOf(".")) : null });
            else if (here.params.get("p")) goTo("", { p: null });
            else return false;
            return true;
          },
          menu: (name) => navigator.clipboard?.writeText(name).then(() => say("Copied " + name), () => {}),
        }}
        found={(share) => search && say(shareOfSearch(answer, place, search, share))}
      />
    </section>
  );
}
