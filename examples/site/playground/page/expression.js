// The view in which expressions are typed, evaluated and stepped through.

import { byId, element, showText, tell } from "./dom.js";
import { EXAMPLES } from "./examples.js";
import { saveFile } from "./link.js";
import { Stopped } from "./python.js";

export const FIRST = Object.values(EXAMPLES)[0];
const OWN = "Your own";
const SMALLEST = 0.6; // of its own size a picture is shown: letters of 16 pixels then have 10

export class ExpressionView {
  constructor(python, { changed, showCode }) {
    this.python = python;
    this.changed = changed;
    this.result = null;
    this.fromLink = false; // until it is edited
    this.evaluating = false;
    this.next = null; // what was asked for while Python evaluates, instead of the result
    byId("example").append(...[...Object.keys(EXAMPLES), OWN].map((name) => element("option", {}, name)));
    byId("example").addEventListener("change", () => this.choose(byId("example").value));
    byId("source").addEventListener("input", () => this.edited());
    byId("source").addEventListener("keydown", (event) => this.key(event));
    byId("expression-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.evaluate();
    });
    byId("stop").addEventListener("click", () => this.stop());
    byId("expression-code").addEventListener("click", () => showCode(this.result.code, "expression.py"));
    byId("save-picture").addEventListener("click", () => saveFile("graph.svg", this.result.picture, "image/svg+xml"));
  }

  get source() {
    return byId("source").value;
  }

  set source(text) {
    byId("source").value = text;
    byId("example").value = Object.keys(EXAMPLES).find((name) => EXAMPLES[name] === text) ?? OWN;
  }

  choose(name) {
    if (name === OWN) return byId("source").focus();
    this.source = EXAMPLES[name];
    this.edited();
    if (this.python.ready) this.evaluate();
  }

  edited() {
    this.fromLink = false;
    this.source = this.source; // the name of the example follows the text
    clearTimeout(this.timer);
    this.timer = setTimeout(this.changed, 300); // after the last key: Safari refuses more than 100 new links in 30 seconds
  }

  key(event) {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    this.evaluate();
  }

  setReady(ready) {
    byId("evaluate").disabled = !ready;
    if (ready) byId("stop").disabled = true;
  }

  // An expression of a link was written by somebody else: it waits until it has been looked at.
  async begin() {
    if (!this.fromLink || Object.values(EXAMPLES).includes(this.source)) return this.evaluate();
    if (this.evaluating) return (this.next = () => this.begin());
    this.show({}); // what an earlier expression gave
    showText("expression-status", "This expression came with the link. Read it, then press Evaluate.");
  }

  async evaluate() {
    if (this.evaluating) this.next = () => this.evaluate();
    if (this.evaluating || !this.python.ready) return;
    this.evaluating = byId("evaluate").disabled = true;
    byId("stop").disabled = false;
    showText("expression-status", "Evaluating");
    const waiting = setTimeout(() =>
      showText("expression-status", "Still evaluating. If it does not end, press Stop: Python then starts again."), 3000);
    const result = await this.python.call("evaluate", this.source).catch((error) => {
      if (!(error instanceof Stopped)) this.python.restart();
      return { error: error instanceof Stopped ? "Stopped. Python starts again." : `Python stopped: ${error.message}` };
    });
    clearTimeout(waiting);
    this.evaluating = false;
    this.setReady(this.python.ready);
    const { next } = this;
    this.next = null;
    if (next && this.python.ready) next();
    else this.show(result);
  }

  stop() {
    byId("stop").disabled = true;
    this.python.restart("stopped");
  }

  show(result) {
    this.result = result;
    const { error, line, output, text, note, page, picture } = result;
    const where = line ? `Line ${line}: ` : "";
    byId("expression-error").replaceChildren(...(error ? [element("pre", { class: "error" }, where + error)] : []));
    showText("output", output);
    showText("value", text);
    showText("note", note);
    showText("expression-status", error ? "" : page ? "Done: the steps are below." : "Done.");
    byId("steps").replaceChildren(...(page ? [stepsFrame(page)] : []));
    byId("picture").replaceChildren(...(picture ? [pictureFrame(picture)] : []));
    byId("picture-title").hidden = !picture;
    byId("expression-code").disabled = !result.code;
    if (error) tell("");
  }
}

// The page of explain is an <iframe> of HTML; it gets a frame of our own, which can run its script and nothing else.
function stepsFrame(page) {
  const given = new DOMParser().parseFromString(page, "text/html").querySelector("iframe");
  return element("iframe", { class: "steps", sandbox: "allow-scripts", title: given.title, srcdoc: given.getAttribute("srcdoc") });
}

// The picture in a frame that runs nothing: as wide as the page, but so large that its letters can be read
function pictureFrame(svg) {
  const start = svg.indexOf("<svg");
  const size = (name) => Number(new RegExp(`<svg[^>]*? ${name}="([\\d.]+)pt"`).exec(svg)?.[1] ?? 300) * (4 / 3);
  const scale = Math.min(1, Math.max(SMALLEST, byId("picture").clientWidth / size("width")));
  const width = `width:100%;min-width:${SMALLEST * size("width")}px;max-width:${size("width")}px`;
  const style = `<meta name="color-scheme" content="light dark"><style>body{margin:0}svg{${width};height:auto}</style>`;
  return element("iframe", {
    class: "picture", sandbox: "", title: "Picture of the graph", srcdoc: style + svg.slice(start),
    style: `height:${Math.min(Math.ceil(scale * size("height")) + 20, 900)}px`,
  });
}
