// The view in which a network is trained: a few updates a frame, drawn while Python computes the next ones.

import { short } from "./canvas.js";
import { drawCurves, drawHistogram } from "./charts.js";
import { Controls } from "./controls.js";
import { byId, element, tell } from "./dom.js";
import { saveFile } from "./link.js";
import { drawPlane } from "./plane.js";
import { Stopped } from "./python.js";
import { drawSurface } from "./surface.js";

const KEPT = 600; // points of a curve; beyond, every second one is dropped
const SPOKEN = 3000; // milliseconds between descriptions of the pictures while it runs

export class TrainingView {
  constructor(python, { changed, showCode }) {
    this.python = python;
    this.running = false;
    this.started = false; // whether Python has a run of these settings
    this.serial = 0; // of the run; an answer to an earlier one is not drawn
    this.times = [];
    this.controls = new Controls(() => {
      changed();
      this.start(this.running);
    });
    byId("run").addEventListener("click", () => (this.running ? this.pause() : this.run()));
    byId("step").addEventListener("click", () => this.step());
    byId("reset").addEventListener("click", () => this.start(false));
    byId("speed").addEventListener("change", changed);
    byId("training-code").addEventListener("click", async () => showCode((await this.ask("program")).code, "training.py"));
    byId("save-weights").addEventListener("click", async () => {
      saveFile("weights.npz", (await this.ask("weights")).file, "application/octet-stream");
      tell("Saved. model.load_state_dict(tg.load('weights.npz')) reads it into the model of the code.");
    });
    new ResizeObserver(() => this.draw()).observe(byId("plane"));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  setReady(ready) {
    if (!ready) {
      this.running = this.started = false;
      this.looping = null;
      this.serial++;
    }
    this.buttons();
  }

  buttons() {
    for (const id of ["run", "step", "reset", "training-code", "save-weights"]) byId(id).disabled = !this.started;
    byId("reset").disabled = !this.python.ready;
    byId("run").textContent = this.running ? "Pause" : "Run";
  }

  // Ask Python. If it was stopped, or fails, which nothing that is typed here should bring about, it starts again with
  // a new run; whoever waits for the old one gets no answer.
  async ask(name, ...args) {
    try {
      return await this.python.call(name, ...args);
    } catch (error) {
      if (!(error instanceof Stopped)) {
        this.error(`Python stopped: ${error.message}`);
        this.python.restart();
      }
      return new Promise(() => {});
    }
  }

  // Begin anew with the settings of the controls
  async start(running = false) {
    if (!this.python.ready) return;
    const serial = ++this.serial;
    this.looping = serial; // the loop begins below; whoever presses Run or Pause until then decides if it runs
    this.running = running;
    this.buttons();
    const first = await this.ask("start", this.controls.values);
    if (serial !== this.serial) return;
    this.looping = null;
    this.started = !first.error;
    this.running = this.started && this.running;
    this.controls.showError(first.field);
    this.error(first.error ?? "");
    this.buttons();
    if (first.error) return;
    this.points = first.points;
    this.curves = { updates: [], train: [], valid: [] };
    this.take(first);
    this.describe();
    this.loop(serial);
  }

  run() {
    this.running = true;
    this.buttons();
    byId("training-status").textContent = "Running";
    if (!this.looping) this.loop(this.serial);
  }

  pause() {
    this.running = false;
    this.times = [];
    this.buttons();
    this.figures();
    if (!this.looping) this.describe(); // otherwise after the updates that are under way
  }

  async step() {
    if (this.running) return this.pause();
    const serial = this.serial;
    const frame = await this.ask("frame", 1);
    if (serial !== this.serial) return;
    this.take(frame);
    this.describe();
    if (!this.looping) this.loop(serial);
  }

  // Frame after frame, while it runs, and until the surface shows all of the path. Python works on the next frame while
  // this one is drawn, and is never asked for more than one ahead.
  async loop(serial) {
    this.looping = serial;
    let next = null;
    let spoken = performance.now();
    while (serial === this.serial && (this.running || !this.frame.settled)) {
      const frame = await (next ?? this.ask("frame", this.running ? Number(byId("speed").value) : 0));
      if (serial !== this.serial) return;
      next = this.running && !frame.diverged ? this.ask("frame", Number(byId("speed").value)) : null;
      await new Promise(document.hidden ? (done) => setTimeout(done, 100) : requestAnimationFrame);
      if (serial !== this.serial) return;
      this.count(performance.now());
      this.take(frame);
      if (frame.diverged) this.pause();
      if (!this.running && !next && this.described !== frame.updates) this.describe();
      if (this.running && performance.now() - spoken > SPOKEN) {
        this.describePictures();
        spoken = performance.now();
      }
    }
    const last = await next;
    if (serial !== this.serial) return;
    this.looping = null;
    if (last) this.take(last);
    if (!this.frame.settled) return this.loop(serial);
    this.describe();
  }

  // The frames of the last second
  count(now) {
    this.times = [...this.times.filter((t) => now - t < 1000), now];
  }

  take(frame) {
    this.frame = frame;
    const { updates, train, valid } = this.curves;
    if (frame.updates !== updates.at(-1)) {
      updates.push(frame.updates);
      train.push(frame.train);
      valid.push(frame.valid);
    }
    if (updates.length > KEPT)
      for (const name of Object.keys(this.curves))
        this.curves[name] = this.curves[name].filter((_, i, all) => i % 2 === 0 || i === all.length - 1);
    if (frame.diverged) this.error(frame.diverged);
    this.draw();
    this.figures();
  }

  draw() {
    if (!this.frame || !this.points || byId("training").hidden) return;
    drawPlane(byId("plane"), this.points, this.frame);
    drawCurves(byId("curves"), this.curves);
    drawHistogram(byId("histogram"), this.frame);
    drawSurface(byId("surface"), this.frame);
  }

  figures() {
    const { updates, epoch, train, valid, metric, lr } = this.frame;
    const rate = this.running ? this.times.length : 0;
    const shown = {
      Updates: updates, Epochs: short(epoch), "Training loss": short(train), "Validation loss": short(valid),
      [this.points.metric === "accuracy" ? "Accuracy" : this.points.metric]: this.measure(metric),
      "Learning rate": short(lr), "Frames a second": rate || "–",
    };
    const rows = Object.entries(shown);
    if (byId("figures").childElementCount !== rows.length)
      byId("figures").replaceChildren(...rows.map(() => element("div", {}, element("dt"), element("dd"))));
    rows.forEach(([name, value], i) => {
      const [term, said] = byId("figures").children[i].children;
      if (term.textContent !== name) term.textContent = name;
      said.textContent = value;
    });
    byId("figures").dataset.updates = updates;
    byId("figures").dataset.metric = metric;
    byId("figures").dataset.frames = rate;
  }

  measure(metric) {
    if (!Number.isFinite(metric)) return "–";
    return this.points.metric === "accuracy" ? `${(100 * metric).toFixed(1)} %` : metric.toFixed(3);
  }

  // In words, for those who do not see the pictures
  describe() {
    const { updates, train, valid, metric, diverged } = this.frame;
    this.described = updates;
    const state = this.running ? "Running" : updates ? "Paused" : "Ready";
    byId("training-status").textContent = diverged ? "" : `${state} after ${updates} updates: training loss ${short(train)}, ` +
      `validation loss ${short(valid)}, ${this.points.metric} of the validation data ${this.measure(metric)}.`;
    this.describePictures();
  }

  describePictures() {
    const { points, frame } = this;
    const { classes, sizes, parameters, training, x } = points;
    const label = (id, text) => byId(id).setAttribute("aria-label", text);
    const what = classes.length ? "decision boundary" : "prediction";
    byId("plane-title").textContent = `Network ${sizes.join("-")}, ${parameters} parameters`;
    byId("plane-legend").textContent = `${training} examples to train are filled, ${x.length - training} to validate hollow.` +
      (classes.length ? ` ${classes.map((name, i) => `${SHAPES[i % SHAPES.length]} ${name}`).join(", ")}.` : "");
    label("plane", `${x.length} examples and the ${what} after ${frame.updates} updates; ${points.metric} ${this.measure(frame.metric)}`);
    label("curves", `Loss by update: training ${short(this.curves.train[0])} at first and ${short(frame.train)} now, validation ${short(frame.valid)} now`);
    label("histogram", `Histogram of the weights, from ${short(-frame.reach)} to ${short(frame.reach)}`);
    label("surface", `Contours of the loss around the path of the weights, and the path so far, ${frame.updates} updates`);
    const plane = parameters === 2 ? "Weight across, bias upwards." : `A plane among ${parameters} parameters, through the first ` +
      `and the last weights; ${(100 * frame.share).toFixed(0)} % of the path lies in it.`;
    byId("surface-note").textContent = frame.surface.length ? `${plane} The path goes from the hollow point to the filled one.` : "";
  }

  error(text) {
    byId("training-error").replaceChildren(...(text ? [element("p", { class: "error" }, text)] : []));
  }
}

const SHAPES = ["●", "▲", "■", "⬟", "⬢"];
