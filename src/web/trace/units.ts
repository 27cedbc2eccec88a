// units: numbers for people.

const STEPS: [number, string][] = [
  [1e9, "s"],
  [1e6, "ms"],
  [1e3, "\u00b5s"],
  [1, "ns"],
];

// A length of time with three digits: 1.23 ms.
export function long(ns: number): string {
  if (ns === 0) return "0";
  const size = Math.abs(ns);
  if (size >= 600e9) {
    const s = Math.round(size / 1e9);
    return `${ns < 0 ? "-" : ""}${Math.floor(s / 60)} min ${s % 60} s`;
  }
  const [factor, unit] = STEPS.find(([f]) => size >= f * 0.9995) ?? STEPS[3];
  const v = ns / factor;
  const digits = Math.abs(v) >= 99.95 || factor === 1 ? 0 : Math.abs(v) >= 9.995 ? 1 : 2;
  return `${v.toFixed(digits)} ${unit}`;
}

// A moment: as many digits as the step (ns) between such needs, in the unit of `size`.
export function moment(ns: number, step: number, size = Math.abs(ns)): string {
  const [factor, unit] = STEPS.find(([f]) => Math.max(size, step) >= f) ?? STEPS[3];
  const digits = Math.max(0, Math.min(9, Math.ceil(Math.log10(factor / step) - 1e-9)));
  return `${(ns / factor).toFixed(digits)} ${unit}`;
}

// All digits, in groups: 1.234 567 890 s.
export function exact(ns: number): string {
  const sign = ns < 0 ? "-" : "";
  const size = Math.abs(Math.round(ns));
  const s = Math.floor(size / 1e9);
  const rest = String(size % 1e9).padStart(9, "0");
  return `${sign}${s}.${rest.slice(0, 3)} ${rest.slice(3, 6)} ${rest.slice(6)} s`;
}

export function bytes(n: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let k = 0;
  let v = n;
  while (v >= 999.5 && k < units.length - 1) {
    v /= 1000;
    k++;
  }
  return `${k === 0 || v >= 99.95 ? Math.round(v) : v.toFixed(v >= 9.995 ? 1 : 2)} ${units[k]}`;
}

export function count(n: number): string {
  return n.toLocaleString("en");
}

export function share(v: number, total: number): string {
  const p = total ? (v / total) * 100 : 0;
  if (p === 0) return "0%";
  if (p < 0.05) return "<0.1%";
  return `${p >= 99.95 ? 100 : p >= 9.95 ? Math.round(p) : p.toFixed(1)}%`;
}

export function plural(n: number, one: string, many = one + "s"): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}
