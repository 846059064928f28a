// Whether the page says of each kit exactly what suture-verify's library says: `node agreement.mjs CASES.json SAID`.
//
// CASES.json is what `write_corpus` wrote, SAID the lines of `html/verify-many.mjs`. Verdict, exit status, reason and index must be equal. A line for
// each difference comes out. Exit status: 0 they agree; 1 they do not; 2 there was nothing to compare.
import { readFileSync } from "node:fs";

const PARTS = ["verdict", "exit_code", "reason", "index"];

const [casesFile, saidFile] = process.argv.slice(2);
const cases = JSON.parse(readFileSync(casesFile, "utf8"));
const lines = readFileSync(saidFile, "utf8").split("\n").filter((line) => line !== "");
const page = new Map(lines.map((line) => JSON.parse(line)).map((said) => [said.name, said]));
if (cases.length === 0 || page.size !== cases.length) {
  process.stderr.write(`the page judged ${page.size} of ${cases.length} kits\n`);
  process.exit(2);
}
const shown = (said) => PARTS.map((part) => said?.[part] ?? "-").join(" ");
const differing = cases.filter(({ name, said }) => shown(said) !== shown(page.get(name)));
for (const { name, said } of differing) process.stdout.write(`${name}: the library says ${shown(said)}; the page says ${shown(page.get(name))}\n`);
process.stderr.write(`${cases.length} kits, ${differing.length} on which the verifiers differ\n`);
process.exitCode = differing.length === 0 ? 0 : 1;
