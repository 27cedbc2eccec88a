import type { View } from "../view";
import { DiffView } from "./diff";
import { FlameGraphView } from "./flamegraph";
import { GraphView } from "./graph";
import { TimelineView } from "./timeline";
import { Top } from "./top";

export const views: View[] = [
  { name: "flamegraph", component: FlameGraphView },
  { name: "graph", component: GraphView },
  { name: "top", component: Top },
  { name: "diff", component: DiffView },
  { name: "timeline", component: TimelineView },
];
