// Sends what is dropped or chosen, a file or a folder, and goes to its table.
const form = document.getElementById("drop");
const said = document.getElementById("upload-status");
const MOST_FILES = 2000;
const MOST_BYTES = 256 * 2 ** 20;
const LEFT_OUT = /(^|\/)(\.|__MACOSX)|\.(pt|pth|ckpt|bin|npy|npz|onnx|h5|pkl|pickle)$/i; // hidden files, weights

// A folder's files with their paths below it.
async function below(entry, path, found) {
  if (found.length > MOST_FILES) return found;
  if (entry.isFile) {
    found.push([path + entry.name, await new Promise((take, fail) => entry.file(take, fail))]);
    return found;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((take, fail) => reader.readEntries(take, fail));
    if (!some.length) return found;
    for (const one of some) if (!LEFT_OUT.test(one.name)) await below(one, `${path}${entry.name}/`, found);
  }
}

const withoutFirst = (path) => path.slice(path.indexOf("/") + 1);

async function send(name, address, body) {
  said.textContent = `Reading ${name} …`;
  form.setAttribute("aria-busy", "true");
  try {
    const reply = await fetch(`${address}?name=${encodeURIComponent(name)}`, { method: "POST", body });
    if (reply.ok) location.href = (await reply.json()).to;
    else said.textContent = await reply.text();
  } catch {
    said.textContent = "The page could not be reached, or what was sent was refused on the way.";
  } finally {
    form.removeAttribute("aria-busy");
    for (const input of form.querySelectorAll("input")) input.value = "";
  }
}

// Of weights in safetensors only the header, which tells how many there are.
async function sent(path, file) {
  if (!path.endsWith(".safetensors")) return [path, file];
  const length = new DataView(await file.slice(0, 8).arrayBuffer());
  return [path, file.slice(0, 8 + (length.byteLength === 8 ? Math.min(Number(length.getBigUint64(0, true)), 2 ** 24) : 0))];
}

async function sendFolder(name, files) {
  const some = files.filter(([path]) => !LEFT_OUT.test(path)).slice(0, MOST_FILES + 1);
  const kept = await Promise.all(some.map(([path, file]) => sent(path, file)));
  const size = kept.reduce((sum, [, file]) => sum + file.size, 0);
  if (!kept.length) said.textContent = `${name} holds no logs.`;
  else if (kept.length > MOST_FILES || size > MOST_BYTES) {
    said.textContent = `${name} has ${kept.length > MOST_FILES ? "more than " + MOST_FILES : kept.length} files of ` +
      `${Math.ceil(size / 2 ** 20)} MB; at most ${MOST_FILES} files of ${MOST_BYTES / 2 ** 20} MB together are taken. ` +
      "scalewise serve opens larger folders where they lie.";
  } else {
    const list = JSON.stringify(kept.map(([path, file]) => [path, file.size]));
    await send(name, "/folders", new Blob([list, "\n", ...kept.map(([, file]) => file)]));
  }
}

async function take(files) {
  if (files.length === 1) await send(files[0].name, "/tables", files[0]);
  else if (files.length) await sendFolder(`${files.length} files`, [...files].map((file) => [file.name, file]));
}

document.getElementById("file").addEventListener("change", (event) => take(event.target.files));
document.getElementById("folder").addEventListener("change", (event) => {
  const files = [...event.target.files];
  if (!files.length) return;
  sendFolder(files[0].webkitRelativePath.split("/")[0], files.map((file) => [withoutFirst(file.webkitRelativePath), file]));
});
form.addEventListener("submit", (event) => event.preventDefault());
for (const kind of ["dragenter", "dragover"]) {
  form.addEventListener(kind, (event) => { event.preventDefault(); form.classList.add("over"); });
}
for (const kind of ["dragleave", "drop"]) form.addEventListener(kind, () => form.classList.remove("over"));
form.addEventListener("drop", async (event) => {
  event.preventDefault();
  const files = event.dataTransfer.files;
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry && item.webkitGetAsEntry()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return take(files);
  const name = entries.length === 1 ? entries[0].name : `${entries.length} folders`;
  said.textContent = `Reading ${name} …`;
  const found = [];
  for (const entry of entries) await below(entry, "", found);
  return sendFolder(name, entries.length === 1 ? found.map(([path, file]) => [withoutFirst(path), file]) : found);
});
