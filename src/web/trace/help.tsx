// help: the keys and what the pictures mean.
import { Dialog } from "../parts/dialog";
import { Kind } from "./data";
import { Legend } from "./parts";

const KEYS: [string, [string[], string][]][] = [
  [
    "Timeline",
    [
      [["w", "s"], "closer, farther (Shift: more); the wheel does the same"],
      [["a", "d"], "earlier, later; also Shift and the wheel"],
      [["0"], "all of it"],
      [["z"], "zoom in on what is selected or marked"],
      [["\u2190", "\u2192"], "the box before and after, on this track"],
      [["\u2191", "\u2193"], "from track to track"],
      [["[", "]"], "what the goroutine did before and after"],
      [["F"], "follow the goroutine, or no more"],
      [["m"], "mark the time of the box"],
      [["v"], "to the first track that has something here"],
      [["Enter"], "details"],
      [["Esc"], "unmark, unselect, follow no more"],
    ],
  ],
  [
    "Everywhere",
    [
      [["/"], "search"],
      [["n", "N"], "the next match and the one before"],
      [["1", "2", "3"], "overview, timeline, goroutines"],
      [["?"], "this help"],
    ],
  ],
];

export function Help({ close }: { close(): void }) {
  return (
    <Dialog title="Help" close={close}>
      <div class="dialog-body help">
        {KEYS.map(([title, keys]) => (
          <section key={title}>
            <h3>{title}</h3>
            <dl class="keys">
              {keys.map(([names, text]) => (
                <div key={text}>
                  <dt>
                    {names.map((n) => (
                      <kbd>{n}</kbd>
                    ))}
                  </dt>
                  <dd>{text}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
        <section>
          <h3>Mouse and touch</h3>
          <dl class="help-words">
            <dt>Drag</dt>
            <dd>moves. In the ruler, with Shift, or after a long touch it marks a range: its flame graphs and sums.</dd>
            <dt>Wheel, two fingers</dt>
            <dd>zoom. Over the names the wheel scrolls.</dd>
            <dt>Double click</dt>
            <dd>zooms in on a box. A click on a box of many goes closer.</dd>
            <dt>A track's name</dt>
            <dd>folds the track.</dd>
          </dl>
        </section>
        <section>
          <h3>Colours</h3>
          <Legend
            parts={[
              ["running", Kind.Running],
              ["runnable", Kind.Runnable],
              ["system call", Kind.Syscall],
              ["locks, channels", Kind.Sync],
              ["network", Kind.Network],
              ["waits for the collector", Kind.WaitGC],
              ["sleep, idle", Kind.Sleep],
              ["other waits", Kind.Waiting],
              ["collector's work", Kind.GCWork],
              ["mark assist", Kind.Assist],
              ["sweeping", Kind.Sweep],
              ["the world is stopped", Kind.STW],
            ]}
          />
          <p class="muted">On tracks of processors and threads what runs has the colour of its start function; Options changes that. Solid arrows: woke. Dashed ones: created.</p>
        </section>
      </div>
    </Dialog>
  );
}
