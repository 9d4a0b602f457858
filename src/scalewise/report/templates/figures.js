// Makes still figures live: hover and zoom, one axis or both, points set aside by hand, and files to save.
// Everything is drawn from the description beside the figure; nothing is loaded.
(() => {
  "use strict";
  const EMBED = { renderer: "svg", ast: true, actions: false, defaultStyle: false, logLevel: 1, tooltip: { disableDefaultStyle: true } };
  const WIDE = 740;
  const ROOM = 26;
  const LINE = 13;
  const MOST_IN_HALF_A_LINE = 18; // letters of a name in a legend of two columns, on a phone

  function element(name, attributes = {}, text = "") {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.textContent = text;
    return made;
  }

  function eachLayer(view, visit) {
    visit(view);
    for (const part of [...(view.layer || []), ...(view.hconcat || []), ...(view.vconcat || [])]) eachLayer(part, visit);
    if (view.spec) eachLayer(view.spec, visit);
  }

  const hasPoints = (layer) => layer.mark && (layer.mark.type === "point" || layer.mark.point);
  const isZoom = (param) => param.bind === "scales";

  // The description as it is drawn: one axis or both, as wide as there is room, without the points set aside.
  function shaped(spec, state, room) {
    let shown = structuredClone(spec);
    if (shown.hconcat && state.axis !== "both") {
      const { hconcat, ...rest } = shown;
      const { title, ...view } = hconcat[state.axis === "linear" ? 0 : 1];
      shown = { ...rest, ...view };
    }
    if (!shown.hconcat) {
      shown.width = Math.max(200, Math.min(room, WIDE));
      shown.autosize = { type: "fit-x", contains: "padding" };
    } else {
      for (const view of shown.hconcat) view.width = Math.max(290, Math.min(430, (room - 190) / 2));
    }
    if (room < WIDE) {
      shown.config = { ...shown.config };
      const short = state.lines.names.every((name) => String(name).length <= MOST_IN_HALF_A_LINE);
      const columns = room >= 420 ? 4 : short ? 2 : 1;
      shown.config.legend = { ...shown.config.legend, orient: "bottom", columns, labelLimit: columns > 1 ? 150 : 250 };
    }
    eachLayer(shown, (layer) => {
      if (layer.data && layer.data.values) {
        layer.data.values = layer.data.values.filter((row) => !state.aside.has(JSON.stringify(row)));
      }
      if (state.off.size) without(layer, state.lines, state.off);
      if (state.choosing && layer.params) layer.params = layer.params.filter((param) => !isZoom(param));
    });
    if (room < 500) inShortLines(shown, room);
    if (state.choosing) brush(shown);
    return shown;
  }

  // A text in lines of at most so many letters.
  function wrapped(text, most) {
    const lines = [""];
    for (const word of text.split(" ").flatMap((long) => long.match(new RegExp(`.{1,${most}}`, "gu")) || [])) {
      const last = lines.at(-1);
      if (last && last.length + 1 + word.length > most) lines.push(word);
      else lines[lines.length - 1] = last ? `${last} ${word}` : word;
    }
    return lines;
  }

  // Names of rows in short lines, where there is little room; the same as names.py.
  function inShortLines(spec, room) {
    if (!spec.height || !spec.height.step) return;
    const most = Math.floor(room / 18);
    eachLayer(spec, (layer) => {
      const { x, y } = layer.encoding || {};
      if (x && x.title) x.title = wrapped(x.title, Math.floor(room / 14));
      if (!y || y.type !== "nominal") return;
      const lines = Object.fromEntries(y.sort.map((name) => [name, wrapped(name, most)]));
      const counts = new Set(Object.values(lines).map((parts) => parts.length));
      const higher = [...counts].map((count) => ({
        test: `indexof(${JSON.stringify(y.sort.filter((name) => lines[name].length === count))}, datum.label) >= 0`,
        value: -(count - 1) * LINE / 2,
      }));
      y.axis = { labelLimit: 0, labelLineHeight: LINE, labelExpr: `(${JSON.stringify(lines)})[datum.label]`,
        labelOffset: { condition: higher, value: 0 } };
      spec.height = { step: LINE * (Math.max(...counts) + 0.7) };
    });
  }

  // Lines that a legend names: the field that tells them apart, and its values.
  function linesOf(spec) {
    let field = null;
    const names = new Set();
    eachLayer(spec, (layer) => {
      const bound = (layer.params || []).find((param) => param.bind === "legend");
      if (bound) field = bound.select.fields[0];
    });
    eachLayer(spec, (layer) => {
      if (coloured(layer, field)) layer.data.values.forEach((row) => names.add(row[field]));
    });
    return { field, names: [...names] };
  }

  const coloured = (layer, field) => field && layer.data && layer.encoding && layer.encoding.color && layer.encoding.color.field === field;

  // Without the lines that are off; the others keep their colours.
  function without(layer, lines, off) {
    if (!coloured(layer, lines.field)) return;
    layer.data.values = layer.data.values.filter((row) => !off.has(row[lines.field]));
    const { color } = layer.encoding;
    const domain = color.sort || color.scale.domain || lines.names;
    layer.encoding.color = { ...color, scale: { ...color.scale, domain } };
  }

  // One brush per drawn axis, on the first layer that has points.
  function brush(spec) {
    (spec.hconcat || [spec]).forEach((view, number) => {
      const layers = view.layer || [view];
      const first = layers.find(hasPoints);
      if (first) first.params = [...(first.params || []), { name: `chosen_${number}`, select: "interval" }];
    });
  }

  function pointsOf(spec) {
    const rows = new Set();
    eachLayer(spec, (layer) => {
      if (layer.data && layer.data.values && hasPoints(layer)) layer.data.values.forEach((row) => rows.add(JSON.stringify(row)));
    });
    return rows;
  }

  function within(row, chosen) {
    return Object.entries(chosen).every(([name, among]) => typeof among[0] === "string" ? among.includes(row[name]) :
      row[name] >= Math.min(...among) && row[name] <= Math.max(...among));
  }

  function save(name, content) {
    const link = element("a", { download: name, href: content });
    link.click();
  }

  function figure(place, spec) {
    const still = place.innerHTML;
    const points = pointsOf(spec);
    const room = () => place.clientWidth - ROOM;
    const state = { axis: room() < WIDE ? "log" : "both", choosing: false, aside: new Set(), lines: linesOf(spec), off: new Set() };
    const controls = element("div", { class: "controls" });
    const note = element("p", { class: "excluded", role: "status", hidden: "" });
    let view = null;
    let drawn = 0;

    async function draw() {
      const turn = ++drawn;
      try {
        const made = await window.drawFigure(place, shaped(spec, state, room()), EMBED);
        if (turn !== drawn) return;
        view = made.view;
        place.querySelector("svg").setAttribute("aria-hidden", "true"); // the place itself is the image spoken of
      } catch {
        if (still) place.innerHTML = still;
        else place.textContent = "This figure could not be drawn here; its numbers are below.";
      }
      const count = state.aside.size;
      note.hidden = count === 0;
      note.textContent = count === 0 ? "" : `${count} ${count === 1 ? "point is" : "points are"} set aside by hand in this ` +
        "drawing. The verdict, the laws and the tables still rest on all points.";
    }

    function chooseEnded() {
      if (!state.choosing || !view) return;
      for (const number of [0, 1]) {
        let chosen = {};
        try { chosen = view.signal(`chosen_${number}`) || {}; } catch { continue; }
        if (!Object.keys(chosen).length) continue;
        for (const text of points) if (within(JSON.parse(text), chosen)) state.aside.add(text);
      }
      draw();
    }

    function button(text, pressed, action) {
      const made = element("button", { type: "button" }, text);
      if (pressed) made.setAttribute("aria-pressed", String(pressed()));
      made.addEventListener("click", () => {
        action();
        controls.querySelectorAll("button").forEach((b) => b.refresh && b.refresh());
      });
      made.refresh = () => pressed && made.setAttribute("aria-pressed", String(pressed()));
      return made;
    }

    if (spec.hconcat) {
      const group = element("span", { class: "group", role: "group", "aria-label": "Axis" });
      for (const axis of ["both", "linear", "log"]) {
        if (axis === "both" && room() < WIDE) continue;
        group.append(button(axis === "both" ? "both axes" : axis, () => state.axis === axis, () => { state.axis = axis; draw(); }));
      }
      controls.append(group);
    }
    if (points.size > 2) {
      controls.append(
        button("set points aside", () => state.choosing, () => { state.choosing = !state.choosing; draw(); }),
        button("all points", null, () => { state.aside.clear(); state.choosing = false; draw(); }),
      );
    }
    if (state.lines.names.length > 1) {
      const which = element("details", { class: "lines" });
      const group = element("span", { class: "group", role: "group", "aria-label": "Lines shown" });
      for (const name of state.lines.names) {
        group.append(button(name, () => !state.off.has(name), () => { if (!state.off.delete(name)) state.off.add(name); draw(); }));
      }
      which.append(element("summary", {}, "lines shown"), group);
      controls.append(which);
    }
    controls.append(
      button("SVG", null, async () => save(`${place.id}.svg`, await view.toImageURL("svg"))),
      button("PNG", null, async () => save(`${place.id}.png`, await view.toImageURL("png", 2))),
    );
    const files = place.closest("[data-figures]"); // on the page, which draws for paper
    if (files) {
      const number = place.id.slice(place.id.lastIndexOf("-") + 1);
      for (const [text, width] of [["PDF", ""], ["PDF, one column", "?width=3.3"]]) {
        controls.append(element("a", { class: "tool", download: "", href: `${files.dataset.figures}${number}.pdf${width}` }, text));
      }
    }
    place.addEventListener("pointerup", () => setTimeout(chooseEnded, 60));
    place.before(controls);
    place.after(note);
    draw();
    return draw;
  }

  // A table as a CSV file, as it stands on the page.
  function csv(table) {
    const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    return [...table.rows].map((row) => [...row.cells].map((cell) => quoted(cell.textContent)).join(",")).join("\n") + "\n";
  }

  function table(scroll) {
    const made = element("button", { type: "button", class: "tool csv" }, "CSV");
    made.addEventListener("click", () => {
      const text = csv(scroll.querySelector("table"));
      const name = (scroll.getAttribute("aria-label") || "table").toLowerCase().replace(/[^a-z0-9]+/g, "-");
      save(`${name}.csv`, URL.createObjectURL(new Blob([text], { type: "text/csv" })));
    });
    scroll.after(made);
  }

  function openTarget() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.tagName === "DETAILS") target.open = true;
  }

  function bringToLife(root) {
    const redraws = [];
    for (const held of root.querySelectorAll("script.spec")) {
      const place = root.querySelector(`#${CSS.escape(held.dataset.for)}`);
      redraws.push(figure(place, JSON.parse(held.textContent)));
    }
    root.querySelectorAll(".answer .scroll").forEach(table);
    let width = window.innerWidth;
    window.addEventListener("resize", () => {
      if (window.innerWidth === width) return;
      width = window.innerWidth;
      redraws.forEach((redraw) => redraw());
    });
    openTarget();
  }

  window.addEventListener("hashchange", openTarget);
  window.scalewiseFigures = { bringToLife, EMBED };
})();
