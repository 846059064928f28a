// What the console does with keys, in the browser and nowhere else: a person's signature under an order, and the check of a record's proof.
"use strict";
(() => {
  const encoder = new TextEncoder();
  const bytesOf = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const base64Of = (bytes) => btoa(String.fromCharCode(...bytes));
  const hexOf = (bytes) => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
  const joined = (...parts) => new Uint8Array(parts.flatMap((part) => [...part]));
  const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

  // ── Signing an order ───────────────────────────────────────────────────────────────────────────────────────────────

  /** The seed in a key's file: 64 hexadecimal characters. */
  async function seedOf(file) {
    const text = (await file.text()).trim();
    if (!/^[0-9a-f]{64}$/.test(text)) throw new Error("That file holds no approval key: a key is 64 lower-case hexadecimal characters.");
    return Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
  }

  /** The envelope with one more signature over the very bytes that the hub signed. */
  async function approved(envelope, seed) {
    const wrapped = joined(bytesOf("MC4CAQAwBQYDK2VwBCIEIA=="), seed);
    const key = await crypto.subtle.importKey("pkcs8", wrapped, "Ed25519", true, ["sign"]);
    const { x } = await crypto.subtle.exportKey("jwk", key);
    const pub = bytesOf(x.replace(/-/g, "+").replace(/_/g, "/"));
    const parsed = JSON.parse(new TextDecoder().decode(bytesOf(envelope)));
    const payload = bytesOf(parsed.payload);
    const head = encoder.encode(`DSSEv1 ${parsed.payloadType.length} ${parsed.payloadType} ${payload.length} `);
    const sig = new Uint8Array(await crypto.subtle.sign("Ed25519", key, joined(head, payload)));
    parsed.signatures.push({ keyid: hexOf(await sha256(pub)).slice(0, 16), sig: base64Of(sig) });
    return base64Of(encoder.encode(JSON.stringify(parsed)));
  }

  async function approve(form) {
    confirmed(form);
    const file = form.querySelector("[data-key]").files[0];
    if (!file) throw new Error("Choose the file with your approval key.");
    const envelope = await approved(form.dataset.signs, await seedOf(file));
    await ask("POST", form.dataset.approves, { envelope });
    location.reload();
  }

  // ── Checking a record's proof ──────────────────────────────────────────────────────────────────────────────────────

  /** The root over a leaf and the hashes beside its way up (RFC 9162, section 2.1.3.2). */
  async function rootOf(leaf, index, size, hashes) {
    const node = (left, right) => sha256(joined([1], left, right));
    let place = index, last = size - 1n, root = leaf;
    for (const hash of hashes) {
      if (last === 0n) throw new Error("The proof has more hashes than the way up has steps.");
      if ((place & 1n) === 1n || place === last) {
        root = await node(hash, root);
        while ((place & 1n) === 0n && place !== 0n) { place >>= 1n; last >>= 1n; }
      } else {
        root = await node(root, hash);
      }
      place >>= 1n;
      last >>= 1n;
    }
    if (last !== 0n) throw new Error("The proof has fewer hashes than the way up has steps.");
    return root;
  }

  /** A C2SP tlog-proof, taken apart. */
  function parsedProof(text) {
    const end = text.indexOf("\n\n");
    const lines = text.slice(0, end).split("\n");
    if (lines[0] !== "c2sp.org/tlog-proof@v1" || !/^index \d+$/.test(lines[1])) throw new Error("This is no proof.");
    const note = text.slice(end + 2);
    const split = note.indexOf("\n\n");
    const signed = note.slice(0, split + 1);
    const [origin, size, root] = signed.split("\n");
    return { index: BigInt(lines[1].slice(6)), hashes: lines.slice(2).map(bytesOf), signed, origin, size: BigInt(size), root, signatures: note.slice(split + 2).trim().split("\n") };
  }

  /** Whether the note is signed by a C2SP verifier key: `name+hash+base64 of the type and the key`. */
  async function isSignedBy(proof, verifier) {
    const [name, hash, ...rest] = verifier.trim().split("+");
    const typed = bytesOf(rest.join("+"));
    if (typed[0] !== 1 || typed.length !== 33) throw new Error("That is no Ed25519 verifier key: it is written name+hash+key.");
    const own = hexOf((await sha256(joined(encoder.encode(`${name}\n`), typed))).slice(0, 4));
    if (own !== hash) throw new Error("That key is mistyped: its hash is not the one that stands in it.");
    const key = await crypto.subtle.importKey("raw", typed.slice(1), "Ed25519", false, ["verify"]);
    for (const line of proof.signatures) {
      const [, signer, value] = line.split(" ");
      const bytes = signer === name ? bytesOf(value) : new Uint8Array();
      if (bytes.length === 68 && hexOf(bytes.slice(0, 4)) === hash && await crypto.subtle.verify("Ed25519", key, bytes.slice(4), encoder.encode(proof.signed))) return true;
    }
    return false;
  }

  /** Says what holds; throws what does not. */
  async function check(entry, text, verifier) {
    const proof = parsedProof(text);
    const leaf = await sha256(joined([0], encoder.encode(entry)));
    const root = base64Of(await rootOf(leaf, proof.index, proof.size, proof.hashes));
    if (root !== proof.root) throw new Error("The record does not stand in that log: the root that follows from it is another one.");
    if (!await isSignedBy(proof, verifier)) throw new Error("The head is not signed by that key.");
    return `It holds: this record stands at index ${proof.index} of ${proof.size} in ${proof.origin}, under a head that this key signed.`;
  }

  if (typeof document === "undefined") { globalThis.evidence = { check, approved }; return; }
  // What the other script has already.
  const { ask, busily, confirmed, tell } = globalThis.suture;

  document.addEventListener("submit", (event) => {
    const form = event.target;
    const { approves, checks } = form.dataset;
    if (approves === undefined && checks === undefined) return;
    event.preventDefault();
    busily(event.submitter ?? form.querySelector("button"), async () => {
      try {
        if (approves !== undefined) {
          await approve(form);
        } else {
          const text = (id) => document.getElementById(id).textContent;
          tell(await check(text("entry"), text("proof"), document.getElementById("check-key").value), { near: form, good: true });
        }
      } catch (fault) {
        const old = fault.name === "NotSupportedError";
        tell(old ? "This browser knows no Ed25519: use a newer one, or the command line." : fault.message, { near: form });
      }
    });
  });
})();
