// canvas: the flame graph as a component of the page.
import { useEffect, useRef } from "preact/hooks";
import type { Look } from "./draw";
import { FlameGraph, type Hooks } from "./engine";
import type { Source } from "./picture";

interface Props {
  source: Source; // kept as long as it is the same
  look: Partial<Look>;
  search: RegExp | null;
  hooks: Hooks;
  label?: string;
  half?: boolean; // one of two that stand above each other
  found?(share: { functions: number; value: number } | null): void;
  graph?(graph: FlameGraph): void; // once it is there
}

export function FlameCanvas({ source, look, search, hooks, label, half, found, graph }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const engine = useRef<FlameGraph | null>(null);
  const latest = useRef(hooks);
  latest.current = hooks;
  const drawn = useRef<{ source: Source; search: RegExp | null } | null>(null);
  useEffect(() => {
    const g = new FlameGraph(
      host.current!,
      {
        pivot: (name) => latest.current.pivot(name),
        zoom: (path) => latest.current.zoom(path),
        out: () => latest.current.out(),
        menu: (name, x, y) => latest.current.menu(name, x, y),
        hover: (s) => latest.current.hover?.(s),
        moved: (scrolled) => latest.current.moved?.(scrolled),
      },
      label,
    );
    engine.current = g;
    g.half = half ?? false;
    graph?.(g);
    return () => {
      g.end();
      engine.current = null;
      drawn.current = null;
    };
  }, []);
  useEffect(() => engine.current?.setLook(look), [look.flipped, look.color, look.calm, look.shares]);
  useEffect(() => {
    const g = engine.current;
    const was = drawn.current;
    if (!g || (was && was.source === source && was.search === search)) return;
    const share = was && was.source === source ? g.search(search) : g.show(source, search);
    drawn.current = { source, search };
    found?.(share);
  }, [source, search]);
  useEffect(() => {
    const g = engine.current;
    if (!g || g.half === (half ?? false)) return;
    g.half = half ?? false;
    g.measure();
  }, [half]);
  return <div ref={host} />;
}
