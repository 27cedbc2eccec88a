/* The flame graph's own hands: zoom, search, a line about what is under the
 * pointer.  Without it the picture and its tooltips are complete. */
(() => {
  "use strict";
  const svg = document.currentScript.ownerSVGElement;
  const NS = "http://www.w3.org/2000/svg";
  const pad = 12, base = svg.viewBox.baseVal.width, height = svg.viewBox.baseVal.height;
  const total = base - 2 * pad, info = svg.querySelector("#info");
  const idle = info.textContent;
  let width = base, lo = 0, hi = total;

  const frames = [...svg.querySelectorAll(".f")].map((g) => {
    const rect = g.querySelector("rect"), title = g.querySelector("title").textContent;
    return {
      g, rect, title, text: g.querySelector("text"), name: title.split("\n")[0].replace(/ \(inline\)$|, too thin to draw$/, ""),
      x: rect.x.baseVal.value - pad, y: rect.y.baseVal.value, w: rect.width.baseVal.value,
    };
  });
  const byRect = new Map(frames.map((f) => [f.rect, f]));

  const probe = svg.appendChild(document.createElementNS(NS, "text"));
  probe.textContent = "M".repeat(50);
  const charWidth = probe.getComputedTextLength() / 50 || 6.7;
  probe.remove();

  function fit(name, room) {
    const n = Math.floor((room - 6) / charWidth);
    const chars = [...name];
    if (chars.length <= n) return name;
    if (n < 4) return "";
    const tail = Math.floor((n - 1) / 2);
    return chars.slice(0, n - 1 - tail).join("") + "\u2026" + (tail ? chars.slice(-tail).join("") : "");
  }

  function draw() {
    const scale = (width - 2 * pad) / (hi - lo), slack = total * 1e-6;
    for (const f of frames) {
      const from = Math.max(f.x, lo), to = Math.min(f.x + f.w, hi);
      const w = (to - from) * scale;
      if (w < 0.05) {
        f.g.style.display = "none";
        continue;
      }
      const x = pad + (from - lo) * scale;
      f.g.style.display = "";
      f.rect.setAttribute("x", x);
      f.rect.setAttribute("width", Math.max(w - (w > 3 ? 0.5 : 0), 0.1));
      f.g.classList.toggle("up", f.x < lo - slack || f.x + f.w > hi + slack);
      const label = fit(f.name, w);
      if (label && !f.text) {
        f.text = f.g.appendChild(document.createElementNS(NS, "text"));
        f.text.setAttribute("y", f.y + 12.5);
      }
      if (f.text) {
        f.text.textContent = label;
        f.text.setAttribute("x", x + 4);
      }
    }
  }

  function zoom(f) {
    lo = f ? f.x : 0;
    hi = f ? f.x + f.w : total;
    draw();
  }

  /* The share of the total that has a match somewhere on its stack. */
  function search(text) {
    let re = null;
    if (text) {
      try {
        re = new RegExp(text, "i");
      } catch {
        re = new RegExp(text.replace(/[^\w\s]/g, "\\$&"), "i");
      }
    }
    const hits = frames.filter((f) => {
      const hit = re !== null && !f.g.classList.contains("cut") && re.test(f.title.split("\n").slice(0, 2).join("\n"));
      f.g.classList.toggle("hit", hit);
      return hit;
    });
    hits.sort((a, b) => a.x - b.x || b.w - a.w);
    let sum = 0, end = -1;
    for (const f of hits)
      if (f.x + f.w > end + 1e-9) {
        sum += f.x + f.w - Math.max(f.x, end);
        end = f.x + f.w;
      }
    info.textContent = re
      ? `${hits.length} boxes match, ${((100 * sum) / total).toFixed(1)}% of the total`
      : idle;
  }

  const box = document.createElementNS(NS, "foreignObject");
  box.setAttribute("y", 14);
  box.setAttribute("width", 230);
  box.setAttribute("height", 30);
  const input = document.createElementNS("http://www.w3.org/1999/xhtml", "input");
  input.setAttribute("placeholder", "Search (regexp)   /");
  input.setAttribute("aria-label", "Search functions");
  box.appendChild(input);
  svg.appendChild(box);
  input.addEventListener("input", () => search(input.value));

  svg.addEventListener("click", (event) => {
    const f = byRect.get(event.target);
    if (f && !f.g.classList.contains("cut")) zoom(f.w >= total ? null : f);
  });
  svg.addEventListener("mousemove", (event) => {
    const f = byRect.get(event.target);
    if (f) info.textContent = f.title.split("\n").join("   ");
  });
  svg.addEventListener("mouseleave", () => search(input.value));
  window.addEventListener("keydown", (event) => {
    if (event.key === "/" && event.target !== input) {
      event.preventDefault();
      input.focus();
    } else if (event.key === "Escape") {
      input.value = "";
      input.blur();
      search("");
      zoom(null);
    }
  });

  function resize() {
    if (svg === document.documentElement) {
      const seen = window.visualViewport; // without the scrollbar
      width = Math.max(640, seen ? Math.floor(seen.width * seen.scale) : window.innerWidth);
    }
    svg.setAttribute("width", width);
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.querySelector(".bg").setAttribute("width", width);
    box.setAttribute("x", width - pad - 230);
    draw();
  }
  svg.classList.add("js");
  svg.querySelector("#hint").textContent = "Click a box to zoom, Esc to reset.";
  window.addEventListener("resize", resize);
  resize();
})();
