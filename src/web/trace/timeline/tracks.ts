// tracks: the rows of the timeline, and where each stands.
import type { Tracks } from "../data";
import type { Rows, Tiles } from "./tiles";

export const LANE = 21; // height of a track's first lane, in CSS pixels
export const INNER = 14; // of those within
const GAP = 3; // between tracks
const SMALL = 7; // a track that is folded
const SMALL_GAP = 1;

export interface Place {
  source: Source;
  track: number;
  lane: number;
  y: number; // from the top of the source's first track
  height: number;
}

// One list of tracks, with what the server has of them.
export class Source {
  readonly n: number;
  readonly id: number[];
  readonly names: string[];
  readonly lanes: number[];
  readonly first: number[];
  readonly last: number[];
  readonly more: number;
  readonly folded = new Set<number>(); // tracks
  small = false; // all of them
  private live: { a: number; b: number } | null = null; // only tracks that have something then
  top = new Float64Array(1);
  private index: Map<string, number> | null = null;

  constructor(
    answer: Tracks,
    readonly tiles: Tiles<Rows>,
    word = "G", // before a goroutine's number
  ) {
    this.n = answer.id.length;
    this.id = answer.id;
    this.names = answer.name.map((t, i) => {
      const text = answer.texts[t];
      const kind = typeof answer.kind === "string" ? answer.kind : answer.kind[i];
      return kind === "goroutine" ? `${word}${answer.id[i]} ${text}` : text;
    });
    this.kinds = answer.kind;
    this.lanes = answer.lanes;
    this.first = answer.first;
    this.last = answer.last;
    this.more = answer.more;
    this.place();
  }
  private kinds: Tracks["kind"];

  kind(track: number): string {
    return typeof this.kinds === "string" ? this.kinds : this.kinds[track];
  }

  // The track of a goroutine, a task...: -1 if there is none.
  trackOf(kind: string, id: number): number {
    if (!this.index) {
      this.index = new Map();
      for (let i = this.n - 1; i >= 0; i--) this.index.set(this.kind(i) + this.id[i], i);
    }
    return this.index.get(kind + id) ?? -1;
  }

  isSmall(track: number): boolean {
    return this.small !== this.folded.has(track);
  }

  isHidden(track: number): boolean {
    const { live } = this;
    return live !== null && (this.last[track] <= live.a || this.first[track] >= live.b);
  }

  // Only tracks with something between a and b; null: all.  True if that changes anything.
  setLive(live: { a: number; b: number } | null): boolean {
    const was = this.top;
    this.live = live;
    this.place();
    for (let i = 0; i <= this.n; i++) if (was[i] !== this.top[i]) return true;
    return false;
  }

  lanesShown(track: number): number {
    return this.isHidden(track) ? 0 : this.isSmall(track) ? 1 : this.lanes[track];
  }

  // To be called when something was folded.
  place() {
    this.top = new Float64Array(this.n + 1);
    let y = 0;
    for (let i = 0; i < this.n; i++) {
      this.top[i] = y;
      y += this.isHidden(i) ? 0 : this.isSmall(i) ? SMALL + SMALL_GAP : LANE + INNER * (this.lanes[i] - 1) + GAP;
    }
    this.top[this.n] = y;
  }

  get height(): number {
    return this.top[this.n];
  }

  // The track at y, -1: none.
  at(y: number): number {
    if (y < 0 || y >= this.height) return -1;
    let lo = 0;
    for (let hi = this.n - 1; lo < hi; ) {
      const mid = (lo + hi + 1) >> 1;
      if (this.top[mid] <= y) lo = mid;
      else hi = mid - 1;
    }
    return lo;
  }

  laneTop(track: number, lane: number): number {
    return this.top[track] + (lane ? LANE + INNER * (lane - 1) : 0);
  }

  laneHeight(track: number, lane: number): number {
    return this.isSmall(track) ? SMALL : lane ? INNER - 1 : LANE;
  }

  laneAt(track: number, y: number): number {
    const within = y - this.top[track] - LANE;
    return within < 0 || this.isSmall(track) ? 0 : Math.min(this.lanes[track] - 1, 1 + Math.floor(within / INNER));
  }
}
