// One message: its bubble, the parts below it, and its actions.

import { copy, fitsScreen, perform, yes } from "./act.js";
import { post } from "./api.js";
import { attach } from "./attach.js";
import { avatar, botBadge } from "./avatar.js";
import { plain } from "./bbcode.js";
import { bb } from "./bbview.js";
import { h, icon, iconButton } from "./dom.js";
import { keyboard } from "./keyboard.js";
import { openMenu } from "./menu.js";
import { reactionItems, reactions } from "./reaction.js";
import { emit, person, state } from "./store.js";
import { fullTime, time } from "./time.js";
import { confirmed } from "./toast.js";

/// `first` and `last` are its position in a run of messages by one author.
export function messageView(message, { first, last }) {
  const kind = message.system || !message.author ? "system" : message.author === state.me ? "own" : "other";
  const { name } = person(message.author);
  return h("article", {
    class: `message ${kind} ${first ? "first" : ""} ${last ? "last" : ""} ${message.deleted ? "deleted" : ""} ${message.outside?.state === "silent" ? "whispered" : ""}`,
    tabindex: "-1", "aria-label": `${kind === "own" ? "You" : name}, ${time(message.date)}`,
    "data-testid": "message", "data-id": message.id, "data-author": message.author, "data-kind": kind,
  },
  kind === "other" && h("span", { class: "side" }, last && avatar(message.author, 34)),
  h("div", { class: "column" },
    h("div", { class: "bubble" },
      kind === "other" && first && h("div", { class: "author" }, name, botBadge(message.author)),
      body(message),
      !message.deleted && attach(message.attach),
      !message.deleted && files(message),
      foot(message, kind)),
    !message.deleted && keyboard(message)),
  !message.deleted && h("div", { class: "deeds" }, deeds(message, kind)));
}

/// Returns a message as one line for lists.
export function preview(message) {
  if (message.deleted) return "Message deleted";
  return plain(message.text) || message.files?.[0]?.name || (message.attach ? "Attachment" : message.keyboard ? "Buttons" : "");
}

function body(message) {
  if (message.deleted) return h("p", { class: "text gone", "data-testid": "message-text" }, icon("trash", 16), "Message deleted");
  const hollow = message.text === "" && (message.attach || message.files?.length);
  return h("div", { class: `text bb ${hollow ? "hollow" : ""}`, "data-testid": "message-text" }, bb(message.text));
}

function files(message) {
  return (message.files ?? []).map(({ id, name, size }) =>
    h("a", { class: "file", href: `/chat/file?id=${id}`, download: name, "data-testid": "file" }, `${name} (${size} B)`));
}

function foot(message, kind) {
  const mine = message.likes.includes(state.me);
  const names = message.likes.map((id) => person(id).name).join(", ");
  return h("div", { class: "foot" },
    message.likes.length > 0 && h("button", {
      type: "button", class: `likes ${mine ? "mine" : ""}`, title: `Liked by ${names}`, "data-focus": "likes", "data-testid": "likes",
      "aria-pressed": String(mine), "aria-label": `${message.likes.length} liked it: ${names}`, onclick: () => like(message),
    }, icon("like", 14), String(message.likes.length)),
    ...reactions(message),
    message.edited && !message.deleted && h("span", { class: "edited" }, "edited"),
    passage(message),
    kind !== "system" && h("time", { datetime: new Date(message.date).toISOString(), title: fullTime(message.date) }, time(message.date)));
}

// Its state at the client outside.
function passage({ outside }) {
  if (!outside || outside.state === "came") return false;
  if (outside.state === "silent") return h("span", { class: "passage", "data-testid": "passage" }, "whispered");
  const done = outside.state === "delivered";
  const about = done ? `Delivered as ${outside.ids.join(", ")}` : "Sending: the connector has not confirmed it yet";
  return h("span", { class: `passage ${outside.state}`, title: about, role: "img", "aria-label": about, "data-testid": "passage", "data-state": outside.state },
    icon(done ? "check" : "clock", 14));
}

function deeds(message, kind) {
  const mine = message.likes.includes(state.me);
  const editable = kind === "own";
  return [
    kind !== "system" && iconButton("like", "Like", () => like(message), { "aria-pressed": String(mine), ...named("like") }),
    editable && iconButton("edit", "Edit", () => emit("edit", message), named("edit")),
    editable && iconButton("trash", "Delete", () => remove(message), named("delete")),
    iconButton("more", "More", (event) => openMenu(event.currentTarget, menuOf(message), "Message"), { "aria-haspopup": "menu", ...named("more") }),
  ];
}

// A name that finds the button again after a redraw, and in tests.
function named(name) {
  return { "data-focus": name, "data-testid": name };
}

// The bot's own items come first, as in the portal's menu of a message.
function menuOf(message) {
  const items = (message.menu?.ITEMS ?? []).map((item, index) => ({ item, index })).filter(({ item }) => fitsScreen(item));
  const own = items.map(({ item, index }) => (item.TYPE === "NEWLINE" ? null : {
    label: String(item.TEXT ?? ""),
    disabled: yes(item.DISABLED),
    run: () => perform(item, () => post("/chat/menu", { as: state.me, message: message.id, item: index })),
  }));
  const faces = message.system ? [] : [...reactionItems(message), null];
  return [...own, ...(own.length ? [null] : []), ...faces,
    { label: "Copy the text", run: () => copy(plain(message.text)) },
    { label: "Copy the BB code", run: () => copy(message.text) },
    { label: `Copy the number ${message.id}`, run: () => copy(String(message.id)) }];
}

function like(message) {
  return post("/chat/like", { as: state.me, message: message.id });
}

async function remove(message) {
  if (await confirmed("Delete this message?", "Delete")) await post("/chat/delete", { as: state.me, message: message.id });
}
