// Python in a worker, seen from the page: calls that return promises, and a restart for what does not end.

export class Stopped extends Error {}

export class Python {
  constructor(onProgress) {
    this.onProgress = onProgress;
    this.pending = new Map();
    this.latest = 0;
    this.begin();
  }

  begin() {
    this.ready = this.broken = false;
    this.worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
    this.worker.onmessage = ({ data }) => this.receive(data);
    this.worker.onerror = ({ message = "the worker failed" }) =>
      this.receive({ progress: 0, text: `Python cannot start: ${message}`, broken: true });
  }

  receive({ id, result, failure, progress, text, broken }) {
    if (text !== undefined) {
      if (this.broken) return; // files that are still on their way tell of their bytes
      this.broken = Boolean(broken);
      this.ready = progress === 1;
      this.onProgress(progress, text, broken);
      return;
    }
    const { resolve, reject } = this.pending.get(id);
    this.pending.delete(id);
    if (failure === undefined) resolve(result);
    else reject(new Error(failure));
  }

  call(name, ...args) {
    const id = ++this.latest;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
      this.worker.postMessage({ id, call: name, args });
    });
  }

  // End whatever runs, and start Python anew; what was waiting for an answer gets Stopped.
  restart(reason) {
    this.worker.terminate();
    for (const { reject } of this.pending.values()) reject(new Stopped(reason));
    this.pending.clear();
    this.begin();
    this.onProgress(0, "Starting"); // no button may ask the new worker for what the old one had
  }
}
