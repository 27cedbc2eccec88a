// What the flame graph is drawn of: known trees with known places.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Tree } from "../data";
import { changeColor, css, DARK, faded, heatColor, LIGHT, luminance, moduleColor, pixel } from "../flame/colors";
import { growth } from "../flame/describe";
import { beyond, boxOf, CUT, depth, find, hit, layout, levelOf, pathOf, places, startsAt, sumOf } from "../flame/layout";
import { pivot } from "../flame/pivot";
import { Measure, shorter } from "../flame/text";

// all 100 -> a 60 (b 30 -> a 10; c 20), d 30 and two smaller ones of 10
const TREE: Tree = {
  frame: [-1, 0, 3, 1, 2, 0],
  children: [2, 2, 0, 1, 0, 0],
  value: [100, 60, 30, 30, 20, 10],
  self: [0, 10, 30, 20, 20, 10],
  inlined: [3],
  cut: [[0, 2, 10]],
};

test("boxes stand below their parents, side by side", () => {
  const l = layout(TREE);
  assert.equal(l.n, 7);
  assert.equal(depth(l), 4);
  assert.deepEqual([...l.levels], [0, 1, 4, 6, 7]);
  assert.deepEqual([...l.frame], [-1, 0, 3, CUT, 1, 2, 0]);
  assert.deepEqual([...l.left].map((x) => Math.round(x * 100)), [0, 0, 60, 90, 0, 30, 0]);
  assert.deepEqual([...l.size].map((x) => Math.round(x * 100)), [100, 60, 30, 10, 30, 20, 10]);
  assert.deepEqual([...l.parent], [-1, 0, 0, 0, 1, 1, 4]);
  assert.deepEqual([...l.inlined], [0, 0, 0, 0, 1, 0, 0]);
  assert.deepEqual([0, 1, 3, 4, 6].map((i) => levelOf(l, i)), [0, 1, 1, 2, 3]);
});

test("paths lead to boxes and back", () => {
  const l = layout(TREE);
  for (let i = 0; i < l.n; i++) if (l.frame[i] !== CUT) assert.equal(boxOf(l, pathOf(l, i)), i);
  assert.equal(pathOf(l, 6), "0.0.0");
  assert.equal(boxOf(l, "0.7"), 1, "as far as it leads");
});

test("what is at a place", () => {
  const l = layout(TREE);
  assert.equal(hit(l, 1, 0.65, 0), 2);
  assert.equal(hit(l, 2, 0.65, 0), -1);
  assert.equal(hit(l, 2, 0.51, 0.02), 5);
  assert.equal(hit(l, 2, 0.31, 0), 5);
  assert.equal(hit(l, 9, 0.5, 1), -1);
});

test("searching a level finds what looking at each box does", () => {
  const n = 400;
  const value = Array.from({ length: n }, (_, i) => (i * 7919) % 13);
  const sum = value.reduce((a, b) => a + b, 0);
  const l = layout({
    frame: [-1, ...value.map(() => 0)],
    children: [n, ...value.map(() => 0)],
    value: [sum, ...value],
    self: [0, ...value],
    inlined: [],
    cut: [],
  });
  const end = l.levels[2];
  for (let k = 0; k <= 200; k++) {
    const x = k / 200;
    let right = 1;
    while (right < end && l.left[right] + l.size[right] <= x) right++;
    assert.equal(beyond(l, 1, end, x), right);
    for (const from of [1, 50, 399]) {
      let left = from;
      while (left < end && l.left[left] < x) left++;
      assert.equal(startsAt(l, from, end, x), left);
    }
  }
});

test("values with signs: a box is as wide as its children", () => {
  const l = layout({ frame: [-1, 0, 1], children: [2, 0, 0], value: [10, 30, -20], self: [0, 30, -20], inlined: [], cut: [] });
  assert.deepEqual([...l.size].map((x) => Math.round(x * 100)), [100, 60, 40]);
});

test("an empty profile, and sides of a difference", () => {
  const empty = layout({ frame: [-1], children: [0], value: [0], self: [0], inlined: [], cut: [] });
  assert.equal(empty.n, 1);
  assert.equal(empty.size[0], 1);
  const l = layout({ ...TREE, cut: [] }, [50, 50, 0, 50, 0, 0]);
  assert.deepEqual([...l.size].map((x) => Math.round(x * 100)), [100, 100, 0, 100, 0, 0]);
});

test("functions inside of themselves count once", () => {
  const l = layout(TREE);
  const found = find(l, Uint8Array.from([1, 0, 0, 0]));
  assert.equal(found.count, 2);
  assert.equal(found.value, 60);
  assert.deepEqual(found.outermost, [1]);
  assert.equal(found.before[7] - found.before[4], 1);
  assert.deepEqual(sumOf(l, places(l, 4), 0), { boxes: 2, value: 60, self: 20 });
  assert.deepEqual(sumOf(l, places(l, 4), 3), { boxes: 1, value: 30, self: 30 });
});

test("a pivot has its callees and callers", () => {
  // all 100 -> m 70 (w 50 -> x 30; x 20), x 30
  const tree: Tree = {
    frame: [-1, 0, 2, 1, 2, 2],
    children: [2, 2, 0, 1, 0, 0],
    value: [100, 70, 30, 50, 20, 30],
    self: [0, 0, 30, 20, 20, 30],
    inlined: [],
    cut: [],
  };
  const { callees, callers, functions } = pivot(tree, (f) => f === 2);
  assert.equal(functions, 1);
  assert.deepEqual(callees.value, [80]);
  assert.deepEqual(callees.self, [80]);
  assert.deepEqual(callers.frame, [2, 1, 0, 0]);
  assert.deepEqual(callers.value, [80, 30, 20, 30]);
  assert.equal(pivot(tree, () => false).functions, 0);
  // Of a difference both sides come along.
  const sides = pivot({ ...tree, before: tree.value.map((v) => v - 1), after: tree.value.map(() => 1) }, (f) => f === 2);
  assert.equal(sides.callees.before![0] + sides.callees.after![0], sides.callees.value[0]);
  assert.equal(sides.callers.before!.length, sides.callers.frame.length);
  assert.equal(callees.before, undefined);
});

const pen = { measureText: (s: string) => ({ width: s.length * 7 }) } as CanvasRenderingContext2D;

test("long names are cut in their middle", () => {
  const m = new Measure(pen);
  assert.equal(m.width("abc"), 21);
  assert.equal(m.middle("abcdefghij", 7 * 7), "abc\u2026hij");
  assert.equal(m.middle("abcdefghij", 3 * 7), "", "too little says nothing");
  const cut = m.middle("\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}", 60);
  assert.ok(cut.length > 1 && !/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(cut), cut);
});

test("shorter names", () => {
  assert.deepEqual(shorter("main.run"), ["run"]);
  assert.deepEqual(shorter("gc.compileFunctions.func2"), ["compileFunctions.func2"]);
  for (const name of ["memcpy", "main.go", "malloc.c", "libc.so.6", "[python3.11]", "fill.part.0", "operator new[]"])
    assert.deepEqual(shorter(name), [], name);
  assert.deepEqual(shorter("<T as core::Trait>::next"), ["<\u2026>::next", "next"]);
  assert.deepEqual(shorter("(anonymous namespace)::Shape::area() const"), [
    "(anonymous namespace)::Shape::area",
    "Shape::area",
    "area",
  ]);
  assert.deepEqual(shorter("github.com/a/b/pkg.(*T).Method"), ["pkg.(*T).Method", "(*T).Method", "Method"]);
  assert.deepEqual(shorter("void ns::sort<int, std::less<int> >(int*, int*)"), [
    "void ns::sort<int, std::less<int> >",
    "void ns::sort<\u2026>",
    "sort<\u2026>",
  ]);
  assert.deepEqual(shorter("a::f(int) const"), ["a::f", "f"]);
  assert.equal(shorter("a::operator<(int)")[0], "a::operator<");
  assert.deepEqual(shorter("slices.Sort[go.shape.int]"), ["slices.Sort[\u2026]", "Sort[\u2026]"]);
});

test("text can be read on every colour (WCAG AA)", () => {
  const ink = (text: string) => pixel(parseInt(text.slice(1, 3), 16), parseInt(text.slice(3, 5), 16), parseInt(text.slice(5), 16));
  const contrast = (a: number, b: number) => {
    const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05);
  };
  for (const theme of [LIGHT, DARK]) {
    const colors = [theme.root, theme.cut, faded(theme.root, theme.ground, 0.6)];
    for (let hue = 0; hue < 12; hue++)
      for (const shade of [0, 1, 2]) colors.push(moduleColor(theme, hue, false, shade), moduleColor(theme, hue, true, shade));
    for (let k = 0; k <= 10; k++) {
      colors.push(heatColor(theme, k / 10));
      for (const calm of [true, false]) colors.push(changeColor(theme, k / 10, calm), changeColor(theme, -k / 10, calm));
    }
    for (const c of colors) assert.ok(contrast(c, ink(theme.ink)) >= 4.5, `${css(c)} ${theme.dark}: ${contrast(c, ink(theme.ink))}`);
    assert.ok(contrast(theme.match, ink(theme.matchInk)) >= 4.5);
  }
});

test("growth", () => {
  assert.equal(growth(0, 0), "0%");
  assert.equal(growth(0, 5), "new");
  assert.equal(growth(5, 0), "gone");
  assert.equal(growth(100, 150), "+50.00%");
  assert.equal(growth(100, 75), "\u221225.00%");
});
