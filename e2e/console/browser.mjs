// Debian's chromium through playwright-core; axe-core beside it. What a page says in its console, asks elsewhere or throws is kept, and fails the test.
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PICTURES = fileURLToPath(new URL("../../docs/pictures", import.meta.url));
/** No sandbox, because tests run in containers as root. */
const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"];
export const WIDTHS = [1280, 390];

export async function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ARGS });
}

/** Somebody at a browser of their own. */
export class Person {
  static async at(browser, url, options = {}) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, acceptDownloads: true, reducedMotion: "reduce", ...options });
    context.setDefaultTimeout(15_000);
    const page = await context.newPage();
    const person = new Person(context, page, url);
    page.on("console", (message) => {
      if (message.type() !== "error" && message.type() !== "warning") return;
      // A refusal that the page shows is told by the browser as well.
      const expected = person.expected.some((pattern) => pattern.test(message.text()));
      if (!expected) person.complaints.push(`${page.url()}: ${message.text()} ${message.location().url}`);
    });
    page.on("pageerror", (error) => person.complaints.push(`${page.url()}: ${error.stack}`));
    page.on("request", (request) => {
      if (!/^(blob:|data:|file:)/.test(request.url()) && !request.url().startsWith(url)) person.complaints.push(`${page.url()} asked ${request.url()}`);
    });
    return person;
  }

  constructor(context, page, url) {
    Object.assign(this, { context, page, url, complaints: [], expected: [] });
  }

  async open(path) {
    const response = await this.page.goto(this.url + path, { waitUntil: "load" });
    return response?.status();
  }

  /** Runs something during which the browser may tell of one refusal. */
  async refused(pattern, work) {
    this.expected.push(pattern);
    try { return await work(); } finally { this.expected.pop(); }
  }

  /** Asks the API as the page would. */
  ask(method, path, body) {
    return this.page.evaluate(async ({ method, path, body }) => {
      const csrf = document.querySelector('meta[name="csrf"]').content;
      const headers = { "x-suture-csrf": csrf, ...(body === undefined ? {} : { "content-type": "application/json" }) };
      const answered = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
      const text = await answered.text();
      if (!answered.ok) throw new Error(`${method} ${path}: ${answered.status} ${text}`);
      return text === "" ? {} : JSON.parse(text);
    }, { method, path, body });
  }

  /** What axe finds against WCAG 2.2 AA on the page as it stands, in words. */
  async axe() {
    await this.page.evaluate(AXE);
    const { violations } = await this.page.evaluate(() => globalThis.axe.run(document, {
      runOnly: { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] },
    }));
    return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.slice(0, 4).map((node) => `${node.target.join(" ")} (${node.failureSummary?.split("\n").slice(1, 3).join(" ").trim()})`).join("; ")}`);
  }

  /** Looks at a page at each width, in light and dark: what axe finds, and what is wider than the window. */
  async lookAt(path, name) {
    const found = [];
    for (const width of WIDTHS) {
      await this.page.setViewportSize({ width, height: width === 390 ? 844 : 900 });
      await this.open(path);
      await this.page.waitForTimeout(50);
      found.push(...await this.tooWide(`${path} at ${width}`));
      // Colours are the same at each width: once is enough for the dark ones.
      for (const scheme of width === 390 ? ["light"] : ["dark", "light"]) {
        await this.page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
        found.push(...(await this.axe()).map((each) => `${path} at ${width}, ${scheme}: ${each}`));
      }
      await this.picture(name, width);
    }
    await this.page.setViewportSize({ width: 1280, height: 900 });
    return found;
  }

  /** What is wider than the window. */
  async tooWide(where) {
    if (!await this.page.evaluate(() => document.documentElement.scrollWidth > innerWidth + 1)) return [];
    const culprit = await this.page.evaluate(() => [...document.querySelectorAll("main *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1).slice(0, 3).map((e) => `${e.tagName}.${e.className}`).join(", "));
    return [`${where}: wider than the window (${culprit})`];
  }

  /** The same of a page as it stands, with what was opened on it. */
  async lookAsItStands(name) {
    const found = [];
    for (const width of [...WIDTHS].reverse()) {
      await this.page.setViewportSize({ width, height: width === 390 ? 844 : 900 });
      found.push(...await this.tooWide(`${name} at ${width}`));
      found.push(...(await this.axe()).map((each) => `${name} at ${width}: ${each}`));
      await this.picture(name, width);
    }
    return found;
  }

  /** A page in the dark, at both widths. */
  async pictureInTheDark(path, name) {
    await this.page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
    for (const width of WIDTHS) {
      await this.page.setViewportSize({ width, height: width === 390 ? 844 : 900 });
      await this.open(path);
      await this.picture(name, width);
    }
    await this.page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
    await this.page.setViewportSize({ width: 1280, height: 900 });
  }

  /** A picture, where the test was asked for them. */
  async picture(name, width) {
    if (!process.env.SUTURE_PICTURES) return;
    mkdirSync(PICTURES, { recursive: true });
    const height = await this.page.evaluate(() => { scrollTo(0, 0); return document.documentElement.scrollHeight; });
    const clip = { x: 0, y: 0, width, height: Math.min(height, width === 390 ? 2200 : 1400) };
    await this.page.screenshot({ path: join(PICTURES, `${name}-${width}.png`), fullPage: true, clip });
  }
}
