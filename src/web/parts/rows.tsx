// rows: which rows of a long list are in sight.
import type { RefObject } from "preact";
import { useLayoutEffect, useReducer, useState } from "preact/hooks";
import { Virtualizer, elementScroll, observeElementOffset, observeElementRect } from "@tanstack/virtual-core";

const ALL = 600; // so many are there as a whole: they can be printed, and found by the browser

export interface Rows {
  list: { index: number; start: number }[];
  total: number; // pixels
  show(index: number): void; // scroll there if it is out of sight
}

export function useRows(count: number, size: number, scroller: RefObject<HTMLElement | null>, head = 0): Rows {
  const [, again] = useReducer((n: number) => n + 1, 0);
  const [rows] = useState(() => new Virtualizer<HTMLElement, HTMLElement>({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => size,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    onChange: () => again(0),
  }));
  rows.setOptions({
    ...rows.options,
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => size,
    overscan: count <= ALL ? ALL : 12,
    scrollPaddingStart: head,
    onChange: () => again(0),
  });
  useLayoutEffect(() => rows._didMount(), []);
  useLayoutEffect(() => rows._willUpdate());
  useLayoutEffect(() => rows.measure(), [size, count]);
  return {
    list: rows.getVirtualItems(),
    total: rows.getTotalSize(),
    show: (index) => rows.scrollToIndex(index, { align: "auto" }),
  };
}

// Does the window have less than so many pixels in width?
export function useNarrow(width: number): boolean {
  const query = `(max-width: ${width}px)`;
  const [narrow, setNarrow] = useState(matchMedia(query).matches);
  useLayoutEffect(() => {
    const list = matchMedia(query);
    const changed = () => setNarrow(list.matches);
    list.addEventListener("change", changed);
    return () => list.removeEventListener("change", changed);
  }, [query]);
  return narrow;
}
