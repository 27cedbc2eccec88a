import type { View } from "../view";
import { Top } from "./top";

export const views: View[] = [{ name: "top", component: Top }];
