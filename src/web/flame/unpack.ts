// unpack: values of trees as they are meant, from how they are sent (Tree.step of data.ts).
import type { Tree } from "../data";

export function unpack<T extends object>(answer: T): T {
  for (const part of Object.values(answer) as (Partial<Tree> | null)[]) {
    const step = part?.step;
    if (!step || !part?.children) continue;
    for (const column of [part.value, part.self, part.before, part.after])
      for (let i = 0; column && i < column.length; i++) column[i] *= step;
    for (const cut of part.cut!) cut[2] *= step;
    delete part.step;
  }
  return answer;
}
