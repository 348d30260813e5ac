// A canvas as sharp as the screen, and the colors of the page.

const PALETTE = ["class-0", "class-1", "class-2", "class-3", "class-4", "class-5", "class-6", "class-7", "class-8", "class-9"];
let colors = null;
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => (colors = null));

export function theme() {
  if (colors) return colors;
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(`--${name}`).trim();
  colors = Object.fromEntries(["back", "text", "quiet", "line", "train", "valid", "start", "low", "high"].map((name) => [name, read(name)]));
  colors.classes = PALETTE.map(read);
  return colors;
}

// Clear a canvas and return its context with its size in CSS pixels
export function prepare(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const scale = Math.min(devicePixelRatio || 1, 2);
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "11px system-ui, sans-serif";
  context.lineWidth = 1;
  context.setLineDash([]);
  return { context, width, height };
}

// Red, green and blue of #rrggbb
export const rgb = (color) => [1, 3, 5].map((i) => parseInt(color.slice(i, i + 2), 16));
export const mix = (a, b, t) => a.map((v, i) => v + (b[i] - v) * t);

// An image of size x size points, the first one at the bottom left, smoothed over the box (x, y, width, height)
const scratch = document.createElement("canvas");
export function paintGrid(context, size, colorOf, [x, y, width, height]) {
  scratch.width = scratch.height = size;
  const image = new ImageData(size, size);
  for (let row = 0; row < size; row++)
    for (let column = 0; column < size; column++) {
      const [r, g, b] = colorOf(row * size + column);
      image.data.set([r, g, b, 255], 4 * ((size - 1 - row) * size + column));
    }
  scratch.getContext("2d").putImageData(image, 0, 0);
  context.imageSmoothingEnabled = true;
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip(); // points lie on the edges, half a pixel of the image in
  const [half, whole] = [width / (size - 1) / 2, height / (size - 1) / 2];
  context.drawImage(scratch, x - half, y - whole, width + 2 * half, height + 2 * whole);
  context.restore();
}

// A few round numbers from low to high
export function ticks(low, high, count = 4) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((m) => m * power >= 0.7 * rough) * power;
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step && found.length < 20; k++) found.push(k * step);
  return found;
}

export function short(value) {
  if (!Number.isFinite(value) || value === 0) return String(value);
  const [large, small] = [Math.abs(value) >= 1e5, Math.abs(value) < 1e-3];
  return large || small ? value.toExponential(2).replace(/\.?0*e\+?/, "e") : String(Number(value.toPrecision(3)));
}
