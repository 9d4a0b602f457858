// Follows a suite in training, and sends its two buttons.
const suite = document.getElementById("suite");
const spec = JSON.parse(document.getElementById("curves-spec").textContent);
const place = document.getElementById("curves");
const at = (name) => document.getElementById(name);
let view = null;
let columns = 0;

function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

async function drawCurves(rows) {
  if (!rows.length) return;
  const room = place.clientWidth;
  const panels = new Set(rows.map((row) => row.size)).size;
  const wanted = Math.max(1, Math.min(3, panels, Math.floor(room / 320)));
  if (!view || wanted !== columns) {
    columns = wanted;
    const shown = structuredClone(spec);
    shown.columns = columns;
    shown.spec.width = Math.max(180, Math.min(420, room / columns - 90));
    shown.config.legend = { ...shown.config.legend, columns: columns === 1 ? 3 : 8 };
    shown.data.values = rows;
    view = (await window.drawFigure(place, shown, window.scalewiseFigures.EMBED)).view;
    place.querySelector("svg").setAttribute("aria-hidden", "true"); // the place itself is the image that is spoken of
    return;
  }
  await view.data(spec.data.name, rows).runAsync();
}

function cell(row, text) {
  row.insertCell().textContent = text;
}

async function show(news) {
  if (news.wrong) { at("said").textContent = news.wrong; return; }
  at("state").textContent = news.training ? "training" : "not training";
  at("ended").textContent = news.ended + (news.diverged ? `, ${news.diverged} of them diverged` : "") + (news.failed ? `, ${news.failed} failed` : "");
  at("running").textContent = news.running;
  at("left").textContent = duration(news.seconds_left);
  at("cost").textContent = `${news.cost} flops`;
  at("time").textContent = duration(news.worker_seconds);
  if (news.share === null || news.share === undefined) at("share").removeAttribute("value");
  else at("share").value = news.share;
  at("stop").disabled = !news.training;
  at("resume").disabled = news.training;
  const body = at("sizes");
  body.replaceChildren();
  for (const size of news.sizes) {
    const row = body.insertRow();
    [size.size, size.group, size.ended, size.running, size.now, size.speed, size.left].forEach((text) => cell(row, text));
    cell(row, size.tuned.join("; "));
  }
  await drawCurves(news.curves);
}

let turn = Promise.resolve();
const events = new EventSource(suite.dataset.events);
events.onmessage = (event) => {
  if (at("said").textContent.startsWith("The page")) at("said").textContent = "";
  const news = JSON.parse(event.data);
  turn = turn.then(() => show(news)).catch((error) => { at("said").textContent = String(error); });
};
events.onerror = () => { at("said").textContent = "The page could not be reached; trying again."; };

async function change(name, told) {
  at("stop").disabled = at("resume").disabled = true;
  at("said").textContent = told;
  const reply = await fetch(suite.dataset.change + name, { method: "POST" });
  at("said").textContent = reply.ok ? "" : await reply.text();
}
at("stop").addEventListener("click", () => change("stop", "Stopping: checkpoints are being written …"));
at("resume").addEventListener("click", () => change("resume", "Starting …"));
