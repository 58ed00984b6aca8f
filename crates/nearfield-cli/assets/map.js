// The embedding map: all points on one canvas; d3 pans, zooms and finds the point under the pointer.
(() => {
  "use strict";
  const root = document.querySelector("[data-map]");
  if (!root) return;
  const data = JSON.parse(document.getElementById("map-data").textContent);
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
  const n = data.keys.length, k = data.k;
  const place = new Uint16Array(bytes(data.places));
  const near = new Uint32Array(bytes(data.near));
  const score = new Float32Array(bytes(data.scores));
  const count = data.counts ? new Uint32Array(bytes(data.counts)) : null;
  const group = data.groups ? new Uint16Array(bytes(data.groups)) : null;
  const NONE = 0xffffffff;

  const find = (name) => root.querySelector(name);
  const stage = find(".stage"), canvas = find("canvas"), tip = find(".tip");
  const input = find("input"), hits = find(".hits"), by = find("select"), key = find(".key"), item = find(".item");
  const cx = canvas.getContext("2d");

  let width = 1, height = 1, scale = 1, left = 0, top = 0;
  let transform = d3.zoomIdentity, chosen = -1, hovered = -1, wanted = false;
  const hidden = new Set();
  const tree = d3.quadtree().x((i) => place[2 * i]).y((i) => place[2 * i + 1]).addAll(d3.range(n));

  // Colours
  let paint = [], palette = [], css = {}, ramp = () => "";
  const steps = 24;
  const most = count ? d3.max(count) : 1;
  const level = (c) => Math.round((steps - 1) * (Math.log1p(c) / Math.log1p(most || 1)));
  function colours() {
    const style = getComputedStyle(document.documentElement);
    for (const name of ["ink", "ink-2", "card", "line", "low", "high", "s0", "s1"]) css[name] = style.getPropertyValue("--" + name).trim();
    const dark = d3.lab(css.card).l < 50;
    if (by.value === "group") {
      const m = data.names.length;
      palette = data.names.map((_, g) => (m <= 10 ? d3.schemeTableau10[g] : d3.hcl((g * 360) / m + (g % 2) * 8, 62, [dark ? 74 : 52, dark ? 62 : 64, dark ? 82 : 42][g % 3]).formatHex()));
      palette.push(css.s0);
      paint = Array.from({ length: n }, (_, i) => (group[i] === 0xffff ? m : group[i]));
    } else {
      ramp = d3.interpolateLab(css.low, css.high);
      palette = d3.range(steps).map((s) => ramp(s / (steps - 1)));
      paint = Array.from({ length: n }, (_, i) => (count ? level(count[i]) : steps - 1));
    }
    byColour = d3.groups(d3.range(n), (i) => paint[i]).sort((a, b) => (by.value === "group" ? b[1].length - a[1].length : a[0] - b[0]));
    legend();
  }
  let byColour = [];

  function legend() {
    key.replaceChildren();
    if (by.value !== "group") {
      const bar = document.createElement("div"), ends = document.createElement("div");
      bar.className = "ramp"; ends.className = "ends";
      bar.style.flex = ends.style.flex = "1 0 100%";
      ends.innerHTML = "<span>1 interaction</span><span></span>";
      ends.lastChild.textContent = d3.format(",")(most);
      key.append(bar, ends);
      return;
    }
    data.names.forEach((name, g) => {
      const button = document.createElement("button"), dot = document.createElement("i");
      dot.className = "dot"; dot.style.background = palette[g];
      button.type = "button"; button.append(dot, name);
      button.className = hidden.has(g) ? "off" : "";
      button.setAttribute("aria-pressed", String(!hidden.has(g)));
      button.onclick = () => { hidden.has(g) ? hidden.delete(g) : hidden.add(g); legend(); draw(); };
      key.append(button);
    });
  }

  // Places
  const px = (i) => transform.applyX(left + place[2 * i] * scale);
  const py = (i) => transform.applyY(top + place[2 * i + 1] * scale);
  function resize() {
    const ratio = window.devicePixelRatio || 1;
    width = stage.clientWidth; height = stage.clientHeight;
    canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio);
    cx.setTransform(ratio, 0, 0, ratio, 0, 0);
    scale = (Math.min(width, height) - 48) / 65535;
    left = (width - 65535 * scale) / 2; top = (height - 65535 * scale) / 2;
    zoom.extent([[0, 0], [width, height]]).translateExtent([[-width / 2, -height / 2], [1.5 * width, 1.5 * height]]);
    draw();
  }

  function draw() {
    if (!wanted) { wanted = true; requestAnimationFrame(render); }
  }
  function render() {
    wanted = false;
    cx.clearRect(0, 0, width, height);
    const start = Math.max(1.1, Math.min(3.2, 90 / Math.sqrt(n)));
    const size = Math.min(9, start * Math.pow(transform.k, 0.45));
    const groups = by.value === "group";
    cx.globalAlpha = chosen >= 0 ? 0.35 : n > 5000 ? 0.75 : 0.85;
    for (const [colour, points] of byColour) {
      if (groups && hidden.has(colour)) continue;
      cx.fillStyle = palette[colour];
      if (size > 2.4) {
        cx.beginPath();
        for (const i of points) {
          const x = px(i), y = py(i);
          if (x > -9 && y > -9 && x < width + 9 && y < height + 9) { cx.moveTo(x + size, y); cx.arc(x, y, size, 0, 6.2832); }
        }
        cx.fill();
      } else {
        for (const i of points) {
          const x = px(i), y = py(i);
          if (x > -9 && y > -9 && x < width + 9 && y < height + 9) cx.fillRect(x - size, y - size, 2 * size, 2 * size);
        }
      }
    }
    cx.globalAlpha = 1;
    if (groups && chosen < 0 && data.middles) names();
    if (chosen >= 0) selection(size);
    if (hovered >= 0) ring(hovered, size + 3, css.ink);
    root.dataset.drawn = String(n);
  }
  function names() {
    cx.font = "600 12px system-ui, sans-serif"; cx.textAlign = "center"; cx.textBaseline = "middle";
    cx.lineJoin = "round"; cx.lineWidth = 3.5;
    const taken = [];
    data.names.forEach((name, g) => {
      if (hidden.has(g)) return;
      const [mx, my] = data.middles[g];
      const x = transform.applyX(left + mx * scale), y = transform.applyY(top + my * scale);
      const half = cx.measureText(name).width / 2 + 3;
      if (taken.some((t) => Math.abs(t[0] - x) < t[2] + half && Math.abs(t[1] - y) < 15)) return;
      taken.push([x, y, half]);
      cx.strokeStyle = css.card; cx.globalAlpha = 0.85; cx.strokeText(name, x, y);
      cx.globalAlpha = 1; cx.fillStyle = css.ink; cx.fillText(name, x, y);
    });
  }
  function ring(i, r, colour) {
    cx.beginPath(); cx.arc(px(i), py(i), r, 0, 6.2832);
    cx.strokeStyle = colour; cx.lineWidth = 2; cx.stroke();
  }
  function selection(size) {
    const x = px(chosen), y = py(chosen);
    cx.strokeStyle = css["ink-2"]; cx.lineWidth = 1; cx.globalAlpha = 0.6;
    cx.beginPath();
    for (const [j] of neighbours(chosen)) { cx.moveTo(x, y); cx.lineTo(px(j), py(j)); }
    cx.stroke(); cx.globalAlpha = 1;
    const dot = Math.max(3.5, size);
    for (const [j] of neighbours(chosen)) {
      cx.beginPath(); cx.arc(px(j), py(j), dot, 0, 6.2832); cx.fillStyle = palette[paint[j]]; cx.fill();
      cx.strokeStyle = css.card; cx.lineWidth = 1; cx.stroke();
    }
    cx.beginPath(); cx.arc(x, y, dot + 2, 0, 6.2832); cx.fillStyle = css.ink; cx.fill();
    ring(chosen, dot + 6, css.ink);
  }
  const neighbours = (i) => d3.range(k).map((r) => [near[i * k + r], score[i * k + r]]).filter(([j]) => j !== NONE);

  // Choosing
  function choose(i, centre) {
    chosen = i; item.hidden = i < 0;
    if (i >= 0) {
      const title = document.createElement("b"), facts = document.createElement("div"), list = document.createElement("ol");
      title.textContent = data.keys[i];
      facts.className = "note"; list.className = "near";
      const words = [];
      if (group && group[i] !== 0xffff) words.push(data.names[group[i]]);
      if (count) words.push(d3.format(",")(count[i]) + (count[i] === 1 ? " interaction" : " interactions"));
      words.push("nearest by " + data.metric);
      facts.textContent = words.join(" · ");
      for (const [j, s] of neighbours(i)) {
        const line = document.createElement("li"), button = document.createElement("button");
        const name = document.createElement("span"), value = document.createElement("span");
        name.textContent = data.keys[j]; value.textContent = s.toFixed(3);
        button.type = "button"; button.style.setProperty("--share", Math.max(0, Math.min(100, 100 * s)) + "%");
        button.append(name, value); button.onclick = () => choose(j, true);
        line.append(button); list.append(line);
      }
      item.replaceChildren(title, facts, list);
      if (centre) {
        const at = transform.k < 2.5 ? 2.5 : transform.k;
        const x = left + place[2 * i] * scale, y = top + place[2 * i + 1] * scale;
        d3.select(canvas).transition().duration(still ? 0 : 450).call(zoom.transform, d3.zoomIdentity.translate(width / 2, height / 2).scale(at).translate(-x, -y));
      }
    }
    root.dataset.chosen = i < 0 ? "" : data.keys[i];
    draw();
  }
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  function under(event) {
    const [x, y] = d3.pointer(event, canvas), [tx, ty] = transform.invert([x, y]);
    const found = tree.find((tx - left) / scale, (ty - top) / scale, 14 / (scale * transform.k));
    return found === undefined || (by.value === "group" && hidden.has(paint[found])) ? -1 : found;
  }
  const zoom = d3.zoom().scaleExtent([0.8, 60]).on("zoom", (event) => { transform = event.transform; draw(); });
  d3.select(canvas).call(zoom).on("dblclick.zoom", null)
    .on("click", (event) => choose(under(event), false))
    .on("pointermove", (event) => {
      if (event.pointerType === "touch") return;
      const i = under(event);
      tip.hidden = i < 0;
      if (i >= 0) {
        tip.textContent = data.keys[i] + (group && group[i] !== 0xffff ? " · " + data.names[group[i]] : "");
        const [x, y] = d3.pointer(event, stage);
        tip.style.left = Math.max(4, Math.min(x + 14, width - tip.offsetWidth - 6)) + "px"; tip.style.top = Math.max(0, y - 34) + "px";
      }
      if (i !== hovered) { hovered = i; draw(); }
    })
    .on("pointerleave", () => { hovered = -1; tip.hidden = true; draw(); });
  for (const button of root.querySelectorAll("[data-zoom]")) {
    button.onclick = () => {
      const factor = Number(button.dataset.zoom), target = d3.select(canvas).transition().duration(still ? 0 : 250);
      if (factor) target.call(zoom.scaleBy, factor); else { choose(-1); target.call(zoom.transform, d3.zoomIdentity); }
    };
  }

  // Searching
  const lower = data.keys.map((word) => word.toLowerCase());
  let marked = 0, matches = [];
  function search() {
    const word = input.value.trim().toLowerCase();
    const start = [], inside = [];
    if (word) for (let i = 0; i < n && start.length < 8; i++) {
      const at = lower[i].indexOf(word);
      if (at === 0) start.push(i); else if (at > 0 && inside.length < 8) inside.push(i);
    }
    const exact = lower.indexOf(word);
    matches = [...new Set([...(exact >= 0 ? [exact] : []), ...start, ...inside])].slice(0, 8);
    marked = 0;
    hits.replaceChildren(...matches.map((i, at) => {
      const button = document.createElement("button");
      button.type = "button"; button.textContent = data.keys[i]; button.className = at === 0 ? "on" : "";
      button.onclick = () => take(i);
      return button;
    }));
    hits.hidden = matches.length === 0;
  }
  function take(i) { input.value = data.keys[i]; hits.hidden = true; choose(i, true); }
  input.addEventListener("input", search);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && matches.length) take(matches[marked]);
    if (event.key === "Escape") { hits.hidden = true; choose(-1); }
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step && matches.length) {
      event.preventDefault();
      marked = (marked + step + matches.length) % matches.length;
      [...hits.children].forEach((button, at) => button.classList.toggle("on", at === marked));
    }
  });
  document.addEventListener("pointerdown", (event) => { if (!find(".find").contains(event.target)) hits.hidden = true; });

  by.addEventListener("change", () => { colours(); draw(); });
  const repaint = () => { colours(); draw(); };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  matchMedia("print").addEventListener("change", () => { colours(); resize(); render(); });
  new ResizeObserver(resize).observe(stage);
  colours();
})();
