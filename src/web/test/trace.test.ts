// The page of a trace: numbers, tiles, tracks.
import "./dom";
import assert from "node:assert/strict";
import { test } from "node:test";
import { Kind } from "../trace/data";
import type { Box, Frame, Lane, Tracks } from "../trace/data";
import { query } from "../trace/ask";
import { functionOf, holderOf, isLock } from "../trace/holder";
import { CELLS, decode, firstAfter, Tiles } from "../trace/timeline/tiles";
import { Source } from "../trace/timeline/tracks";
import { bytes, exact, long, moment, share } from "../trace/units";

test("lengths of time", () => {
  assert.equal(long(0), "0");
  assert.equal(long(7), "7 ns");
  assert.equal(long(999), "999 ns");
  assert.equal(long(1234), "1.23 \u00b5s");
  assert.equal(long(99_960), "100 \u00b5s");
  assert.equal(long(999_999), "1.00 ms");
  assert.equal(long(12_345_678), "12.3 ms");
  assert.equal(long(2e9), "2.00 s");
  assert.equal(long(3_601e9), "60 min 1 s");
});

test("moments have the digits that the step needs", () => {
  assert.equal(moment(1_500_000_000, 100_000_000), "1.5 s");
  assert.equal(moment(100_200_000, 100_000), "100.2 ms");
  assert.equal(moment(100_200_300, 100), "100.2003 ms");
  assert.equal(moment(0, 1e9, 5e9), "0 s");
  assert.equal(exact(1_234_567_890), "1.234 567 890 s");
  assert.equal(exact(5), "0.000 000 005 s");
});

test("bytes and shares", () => {
  assert.equal(bytes(999), "999 B");
  assert.equal(bytes(1000), "1.00 kB");
  assert.equal(bytes(33_400_000), "33.4 MB");
  assert.equal(share(0, 10), "0%");
  assert.equal(share(1, 3), "33%");
  assert.equal(share(1, 40), "2.5%");
  assert.equal(share(1, 1e6), "<0.1%");
  assert.equal(share(1, 0), "0%");
});

test("the same parameters make the same address", () => {
  assert.equal(query({ b: 1, a: "x y", c: null, d: undefined, e: "" }), "a=x+y&b=1");
});

const lane: Lane = { gap: [-5, 10, 0], length: [20, 100, 50], kind: [Kind.Running, Kind.Sync, Kind.Running], name: [0, 1, 0], joined: [[2, 7, 128]] };

test("boxes have their real ends", () => {
  const b = decode(lane, 1000, Uint32Array.from([40, 41]));
  assert.deepEqual([...b.start], [995, 1025, 1125]);
  assert.deepEqual([...b.end], [1015, 1125, 1175]);
  assert.deepEqual([...b.name], [40, 41, 40]);
  assert.deepEqual([...b.count!], [1, 1, 7]);
  assert.equal(b.busy![2], 128);
  assert.equal(firstAfter(b, 0), 0);
  assert.equal(firstAfter(b, 1014), 0);
  assert.equal(firstAfter(b, 1015), 1);
  assert.equal(firstAfter(b, 1175), 3);
});

const WIDTH = CELLS * 4; // of a tile of level 2
Object.assign(globalThis, { window: globalThis });

test("tiles: what is missing is asked for, and coarser ones stand in", async () => {
  const asked: string[] = [];
  const tiles = new Tiles<string>(
    async (start, _end, step, block) => {
      asked.push(`${start}/${step}/${block}`);
      return { value: `${start}/${step}`, weight: 1 };
    },
    10 * WIDTH,
    100,
    () => {},
  );
  const settled = () => new Promise((done) => setTimeout(done, 60));
  tiles.begin();
  assert.deepEqual(tiles.pieces(2, WIDTH / 2, WIDTH * 1.5, 3), []);
  tiles.end();
  await settled();
  assert.deepEqual(asked, ["0/4/3", `${WIDTH}/4/3`]);
  tiles.begin();
  const got = tiles.pieces(2, WIDTH / 2, WIDTH * 1.5, 3);
  assert.deepEqual(got.map((p) => [p.value, p.a, p.b]), [["0/4", WIDTH / 2, WIDTH], [`${WIDTH}/4`, WIDTH, WIDTH * 1.5]]);
  // Closer: the coarse one, once, as long as the fine ones are on their way.
  const close = tiles.pieces(1, 0, WIDTH, 3);
  assert.deepEqual(close.map((p) => [p.value, p.a, p.b]), [["0/4", 0, WIDTH]]);
  // Farther: both halves are there.
  const far = tiles.pieces(3, 0, 2 * WIDTH, 3);
  assert.deepEqual(far.map((p) => p.value), ["0/4", `${WIDTH}/4`]);
  // Nothing of another block, nothing behind the end.
  assert.deepEqual(tiles.pieces(2, 0, WIDTH, 4), []);
  assert.deepEqual(tiles.pieces(2, 11 * WIDTH, 12 * WIDTH, 3), []);
  tiles.stop();
});

test("tiles: what is no longer looked at is called off", async () => {
  let off = 0;
  const tiles = new Tiles<string>(
    (_s, _e, _step, _block, signal) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          off++;
          reject(Object.assign(new Error("off"), { name: "AbortError" }));
        });
      }),
    100 * WIDTH,
    100,
    () => {},
  );
  tiles.begin();
  tiles.pieces(2, 0, WIDTH, 0);
  tiles.end();
  await new Promise((done) => setTimeout(done, 20));
  assert.ok(tiles.busy);
  tiles.begin();
  tiles.pieces(2, 50 * WIDTH, 51 * WIDTH, 0);
  tiles.end();
  assert.equal(off, 1);
  assert.equal(tiles.failure, "");
  tiles.stop();
});

const answer: Tracks = {
  view: "goroutine",
  texts: ["", "main.f"],
  id: [5, 9, 12],
  kind: "goroutine",
  name: [1, 1, 1],
  lanes: [1, 3, 1],
  first: [0, 50, 200],
  last: [100, 150, 300],
  more: 0,
};

test("holder: who gave the lock to the first of those who passed it on", async () => {
  const frame = (name: string) => ({ name, place: "" });
  const lock = [frame("sync.(*Mutex).Lock"), frame("main.take")];
  const free = (name: string) => [frame("sync.(*Mutex).Unlock"), frame(name)];
  const wait = (start: number, length: number, by: number, stack: Frame[]) =>
    ({ kind: Kind.Sync, name: "sync", start, length, stack: lock, woken: { at: start + length, g: by, function: "", track: 0, kind: "woke", reason: "sync", stack }, previous: null }) as unknown as Box;
  // G1 holds it up to 1000, then G2, which has waited, then G3, which asks.
  const of2 = wait(100, 900, 1, free("main.save"));
  const asked = wait(150, 860, 2, free("main.take"));
  const runs = { kind: Kind.Running, name: "main", start: 1000, length: 20, stack: [], woken: null, previous: { start: 100, length: 900 } } as unknown as Box;
  const real = globalThis.fetch;
  globalThis.fetch = (async (address: string) => {
    const q = new URL(address, "http://x/").searchParams;
    const box = q.get("g") === "1" ? { ...runs, previous: null } : Number(q.get("at")) < 1000 ? of2 : runs;
    return new Response(JSON.stringify(box));
  }) as typeof fetch;
  try {
    const holder = await holderOf(asked, new AbortController().signal);
    assert.equal(holder?.g, 1);
    assert.equal(holder?.passed, 1);
    assert.equal(functionOf(holder!.stack), "main.save");
    // Who has waited for less than half of the time had it himself.
    const short = wait(990, 40, 2, free("main.take"));
    assert.equal((await holderOf(short, new AbortController().signal))?.g, 2);
  } finally {
    globalThis.fetch = real;
  }
  assert.ok(!isLock({ kind: Kind.Sync, name: "sync", stack: [frame("sync.(*WaitGroup).Wait")] }));
  assert.ok(isLock({ kind: Kind.Sync, name: "sync mutex lock", stack: [] }));
});

test("tracks: where they stand, folded and left out", () => {
  const s = new Source(answer, null as never);
  assert.equal(s.names[1], "G9 main.f");
  assert.equal(s.trackOf("goroutine", 12), 2);
  assert.equal(s.trackOf("goroutine", 7), -1);
  const [a, b, c] = [s.top[1], s.top[2], s.top[3]];
  assert.equal(b - a, a + 2 * 14); // two lanes more
  assert.equal(s.at(0), 0);
  assert.equal(s.at(a), 1);
  assert.equal(s.at(c - 1), 2);
  assert.equal(s.at(c), -1);
  assert.equal(s.laneAt(1, a + 5), 0);
  assert.equal(s.laneAt(1, a + 21 + 15), 2);
  s.folded.add(1);
  s.place();
  assert.equal(s.lanesShown(1), 1);
  assert.ok(s.top[2] - s.top[1] < 10);
  assert.ok(s.setLive({ a: 120, b: 140 }));
  assert.equal(s.at(0), 1); // the only one
  assert.equal(s.height, s.top[2] - s.top[1]);
  assert.ok(!s.setLive({ a: 121, b: 141 }));
  assert.ok(s.setLive(null));
  assert.equal(s.at(0), 0);
});
