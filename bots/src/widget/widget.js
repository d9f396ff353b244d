// The chat bubble: shows one visitor's chat, and keeps messages until the server has stored them.
//
//     <script src="https://bots.example.com/widget/widget.js" data-line="7"></script>
//
// Messages are never put on the page as HTML.
(() => {
  "use strict";
  const script = document.currentScript;
  if (!script?.src || document.querySelector("imbot-widget")) return;
  const base = new URL(".", script.src).href;
  const { line = "", portal = "", name = "", title = "Chat", hello = "Hello! How can we help?", color } = script.dataset;
  const target = Object.fromEntries(Object.entries({ line, portal }).filter(([, value]) => value));
  const limits = { text_chars: 4000, file_bytes: 10000000 };

  // Stored in the browser for this page's site: the visitor's secret, unsent messages, and what was read.
  const memory = {};
  const load = (key) => {
    try { return localStorage.getItem(`imbot ${base} ${key}`); } catch { return memory[key] ?? null; }
  };
  const save = (key, value) => {
    memory[key] = value;
    try { localStorage.setItem(`imbot ${base} ${key}`, value); } catch { /* the site may not store anything */ }
  };
  const random = (bytes) => [...crypto.getRandomValues(new Uint8Array(bytes))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const secret = () => {
    if (!load("secret")) save("secret", random(32));
    return load("secret");
  };
  const chatKey = (key) => `${key} ${portal} ${line}`;
  const unsent = () => {
    try { return JSON.parse(load(chatKey("waiting"))) ?? []; } catch { return []; }
  };

  // ---- requests

  const request = (path, params, init = {}) => fetch(`${base}${path}?${new URLSearchParams({ ...target, ...params })}`, {
    ...init, credentials: "omit", cache: "no-store", referrerPolicy: "no-referrer",
    headers: { Authorization: `Bearer ${secret()}`, ...init.headers },
  });
  const errorText = async (answer) => {
    try { return (await answer.json()).error; } catch { return `the server answered ${answer.status}`; }
  };
  const pauses = new Set();
  const pause = (ms) => new Promise((resolve) => {
    const end = () => { pauses.delete(end); resolve(); };
    pauses.add(end);
    setTimeout(end, ms * (0.5 + Math.random()));
  });

  const SILENCE_MAX = 60000; // the server sends a keep-alive every 25 seconds
  let seen = 0;
  let isListening = false;

  async function listen() {
    if (isListening) return;
    isListening = true;
    for (let failures = 0; ; failures += 1) {
      const controller = new AbortController();
      try {
        const answer = await request("events", { after: seen }, { signal: controller.signal });
        if (!answer.ok) throw new Error(await errorText(answer));
        failures = 0;
        for await (const event of events(answer.body, controller)) receive(event);
      } catch (error) {
        if (failures > 0) notify(error instanceof TypeError ? "No connection. Trying again…" : error.message);
      }
      controller.abort();
      await pause(Math.min(1000 * 2 ** failures, 30000));
    }
  }

  async function* events(body, controller) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const silence = setTimeout(() => controller.abort(), SILENCE_MAX);
      const { value, done } = await reader.read().finally(() => clearTimeout(silence));
      if (done) return;
      text += value;
      for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
        const fields = text.slice(0, end).split("\n").map((field) => /^(\w+): ?(.*)$/.exec(field)).filter(Boolean);
        const event = Object.fromEntries(fields.map(([, key, rest]) => [key, rest]));
        if (event.data) yield event;
      }
    }
  }

  function receive({ event, data }) {
    if (event === "limits") {
      Object.assign(limits, JSON.parse(data));
      notify("");
      return;
    }
    const entry = JSON.parse(data);
    seen = Math.max(seen, entry.version);
    if (sent.delete(entry.key)) forget(entry.key);
    show(entry);
  }

  // Unsent messages, by id. Texts are stored, so that a reload does not lose them; files are not.
  const sent = new Map(unsent().map((message) => [message.id, message]));
  let isSending = false;

  function say(message) {
    sent.set(message.id, message);
    if (!message.file) save(chatKey("waiting"), JSON.stringify([...unsent(), message]));
    show(message);
    listen();
    flush();
  }

  function forget(sentId) {
    save(chatKey("waiting"), JSON.stringify(unsent().filter(({ id }) => id !== sentId)));
  }

  async function flush() {
    if (isSending) return;
    isSending = true;
    for (let failures = 0, message; (message = [...sent.values()].find((it) => !it.done && !it.error)); ) {
      try {
        const answer = await post(message);
        failures = 0;
        if (answer.ok) message.done = true;
        else if (answer.status === 429 || answer.status >= 500) throw new Error(await errorText(answer));
        else message.error = await errorText(answer);
        forget(message.id);
        if (message.error) show(message);
      } catch (error) {
        failures += 1;
        notify(error instanceof TypeError ? "No connection. Trying again…" : error.message);
        await pause(Math.min(1000 * 2 ** failures, 30000));
      }
    }
    isSending = false;
  }

  function post({ id, text, file }) {
    if (file) return request("file", { id, name: file.name, visitor: name }, { method: "POST", body: file });
    const headers = { "Content-Type": "application/json" };
    return request("say", {}, { method: "POST", headers, body: JSON.stringify({ id, text, name }) });
  }

  // ---- the page

  function h(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) {
      if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else if (value === true) node.setAttribute(key, "");
      else if (value !== false && value != null) node.setAttribute(key, value);
    }
    node.append(...children.flat().filter((child) => child != null && child !== false));
    return node;
  }
  function icon(path) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const shape = document.createElementNS("http://www.w3.org/2000/svg", "path");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    shape.setAttribute("d", path);
    svg.append(shape);
    return svg;
  }

  const CLIP = "M16.5 6v11a4.5 4.5 0 0 1-9 0V5a3 3 0 0 1 6 0v10.5a1.5 1.5 0 0 1-3 0V6H9v9.5a3 3 0 0 0 6 0V5a4.5 4.5 0 0 0-9 0v12a6 6 0 0 0 12 0V6z";
  const log = h("div", { class: "log", role: "log", "aria-live": "polite", "aria-label": "Messages", tabindex: "0" },
    h("p", { class: "message line hello" }, hello));
  const notice = h("p", { class: "notice", role: "status" });
  const field = h("textarea", {
    rows: "1", placeholder: "Write a message", "aria-label": "Message", maxlength: limits.text_chars, enterkeyhint: "send",
    onkeydown: (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      write();
    },
    oninput: grow,
    onpaste: (event) => event.clipboardData.files.length && attach(event.clipboardData.files),
  });
  const chooser = h("input", { type: "file", multiple: true, hidden: true, onchange: () => { attach(chooser.files); chooser.value = ""; } });
  const form = h("form", { onsubmit: (event) => { event.preventDefault(); write(); } },
    h("button", { type: "button", class: "plain", "aria-label": "Send a file", onclick: () => chooser.click() }, icon(CLIP)),
    chooser, field,
    h("button", { type: "submit", class: "plain send", "aria-label": "Send" }, icon("M3 20.5 22 12 3 3.5v6.6L15 12 3 13.9z")));
  const panel = h("section", { class: "panel", role: "dialog", "aria-label": title, hidden: true },
    h("header", {}, h("h2", {}, title),
      h("button", { type: "button", class: "plain", "aria-label": "Close the chat", onclick: () => open(false) },
        icon("M19 6.4 17.6 5 12 10.6 6.4 5 5 6.4 10.6 12 5 17.6 6.4 19 12 13.4 17.6 19 19 17.6 13.4 12z"))),
    log, notice, form);
  const badge = h("span", { class: "badge", hidden: true });
  const bubble = h("button", { type: "button", class: "bubble", "aria-expanded": "false", "aria-label": `Open the chat: ${title}`, onclick: () => open(panel.hidden) },
    icon("M4 3h16a2 2 0 0 1 2 2v11a2 2 0 0 1-2 2H9l-5 4v-4a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2z"), badge);

  function open(visible, focus = true) {
    panel.hidden = !visible;
    bubble.setAttribute("aria-expanded", String(visible));
    save("open", visible ? "1" : "");
    if (!visible) return void bubble.focus();
    listen();
    log.scrollTop = log.scrollHeight;
    updateUnread();
    if (focus) field.focus();
  }

  function notify(text) {
    if (notice.textContent !== text) notice.textContent = text;
  }

  function grow() {
    field.style.height = "auto";
    field.style.height = `${Math.min(field.scrollHeight + 2, 120)}px`; // with the border
  }

  function write() {
    const text = field.value.trim();
    if (!text) return;
    if ([...text].length > limits.text_chars) return notify(`A message has at most ${limits.text_chars} characters.`);
    field.value = "";
    grow();
    notify("");
    say({ id: random(16), by: "visitor", text, at: Date.now() });
  }

  function attach(files) {
    for (const file of files) {
      if (file.size > limits.file_bytes) notify(`${file.name} is too large: a file has at most ${limits.file_bytes / 1e6} MB.`);
      else say({ id: random(16), by: "visitor", text: "", files: [{ name: file.name, bytes: file.size }], at: Date.now(), file });
    }
  }

  // The messages on the page, in the order of their numbers; unsent ones come last.
  const shown = new Map();

  function show(entry) {
    const key = entry.by === "visitor" ? entry.key ?? entry.id : `line ${entry.number}`;
    const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
    const node = draw(entry);
    shown.get(key)?.node.remove();
    shown.set(key, { entry, node });
    const rank = ({ number }) => number ?? Infinity;
    const next = [...shown.values()].filter((it) => it.node !== node && rank(it.entry) > rank(entry));
    next.sort((one, other) => rank(one.entry) - rank(other.entry));
    log.insertBefore(node, next[0]?.node ?? null);
    if (isAtEnd || entry.by === "visitor") log.scrollTop = log.scrollHeight;
    updateUnread();
  }

  const TICKS = { waiting: ["…", "Sending"], kept: ["✓", "Sent"], taken: ["✓✓", "Delivered"], refused: ["!", "Not delivered"] };

  function draw(entry) {
    const { by, author, text, files = [], at, error } = entry;
    const state = entry.number ? entry.state : error ? "refused" : "waiting";
    const time = new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    const [sign, label] = (by === "visitor" && TICKS[state]) || [];
    const again = () => { entry.error = undefined; show(entry); flush(); };
    return h("article", { class: `message ${by}`, "data-state": state },
      author && h("b", { class: "author" }, author),
      state === "deleted" ? h("i", {}, "Message deleted") : text && h("p", {}, linkify(text)),
      files.map(({ name, url, bytes }) => attachment(name, url, bytes)),
      error && h("p", { class: "wrong" }, `${error} `, h("button", { type: "button", onclick: again }, "Try again")),
      state === "refused" && !error && h("p", { class: "wrong" }, "The message could not be delivered."),
      h("small", {}, state === "edited" && "edited ", time, sign && h("span", { class: "tick", role: "img", "aria-label": label, title: label }, ` ${sign}`)));
  }

  // Returns a text with its addresses as links.
  function linkify(text) {
    return text.split(/(https?:\/\/[^\s<>"')\]]+)/).map((part, index) => (index % 2 ? link(part, part) : part));
  }

  function attachment(name, url, bytes) {
    const size = bytes ? ` (${bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} KB` : `${(bytes / 1e6).toFixed(1)} MB`})` : "";
    return h("p", { class: "file" }, icon(CLIP), url ? link(url, name || "file") : name, size);
  }

  function link(url, label) {
    return /^https?:\/\//.test(url) ? h("a", { href: url, target: "_blank", rel: "noopener noreferrer nofollow" }, label) : label;
  }

  // Marks messages as read, or shows the number of unread ones.
  function updateUnread() {
    const numbers = [...shown.values()].filter(({ entry }) => entry.by === "line").map(({ entry }) => entry.number);
    if (!panel.hidden && numbers.length) save(chatKey("read"), String(Math.max(...numbers)));
    const unread = numbers.filter((number) => number > Number(load(chatKey("read")) ?? 0)).length;
    badge.hidden = unread === 0;
    badge.textContent = unread > 99 ? "99+" : String(unread);
    bubble.setAttribute("aria-label", `Open the chat: ${title}${unread ? `, ${unread} unread` : ""}`);
  }

  const STYLE = `
    :host { all: initial; --accent: #2f6fed; --back: #fff; --ink: #1c2330; --soft: #66708a; --line: #eef1f6; --edge: #d9dfea; --wrong: #b3261e;
      position: fixed; right: 20px; bottom: 20px; z-index: 2147483000; font: 15px/1.45 system-ui, -apple-system, sans-serif; color-scheme: light dark; }
    @media (prefers-color-scheme: dark) { :host { --back: #1b2029; --ink: #eef1f6; --soft: #9aa5bd; --line: #2a313e; --edge: #39424f; --wrong: #ff8a80; } }
    [hidden] { display: none !important; }
    * { box-sizing: border-box; }
    button { font: inherit; cursor: pointer; }
    :focus-visible { outline: 3px solid color-mix(in srgb, var(--accent) 55%, var(--ink)); outline-offset: 2px; }
    svg { width: 24px; height: 24px; fill: currentColor; display: block; }
    .bubble { position: relative; display: grid; place-items: center; width: 58px; height: 58px; margin-left: auto; border: 0; border-radius: 50%;
      background: var(--accent); color: #fff; box-shadow: 0 6px 20px #0004; transition: transform .15s; }
    .bubble:hover { transform: scale(1.06); }
    .bubble svg { width: 28px; height: 28px; }
    .badge { position: absolute; top: -4px; right: -4px; min-width: 22px; padding: 1px 6px; border-radius: 11px; background: #c62828; color: #fff; font-size: 12px; font-weight: 600; }
    .panel { display: flex; flex-direction: column; width: 370px; height: min(560px, calc(100vh - 120px)); margin-bottom: 14px; overflow: hidden;
      border: 1px solid var(--edge); border-radius: 16px; background: var(--back); color: var(--ink); box-shadow: 0 12px 40px #0003; }
    header { display: flex; align-items: center; justify-content: space-between; padding: 10px 10px 10px 18px; background: var(--accent); color: #fff; }
    h2 { margin: 0; font-size: 17px; }
    .plain { display: grid; place-items: center; flex: none; width: 40px; height: 40px; padding: 0; border: 0; border-radius: 10px; background: none; color: inherit; }
    .plain:hover { background: #8883; }
    .log { flex: 1; display: flex; flex-direction: column; gap: 8px; padding: 16px; overflow-y: auto; overscroll-behavior: contain; }
    .message { max-width: 85%; margin: 0; padding: 8px 12px; border-radius: 14px; overflow-wrap: anywhere; }
    .message p { margin: 0; white-space: pre-wrap; }
    .message.line { align-self: flex-start; background: var(--line); border-bottom-left-radius: 4px; }
    .message.visitor { align-self: flex-end; background: var(--accent); color: #fff; border-bottom-right-radius: 4px; }
    .message[data-state=waiting] { opacity: .75; }
    .message a { color: inherit; }
    .file svg { display: inline-block; width: 16px; height: 16px; margin-right: 4px; vertical-align: -3px; }
    .author { display: block; font-size: 13px; color: var(--soft); }
    small { display: block; margin-top: 2px; font-size: 12px; text-align: right; opacity: .85; }
    .line small { color: var(--soft); opacity: 1; }
    .wrong { font-weight: 600; }
    .wrong button { padding: 0; border: 0; background: none; color: inherit; text-decoration: underline; }
    .notice { min-height: 0; margin: 0; padding: 0 16px; font-size: 13px; color: var(--wrong); }
    .notice:not(:empty) { padding: 6px 16px; }
    form { display: flex; align-items: flex-end; gap: 4px; padding: 8px; border-top: 1px solid var(--edge); color: var(--soft); }
    textarea { flex: 1; min-width: 0; max-height: 120px; padding: 9px 10px; border: 1px solid var(--edge); border-radius: 12px; background: transparent; color: var(--ink); font: inherit; resize: none; scrollbar-width: none; }
    textarea:focus-visible { outline-width: 2px; outline-offset: 0; }
    .send { color: var(--accent); }
    @media (max-width: 480px) {
      .panel { position: fixed; inset: 0; width: auto; height: auto; margin: 0; border: 0; border-radius: 0; }
      .panel:not([hidden]) + .bubble { display: none; }
      textarea { font-size: 16px; }
    }
    @media (prefers-reduced-motion: reduce) { * { transition: none !important; } }`;

  const host = document.createElement("imbot-widget");
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet(); // allowed even if the page's policy forbids inline styles
  sheet.replaceSync(STYLE);
  root.adoptedStyleSheets = [sheet];
  root.append(panel, bubble);
  if (color && CSS.supports("color", color)) host.style.setProperty("--accent", color);
  root.addEventListener("keydown", (event) => { if (event.key === "Escape" && !panel.hidden) open(false); });
  addEventListener("online", () => pauses.forEach((end) => end()));
  for (const message of sent.values()) show(message);
  const attachTo = () => {
    document.body.append(host);
    if (load("open")) open(true, false);
    else if (load("secret")) listen();
    flush();
  };
  if (document.body) attachTo();
  else addEventListener("DOMContentLoaded", attachTo);
})();
