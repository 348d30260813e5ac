// Elements of the page.

export const byId = (id) => document.getElementById(id);

// Make an element; its children are nodes or plain text, never HTML
export function element(name, attributes = {}, ...children) {
  const result = document.createElement(name);
  for (const [key, value] of Object.entries(attributes))
    if (value !== null && value !== false) result.setAttribute(key, value === true ? "" : value);
  result.append(...children);
  return result;
}

// Show a text, or hide the element where there is none
export function showText(id, text) {
  byId(id).textContent = text ?? "";
  byId(id).hidden = !text;
}

// Tell what has happened: in a corner for a moment, and to a screen reader. While the dialog is open it hides the corner
// from both, and tells it itself.
let timer = 0;
export function tell(text) {
  const inside = byId("code").open;
  byId("told").textContent = inside ? "" : text;
  byId("code-told").textContent = inside ? text : "";
  clearTimeout(timer);
  if (text) timer = setTimeout(() => tell(""), 5000);
}
