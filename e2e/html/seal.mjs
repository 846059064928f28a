// Writes the hashes of verify.html's scripts into its Content-Security-Policy: run after a change to either.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { PAGE } from "./browser.mjs";

const html = readFileSync(PAGE, "utf8");
const scripts = [...html.matchAll(/<script id="\w+">([\s\S]*?)<\/script>/g)].map(([, text]) => text);
const hashes = scripts.map((text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`).join(" ");
writeFileSync(PAGE, html.replace(/script-src [^;]*;/, `script-src ${hashes};`));
