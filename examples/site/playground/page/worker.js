// The worker: Python, NumPy and the library, away from the page, so that the page answers whatever Python does.
// It gets {id, call, args} and answers {id, result} or {id, failure}; while it starts it sends {progress, text}.

const say = (progress, text) => postMessage({ progress, text });
const fail = (error) => postMessage({ progress: 0, text: `Python cannot start: ${error.message ?? error}`, broken: true });
const starting = start();
starting.catch(fail);

async function start() {
  say(0, "Loading Python and NumPy");
  const config = await (await fetch("config.json")).json();
  count(config.bytes);
  const address = new URL(config.pyodide, location.href).href;
  const wheels = config.wheels.map((wheel) => new URL(wheel, location.href).href);
  const drawing = import("./viz.js").then(({ instance }) => instance());
  const { loadPyodide } = await import(`${address}pyodide.mjs`);
  const quiet = { messageCallback() {}, errorCallback: console.error };
  const python = await loadPyodide({ indexURL: address });
  say(0.7, "Starting NumPy");
  await python.loadPackage(["numpy", ...wheels], quiet);
  python.unpackArchive(await (await fetch("playground.zip")).arrayBuffer(), "zip");
  const viz = await drawing;
  python.registerJsModule("viz_js", { render: (...args) => render(viz, ...args) });
  say(0.8, "Starting the library");
  const session = python.pyimport("playground.in_browser").session;
  // What is typed may come from a link of somebody else: it gets no way to the network, and none to storage.
  for (const name of ["fetch", "XMLHttpRequest", "WebSocket", "EventSource", "importScripts", "indexedDB", "caches"])
    Object.defineProperty(globalThis, name, { value: undefined });
  say(1, "Ready");
  return { python, session };
}

// [picture, ""] or ["", error]: Pyodide now and then loses an error that is thrown through the WebAssembly of viz.js
function render(viz, source, format, engine) {
  try {
    return [viz.renderString(source, { format, engine }), ""];
  } catch (error) {
    return ["", String(error)];
  }
}

// Tell how many of all bytes have arrived in this worker's fetch, which Pyodide uses, and which file does not arrive:
// Pyodide may wait for it for ever, as it does for WebAssembly that a server sends as another type
function count(bytes) {
  const { fetch: given } = globalThis;
  let arrived = 0;
  globalThis.fetch = async (url, ...options) => {
    const lost = (error) => fail(`${url} does not arrive: ${error.message}`);
    const response = await given(url, ...options).catch((error) => (lost(error), Promise.reject(error)));
    const { ok, status, statusText, body } = response;
    const headers = new Headers(response.headers);
    if (`${url}`.endsWith(".wasm")) headers.set("Content-Type", "application/wasm");
    if (!ok) lost({ message: `${status} ${statusText}` });
    const counter = new TransformStream({
      transform(chunk, controller) {
        arrived += chunk.length;
        if (arrived <= bytes) say(0.6 * (arrived / bytes), "Loading Python and NumPy");
        controller.enqueue(chunk);
      },
    });
    body?.pipeTo(counter.writable).catch(lost);
    return new Response(body && counter.readable, { status, statusText, headers });
  };
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
