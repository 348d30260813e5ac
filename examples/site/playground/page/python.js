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
    this.ready = false;
    this.worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
    this.worker.onmessage = ({ data }) => this.receive(data);
    this.worker.onerror = (event) => this.onProgress(0, `Python cannot start: ${event.message ?? "the worker failed"}`, true);
  }

  receive({ id, result, failure, progress, text, broken }) {
    if (text !== undefined) {
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
