// Marching squares: where a grid of values crosses a level, as line segments in the grid's units.

export function contour(values, size, level) {
  const segments = [];
  for (let row = 0; row + 1 < size; row++)
    for (let column = 0; column + 1 < size; column++) {
      const at = row * size + column;
      const corners = [[column, row, values[at]], [column + 1, row, values[at + 1]],
        [column + 1, row + 1, values[at + size + 1]], [column, row + 1, values[at + size]]];
      if (corners.some(([, , v]) => !Number.isFinite(v))) continue;
      const crossings = [];
      for (let i = 0; i < 4; i++) {
        const [[x, y, a], [u, v, b]] = [corners[i], corners[(i + 1) % 4]];
        if (a > level === b > level) continue;
        const t = (level - a) / (b - a);
        crossings.push([x + t * (u - x), y + t * (v - y)]);
      }
      for (let i = 0; i + 1 < crossings.length; i += 2) segments.push([...crossings[i], ...crossings[i + 1]]);
    }
  return segments;
}

// Stroke the segments into the box (x, y, width, height); the grid's first row is at the bottom
export function strokeContour(context, values, size, level, [x, y, width, height]) {
  context.beginPath();
  for (const [a, b, c, d] of contour(values, size, level)) {
    context.moveTo(x + (a / (size - 1)) * width, y + height - (b / (size - 1)) * height);
    context.lineTo(x + (c / (size - 1)) * width, y + height - (d / (size - 1)) * height);
  }
  context.stroke();
}
