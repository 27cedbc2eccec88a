// element: an element of the page, with its class and what is in it, for what draws without a framework.
export function element<K extends keyof HTMLElementTagNameMap>(tag: K, name: string, ...children: (Node | string)[]): HTMLElementTagNameMap[K] {
  const e = document.createElement(tag);
  if (name) e.className = name;
  e.append(...children);
  return e;
}
