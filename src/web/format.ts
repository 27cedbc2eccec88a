// format: values as pprof prints them.
import type { Values } from "./data";

function rounded(v: number): string {
  const text = v.toFixed(2);
  return text.endsWith(".00") ? text.slice(0, -3) : text;
}

// In the unit of tables.
export function inUnit(v: number, values: Values): string {
  return v === 0 ? "0" : rounded(v * values.scale) + values.unit;
}

// In the unit that suits it.
export function alone(v: number, values: Values): string {
  if (v === 0) return "0";
  const size = Math.abs(v * values.ratio);
  let step = values.steps[0];
  for (const s of values.steps) if (s.factor <= size) step = s;
  return rounded((v * values.ratio) / step.factor) + step.name;
}

// A share, as pprof rounds it: 100%, 12.34%, 0.12%.
export function percent(v: number, total: number): string {
  const share = total ? (Math.abs(v) / Math.abs(total)) * 100 : 0;
  if (Math.abs(share) >= 99.95 && Math.abs(share) <= 100.05) return "100%";
  if (Math.abs(share) >= 1) return share.toFixed(2) + "%";
  return share === 0 ? "0%" : Number(share.toPrecision(2)) + "%";
}

// Cut in the middle to at most n characters: both ends of a long name tell.
export function middle(text: string, n: number): string {
  if (text.length <= n || n < 3) return text;
  const left = Math.ceil((n - 1) / 2);
  return text.slice(0, left) + "\u2026" + text.slice(text.length - (n - 1 - left));
}
