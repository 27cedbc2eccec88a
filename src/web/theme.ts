// theme: light or dark; as the system has it unless the user says otherwise.

export type Choice = "auto" | "light" | "dark";
const KEY = "sonde-theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();
let choice: Choice = "auto";

try {
  const kept = localStorage.getItem(KEY);
  if (kept === "light" || kept === "dark") choice = kept;
} catch {
  // a browser that keeps nothing
}

export const themeChoice = () => choice;
export const isDark = () => (choice === "auto" ? system.matches : choice === "dark");

function apply() {
  document.documentElement.dataset.theme = isDark() ? "dark" : "light";
  for (const fn of [...listeners]) fn();
}

export function setTheme(to: Choice) {
  choice = to;
  try {
    if (to === "auto") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, to);
  } catch {
    // then it lasts as long as the page
  }
  apply();
}

// Call fn when the theme changes; returns what ends that.
export function onTheme(fn: () => void): () => void {
  listeners.add(fn);
  return () => listeners.delete(fn);
}

system.addEventListener("change", apply);
apply();
