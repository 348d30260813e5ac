// The cost surface on a plane through the weights, and the path of training on it.

import { mix, paintGrid, prepare, rgb, theme } from "./canvas.js";
import { strokeContour } from "./contours.js";

const LEVELS = 12;

export function drawSurface(canvas, { surface, path }) {
  const { context, width, height } = prepare(canvas);
  const { back, text, quiet, line, low, high, valid } = theme();
  const box = [1, 1, width - 2, height - 2];
  context.strokeStyle = line;
  context.strokeRect(0.5, 0.5, width - 1, height - 1);
  if (!surface.length) {
    context.fillStyle = quiet;
    context.textAlign = "center";
    return context.fillText("The surface is being computed", width / 2, height / 2);
  }
  const size = Math.round(Math.sqrt(surface.length));
  const logs = Array.from(surface, (v) => Math.log(Math.max(v, 1e-12)));
  const finite = logs.filter(Number.isFinite);
  const [least, most] = [Math.min(...finite), Math.max(...finite)];
  const [ground, from, to] = [back, low, high].map(rgb);
  paintGrid(context, size, (i) => {
    const t = Number.isFinite(logs[i]) ? (logs[i] - least) / (most - least || 1) : 1;
    return mix(ground, mix(from, to, t), 0.45);
  }, box);
  context.strokeStyle = quiet;
  context.lineWidth = 0.7;
  for (let k = 1; k < LEVELS; k++) strokeContour(context, logs, size, least + ((most - least) * k) / LEVELS, box);

  const places = [];
  for (let i = 0; i + 1 < path.length; i += 2)
    places.push([box[0] + ((path[i] + 1) / 2) * box[2], box[1] + box[3] - ((path[i + 1] + 1) / 2) * box[3]]);
  for (const [color, wide] of [[back, 4], [text, 1.8]]) {
    context.strokeStyle = color;
    context.lineWidth = wide;
    context.beginPath();
    for (const place of places) context.lineTo(...place);
    context.stroke();
  }
  for (const [place, fill] of [[places[0], back], [places.at(-1), valid]]) {
    if (!place) continue;
    context.beginPath();
    context.arc(...place, 4.5, 0, 2 * Math.PI);
    context.fillStyle = fill;
    context.strokeStyle = text;
    context.lineWidth = 1.5;
    context.fill();
    context.stroke();
  }
}
