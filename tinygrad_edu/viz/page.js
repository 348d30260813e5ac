"use strict";
// The page goes through frames: the inputs, the operations of the forward pass, the root's own gradient, and then
// every step of the backward pass. Whatever is shown follows from the frame's number alone.

const { nodes, steps } = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const operations = nodes.map((_, i) => i).filter((i) => nodes[i].operation);
const root = nodes.length - 1;
const seed = operations.length + 1; // the frame in which the root gets its gradient
const last = seed + steps.length;
const PAUSE = 1600; // milliseconds that play gives each step
let now = 0;
let playing = 0;

// Elements, whose text is only ever text
function element(name, attributes = {}, ...children) {
  const made = ["svg", "g", "path", "rect", "text", "defs", "marker"].includes(name)
    ? document.createElementNS("http://www.w3.org/2000/svg", name)
    : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// A number in short; in full where the mouse or the keyboard goes
function value([short, full]) {
  if (!full) return element("span", { class: "value" }, short);
  return element("span", { class: "value", tabindex: 0, role: "note", "aria-label": full, "data-full": full }, short);
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
    for (const event of ["mouseenter", "focus"]) box.addEventListener(event, () => inspect(i));
    boxes.push(svg.appendChild(box));
  });
  svg.append(element("text", { id: "passed", "aria-hidden": "true" }));
  at("graph").append(svg);
}

function inspect(i) {
  const grad = gradients(now)[i];
  const { name, operation, value } = nodes[i];
  at("inspected").textContent =
    `${name}${operation ? ` = ${operation}` : ""}\nvalue ${value.at(-1)}\n` +
    (grad ? `gradient so far ${grad.total.at(-1)}` : "no gradient has arrived yet");
}

// What has arrived at each node when a frame is shown
function gradients(frame) {
  const arrived = nodes.map(() => null);
  if (frame >= seed) arrived[root] = { total: ["1"], count: "the root" };
  for (const { tail, total, count: [n, of] } of steps.slice(0, Math.max(0, frame - seed)))
    arrived[tail] = { total, count: `${n} of ${of}` };
  return arrived;
}

function contribution(step) {
  return step.contribution ?? step.total; // the first is all that there is
}

// One frame
function show(frame) {
  now = Math.min(Math.max(frame, 0), last);
  const backward = now >= seed;
  const step = steps[now - seed - 1];
  const made = backward ? null : operations[now - 1];
  const reached = backward ? root : now === 0 ? -1 : made;
  document.body.classList.toggle("backward", backward);

  const arrived = gradients(now);
  boxes.forEach((box, i) => {
    const known = !nodes[i].operation || i <= reached;
    const grad = arrived[i] ? `grad ${arrived[i].total[0]}` : "";
    box.classList.toggle("waiting", !known);
    box.classList.toggle("lit", i === made || (step ? i === step.head : now === seed && i === root));
    box.classList.toggle("taking", Boolean(step) && i === step.tail);
    box.querySelector(".now").textContent = known ? nodes[i].lines[1] : "?";
    box.querySelector(".grad").textContent = grad.length > 28 ? `${grad.slice(0, 27)}…` : grad;
    box.setAttribute("aria-label", `${nodes[i].lines[0]}, ${known ? `value ${nodes[i].value[0]}` : "not computed yet"}` +
      (arrived[i] ? `, gradient so far ${arrived[i].total[0]}` : ""));
  });
  edges.forEach((edge, i) =>
    edge.classList.toggle("lit", step ? steps[i] === step : made !== null && made !== undefined && steps[i].head === made));
  const passed = at("passed");
  passed.textContent = step ? contribution(step)[0] : "";
  if (step) {
    const edge = edges[now - seed - 1];
    const middle = edge.getPointAtLength(edge.getTotalLength() / 2);
    passed.setAttribute("x", middle.x);
    passed.setAttribute("y", middle.y - 6);
  }

  at("says").textContent = sentence(step, made, backward);
  at("numbers").replaceChildren(...(step ? stepNumbers(step) : made === undefined || backward ? [] : madeNumbers(nodes[made])));
  at("totals").replaceChildren(...nodes.map((node, i) => row(node, arrived[i], step && i === step.tail)).reverse());

  const place = backward
    ? `Backward pass, step ${now - seed} of ${steps.length}` : `Forward pass, step ${now} of ${operations.length}`;
  at("place").textContent = place;
  at("slider").value = now;
  at("slider").setAttribute("aria-valuetext", place);
  at("forward").setAttribute("aria-pressed", !backward);
  at("backward").setAttribute("aria-pressed", backward);
  at("first").disabled = at("previous").disabled = now === 0;
  at("next").disabled = at("last").disabled = now === last;
  if (now === last) pause();
  const shown = made ?? (backward ? root : 0);
  bringIntoView(nodes[step ? step.tail : shown], nodes[step ? step.head : shown]);
}

function sentence(step, made, backward) {
  if (step) {
    const { why, rule, adds, remark } = step;
    const passes = `${nodes[step.head].name} passes ${rule} = ${contribution(step)[0]} on to ${nodes[step.tail].name}.`;
    return [why, passes, remark, adds].filter(Boolean).join(" ");
  }
  if (backward)
    return `The backward pass starts at the root: d ${nodes[root].name} / d ${nodes[root].name} = 1. It goes back in ` +
      "reverse topological order, the operation recorded last first: so a node passes its gradient on only when " +
      "every node that uses it has done so, and its own gradient is complete.";
  if (made === undefined) {
    const leaves = nodes.filter(({ operation }) => !operation).slice(0, 8);
    return `The forward pass starts from what is given: ${leaves.map((x) => `${x.name} = ${x.value[0]}`).join(", ")}` +
      `${leaves.length === 8 ? ", ..." : ""}. Each operation is computed when its arguments are there.`;
  }
  return `${nodes[made].name} = ${nodes[made].operation} = ${nodes[made].value[0]}.`;
}

function entry(term, shown, name = "") {
  return element("div", { class: name }, element("dt", {}, term), element("dd", {}, shown));
}

function stepNumbers(step) {
  const [y, x] = [nodes[step.head].name, nodes[step.tail].name];
  const [n, of] = step.count;
  return [
    entry(`g, the gradient of ${y}`, value(gradients(now)[step.head].total)),
    entry("rule", step.rule, step.rule.length > 18 ? "wide" : ""),
    entry("with numbers", step.numbers ?? "-", step.numbers?.length > 18 ? "wide" : ""),
    entry(`local derivative d\u00a0${y} / d\u00a0${x}`, value(step.local)),
    entry(`contribution to ${x}, ${n} of ${of}`, value(contribution(step)), "lit"),
    entry(`total of ${x}`, value(step.total), "lit"),
  ];
}

function madeNumbers({ name, operation, numbers, value: held }) {
  return [
    entry("operation", `${name} = ${operation}`, "wide"), entry("with numbers", numbers ?? "-", "wide"),
    entry(`value of ${name}`, value(held), "lit"),
  ];
}

function row({ name, value: held }, grad, lit) {
  return element("tr", lit ? { class: "lit" } : {},
    element("th", { scope: "row" }, name), element("td", {}, value(held)),
    element("td", {}, grad ? value(grad.total) : "-"), element("td", {}, grad ? grad.count : "-"));
}

// Scroll the graph, where it is larger than its frame, to what takes and what gives; to what takes if not to both.
function bringIntoView(taking, giving) {
  const graph = at("graph");
  for (const [middle, length, side, size] of [[0, 2, "scrollLeft", "clientWidth"], [1, 3, "scrollTop", "clientHeight"]]) {
    const ends = [taking, giving].map(({ box }) => [box[middle] - box[length] / 2 + 12, box[middle] + box[length] / 2 + 12]);
    let [from, to] = [Math.min(ends[0][0], ends[1][0]), Math.max(ends[0][1], ends[1][1])];
    if (to - from > graph[size]) [from, to] = ends[0];
    if (from < graph[side] || to > graph[side] + graph[size]) graph[side] = (from + to - graph[size]) / 2;
  }
}

// Control
function pause() {
  clearInterval(playing);
  playing = 0;
  at("play").textContent = "Play";
  at("play").setAttribute("aria-label", "Play");
}

function play() {
  if (playing) return pause();
  if (now === last) show(0);
  playing = setInterval(() => show(now + 1), PAUSE);
  at("play").textContent = "Pause";
  at("play").setAttribute("aria-label", "Pause");
}

function go(frame) {
  pause();
  show(frame);
}

const KEYS = {
  ArrowLeft: () => go(now - 1), ArrowRight: () => go(now + 1), Home: () => go(0), End: () => go(last), " ": play,
};

document.addEventListener("keydown", (event) => {
  const onButton = event.key === " " && event.target.tagName === "BUTTON"; // which it presses by itself
  if (!(event.key in KEYS) || onButton || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  KEYS[event.key]();
});
at("first").addEventListener("click", () => go(0));
at("previous").addEventListener("click", () => go(now - 1));
at("play").addEventListener("click", play);
at("next").addEventListener("click", () => go(now + 1));
at("last").addEventListener("click", () => go(last));
at("forward").addEventListener("click", () => go(0));
at("backward").addEventListener("click", () => go(seed));
at("slider").addEventListener("input", (event) => go(Number(event.target.value)));

at("root").textContent = nodes[root].name;
at("slider").max = last;
document.querySelector("main").hidden = false;
drawGraph();
show(0);
