// Headless Chromium over its debugging pipe: no packages, no port, no network.
import { spawn } from "node:child_process";
import { access, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const PAGE = fileURLToPath(new URL("../../verify/html/verify.html", import.meta.url));

/** No sandbox, because tests run in containers as root; no name resolves and no proxy answers, so nothing leaves the machine. */
const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--no-default-browser-check",
  "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
  "--disable-extensions", "--host-resolver-rules=MAP * ~NOTFOUND", "--remote-debugging-pipe", "about:blank",
];

/** One browser with a fresh profile. `close` ends it and removes the profile. */
export class Browser {
  static async launch() {
    const profile = await mkdtemp(join(tmpdir(), "suture-html-"));
    const program = process.env.CHROMIUM ?? "chromium";
    const child = spawn(program, [`--user-data-dir=${profile}`, ...FLAGS], { stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"] });
    const browser = new Browser(child, profile);
    await browser.send("Browser.getVersion");
    return browser;
  }

  constructor(child, profile) {
    Object.assign(this, { child, profile, next: 1, waiting: new Map(), listeners: [], said: "" });
    child.stderr.on("data", (data) => { this.said = (this.said + data).slice(-4000); });
    this.ended = new Promise((resolve) => child.once("close", resolve));
    child.once("error", (why) => this.fail(new Error(`chromium could not be started: ${why.message}`)));
    this.ended.then(() => this.fail(new Error(`chromium ended: ${this.said}`)));
    child.stdio[3].on("error", () => {}); // What could not be written is told by the end.
    let held = [];
    child.stdio[4].on("data", (data) => {
      // Messages end in a zero byte.
      for (let at; (at = data.indexOf(0)) >= 0; data = data.subarray(at + 1)) {
        this.take(JSON.parse(Buffer.concat([...held, data.subarray(0, at)]).toString()));
        held = [];
      }
      held.push(data);
    });
  }

  fail(why) {
    for (const { reject } of this.waiting.values()) reject(why);
    this.waiting.clear();
  }

  take(message) {
    const waiting = this.waiting.get(message.id);
    if (waiting === undefined) {
      for (const listener of this.listeners) listener(message);
      return;
    }
    this.waiting.delete(message.id);
    if (message.error) waiting.reject(new Error(`${waiting.method}: ${message.error.message}`));
    else waiting.resolve(message.result);
  }

  send(method, params = {}, sessionId = undefined) {
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { method, resolve, reject });
      this.child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  /** A fresh tab with the verifier's page, opened from its file. */
  async openPage(path = PAGE) {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, targetId, sessionId);
    await page.open(path);
    return page;
  }

  async close() {
    await this.send("Browser.close").catch(() => {});
    await this.ended;
    await rm(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The verifier's page in one tab. */
export class Page {
  constructor(browser, targetId, sessionId) {
    Object.assign(this, { browser, targetId, sessionId, requests: [] });
    browser.listeners.push((message) => this.listen(message));
  }

  send(method, params) {
    return this.browser.send(method, params, this.sessionId);
  }

  listen({ method, params, sessionId }) {
    if (method === "Network.requestWillBeSent") this.requests.push(params.request.url);
    if (method === "Page.loadEventFired" && sessionId === this.sessionId) this.loaded?.();
    // A worker is a target of its own: its requests are counted like the page's, and it waits until they are.
    if (method === "Target.attachedToTarget" && sessionId === this.sessionId) {
      this.browser.send("Network.enable", {}, params.sessionId).catch(() => {});
      this.browser.send("Runtime.runIfWaitingForDebugger", {}, params.sessionId).catch(() => {});
    }
  }

  async open(path) {
    await Promise.all([this.send("Page.enable"), this.send("DOM.enable"), this.send("Network.enable"),
      this.send("Target.setAutoAttach", { autoAttach: true, waitForDebuggerOnStart: true, flatten: true })]);
    const loaded = new Promise((resolve) => { this.loaded = resolve; });
    await this.send("Page.navigate", { url: pathToFileURL(path).href });
    await loaded;
    await this.evaluate("sutureVerify.selfTest()");
  }

  /** The value of an expression in the page, awaited. */
  async evaluate(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", {
      expression, awaitPromise: true, returnByValue: true, allowUnsafeEvalBlockedByCSP: false,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** Calls a function of one argument in the page. */
  call(body, argument) {
    return this.evaluate(`(${body})(${JSON.stringify(argument)})`);
  }

  /** Puts a file into the file input, as a person who picks it would; emptied first, or the same path again would be no change. */
  async choose(path) {
    await access(path); // The browser would offer an empty file where there is none.
    const { result } = await this.send("Runtime.evaluate", { expression: "document.getElementById('kit').value = ''; document.getElementById('kit')" });
    await this.send("DOM.setFileInputFiles", { files: [resolve(path)], objectId: result.objectId });
  }

  /** Types what was given, chooses the kit, presses Verify, and answers what the page then offers as JSON. */
  async verify(kit, given) {
    await this.choose(kit);
    return JSON.parse(await this.call(`async (given) => {
      const text = (value) => (Array.isArray(value) ? value.map((each) => each.replace(/\\n*$/, "\\n")).join("") : value ?? "");
      for (const id of ["keys", "heads", "policy", "witnesses", "key_logs", "kit_key", "heads_key"]) document.getElementById(id).value = text(given[id]);
      const result = document.getElementById("result");
      const shown = new Promise((resolve) => {
        const observer = new MutationObserver(() => { if (result.dataset.done !== undefined) { observer.disconnect(); resolve(); } });
        observer.observe(result, { attributes: true, attributeFilter: ["data-done"] });
      });
      result.removeAttribute("data-done");
      document.getElementById("verify").click();
      await shown;
      return document.getElementById("json").textContent;
    }`, given));
  }

  /** A PNG of the whole page. */
  async screenshot({ width = 1000, dark = false, print = false } = {}) {
    await this.send("Emulation.setEmulatedMedia", {
      media: print ? "print" : "screen", features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }],
    });
    await this.send("Emulation.setDeviceMetricsOverride", { width, height: 800, deviceScaleFactor: 1, mobile: false });
    const { cssContentSize } = await this.send("Page.getLayoutMetrics");
    const clip = { x: 0, y: 0, width, height: Math.ceil(cssContentSize.height), scale: 1 };
    const { data } = await this.send("Page.captureScreenshot", { format: "png", captureBeyondViewport: true, clip });
    return Buffer.from(data, "base64");
  }
}
