// The controls of a training run, made from one table; their values are texts, which Python reads and checks.

import { byId, element } from "./dom.js";

const SAMPLE = `height,width,kind
1.2,0.4,thin
1.5,0.5,thin
1.1,0.3,thin
1.7,0.6,thin
1.4,0.3,thin
0.8,1.1,wide
0.7,1.4,wide
0.9,1.2,wide
0.5,1.0,wide
0.6,1.5,wide`;

const choice = (...options) => ({ kind: "select", options });
const text = (value, hints, hint = "") => ({ kind: "text", value, hints, hint });

// Groups of [name, label, control]; the first option of a choice, or `value`, is the default unless `value` says so
const GROUPS = {
  Data: [
    ["data", "Data", choice(["moons", "two moons"], ["circles", "two circles"], ["spirals", "two spirals"],
      ["xor", "exclusive or"], ["line", "a line"], ["table", "my own table"])],
    ["table", "Table", { kind: "area", value: SAMPLE, hint: "CSV; the last column is the target: classes or numbers." }],
    ["examples", "Examples", text("200", [50, 100, 200, 500, 1000])],
    ["noise", "Noise", text("0.1", [0, 0.05, 0.1, 0.2, 0.3, 0.5])],
  ],
  Network: [
    ["layers", "Hidden layers", text("16, 16", ["16, 16", "8", "4, 4", "32, 32"], "Units of each; empty for none.")],
    ["activation", "Activation", choice(...["tanh", "relu", "leaky_relu", "gelu", "silu", "softplus", "elu", "selu",
      "mish", "sigmoid"].map((name) => [name, name]))],
  ],
  Training: [
    ["optimizer", "Optimizer", choice(...["Adam", "SGD", "Momentum", "Nesterov", "Adagrad", "RMSprop", "Adadelta",
      "AdamW", "NAdam", "RAdam"].map((name) => [name, name]))],
    ["lr", "Learning rate", text("0.01", [0.0001, 0.001, 0.01, 0.03, 0.1, 0.3, 1])],
    ["schedule", "Schedule", choice(["constant", "constant"], ["cosine", "cosine, restarted"], ["step", "halved in steps"],
      ["exponential", "exponential"], ["warmup", "warm-up"])],
    ["batch", "Batch size", text("20", [0, 1, 5, 10, 20, 50], "0: all examples.")],
    ["l2", "L2 penalty", text("0.0", [0, 0.0001, 0.001, 0.01, 0.1])],
    ["seed", "Seed", text("4", [])],
  ],
};
const FIELDS = Object.values(GROUPS).flat();

export const DEFAULTS = Object.fromEntries(
  FIELDS.map(([name, , control]) => [name, control.value ?? control.options[0][0]]));

export class Controls {
  constructor(onChange) {
    for (const [title, fields] of Object.entries(GROUPS))
      byId("settings").append(element("fieldset", {}, element("legend", {}, title), ...fields.map(field)));
    byId("settings").addEventListener("submit", (event) => event.preventDefault());
    byId("settings").addEventListener("input", () => {
      this.arrange();
      clearTimeout(this.timer);
      this.timer = setTimeout(onChange, 300); // after the last key
    });
    byId("file").addEventListener("change", async ({ target }) => {
      if (!target.files[0]) return;
      input("table").value = await target.files[0].text();
      target.value = "";
      onChange();
    });
    this.arrange();
  }

  // What a run is started with: a table only where it is used
  get values() {
    const all = Object.fromEntries(FIELDS.map(([name]) => [name, input(name).value]));
    if (all.data !== "table") delete all.table;
    return all;
  }

  set values(given) {
    for (const [name] of FIELDS) input(name).value = given[name] ?? DEFAULTS[name];
    for (const select of byId("settings").querySelectorAll("select"))
      if (select.selectedIndex < 0) select.selectedIndex = 0; // a link of another version
    this.arrange();
  }

  arrange() {
    const own = input("data").value === "table";
    for (const name of ["examples", "noise"]) row(name).hidden = own;
    row("table").hidden = !own;
  }

  showError(field) {
    for (const [name] of FIELDS) {
      if (name === field) input(name).setAttribute("aria-invalid", "true");
      else input(name).removeAttribute("aria-invalid");
    }
  }
}

const input = (name) => byId(`set-${name}`);
const row = (name) => input(name).closest(".field");

function field([name, label, { kind, options, hints, hint, value }]) {
  const id = `set-${name}`;
  const described = { "aria-describedby": hint ? `${id}-hint` : null, autocomplete: "off", autocorrect: "off", autocapitalize: "off" };
  const parts = [element("label", { for: id }, label)];
  if (kind === "select")
    parts.push(element("select", { id }, ...options.map(([v, shown]) => element("option", { value: v }, shown))));
  if (kind === "text")
    parts.push(element("input", { id, type: "text", value, list: `${id}-list`, spellcheck: "false", ...described }),
      element("datalist", { id: `${id}-list` }, ...hints.map((v) => element("option", { value: v }))));
  if (kind === "area")
    parts.push(element("textarea", { id, rows: 6, spellcheck: "false", ...described }, value),
      element("label", { class: "file" }, "Open a file ", element("input", { id: "file", type: "file", accept: ".csv,.tsv,.txt" })));
  if (hint) parts.push(element("p", { class: "quiet", id: `${id}-hint` }, hint));
  return element("div", { class: `field ${kind}` }, ...parts);
}
