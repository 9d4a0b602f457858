// Asks again whenever an option is changed, and shows the answer in place.
const form = document.getElementById("question");
const place = document.getElementById("answer");
const said = document.getElementById("status");
const cancel = document.getElementById("cancel");
const which = document.getElementById("which");
let asking = null;

function filled() {
  const fields = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value.trim() !== "") fields.append(name, value);
  return fields;
}

async function ask() {
  if (asking) asking.abort();
  const own = (asking = new AbortController());
  const fields = filled();
  const began = performance.now();
  const clock = setInterval(() => {
    const seconds = Math.round((performance.now() - began) / 1000);
    if (seconds >= 1) said.textContent = `Working for ${seconds} s …`;
  }, 500);
  place.setAttribute("aria-busy", "true");
  said.textContent = "Working …";
  cancel.hidden = false;
  try {
    const reply = await fetch(form.action, { method: "POST", body: fields, signal: own.signal, headers: { accept: "text/plain" } });
    const text = await reply.text();
    if (own !== asking) return;
    if (reply.ok) {
      place.innerHTML = text;
      window.scalewiseFigures.bringToLife(place);
      said.textContent = "Answered.";
    } else {
      const sentence = document.createElement("p");
      sentence.className = "wrong";
      sentence.setAttribute("role", "alert");
      sentence.textContent = text;
      place.replaceChildren(sentence);
      said.textContent = "Not answered.";
    }
    const query = fields.toString();
    history.replaceState(null, "", query ? `?${query}` : location.pathname);
  } catch (error) {
    if (own === asking) said.textContent = error.name === "AbortError" ? "Cancelled." : "The page could not be reached; is it still running?";
  } finally {
    clearInterval(clock);
    if (own === asking) {
      place.setAttribute("aria-busy", "false");
      cancel.hidden = true;
      asking = null;
    }
  }
}

const options = document.getElementById("options");
if (options && window.innerWidth < 640 && !location.search) options.open = false; // the answer first

if (form) {
  form.addEventListener("submit", (event) => { event.preventDefault(); ask(); });
  form.addEventListener("change", (event) => {
    if (event.target === which) location.href = which.dataset.base + which.value + which.dataset.query;
    else ask();
  });
  cancel.addEventListener("click", () => { if (asking) asking.abort(); });
  if (place.querySelector(".answer")) window.scalewiseFigures.bringToLife(place);
  else ask();
} else {
  window.scalewiseFigures.bringToLife(document);
}
