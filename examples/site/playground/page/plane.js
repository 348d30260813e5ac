// The plane of the data: what the network says at each place, where its decision changes, and the examples.

import { mix, paintGrid, prepare, rgb, short, theme, ticks } from "./canvas.js";
import { strokeContour } from "./contours.js";

const [LEFT, BOTTOM, EDGE] = [34, 30, 6];
const TINT = 0.42; // of a class's color where the network is sure of it

export function drawPlane(canvas, points, { grid }) {
  const { context, width, height } = prepare(canvas);
  const box = [LEFT, EDGE, width - LEFT - EDGE, height - BOTTOM - EDGE];
  const colors = theme();
  const toX = (v) => box[0] + ((v - points.low[0]) / (points.high[0] - points.low[0])) * box[2];
  const toY = (v) => box[1] + box[3] - ((v - points.low[1]) / (points.high[1] - points.low[1])) * box[3];
  const size = Math.round(Math.sqrt(grid.length));

  if (points.features > 1) {
    paintGrid(context, size, painter(points, grid, colors), box);
    context.strokeStyle = colors.text;
    context.lineWidth = 1.5;
    if (points.outputs === 1 && points.classes.length) strokeContour(context, grid, size, 0.5, box);
  }
  axes(context, points, box, toX, toY, colors);
  context.save();
  context.beginPath();
  context.rect(...box);
  context.clip();
  examples(context, points, toX, toY, colors);
  if (points.features === 1) {
    context.beginPath();
    grid.forEach((v, i) => context.lineTo(toX(points.low[0] + (i / (grid.length - 1)) * (points.high[0] - points.low[0])),
      toY(points.classes.length ? decided(v, points) : v)));
    context.strokeStyle = colors.valid;
    context.lineWidth = 2.5;
    context.stroke();
  }
  context.restore();
}

// A class number from what the network says of one feature
const decided = (v, { outputs }) => (outputs > 1 ? Math.floor(v) : v);

// The color of each point of the grid
function painter({ classes, outputs, target }, grid, { back, classes: palette, low, high }) {
  const ground = rgb(back);
  if (!classes.length) {
    const [least, most] = [Math.min(...target), Math.max(...target)];
    return (i) => (Number.isFinite(grid[i]) ? scale(grid[i], least, most, low, high, ground) : ground);
  }
  const tints = palette.map((color) => mix(ground, rgb(color), TINT));
  if (outputs > 1) {
    const least = 1 / classes.length;
    return (i) => (Number.isFinite(grid[i]) ? mix(ground, tints[Math.floor(grid[i])], ((grid[i] % 1) - least) / (1 - least)) : ground);
  }
  return (i) => (Number.isFinite(grid[i]) ? mix(ground, tints[grid[i] > 0.5 ? 1 : 0], Math.abs(2 * grid[i] - 1)) : ground);
}

function scale(value, least, most, low, high, ground) {
  const t = Math.min(1, Math.max(0, (value - least) / (most - least || 1)));
  return mix(ground, mix(rgb(low), rgb(high), t), 0.6);
}

function axes(context, { low, high, names }, [x, y, width, height], toX, toY, { line, quiet }) {
  context.strokeStyle = line;
  context.fillStyle = quiet;
  context.lineWidth = 1;
  context.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
  context.textAlign = "center";
  for (const v of ticks(low[0], high[0])) context.fillText(short(v), toX(v), y + height + 12);
  context.fillText(names[0].slice(0, 30), x + width / 2, y + height + 25);
  context.textAlign = "right";
  for (const v of ticks(low[1], high[1])) context.fillText(short(v), x - 4, toY(v) + 4);
  context.save();
  context.translate(9, y + height / 2);
  context.rotate(-Math.PI / 2);
  context.textAlign = "center";
  context.fillText(names[1].slice(0, 30), 0, 0);
  context.restore();
}

// Examples to train are filled, those to validate hollow; each class has a shape too
function examples(context, points, toX, toY, colors) {
  const { x, y, target, training, classes } = points;
  const [least, most] = classes.length ? [0, 0] : [Math.min(...target), Math.max(...target)];
  const radius = x.length > 600 ? 2.5 : 4;
  context.lineWidth = 1.5;
  for (let i = x.length - 1; i >= 0; i--) {
    const color = classes.length ? colors.classes[target[i]]
      : points.features === 1 ? colors.train : `rgb(${scale(target[i], least, most, colors.low, colors.high, rgb(colors.back)).map(Math.round)})`;
    shape(context, classes.length ? target[i] : 0, toX(x[i]), toY(y[i]), radius);
    context.fillStyle = i < training ? color : colors.back;
    context.strokeStyle = i < training ? colors.back : color;
    context.fill();
    context.stroke();
  }
}

// A circle, or a polygon of three to six corners
function shape(context, kind, x, y, radius) {
  context.beginPath();
  if (kind === 0) return context.arc(x, y, radius, 0, 2 * Math.PI);
  const corners = 3 + ((kind - 1) % 4);
  const turn = kind > 4 ? Math.PI / corners : 0;
  for (let k = 0; k < corners; k++) {
    const angle = turn - Math.PI / 2 + (2 * Math.PI * k) / corners;
    context.lineTo(x + 1.35 * radius * Math.cos(angle), y + 1.35 * radius * Math.sin(angle));
  }
  context.closePath();
}
