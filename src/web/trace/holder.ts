// holder: who held the lock that a goroutine waited for.  Many may wait for one, and pass it on to
// each other: it is who gave it to the first of them, as in the tables (analysis_wait.c).
import { ask } from "./ask";
import { Kind, type Box, type Wake } from "./data";

export interface Holder extends Wake {
  passed: number; // how often it was passed on after that
}

const LINKS = 12; // of the chain
const STEPS = 8; // back, until it waited

const GO_LOCK = /^(internal\/)?sync\.\(\*(RW)?Mutex\)\./;

export function isLock(b: Pick<Box, "kind" | "name" | "stack">): boolean {
  return b.kind === Kind.Sync && (/^sync (mutex|rwlock)/.test(b.name) || b.stack.some((f) => GO_LOCK.test(f.name)));
}

// What gives locks up for a program: not of interest, but in whom.
const BELOW = /^(pthread_|_+pthread_|__gthread_|__lll_|std::(mutex|shared_mutex|recursive_mutex|lock_guard|unique_lock|scoped_lock|shared_lock)|(internal\/)?sync\.|runtime\.|0x)/;

export function functionOf(frames: Box["stack"]): string {
  return frames.find((f) => !BELOW.test(f.name))?.name ?? "";
}

// The last time that it waited for a lock, if that ended between `after` and `at`.
async function waited(g: number, at: number, after: number, signal: AbortSignal): Promise<Box | null> {
  let box = await ask<Box>("box", { g, at }, signal);
  for (let i = 0; i < STEPS && box.previous; i++) {
    const { start, length } = box.previous;
    if (start + length <= after) break;
    box = await ask<Box>("box", { g, at: Math.round(start + Math.min(1, length / 2)) }, signal);
    if (isLock(box)) return box;
  }
  return null;
}

export async function holderOf(b: Box, signal: AbortSignal): Promise<Holder | null> {
  let wait = b;
  for (let passed = 0; wait.woken && wait.woken.g >= 0; passed++) {
    const { woken } = wait;
    const before = passed < LINKS ? await waited(woken.g, woken.at, wait.start + wait.length / 2, signal) : null;
    if (!before?.woken || before.woken.g < 0) return { ...woken, passed };
    wait = before;
  }
  return null;
}
