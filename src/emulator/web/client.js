// The page of a client outside, who writes to a line through the portal's own live chat: `/client?line=1`.
//
// It shows only what a client sees: no whispers, notes or operators' controls.

import { feed, get, post } from "./api.js";
import { h, icon, reconcile } from "./dom.js";
import { time } from "./time.js";

const asked = new URLSearchParams(location.search);
const line = Number(asked.get("line") ?? 1);
const client = asked.get("client") ?? crypto.randomUUID().slice(0, 8);
let user = null; // who this client is on the portal, once it has written
let hangUp = () => {};

const title = h("h1", {}, "A line");
const name = h("input", { type: "text", class: "client-name", value: asked.get("name") ?? "Visitor", "aria-label": "Your name", "data-testid": "client-name", onchange: remember });
const list = h("div", { class: "log-list" });
const log = h("div", { class: "log", role: "log", "aria-live": "polite", tabindex: "0" }, list);
const field = h("textarea", { rows: "1", "aria-label": "Message", placeholder: "Write to us", "data-testid": "client-field", autofocus: true, onkeydown: keys });
const send = h("button", { type: "submit", class: "send", "aria-label": "Send", "data-testid": "client-send" }, icon("send", 22));

function start() {
  document.getElementById("client").append(
    h("header", { class: "chat-head" }, icon("line"), h("span", { class: "chat-words" }, title, h("label", { class: "chat-about" }, "You are ", name))),
    h("div", { class: "log-frame" }, log),
    h("form", { class: "composer", onsubmit: submit }, h("div", { class: "field" }, field, send)));
  remember();
  look();
}

// The URL holds the client's id, so a reload is the same client and another window a different one.
function remember() {
  const here = new URLSearchParams({ line, client, name: name.value.trim() });
  window.history.replaceState(null, "", `?${here}`);
}

async function look() {
  const answer = await get("/chat/client/history", { line, client }).catch(() => null);
  if (!answer) return;
  title.textContent = answer.line ?? `There is no line ${line}`;
  document.title = `${name.value} → ${title.textContent}`;
  const none = { id: "none", none: true };
  const shown = answer.messages.length ? answer.messages : [none];
  reconcile(list, shown, { key: ({ id }) => String(id), stamp: JSON.stringify, build: (message) => view(message, answer) });
  log.scrollTop = log.scrollHeight;
  if (answer.user && answer.user !== user) follow(answer.user);
}

function follow(id) {
  user = id;
  hangUp();
  hangUp = feed(id, (event) => ["hello", "message", "edit", "remove"].includes(event.type) && look(), () => {});
}

function view(message, { people }) {
  if (message.none) return h("p", { class: "day" }, h("span", {}, "Write a message, as a client of this company."));
  const own = message.outside.state === "came";
  const kind = own ? "own" : "other";
  return h("article", { class: `message ${kind} first last`, "data-testid": "client-message", "data-kind": kind },
    h("div", { class: "column" }, h("div", { class: "bubble" },
      !own && h("div", { class: "author" }, people[message.author] ?? title.textContent),
      h("div", { class: "text lines" }, message.deleted ? "(deleted)" : message.text),
      ...(message.files ?? []).map((file) => h("a", { class: "file", href: `/chat/file?id=${file.id}`, download: file.name }, file.name)),
      h("div", { class: "foot" }, message.edited && h("span", { class: "edited" }, "edited"), h("time", {}, time(message.date))))));
}

function keys(event) {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event);
}

async function submit(event) {
  event.preventDefault();
  const text = field.value.trim();
  if (!text) return;
  field.value = "";
  const answer = await post("/chat/client/say", { line, client, name: name.value.trim() || "Visitor", text });
  if (!answer && !field.value) field.value = text;
  await look();
}

start();
