// Regexps, filters and addresses of the page.
import "./dom";
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Meta } from "../data";
import { REFINEMENTS, refine, reset } from "../refine";
import { exactly, functionOf, plain, regexp } from "../regexps";
import { address } from "../url";

const matches = (source: string, text: string) => (regexp(source) as RegExp).test(text);

test("regexps of RE2 are understood", () => {
  assert.ok(matches("(?i)MALLOC", "runtime.mallocgc"));
  assert.ok(!matches("MALLOC", "runtime.mallocgc"));
  assert.ok(matches("(?P<pkg>runtime)\\.", "runtime.mallocgc"));
  assert.ok(matches("\\Qa.(*b)\\E$", "x.a.(*b)"));
  assert.ok(!matches("\\Qa.(*b)\\E$", "x.aa(*b)"));
  assert.ok(matches("\\Aruntime\\.x\\z", "runtime.x"));
  assert.ok(!matches("\\Aruntime\\.x\\z", "runtime.xy"));
  assert.ok(matches("\\pL\\d", "\u00e47"));
});

test("why a text is no regexp is told in a few words", () => {
  assert.equal(regexp("("), "unterminated group");
  assert.equal(typeof regexp("a["), "string");
});

test("the function of a row, whatever the granularity", () => {
  assert.equal(functionOf("main.f", ""), "main.f");
  assert.equal(functionOf("main.f /src/x.go:12", "lines"), "main.f");
  assert.equal(functionOf("0000000000401000 main.f /src/x.go:12", "addresses"), "main.f");
  assert.equal(functionOf("operator new(unsigned long) /src/new.cc:7:3", "lines"), "operator new(unsigned long)");
  assert.equal(functionOf("main.f /src/x.go", "filefunctions"), "main.f");
  assert.equal(functionOf("std::map<int, a>::find", "filefunctions"), "std::map<int, a>::find");
  assert.equal(functionOf("/src/x.go", "files"), "/src/x.go");
});

test("a name as a regexp matches it alone, and is shown as a name", () => {
  const name = "a/b.(*T[int]).m|x$ {1,2}+?^\\";
  assert.ok(matches(exactly(name), name));
  assert.ok(!matches(exactly(name), name + "x"));
  assert.equal(plain(exactly(name)), name);
  assert.equal(plain(exactly("a.b") + "|" + exactly("c")), "a.b | c");
  assert.equal(plain("^a.b$"), "^a.b$"); // not a name: the dot stands for anything
  assert.equal(plain("malloc"), "malloc");
});

function meta(values: Record<string, string>): Meta {
  const options = ["focus f", "ignore i", "hide h", "tagfocus tf", "sort sort"].map((text) => {
    const [name, param] = text.split(" ");
    return { name, param, kind: "string", help: "", value: values[name] ?? "", normal: "" };
  });
  return { options } as unknown as Meta;
}
const how = (param: string) => REFINEMENTS.find((r) => r.param === param)!;

test("focus takes the place of what is there; ignore and hide add to it", () => {
  assert.deepEqual(refine(meta({ focus: "a" }), how("f"), "b"), { f: "b" });
  assert.deepEqual(refine(meta({ ignore: "a" }), how("i"), "b"), { i: "b|a" });
  assert.deepEqual(refine(meta({ hide: "a|b" }), how("h"), "b"), { h: "a|b" });
  assert.deepEqual(refine(null, how("h"), "b"), { h: "b" });
});

test("reset takes filters, pivot and search away, and nothing else", () => {
  assert.deepEqual(reset(meta({})), { p: null, z: null, q: null, f: null, i: null, h: null, tf: null });
});

test("an address keeps what other views understand", () => {
  const from = (view: string, query: string) => ({ view, params: new URLSearchParams(query) });
  assert.equal(address(from("top", "f=a&si=cpu"), "graph"), "./graph?f=a&si=cpu");
  assert.equal(address(from("flamegraph", "p=x&z=1.0"), "sandwich"), "./sandwich?p=x");
  assert.equal(address(from("flamegraph", "p=x"), "top"), "./top");
  assert.equal(address(from("top", "n=0&nf=0"), "graph"), "./graph");
  assert.equal(address(from("top", "n=30"), "graph"), "./graph?n=30");
  assert.equal(address(from("top", "n=0"), "top", { sort: "cum", n: null }), "./top?sort=cum");
});
