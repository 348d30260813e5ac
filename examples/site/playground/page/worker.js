// The worker: Python, NumPy and the library, away from the page, so that the page answers whatever Python does.
// It gets {id, call, args} and answers {id, result} or {id, failure}; while it starts it sends {progress, text}.

const say = (progress, text) => postMessage({ progress, text });
const starting = start();

async function start() {
  say(0.02, "Reading the settings");
  const config = await (await fetch("config.json")).json();
  const address = new URL(config.pyodide, location.href).href;
  say(0.05, "Loading Python");
  const { loadPyodide } = await import(`${address}pyodide.mjs`);
  const python = await loadPyodide({ indexURL: address });
  say(0.5, "Loading NumPy and Graphviz");
  const wheels = config.wheels.map((wheel) => new URL(wheel, location.href).href);
  const [viz] = await Promise.all([
    import("./viz.js").then(({ instance }) => instance()),
    python.loadPackage(["numpy", ...wheels], { messageCallback() {}, errorCallback: console.error }),
  ]);
  python.unpackArchive(await (await fetch("playground.zip")).arrayBuffer(), "zip");
  say(0.75, "Starting the library");
  python.registerJsModule("viz_js", { render: (source, format, engine) => viz.renderString(source, { format, engine }) });
  const session = python.pyimport("playground.in_browser").session;
  // What is typed may come from a link of somebody else: it gets no way to the network, and none to storage.
  for (const name of ["fetch", "XMLHttpRequest", "WebSocket", "EventSource", "importScripts", "indexedDB", "caches"])
    Object.defineProperty(globalThis, name, { value: undefined });
  say(1, "Ready");
  return { python, session };
}

// A Python dict as an object: texts and numbers as they are, arrays as typed arrays
function plain(python, proxy) {
  const result = proxy.toJs({ dict_converter: Object.fromEntries, create_proxies: false });
  proxy.destroy();
  return result;
}

onmessage = async ({ data: { id, call, args } }) => {
  try {
    const { python, session } = await starting;
    const given = args.map((value) => (typeof value === "object" ? python.toPy(value) : value));
    postMessage({ id, result: plain(python, session[call](...given)) });
  } catch (error) {
    postMessage({ id, failure: String(error.message ?? error).trim().split("\n").at(-1) });
  }
};
