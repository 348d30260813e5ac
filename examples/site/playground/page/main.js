// The page: Python is started, the link is read, and the two views share one Python.

import { DEFAULTS } from "./controls.js";
import { byId, tell } from "./dom.js";
import { ExpressionView, FIRST } from "./expression.js";
import { copyText, readLink, saveFile, writeLink } from "./link.js";
import { Python } from "./python.js";
import { TrainingView } from "./training.js";

const TABS = ["expression", "training"];
const LONG = 8000; // characters of a link that some programs cut
const ALL = { view: "expression", code: FIRST, speed: "5", ...DEFAULTS };

const python = new Python(onProgress);
const callbacks = { changed: keepLink, showCode };
const expression = new ExpressionView(python, callbacks);
const training = new TrainingView(python, callbacks);
let view = "expression";
window.playground = { python, expression, training }; // to look into from the browser's console

async function onProgress(share, text, broken) {
  byId("progress").value = share;
  if (byId("loading-text").textContent !== text) byId("loading-text").textContent = text;
  byId("loading").hidden = share === 1;
  byId("loading").classList.toggle("error", Boolean(broken));
  document.body.dataset.ready = share === 1;
  expression.setReady(python.ready);
  training.setReady(python.ready);
  if (python.ready) await begin();
}

// The first results; after a restart only the training run is begun again
let began = false;
async function begin() {
  if (!began && view === "expression") await expression.begin();
  began = true;
  if (view === "training") await training.start();
}

function show(name, focus = false) {
  view = TABS.includes(name) ? name : TABS[0];
  for (const tab of TABS) {
    byId(tab).hidden = tab !== view;
    byId(`tab-${tab}`).setAttribute("aria-selected", tab === view);
    byId(`tab-${tab}`).tabIndex = tab === view ? 0 : -1;
  }
  if (focus) byId(`tab-${view}`).focus();
  if (view === "training" && python.ready && !training.started) training.start();
  if (view !== "training" && training.running) training.pause();
  if (view === "expression" && python.ready && !expression.result) expression.begin();
  training.draw();
}

function keepLink() {
  const settings = training.controls.values;
  writeLink({ view, code: expression.source, speed: byId("speed").value, ...settings }, ALL);
}

function restore() {
  const given = { ...ALL, ...readLink() };
  expression.source = given.code;
  expression.fromLink = "code" in readLink();
  training.controls.values = given;
  byId("speed").value = given.speed;
  if (byId("speed").selectedIndex < 0) byId("speed").value = ALL.speed;
  show(given.view);
}

function showCode(code, name) {
  byId("code-text").textContent = code;
  byId("copy-code").onclick = async () => tell((await copyText(code)) ? "Copied" : "Select the program, and copy it");
  byId("save-code").onclick = () => saveFile(name, code, "text/x-python");
  byId("code").showModal();
}

for (const tab of TABS)
  byId(`tab-${tab}`).addEventListener("click", () => {
    show(tab);
    keepLink();
  });
document.querySelector("[role=tablist]").addEventListener("keydown", ({ key }) => {
  if (!["ArrowLeft", "ArrowRight", "Home", "End"].includes(key)) return;
  show(TABS[(TABS.indexOf(view) + 1) % TABS.length], true);
  keepLink();
});
for (const button of document.querySelectorAll(".share"))
  button.addEventListener("click", async () => {
    keepLink();
    const long = location.href.length > LONG ? ` It has ${location.href.length} characters, and some programs cut it.` : "";
    tell((await copyText(location.href)) ? `The link is copied.${long}` : `The link is in the address bar.${long}`);
  });
window.addEventListener("hashchange", () => {
  restore();
  if (!python.ready) return;
  if (view === "training") training.start();
  else expression.begin();
});

const { home } = await (await fetch("config.json")).json();
if (home) byId("home").href = home;
restore();
