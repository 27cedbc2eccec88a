/* The flame graph of a page: drawn on a canvas that shows the part of it that is in
 * view.  Nothing is loaded from elsewhere. */
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const root = document.documentElement, view = document.querySelector("main"), canvas = byId("graph");
  const tip = byId("tip"), status = byId("status"), input = byId("search"), spacer = byId("spacer");
  const pen = canvas.getContext("2d");
  const ROW = 19, PAD = 14, FONT = '11.5px ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace';

  /* The tree: children of a node follow one another, after those of the nodes before it. */
  const { cum, self, frame, children, names, files, lines, module } = data;
  const n = cum.length, total = cum[0] || 1;
  const parent = new Int32Array(n), first = new Int32Array(n), depth = new Int32Array(n);
  const from = new Float64Array(n);
  let next = 1, maxDepth = 0;
  for (let i = 0; i < n; i++) {
    first[i] = next;
    for (let at = from[i], end = next + children[i]; next < end; next++) {
      parent[next] = i;
      depth[next] = depth[i] + 1;
      from[next] = at;
      at += cum[next];
    }
    maxDepth = Math.max(maxDepth, depth[i] + (data.cut[i] ? 1 : 0));
  }

  let zoom = 0, selected = 0, hover = -1, flipped = false, hits = null, rows = [], charWidth = 7;

  const nameOf = (i) => (i === 0 ? "all" : names[frame[i]]);
  const percent = (v, of) => `${((100 * v) / (of || 1)).toFixed(2).replace(/\.00$/, "")}%`;
  const value = (v) => `${(v * data.scale).toFixed(2).replace(/\.00$/, "")}${data.unit}`;

  function describe(i) {
    const out = [nameOf(i) + (data.inlined[i] ? " (inline)" : "")];
    const f = frame[i];
    if (i && files[f]) out.push(files[f] + (lines[f] ? `:${lines[f]}` : ""));
    out.push(`${value(cum[i])}, ${percent(cum[i], total)} of all` +
      (i ? `, ${percent(cum[i], cum[parent[i]])} of its caller` : ""));
    if (self[i] && self[i] !== cum[i]) out.push(`itself ${value(self[i])}, ${percent(self[i], total)}`);
    return out;
  }

  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches);
  function color(m, shade, dark) {
    const by = (shade - 1) * 2.5;
    if (data.modules[m].grey) return `hsl(212 6% ${dark ? 30 + by : 82 + by}%)`;
    const hue = data.modules[m].hue * 30 + 28;
    return `hsl(${hue} ${dark ? 34 : 74}% ${dark ? 30 + by : 81 + by}%)`;
  }

  function fit(text, room) {
    const most = Math.floor((room - 7) / charWidth), chars = [...text];
    if (chars.length <= most) return text;
    if (most < 3) return "";
    const tail = Math.floor((most - 1) / 2);
    return chars.slice(0, most - 1 - tail).join("") + "\u2026" + (tail ? chars.slice(-tail).join("") : "");
  }

  function draw() {
    const width = view.clientWidth, height = view.clientHeight, ratio = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
    }
    const tall = (maxDepth + 1) * ROW + 2 * PAD;
    spacer.style.height = `${Math.max(0, tall - height)}px`;
    const dark = isDark(), style = getComputedStyle(root);
    const ink = style.getPropertyValue("--ink"), ground = style.getPropertyValue("--ground");
    const mark = style.getPropertyValue("--mark");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.fillStyle = ground;
    pen.fillRect(0, 0, width, height);
    pen.font = FONT;
    pen.textBaseline = "middle";
    charWidth = pen.measureText("M".repeat(50)).width / 50;
    const lo = from[zoom], scale = (width - 2 * PAD) / (cum[zoom] || 1), top = view.scrollTop;
    const bottom = Math.max(tall, height);
    rows = [];

    function box(i, d, x, w, fill, text, faded) {
      const y = (flipped ? bottom - PAD - (d + 1) * ROW : PAD + d * ROW) - top;
      if (y + ROW < 0 || y > height) return;
      pen.globalAlpha = faded ? 0.5 : 1;
      pen.fillStyle = fill;
      pen.fillRect(x, y, Math.max(w - (w > 3 ? 0.7 : 0), 0.3), ROW - 1);
      if (i === selected || i === hover) {
        pen.strokeStyle = i === selected ? mark : ink;
        pen.lineWidth = i === selected ? 2 : 1;
        pen.strokeRect(x + 0.5, y + 0.5, Math.max(w - 1.5, 0.5), ROW - 2);
      }
      const label = fit(text, w);
      if (label) {
        pen.fillStyle = hits && hits.has(i) ? (dark ? "#16181c" : "#ffffff") : ink;
        pen.fillText(label, x + 4, y + ROW / 2);
      }
      pen.globalAlpha = 1;
      (rows[d] ||= []).push([i, x, w]);
    }

    const stack = [0];
    while (stack.length) {
      const i = stack.pop(), isAbove = from[i] <= lo && from[i] + cum[i] >= lo + cum[zoom] && depth[i] < depth[zoom];
      const x = isAbove ? PAD : PAD + (from[i] - lo) * scale, w = isAbove ? width - 2 * PAD : cum[i] * scale;
      if (w < 0.25 || x > width || x + w < 0) continue;
      const fill = hits && hits.has(i) ? mark : i === 0 ? (dark ? "#33383f" : "#d9dde2")
        : color(module[frame[i]], data.shades[frame[i]], dark);
      box(i, depth[i], x, w, fill, nameOf(i), isAbove);
      for (let k = first[i], end = k + children[i]; k < end; k++)
        if (from[k] < lo + cum[zoom] && from[k] + cum[k] > lo) stack.push(k);
      const cut = data.cut[i];
      if (!cut || isAbove) continue;
      const at = children[i] ? from[first[i] + children[i] - 1] + cum[first[i] + children[i] - 1] : from[i];
      if (cut[1] * scale >= 0.25)
        box(-1 - i, depth[i] + 1, PAD + (at - lo) * scale, cut[1] * scale, dark ? "#2b3037" : "#e3e6ea", `${cut[0]} smaller`);
    }
  }

  let pending = false;
  function redraw() {
    if (pending) return;
    pending = true;
    requestAnimationFrame(() => {
      pending = false;
      draw();
    });
  }

  function say(i) {
    status.textContent = describe(i).join("   ");
  }

  function select(i) {
    selected = i;
    say(i);
    const y = flipped ? (maxDepth - depth[i]) * ROW : depth[i] * ROW;
    if (y < view.scrollTop) view.scrollTop = y;
    else if (y + 3 * ROW > view.scrollTop + view.clientHeight) view.scrollTop = y + 3 * ROW - view.clientHeight;
    redraw();
  }

  function zoomTo(i) {
    zoom = i;
    select(i);
  }

  function at(event) {
    const box = canvas.getBoundingClientRect(), x = event.clientX - box.left;
    const y = event.clientY - box.top + view.scrollTop;
    const tall = Math.max((maxDepth + 1) * ROW + 2 * PAD, view.clientHeight);
    const row = rows[Math.floor((flipped ? tall - PAD - y : y - PAD) / ROW)] || [];
    const found = row.find(([, left, w]) => x >= left && x < left + Math.max(w, 1));
    return found ? found[0] : null;
  }

  function showTip(event) {
    const i = at(event), was = hover;
    hover = i === null || i < 0 ? -1 : i;
    if (i === null) {
      tip.style.display = "none";
    } else {
      const text = i >= 0 ? describe(i)
        : [`${data.cut[-1 - i][0]} smaller`, `${value(data.cut[-1 - i][1])}, ${percent(data.cut[-1 - i][1], total)} of all`];
      tip.replaceChildren(...text.map((line, k) => {
        const part = document.createElement(k ? "span" : "b");
        part.textContent = line;
        return part;
      }));
      tip.style.display = "block";
      tip.style.left = `${Math.min(event.clientX + 14, window.innerWidth - tip.offsetWidth - 8)}px`;
      const below = event.clientY + 18;
      tip.style.top = `${below + tip.offsetHeight < window.innerHeight ? below : event.clientY - tip.offsetHeight - 10}px`;
    }
    if (hover !== was) redraw();
  }

  /* The share of the total that has a match somewhere on its stack. */
  function search(text) {
    hits = null;
    if (text) {
      let re;
      try {
        re = new RegExp(text, "i");
      } catch {
        re = new RegExp(text.replace(/[^\w\s]/g, "\\$&"), "i");
      }
      const matches = names.map((name, f) => re.test(name) || re.test(files[f]));
      hits = new Set();
      let sum = 0;
      const covered = new Uint8Array(n);
      for (let i = 1; i < n; i++) {
        covered[i] = covered[parent[i]];
        if (!matches[frame[i]]) continue;
        hits.add(i);
        if (!covered[i]) sum += cum[i];
        covered[i] = 1;
      }
      status.textContent = `${hits.size} boxes match, ${percent(sum, total)} of all`;
    } else {
      say(selected);
    }
    redraw();
  }

  function nextHit(step) {
    if (!hits || !hits.size) return;
    const order = [...hits], k = order.indexOf(selected);
    select(order[(k + step + order.length) % order.length]);
  }

  /* The neighbour in the same row. */
  function beside(i, step) {
    const k = i + step;
    return k > 0 && k < n && depth[k] === depth[i] ? k : i;
  }

  const keys = {
    ArrowUp: () => select(flipped ? down(selected) : parent[selected]),
    ArrowDown: () => select(flipped ? parent[selected] : down(selected)),
    ArrowLeft: () => select(beside(selected, -1)),
    ArrowRight: () => select(beside(selected, 1)),
    Enter: () => zoomTo(selected),
    Backspace: () => zoomTo(parent[zoom]),
    Home: () => zoomTo(0),
    n: () => nextHit(1),
    N: () => nextHit(-1),
    f: flip,
    d: theme,
  };
  const down = (i) => (children[i] ? first[i] : i);

  function flip() {
    flipped = !flipped;
    view.scrollTop = flipped ? view.scrollHeight : 0;
    redraw();
  }

  function theme() {
    root.dataset.theme = isDark() ? "light" : "dark";
    legend();
    redraw();
  }

  function legend() {
    byId("legend").replaceChildren(...data.modules.filter((m) => m.self > 0).slice(0, 10).map((m) => {
      const item = document.createElement("span"), swatch = document.createElement("i");
      swatch.style.background = color(data.modules.indexOf(m), 1, isDark());
      item.append(swatch, `${m.name} ${percent(m.self, total)}`);
      return item;
    }));
  }

  canvas.addEventListener("mousemove", showTip);
  canvas.addEventListener("mouseleave", () => {
    tip.style.display = "none";
    hover = -1;
    redraw();
  });
  canvas.addEventListener("click", (event) => {
    const i = at(event);
    if (i !== null && i >= 0) zoomTo(i);
    view.focus({ preventScroll: true });
  });
  input.addEventListener("input", () => search(input.value));
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") nextHit(event.shiftKey ? -1 : 1);
  });
  window.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      input.value = "";
      view.focus({ preventScroll: true });
      search("");
      zoomTo(0);
    } else if (event.key === "/" && event.target !== input) {
      event.preventDefault();
      input.focus();
    } else if (event.target !== input && !event.ctrlKey && !event.metaKey && !event.altKey &&
               Object.hasOwn(keys, event.key) && !(event.key === "Enter" && event.target.tagName === "BUTTON")) {
      event.preventDefault();
      keys[event.key]();
    }
  });
  byId("reset").addEventListener("click", () => zoomTo(0));
  byId("flip").addEventListener("click", flip);
  byId("theme").addEventListener("click", theme);
  view.addEventListener("scroll", redraw);
  new ResizeObserver(redraw).observe(view);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    legend();
    redraw();
  });
  if (!root.dataset.theme && isDark()) root.dataset.theme = "dark";
  legend();
  say(0);
  draw();
})();
