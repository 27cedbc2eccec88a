// tip: the panel with what is told of a box: at the pointer, beside the keyboard's place, or, after
// a touch, pinned and with buttons.
import { element } from "../element";
import { describe } from "./describe";
import type { FlameGraph } from "./engine";
import { ABOVE, CALLEES, kindOf, type Spot } from "./picture";

export class Tip {
  readonly panel = element("div", "flame-tip");
  pinned = false;
  private last = { x: 0, y: 0 };

  constructor(private graph: FlameGraph) {
    this.panel.setAttribute("aria-hidden", "true");
    this.panel.hidden = true;
  }

  hide() {
    this.panel.hidden = true;
  }

  fill(s: Spot, buttons: boolean) {
    const told = describe(this.graph.picture!, s);
    const facts = element("dl", "");
    for (const [what, much] of told.facts) facts.append(element("dt", "", what), element("dd", "", much));
    const parts: Node[] = [element("b", "", told.name)];
    if (told.place) parts.push(element("span", "flame-place", told.place));
    parts.push(facts);
    for (const mark of told.marks) parts.push(element("span", "flame-mark", mark));
    if (buttons) {
      const name = this.graph.picture!.name(s);
      const bar = element("div", "flame-buttons");
      const add = (text: string, fn: () => void) => {
        const b = element("button", "", text);
        b.type = "button";
        b.onclick = () => {
          const r = b.getBoundingClientRect();
          this.unpin();
          fn();
          return [r.left, r.bottom];
        };
        bar.append(b);
      };
      if (kindOf(s) === ABOVE || this.graph.picture!.isOutermost(s)) add("Go back out", () => this.graph.activate(s));
      else {
        if (this.graph.picture!.frame(s) >= 0) add("Pivot", () => this.graph.activate(s));
        if (kindOf(s) === CALLEES) add("Zoom", () => this.graph.zoomTo(s));
      }
      if (this.graph.picture!.frame(s) >= 0) add("More", () => this.graph.hooks.menu(name, this.last.x, this.last.y));
      add("Close", () => {});
      parts.push(bar);
    }
    this.panel.replaceChildren(...parts);
    this.panel.hidden = false;
    this.panel.classList.toggle("flame-pinned", buttons);
    this.panel.setAttribute("aria-hidden", String(!buttons));
  }

  place(x: number, y: number) {
    this.last = { x, y };
    const { offsetWidth: w, offsetHeight: h } = this.panel;
    const left = x + 16 + w < innerWidth ? x + 16 : Math.max(8, x - 16 - w);
    const below = y + 20 + h < innerHeight;
    this.panel.style.left = `${Math.max(8, Math.min(left, innerWidth - w - 8))}px`;
    this.panel.style.top = `${below ? y + 20 : Math.max(8, y - 12 - h)}px`;
  }

  unpin() {
    this.pinned = false;
    this.hide();
  }
}
