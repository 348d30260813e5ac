// The curves of the losses, and the histogram of the weights.

import { prepare, short, theme, ticks } from "./canvas.js";

const [LEFT, BOTTOM, EDGE] = [44, 20, 6];

export function drawCurves(canvas, { updates, train, valid }) {
  const { context, width, height } = prepare(canvas);
  const { line, quiet, train: first, valid: second } = theme();
  const [right, bottom] = [width - EDGE, height - BOTTOM];
  const positive = [...train, ...valid].filter((v) => Number.isFinite(v) && v > 0).map(Math.log10);
  const low = positive.length ? Math.min(...positive) - 0.1 : -1;
  const high = Math.max(positive.length ? Math.max(...positive) + 0.1 : 0, low + 0.5);
  const last = Math.max(updates.at(-1) ?? 0, 10);
  const toX = (v) => LEFT + (v / last) * (right - LEFT);
  const toY = (v) => bottom - ((Math.log10(v) - low) / (high - low)) * (bottom - EDGE);

  context.strokeStyle = line;
  context.fillStyle = quiet;
  context.textAlign = "right";
  for (const v of levels(low, high)) {
    context.globalAlpha = 0.35;
    stroke(context, [[LEFT, toY(v)], [right, toY(v)]]);
    context.globalAlpha = 1;
    context.fillText(short(v), LEFT - 5, toY(v) + 4);
  }
  context.textAlign = "center";
  for (const v of ticks(0, last)) context.fillText(short(v), Math.min(toX(v), right - 12), height - 5);
  for (const [values, color, dashes] of [[valid, second, [5, 3]], [train, first, []]]) {
    context.strokeStyle = color;
    context.lineWidth = 2;
    context.setLineDash(dashes);
    stroke(context, updates.map((u, i) => [toX(u), toY(values[i])]).filter(([, y]) => Number.isFinite(y)));
  }
}

// Round numbers on a logarithmic axis: powers of ten, with 2 and 5 between them where there is space
function levels(low, high) {
  const steps = high - low > 3 ? [1] : high - low > 1 ? [1, 3] : [1, 2, 5];
  const found = [];
  for (let power = Math.floor(low); power <= high; power++)
    for (const m of steps) if (Math.log10(m) + power >= low && Math.log10(m) + power <= high) found.push(m * 10 ** power);
  const skip = Math.ceil(found.length / 6);
  return found.filter((_, i) => i % skip === 0);
}

export function drawHistogram(canvas, { counts, start, reach }) {
  const { context, width, height } = prepare(canvas);
  const { line, quiet, train, start: before } = theme();
  const [right, bottom] = [width - EDGE, height - BOTTOM];
  const most = Math.max(...counts, ...start, 1);
  const wide = (right - LEFT) / counts.length;
  context.fillStyle = train;
  counts.forEach((n, i) => context.fillRect(LEFT + i * wide + 0.5, bottom - (n / most) * (bottom - EDGE), wide - 1, (n / most) * (bottom - EDGE)));
  context.strokeStyle = before;
  context.lineWidth = 1.5;
  stroke(context, [...start].flatMap((n, i) => [LEFT + i * wide, LEFT + (i + 1) * wide].map((x) => [x, bottom - (n / most) * (bottom - EDGE)])));
  context.strokeStyle = line;
  context.lineWidth = 1;
  stroke(context, [[LEFT, bottom + 0.5], [right, bottom + 0.5]]);
  context.fillStyle = quiet;
  context.textAlign = "center";
  for (const v of ticks(-reach, reach)) context.fillText(short(v), LEFT + ((v + reach) / (2 * reach)) * (right - LEFT), height - 5);
  context.textAlign = "right";
  context.fillText(String(most), LEFT - 5, EDGE + 9);
}

function stroke(context, places) {
  context.beginPath();
  for (const [x, y] of places) context.lineTo(x, y);
  context.stroke();
}
