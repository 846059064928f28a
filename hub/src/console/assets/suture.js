// The console's script: what a page changes goes to the API, and what changed meanwhile is shown. It reads everything it needs out of the page.
"use strict";
(() => {
  const csrf = document.querySelector('meta[name="csrf"]')?.content;
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // ── Telling ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Says something beside what was pressed, or at the top of the page. */
  function tell(words, { near, good = false } = {}) {
    const place = near?.querySelector(":scope .told") ?? document.getElementById("told");
    if (!place) return;
    const line = document.createElement("p");
    line.className = good ? "notice good" : "notice bad";
    line.textContent = words;
    place.replaceChildren(line);
    if (!good) place.scrollIntoView({ block: "nearest" });
  }

  // ── Asking the API ─────────────────────────────────────────────────────────────────────────────────────────────────

  async function ask(method, path, body) {
    const headers = { accept: "application/json" };
    if (csrf) headers["x-suture-csrf"] = csrf;
    if (body !== undefined) headers["content-type"] = "application/json";
    let answered;
    try {
      answered = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), credentials: "same-origin" });
    } catch {
      throw new Error("The hub does not answer. What you asked for may or may not have been done: look before you try again.");
    }
    const text = await answered.text();
    let value = {};
    try { value = text === "" ? {} : JSON.parse(text); } catch { /* What is no JSON says nothing to us. */ }
    if (answered.ok) return value;
    if (answered.status === 401 && csrf) throw new Error("Your session has ended. Open this page anew and sign in.");
    throw new Error(value.detail ?? `The hub answered ${answered.status}.`);
  }

  /** The value of one field, by its kind. */
  function valueOf(field) {
    const text = field.value.trim();
    switch (field.dataset.kind ?? field.type) {
      case "integer": case "number": return text === "" ? undefined : Number(text);
      case "checkbox": return field.checked;
      case "yes-no": return text === "true";
      case "end-of-day": return text === "" ? undefined : `${text}T23:59:59.000Z`;
      case "from-day": return text === "" ? undefined : `${text}T00:00:00.000Z`;
      // The first instant after it.
      case "to-day": return text === "" ? undefined : new Date(Date.parse(`${text}T00:00:00.000Z`) + 86_400_000).toISOString();
      case "lines": return text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
      case "password": return field.value;
      case "digits": { const digits = text.replace(/\s/g, ""); return digits === "" ? undefined : digits; }
      default: return text === "" && !field.required ? undefined : text;
    }
  }

  /** What a form says, as a body. */
  function bodyOf(form) {
    const body = {};
    for (const field of all("input[name], select[name], textarea[name]", form)) {
      if (field.closest("[data-set], [data-reach]") || field.dataset.in === "path") continue;
      if (field.type === "radio" && !field.checked) continue;
      const value = valueOf(field);
      if (value !== undefined) body[field.name] = value;
    }
    for (const set of all("[data-set]", form)) {
      body[set.dataset.set] = all("input:checked", set).map((field) => field.value);
    }
    for (const reach of all("[data-reach]", form)) {
      const everywhere = reach.querySelector('input[value="everywhere"]:checked');
      body[reach.dataset.reach] = everywhere ? "everywhere" : { tenants: all("input[type=checkbox]:checked", reach).map((field) => field.value) };
    }
    return body;
  }

  /** The path of a form, with the fields that belong there. */
  function pathOf(form) {
    return form.dataset.api.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(form.elements[name]?.value.trim() ?? ""));
  }

  /** Shows what an answer holds where the page has a place for it; it is shown once, and never kept. */
  function show(result, value) {
    for (const place of all("[data-field]", result)) place.textContent = value[place.dataset.field] ?? "";
    for (const place of all("[data-link]", result)) {
      place.textContent = `${location.origin}${place.dataset.link}${value.secret ?? ""}`;
    }
    for (const place of all("[data-svg]", result)) drawn(place, value[place.dataset.svg]);
    for (const link of all("a[data-href]", result)) {
      link.href = link.dataset.href.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(value[name] ?? ""));
    }
    for (const link of all("a[data-download]", result)) {
      link.href = URL.createObjectURL(new Blob([JSON.stringify(value)], { type: "application/json" }));
      link.download = link.dataset.download.replace("{host}", value.host ?? "");
    }
    result.hidden = false;
    result.tabIndex = -1;
    result.focus();
  }

  /** A drawing that the server made, taken apart and put together from the elements that such a drawing has. */
  function drawn(place, text) {
    const parsed = new DOMParser().parseFromString(text ?? "", "image/svg+xml").documentElement;
    const copy = (from) => {
      const to = document.createElementNS("http://www.w3.org/2000/svg", from.localName);
      for (const { name, value } of from.attributes) if (["viewBox", "d", "class", "width", "height", "x", "y"].includes(name)) to.setAttribute(name, value);
      for (const child of from.children) if (["path", "rect"].includes(child.localName)) to.append(copy(child));
      return to;
    };
    place.replaceChildren(...(parsed.localName === "svg" ? [copy(parsed)] : []));
  }

  function then(where, value, form) {
    const result = form?.dataset.result && document.getElementById(form.dataset.result);
    if (result) show(result, value);
    if (where === "reload") location.reload();
    else if (where === "refresh") refresh(() => true);
    else if (where === "back") location.assign(wanted());
    else if (where === "provider") location.assign(value.authorize);
    else if (where) location.assign(where.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(value[name] ?? form?.elements?.[name]?.value ?? "")));
    else if (form?.dataset.good) tell(form.dataset.good, { near: form, good: true });
  }

  /** Where a person wanted to go before signing in: a path of this console. */
  function wanted() {
    const to = new URLSearchParams(location.search).get("to") ?? "/";
    return /^\/(?![/\\])/.test(to) ? to : "/";
  }

  async function busily(pressed, work) {
    if (pressed.getAttribute("aria-busy") === "true") return;
    pressed.setAttribute("aria-busy", "true");
    try { await work(); } finally { pressed.removeAttribute("aria-busy"); }
  }

  /** Asks whether it is meant, in the words of the page; true where it is. */
  function meant(words) {
    return new Promise((resolve) => {
      const dialog = document.createElement("dialog");
      dialog.setAttribute("aria-label", "Please confirm");
      const line = document.createElement("p");
      line.textContent = words;
      const buttons = document.createElement("div");
      buttons.className = "buttons";
      for (const [label, yes] of [["Yes, do it", true], ["No", false]]) {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = label;
        if (!yes) button.className = "quiet";
        button.addEventListener("click", () => { dialog.close(); resolve(yes); });
        buttons.append(button);
      }
      dialog.addEventListener("cancel", () => resolve(false));
      dialog.addEventListener("close", () => dialog.remove());
      dialog.append(line, buttons);
      document.body.append(dialog);
      dialog.showModal();
    });
  }

  /** Throws where a form asks for something to be typed, and it was not. */
  function confirmed(form) {
    const typed = form.querySelector("[data-must]");
    if (!typed || typed.value.trim() === typed.dataset.must) return;
    typed.focus();
    throw new Error(`Type ${typed.dataset.must} to confirm.`);
  }

  globalThis.suture = { ask, busily, confirmed, tell };

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.dataset.api) return;
    event.preventDefault();
    const twice = form.querySelector("[data-same-as]");
    if (twice && twice.value !== form.elements[twice.dataset.sameAs].value) {
      tell("The two passwords differ.", { near: form });
      twice.focus();
      return;
    }
    const pressed = event.submitter ?? form.querySelector("button");
    busily(pressed, async () => {
      if (form.dataset.ask && !await meant(form.dataset.ask)) return;
      try {
        confirmed(form);
        let body = form.dataset.body === "none" ? undefined : bodyOf(form);
        if (form.dataset.joins !== undefined) body.secret = location.hash.slice(1);
        // Where it is a part of what is sent, it has a name there.
        if (form.dataset.joins) body = { [form.dataset.joins]: body };
        if (pressed.name && pressed.value && body) body[pressed.name] = pressed.value;
        const value = await ask(form.dataset.method ?? "POST", pathOf(form), body);
        then(form.dataset.then, value, form);
      } catch (fault) {
        tell(fault.message, { near: form });
      }
    });
  });

  document.addEventListener("click", (event) => {
    const pressed = event.target.closest("[data-post], [data-menu], [data-copy], [data-opens]");
    if (!pressed) return;
    if (pressed.dataset.opens !== undefined) {
      opens(pressed);
      return;
    }
    if (pressed.dataset.menu !== undefined) {
      pressed.setAttribute("aria-expanded", String(pressed.getAttribute("aria-expanded") !== "true"));
      return;
    }
    if (pressed.dataset.copy !== undefined) {
      const text = document.getElementById(pressed.dataset.copy)?.textContent ?? "";
      navigator.clipboard.writeText(text).then(() => { pressed.textContent = "Copied"; }, () => { pressed.textContent = "Select it and copy it by hand"; });
      return;
    }
    busily(pressed, async () => {
      const { post, ask: words, body, then: where } = pressed.dataset;
      if (words && !await meant(words)) return;
      try {
        const value = await ask("POST", post, body ? JSON.parse(body) : undefined);
        const result = pressed.dataset.result && document.getElementById(pressed.dataset.result);
        if (result) show(result, value);
        then(where, value);
      } catch (fault) {
        tell(fault.message);
      }
    });
  });

  /** Opens what a button opens, and closes what its neighbours do. */
  function opens(pressed) {
    const open = pressed.getAttribute("aria-expanded") !== "true";
    for (const each of all("[data-opens]", pressed.parentElement)) {
      const shown = each === pressed && open;
      each.setAttribute("aria-expanded", String(shown));
      document.getElementById(each.dataset.opens).hidden = !shown;
    }
    if (open) document.getElementById(pressed.dataset.opens).querySelector("input, select, textarea")?.focus();
  }

  // What a choice makes needless is put away.
  function depend() {
    for (const part of all("[data-when]")) {
      const [name, values] = part.dataset.when.split("=");
      const field = part.closest("form")?.elements[name];
      const away = !values.split("|").includes(field?.value);
      part.hidden = away;
      for (const inner of all("input, select, textarea", part)) inner.disabled = away;
    }
  }
  document.addEventListener("change", depend);

  // ── Times ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  function ago(at) {
    const seconds = Math.round((Date.now() - at) / 1000);
    const [amount, unit] = Math.abs(seconds) < 60 ? [seconds, "s"] : Math.abs(seconds) < 5400 ? [Math.round(seconds / 60), "min"]
      : Math.abs(seconds) < 129600 ? [Math.round(seconds / 3600), "h"] : [Math.round(seconds / 86400), "days"];
    return amount >= 0 ? `${amount} ${unit} ago` : `in ${-amount} ${unit}`;
  }

  function tellTimes(root = document) {
    for (const time of all("time[datetime]", root)) {
      const at = Date.parse(time.dateTime);
      if (Number.isNaN(at)) continue;
      time.title = `${time.dateTime}, here ${new Date(at).toLocaleString()}`;
      if (time.dataset.ago !== undefined) time.textContent = ago(at);
    }
  }

  // ── Live ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  let fetching = false, again = false;
  // A part marked `data-live` names the events that concern it; one marked `data-part` changes by what is done on its page.

  /** Whether a person is at work in a part: it is typed into, or a form in it is open or filled in. */
  function isAtWork(part) {
    if (part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select")) return true;
    if (part.querySelector("[data-opens][aria-expanded=true]")) return true;
    const wasFilledIn = (field) => {
      if (field.type === "file") return field.files.length > 0;
      if (field.matches("select")) return field.selectedIndex !== Math.max([...field.options].findIndex((option) => option.defaultSelected), 0);
      return field.type === "checkbox" || field.type === "radio" ? field.checked !== field.defaultChecked : field.value !== field.defaultValue;
    };
    return all("input, select, textarea", part).some(wasFilledIn);
  }

  /** Fetches the page anew and puts in the parts that changed; what a person is at work in stays. */
  async function refresh(concerns) {
    if (fetching) { again = true; return; }
    fetching = true;
    try {
      const answered = await fetch(location.href, { headers: { accept: "text/html" }, credentials: "same-origin" });
      if (answered.status === 401) { location.reload(); return; }
      if (!answered.ok) return;
      const fresh = new DOMParser().parseFromString(await answered.text(), "text/html");
      for (const part of all("[data-live], [data-part]")) {
        const other = fresh.getElementById(part.id);
        if (!other || !concerns(part) || isAtWork(part)) continue;
        if (other.innerHTML === part.dataset.shown) continue;
        const focused = part.contains(document.activeElement) && document.activeElement.id;
        const shown = other.innerHTML;
        // What was opened stays open, and what was closed stays closed.
        for (const before of all("details[id]", part)) other.querySelector(`#${CSS.escape(before.id)}`)?.toggleAttribute("open", before.open);
        part.replaceChildren(...document.adoptNode(other).childNodes);
        part.dataset.shown = shown;
        tellTimes(part);
        if (focused) document.getElementById(focused)?.focus();
      }
      depend();
    } catch { /* The stream says when the hub is away. */ } finally {
      fetching = false;
      if (again) { again = false; setTimeout(() => refresh(() => true), 250); }
    }
  }

  function live() {
    const parts = all("[data-live]");
    const state = document.querySelector("[data-live-state]");
    if (parts.length === 0 || !state) return;
    const topics = new Set(parts.flatMap((part) => part.dataset.live.split(" ")));
    const source = new EventSource("/api/v1/events");
    let lost = false, due, asking;
    const soon = (topic) => {
      clearTimeout(due);
      due = setTimeout(() => refresh((part) => topic === null || part.dataset.live?.split(" ").includes(topic)), 150);
    };
    source.addEventListener("open", () => {
      state.textContent = "Live";
      state.dataset.state = "live";
      if (lost) soon(null);
      lost = false;
    });
    source.addEventListener("error", () => {
      const ended = source.readyState === EventSource.CLOSED;
      state.textContent = ended ? "Not live: looks every 10 s" : "Not live: the hub is away";
      state.dataset.state = "away";
      lost = true;
      // A browser gives up a stream that was answered with an error; whoever looks is not left with an old page.
      if (ended && !asking) asking = setInterval(() => soon(null), 10_000);
    });
    for (const topic of topics) source.addEventListener(topic, () => soon(topic));
    // What a reader missed: the page is fetched anew.
    source.addEventListener("reset", () => soon(null));
    addEventListener("pagehide", () => source.close());
    addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  }

  depend();
  tellTimes();
  setInterval(tellTimes, 10_000);
  live();
})();
