// Sends a dropped or chosen file, and goes to its table.
"use strict";
const form = document.getElementById("drop");
const file = document.getElementById("file");
const said = document.getElementById("upload-status");

async function send(chosen) {
  said.textContent = `Reading ${chosen.name} …`;
  form.setAttribute("aria-busy", "true");
  try {
    const reply = await fetch(`/tables?name=${encodeURIComponent(chosen.name)}`, { method: "POST", body: chosen });
    if (reply.ok) location.href = (await reply.json()).to;
    else said.textContent = await reply.text();
  } catch {
    said.textContent = "The page could not be reached, or the file was refused while it was sent.";
  } finally {
    form.removeAttribute("aria-busy");
    file.value = "";
  }
}

file.addEventListener("change", () => { if (file.files.length) send(file.files[0]); });
form.addEventListener("submit", (event) => event.preventDefault());
for (const kind of ["dragenter", "dragover"]) {
  form.addEventListener(kind, (event) => { event.preventDefault(); form.classList.add("over"); });
}
for (const kind of ["dragleave", "drop"]) form.addEventListener(kind, () => form.classList.remove("over"));
form.addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files.length) send(event.dataTransfer.files[0]);
});
