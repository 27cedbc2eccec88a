/* Pan by dragging, zoom by the wheel or + and -, 0 shows all.  Without it, or where the
 * picture is part of a page, it is shown as it is. */
(() => {
  "use strict";
  const svg = document.currentScript.ownerSVGElement;
  if (svg !== document.documentElement) return;
  const view = svg.querySelector("#viewport");
  const { width, height } = svg.viewBox.baseVal;
  let scale = 1, x = 0, y = 0, from = null;

  const draw = () => view.setAttribute("transform", `translate(${x} ${y}) scale(${scale})`);

  function showAll() {
    scale = Math.min(1, innerWidth / width, innerHeight / height) || 1;
    x = Math.max(0, (innerWidth - width * scale) / 2);
    y = 0;
    draw();
  }

  function zoom(factor, atX, atY) {
    const to = Math.min(Math.max(scale * factor, 0.01), 20);
    x = atX - ((atX - x) * to) / scale;
    y = atY - ((atY - y) * to) / scale;
    scale = to;
    draw();
  }

  svg.removeAttribute("viewBox");
  svg.setAttribute("width", "100%");
  svg.setAttribute("height", "100%");
  svg.style.userSelect = "none";

  svg.addEventListener("wheel", (event) => {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? innerHeight : 1);
    zoom(Math.exp(-pixels / 500), event.clientX, event.clientY);
  }, { passive: false });
  svg.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    from = { x: event.clientX - x, y: event.clientY - y };
    svg.setPointerCapture(event.pointerId);
    svg.classList.add("moving");
  });
  svg.addEventListener("pointermove", (event) => {
    if (!from) return;
    x = event.clientX - from.x;
    y = event.clientY - from.y;
    draw();
  });
  for (const end of ["pointerup", "pointercancel"])
    svg.addEventListener(end, () => {
      from = null;
      svg.classList.remove("moving");
    });
  window.addEventListener("keydown", (event) => {
    if (event.key === "+" || event.key === "=") zoom(1.25, innerWidth / 2, innerHeight / 2);
    else if (event.key === "-") zoom(0.8, innerWidth / 2, innerHeight / 2);
    else if (event.key === "0" || event.key === "Escape") showAll();
  });
  showAll();
})();
