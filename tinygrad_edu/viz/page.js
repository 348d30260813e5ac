"use strict";
// The page shows frames: the leaves, each operation of the forward pass, the root's gradient, and each step of the
// backward pass. The number of a frame alone decides what it shows.

const { nodes, steps } = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const operations = nodes.map((_, i) => i).filter((i) => nodes[i].operation);
const root = nodes.length - 1;
const seedFrame = operations.length + 1; // in which the root gets its gradient
const lastFrame = seedFrame + steps.length;
const PAUSE = 1600; // milliseconds of a step while playing
const CHARACTER = 7.3; // pixels of a character in the graph
let current = 0; // the number of the frame that is shown
let inspected = null; // the number of the node whose numbers the caption shows
let timer = 0; // runs while the steps play

// Make an element; its children are nodes or plain text, never HTML
function element(name, attributes = {}, ...children) {
  const result = ["svg", "g", "path", "rect", "text", "defs", "marker"].includes(name)
    ? document.createElementNS("http://www.w3.org/2000/svg", name)
    : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) result.setAttribute(key, value);
  result.append(...children);
  return result;
}

// A value in short, which shows itself in full under the mouse or the keyboard's focus; its id survives the step
function value([short, full], id) {
  if (!full) return element("span", { class: "value" }, short);
  return element("span", { id, class: "value", tabindex: 0, role: "note", "aria-label": full, "data-full": full }, short);
}

// The graph
const boxes = [];
const edges = [];

function drawGraph() {
  const right = Math.max(...nodes.map(({ box: [x, , w] }) => x + w / 2)) + 12;
  const bottom = Math.max(...nodes.map(({ box: [, y, , h] }) => y + h / 2)) + 12;
  const svg = element("svg", { viewBox: `-12 -12 ${right + 12} ${bottom + 12}`, width: right + 12, height: bottom + 12 });
  const marker = (id, path, x) =>
    element("marker",
      { id, viewBox: "0 0 10 10", refX: x, refY: 5, markerWidth: 9, markerHeight: 9, markerUnits: "userSpaceOnUse", orient: "auto" },
      element("path", { d: path }));
  svg.append(element("defs", {}, marker("arrow", "M0,0L10,5L0,10z", 9), marker("arrow-forward", "M0,0L10,5L0,10z", 9),
    marker("arrow-backward", "M10,0L0,5L10,10z", 1)));
  steps.forEach(({ path }, i) => edges.push(svg.appendChild(element("path", { class: "edge", id: `edge-${i}`, d: path }))));
  nodes.forEach(({ lines, operation, box: [x, y, w, h] }, i) => {
    const line = (n, name, text) => element("text", { x: x - w / 2 + 9, y: y - h / 2 + 5 + 17 * n, class: name }, text);
    const kind = i === root && operation ? "result" : operation ? "operation" : "leaf";
    const box = element("g", { class: `box ${kind}`, id: `node-${i}`, tabindex: 0, role: "img" },
      element("rect", { x: x - w / 2, y: y - h / 2, width: w, height: h }),
      line(1, "name", lines[0]), line(2, "now", lines[1]), line(3, "grad", ""));
    for (const event of ["mouseenter", "focus"])
      box.addEventListener(event, () => {
        inspected = i;
        inspect();
      });
    boxes.push(svg.appendChild(box));
  });
  svg.append(element("text", { id: "passed", "aria-hidden": "true" }));
  byId("graph").append(svg);
}

// Write the numbers of the inspected node, as they are in this frame, into the caption
function inspect() {
  if (inspected === null) return;
  const grad = gradients(current)[inspected];
  const { name, operation, value } = nodes[inspected];
  byId("inspected").textContent =
    `${name}${operation ? ` = ${operation}` : ""}\n${isKnown(inspected) ? `value ${value.at(-1)}` : "not computed yet"}\n` +
    (grad ? `gradient so far ${grad.total.at(-1)}` : "no gradient has arrived yet");
}

// Whether a node has its value in this frame: a leaf always, an operation from its step of the forward pass on
const isKnown = (i) => !nodes[i].operation || current >= seedFrame || i <= (operations[current - 1] ?? -1);

// The gradient that has arrived at each node by a frame
function gradients(frame) {
  const arrived = nodes.map(() => null);
  if (frame >= seedFrame) arrived[root] = { total: ["1"], count: "the root" };
  for (const { tail, total, count: [n, of] } of steps.slice(0, Math.max(0, frame - seedFrame)))
    arrived[tail] = { total, count: `${n} of ${of}` };
  return arrived;
}

const contribution = (step) => step.contribution ?? step.total; // the first contribution is the total

// Show one frame
function show(frame) {
  current = Math.min(Math.max(frame, 0), lastFrame);
  const backward = current >= seedFrame;
  const step = steps[current - seedFrame - 1];
  const computed = backward ? null : operations[current - 1];
  document.body.classList.toggle("backward", backward);

  const arrived = gradients(current);
  boxes.forEach((box, i) => {
    const known = isKnown(i);
    const grad = arrived[i] ? `grad ${arrived[i].total[0]}` : "";
    box.classList.toggle("waiting", !known);
    box.classList.toggle("lit", i === computed || (step ? i === step.head : current === seedFrame && i === root));
    box.classList.toggle("receiving", Boolean(step) && i === step.tail);
    box.querySelector(".now").textContent = known ? nodes[i].lines[1] : "?";
    box.querySelector(".grad").textContent = grad.length > 28 ? `${grad.slice(0, 27)}…` : grad;
    box.setAttribute("aria-label", `${nodes[i].lines[0]}, ${known ? `value ${nodes[i].value[0]}` : "not computed yet"}` +
      (arrived[i] ? `, gradient so far ${arrived[i].total[0]}` : ""));
  });
  edges.forEach((edge, i) =>
    edge.classList.toggle("lit", step ? steps[i] === step : computed !== null && computed !== undefined && steps[i].head === computed));
  const passed = byId("passed");
  passed.textContent = "";
  if (step) {
    const edge = edges[current - seedFrame - 1];
    passed.textContent = fitted(contribution(step)[0], Math.floor(edge.getTotalLength() / CHARACTER));
    const middle = edge.getPointAtLength(edge.getTotalLength() / 2);
    passed.setAttribute("x", middle.x);
    passed.setAttribute("y", middle.y - 6);
  }

  byId("says").textContent = sentence(step, computed, backward);
  const focused = document.activeElement?.id;
  byId("numbers").replaceChildren(...(step ? stepNumbers(step) : computed === undefined || backward ? [] : operationNumbers(nodes[computed])));
  byId("totals").replaceChildren(...nodes.map((_, i) => row(i, arrived[i], step && i === step.tail)).reverse());
  if (focused) byId(focused)?.focus({ preventScroll: true }); // a value that was written anew
  inspect();

  const place = backward
    ? `Backward pass, step ${current - seedFrame} of ${steps.length}` : `Forward pass, step ${current} of ${operations.length}`;
  byId("place").textContent = place;
  byId("slider").value = current;
  byId("slider").setAttribute("aria-valuetext", place);
  byId("forward").setAttribute("aria-pressed", !backward);
  byId("backward").setAttribute("aria-pressed", backward);
  byId("first").disabled = byId("previous").disabled = current === 0;
  byId("next").disabled = byId("last").disabled = current === lastFrame;
  if (current === lastFrame) pause();
  const shown = computed ?? (backward ? root : 0);
  scrollToBoxes(nodes[step ? step.tail : shown], nodes[step ? step.head : shown]);
}

function sentence(step, computed, backward) {
  if (step) {
    const { why, rule, adds, remark } = step;
    const passes = `${nodes[step.head].name} passes ${rule} = ${contribution(step)[0]} on to ${nodes[step.tail].name}.`;
    return [why, passes, remark, adds].filter(Boolean).join(" ");
  }
  if (backward)
    return `The backward pass starts at the root: d ${nodes[root].name} / d ${nodes[root].name} = 1. It visits the ` +
      "nodes in reverse topological order, the latest operation first, so that a node passes its gradient on only " +
      "after every operation that uses it has done so and its own gradient is complete.";
  if (computed === undefined) {
    const leaves = nodes.filter(({ operation }) => !operation).slice(0, 8);
    return `The forward pass starts from the leaves: ${leaves.map((x) => `${x.name} = ${x.value[0]}`).join(", ")}` +
      `${leaves.length === 8 ? ", ..." : ""}. Each operation is computed after its arguments.`;
  }
  return `${nodes[computed].name} = ${nodes[computed].operation} = ${nodes[computed].value[0]}.`;
}

// A text as long as there is space for, which is 11 characters at least; of an array without space only the norm
function fitted(text, space) {
  const length = Math.max(space, 11);
  const short = text.length <= length ? text : text.replace(/^\(.*\) (?=norm)/, "");
  return short.length <= length ? short : `${short.slice(0, length - 1)}…`;
}

function numberBox(term, shown, className = "") {
  return element("div", { class: className }, element("dt", {}, term), element("dd", {}, shown));
}

const wideIfLong = (text) => (text.length > 18 ? "wide" : "");

function stepNumbers(step) {
  const [y, x] = [nodes[step.head].name, nodes[step.tail].name];
  const [n, of] = step.count;
  const written = step.numbers ?? step.shapes ?? "-";
  return [
    numberBox(`g, the gradient of ${y}`, value(gradients(current)[step.head].total, "number-g")),
    numberBox("rule", step.rule, wideIfLong(step.rule)),
    numberBox(step.shapes ? "with shapes" : "with numbers", written, wideIfLong(written)),
    numberBox(`local derivative d\u00a0${y} / d\u00a0${x}`, value(step.local, "number-local")),
    numberBox(`contribution to ${x}, ${n} of ${of}`, value(contribution(step), "number-contribution"), "lit"),
    numberBox(`total of ${x}`, value(step.total, "number-total"), "lit"),
  ];
}

function operationNumbers({ name, operation, numbers, shapes, value: data }) {
  return [numberBox("operation", `${name} = ${operation}`, "wide"),
    ...(numbers || !shapes ? [numberBox("with numbers", numbers ?? "-", "wide")] : []),
    ...(shapes ? [numberBox("with shapes", shapes, "wide")] : []),
    numberBox(`value of ${name}`, value(data, "number-value"), "lit")];
}

function row(i, grad, lit) {
  const { name, value: data } = nodes[i];
  return element("tr", lit ? { class: "lit" } : {},
    element("th", { scope: "row" }, name), element("td", {}, isKnown(i) ? value(data, `value-${i}`) : "?"),
    element("td", {}, grad ? value(grad.total, `total-${i}`) : "-"), element("td", {}, grad ? grad.count : "-"));
}

// Scroll the graph until both boxes of an edge are visible, or at least the one that receives the gradient
function scrollToBoxes(receiving, giving) {
  const graph = byId("graph");
  for (const [middle, length, side, size] of [[0, 2, "scrollLeft", "clientWidth"], [1, 3, "scrollTop", "clientHeight"]]) {
    const spans = [receiving, giving].map(({ box }) => [box[middle] - box[length] / 2 + 12, box[middle] + box[length] / 2 + 12]);
    let [from, to] = [Math.min(spans[0][0], spans[1][0]), Math.max(spans[0][1], spans[1][1])];
    if (to - from > graph[size]) [from, to] = spans[0];
    if (from < graph[side] || to > graph[side] + graph[size]) graph[side] = (from + to - graph[size]) / 2;
  }
}

// Controls
function pause() {
  clearInterval(timer);
  timer = 0;
  byId("play").textContent = "Play";
  byId("play").setAttribute("aria-label", "Play");
}

function play() {
  if (timer) return pause();
  if (current === lastFrame) show(0);
  timer = setInterval(() => show(current + 1), PAUSE);
  byId("play").textContent = "Pause";
  byId("play").setAttribute("aria-label", "Pause");
}

function go(frame) {
  pause();
  show(frame);
}

const BUTTONS = {
  forward: () => go(0), backward: () => go(seedFrame), first: () => go(0), previous: () => go(current - 1), play,
  next: () => go(current + 1), last: () => go(lastFrame),
};
const KEYS = {
  ArrowLeft: BUTTONS.previous, ArrowRight: BUTTONS.next, Home: BUTTONS.first, End: BUTTONS.last, " ": play,
};

document.addEventListener("keydown", (event) => {
  const onButton = event.key === " " && event.target.tagName === "BUTTON"; // the browser presses it
  if (!(event.key in KEYS) || onButton || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  KEYS[event.key]();
});
for (const [id, act] of Object.entries(BUTTONS)) byId(id).addEventListener("click", act);
byId("slider").addEventListener("input", (event) => go(Number(event.target.value)));

byId("root").textContent = nodes[root].name;
byId("slider").max = lastFrame;
document.querySelector("main").hidden = false;
drawGraph();
show(0);
