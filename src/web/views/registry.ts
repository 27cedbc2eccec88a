import type { View } from "../view";
import { FlameGraphView } from "./flamegraph";
import { Top } from "./top";

export const views: View[] = [
  { name: "flamegraph", component: FlameGraphView },
  { name: "top", component: Top },
];
