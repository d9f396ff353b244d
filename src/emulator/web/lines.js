// Open channels in the left pane: sessions the person has not joined, and lines with a link to the page of a test client.

import { post } from "./api.js";
import { avatar } from "./avatar.js";
import { status } from "./desk.js";
import { h, iconButton, reconcile } from "./dom.js";
import { editLine } from "./line.js";
import { showNew } from "./session.js";
import { lineOf, on, person, state } from "./store.js";

const waiting = h("ul", { class: "rows", "aria-label": "Conversations on lines" });
const lines = h("ul", { class: "rows", "aria-label": "Lines" });
const head = h("h2", {}, "Conversations");

/// Returns the sessions the person has not joined.
export function conversations() {
  return h("section", { "data-testid": "conversations" }, head, waiting);
}

/// The lines.
export function openChannels() {
  on("lines", "people", "dialogs", draw);
  return h("section", { "data-testid": "channels" },
    h("div", { class: "channels-head" }, h("h2", {}, "Open channels"),
      iconButton("plus", "New line", () => editLine(), { "data-testid": "new-line" })),
    lines);
}

function draw() {
  const elsewhere = state.sessions.filter((session) => !session.closed && !state.dialogs.has(session.dialog_id));
  head.hidden = !elsewhere.length;
  reconcile(waiting, elsewhere, { key: ({ id }) => String(id), stamp: (session) => JSON.stringify([session, status(session)]), build: sessionRow });
  reconcile(lines, state.lines, { key: ({ id }) => String(id), stamp: (line) => JSON.stringify([line, line.bot && person(line.bot)]), build: lineRow });
}

// Opening a conversation joins its chat; its operator stays the same.
function sessionRow(session) {
  const join = async () => {
    if (await post("/chat/line/join", { as: state.me, chat: session.chat })) await showNew(session.dialog_id);
  };
  return h("li", {}, h("button", { type: "button", class: "row small", "data-testid": "session", "data-id": session.id, onclick: join },
    avatar(session.client.id, 36),
    h("span", { class: "row-words" },
      h("strong", { class: "row-title" }, session.client.name),
      h("span", { class: "row-last" }, `${lineOf(session)?.name ?? ""} · ${status(session)}`))));
}

function lineRow(line) {
  const write = () => window.open(`/client?line=${line.id}`, "_blank", "noopener");
  return h("li", { class: "line" },
    h("button", { type: "button", class: "row small", "data-testid": "line", "data-id": line.id, onclick: () => editLine(line) },
      h("span", { class: "row-words" },
        h("strong", { class: "row-title" }, line.name),
        h("span", { class: "row-last" }, about(line)))),
    iconButton("chats", `Write to ${line.name} as a client`, write, { "data-testid": "client" }));
}

function about(line) {
  const joined = line.connectors.filter((connector) => connector.works).map((connector) => connector.title);
  const bot = line.bot ? person(line.bot).name : "no bot";
  return [line.active ? null : "off", bot, `${line.queue.length} in the queue`, ...joined].filter(Boolean).join(" · ");
}
