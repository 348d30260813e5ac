// All settings as the part of the address after #, which no server sees; a default is left out, an empty text is not.

export function readLink(hash = location.hash) {
  return Object.fromEntries(new URLSearchParams(hash.slice(1)));
}

export function writeLink(values, defaults) {
  const kept = Object.entries(values).filter(([name, value]) => value !== defaults[name]);
  const text = new URLSearchParams(kept).toString();
  history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
}

export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // not allowed, as on a page without https
  }
}

export function saveFile(name, content, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
