// refine: the parameters that filter the profile, by pprof's rules.
import type { Meta } from "./data";
import type { Changes } from "./url";

export interface Refinement {
  param: string;
  label: string;
  help: string;
  adds: boolean; // to what is there; else it takes its place
}

export const REFINEMENTS: Refinement[] = [
  { param: "f", label: "Focus", help: "Keep only the samples that go through these functions", adds: false },
  { param: "i", label: "Ignore", help: "Leave out the samples that go through these functions", adds: true },
  { param: "h", label: "Hide", help: "Leave these functions out, and keep their samples", adds: true },
  { param: "s", label: "Show", help: "Show only these functions", adds: false },
  { param: "sf", label: "Show from", help: "Let the stacks begin at these functions", adds: false },
];

export const FILTERS = [
  "focus", "ignore", "hide", "show", "show_from", "prune_from",
  "tagfocus", "tagignore", "tagshow", "taghide",
]; // prettier-ignore

// What the regexp does to the parameters.  What is there may be the command line's.
export function refine(meta: Meta | null, how: Refinement, regexp: string): Changes {
  const old = how.adds ? meta?.options.find((o) => o.param === how.param)?.value : "";
  return { [how.param]: old && !old.split("|").includes(regexp) ? regexp + "|" + old : old || regexp };
}

// The whole profile again, as far as the command line allows.
export function reset(meta: Meta): Changes {
  const changes: Changes = { p: null, z: null, q: null };
  for (const option of meta.options) if (FILTERS.includes(option.name)) changes[option.param] = null;
  return changes;
}
