import { h } from "preact";
import type { Diff, Flame } from "../data";
import type { View, ViewProps } from "../view";
import { DiffView } from "./diff";
import { Disasm } from "./disasm";
import { FlameGraphView } from "./flamegraph";
import { GraphView } from "./graph";
import { Peek } from "./peek";
import { Sandwich } from "./sandwich";
import { Source } from "./source";
import { Tags } from "./tags";
import { TimelineView } from "./timeline";
import { Top } from "./top";

// Of a profile with a base the first page shows what has changed.
function FlameGraphOrDiff(props: ViewProps<Flame>) {
  return props.answer.before ? h(DiffView, { ...props, answer: props.answer as Diff }) : h(FlameGraphView, props);
}

export const views: View[] = [
  { name: "flamegraph", component: FlameGraphOrDiff },
  { name: "graph", component: GraphView },
  { name: "top", component: Top },
  { name: "peek", component: Peek },
  { name: "source", component: Source },
  { name: "disasm", component: Disasm },
  { name: "sandwich", component: Sandwich },
  { name: "tags", component: Tags },
  { name: "diff", component: DiffView },
  { name: "timeline", component: TimelineView },
];
