// Light or dark: the system's choice until the reader makes one. Charts are drawn on canvas and must be told.

type Theme = "light" | "dark";
const KEY = "moestress-theme";
const listeners = new Set<() => void>();

function stored(): Theme | null {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : null;
  } catch {
    return null; // a page from disk may have no storage
  }
}

let chosen: Theme | null = stored();
let printing = false;
const system = matchMedia("(prefers-color-scheme: dark)");

export function theme(): Theme {
  if (printing) return "light";
  return chosen ?? (system.matches ? "dark" : "light");
}

function apply(): void {
  document.documentElement.dataset.theme = theme();
  for (const listener of listeners) listener();
}

export function toggleTheme(): void {
  chosen = theme() === "dark" ? "light" : "dark";
  try {
    localStorage.setItem(KEY, chosen);
  } catch {
    // not kept then
  }
  apply();
}

/** Calls `listener` on each change until the returned function is called. */
export function onTheme(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function startTheme(): void {
  system.addEventListener("change", apply);
  // Paper is light. The listeners redraw at once, before the page is captured.
  addEventListener("beforeprint", () => {
    printing = true;
    apply();
  });
  addEventListener("afterprint", () => {
    printing = false;
    apply();
  });
  apply();
}

/** A custom property's value now, e.g. color("--ink"). */
export function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
