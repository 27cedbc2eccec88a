import type { View } from "../view";
<<<<<<< HEAD
import { DiffView } from "./diff";
import { FlameGraphView } from "./flamegraph";
import { GraphView } from "./graph";
import { TimelineView } from "./timeline";
=======
import { Disasm } from "./disasm";
import { FlameGraphView } from "./flamegraph";
import { Peek } from "./peek";
import { Sandwich } from "./sandwich";
import { Source } from "./source";
import { Tags } from "./tags";
>>>>>>> fe27f84 (wip)
import { Top } from "./top";

export const views: View[] = [
  { name: "flamegraph", component: FlameGraphView },
  { name: "graph", component: GraphView },
  { name: "top", component: Top },
<<<<<<< HEAD
  { name: "diff", component: DiffView },
  { name: "timeline", component: TimelineView },
=======
  { name: "peek", component: Peek },
  { name: "source", component: Source },
  { name: "disasm", component: Disasm },
  { name: "sandwich", component: Sandwich },
  { name: "tags", component: Tags },
>>>>>>> fe27f84 (wip)
];
