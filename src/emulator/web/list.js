// The left pane: the current person, the dialogs with their last messages, and everyone else to write to.

import { avatar, botBadge, dialogAvatar, otherSide } from "./avatar.js";
import { apps } from "./apps.js";
import { h, icon, iconButton, reconcile } from "./dom.js";
import { newGroup } from "./group.js";
import { showHelp } from "./help.js";
import { conversations, openChannels } from "./lines.js";
import { preview } from "./message.js";
import { become, openPrivate, show } from "./session.js";
import { dialogsByTime, on, person, state } from "./store.js";
import { when } from "./time.js";

const who = h("select", { id: "who", "data-testid": "who", "aria-label": "You are", onchange: () => become(Number(who.value)) });
const portrait = h("span", { class: "who-portrait" });
const search = h("input", {
  type: "search", class: "search", placeholder: "Find a chat or a person", "aria-label": "Find a chat, a person or a bot",
  oninput: () => draw(), onkeydown: firstFound,
});
const dialogs = h("ul", { class: "rows", "aria-label": "Your chats" });
const others = h("div", { class: "others" });

export function chatList() {
  on("people", "dialogs", "open", draw);
  return [
    h("header", { class: "list-head" },
      h("label", { class: "who" }, portrait, h("span", { class: "who-words" }, h("small", {}, "You are"), who)),
      iconButton("help", "Keyboard shortcuts", showHelp, { "data-testid": "help" }),
      iconButton("plus", "New group", () => newGroup(), { "data-testid": "new-group" })),
    h("div", { class: "search-box" }, icon("search", 18), search),
    h("div", { class: "list-body" }, dialogs, conversations(), others, openChannels(), apps()),
  ];
}

/// Moves the cursor to the search field.
export function focusSearch() {
  search.focus();
  search.select();
}

function draw() {
  drawWho();
  const typed = search.value.trim().toLowerCase();
  const fits = (name) => name.toLowerCase().includes(typed);
  const shown = dialogsByTime().filter((dialog) => fits(dialog.title));
  reconcile(dialogs, shown, { key: (dialog) => dialog.dialog_id, stamp, build: dialogRow });
  const met = new Set([...state.dialogs.values()].map(otherSide));
  const fresh = ({ id, name, gone }) => id !== state.me && !gone && !met.has(id) && fits(name);
  const groups = [["Bots", [...state.bots.values()].filter((bot) => !bot.hidden && fresh(bot))], ["People", [...state.users.values()].filter(fresh)]];
  reconcile(others, groups.filter(([, people]) => people.length), { key: ([title]) => title, stamp: JSON.stringify, build: section });
  const unread = dialogsByTime().reduce((sum, dialog) => sum + dialog.unread, 0);
  document.title = `${unread ? `(${unread}) ` : ""}${state.dialogs.get(state.open)?.title ?? state.portal.name ?? "imbot portal"}`;
}

function drawWho() {
  const options = [...state.users.values()].map(({ id, name }) => h("option", { value: String(id) }, name));
  const names = (items) => JSON.stringify([...items].map((item) => [item.value, item.text]));
  if (names(options) !== names(who.options)) who.replaceChildren(...options);
  who.value = String(state.me);
  portrait.replaceChildren(avatar(state.me, 40));
}

function stamp(dialog) {
  const other = otherSide(dialog);
  const { last } = dialog;
  return JSON.stringify([dialog, dialog.dialog_id === state.open, other && person(other), last && when(last.date), person(last?.author)]);
}

function dialogRow(dialog) {
  const { last, unread } = dialog;
  const current = dialog.dialog_id === state.open;
  const author = speaker(dialog);
  return h("li", {}, h("button", {
    type: "button", class: "row", "data-testid": "dialog", "data-dialog": dialog.dialog_id, "data-focus": "row",
    "aria-current": current && "true", onclick: () => show(dialog.dialog_id),
  },
  dialogAvatar(dialog, 46),
  h("span", { class: "row-words" },
    h("span", { class: "row-top" },
      h("strong", { class: "row-title" }, dialog.title), botBadge(otherSide(dialog)),
      h("time", {}, last ? when(last.date) : "")),
    h("span", { class: "row-bottom" },
      h("span", { class: "row-last" },
        author && h("span", { class: "row-author" }, author), last ? preview(last) : "No messages yet"),
      unread > 0 && badge(unread)))));
}

function badge(unread) {
  return h("span", { class: "unread", "data-testid": "unread", "aria-label": `${unread} unread`, role: "img" }, unread > 99 ? "99+" : String(unread));
}

// The author of the last message: the person, or in a group the author's first name.
function speaker({ type, last }) {
  if (!last?.author || last.system) return "";
  if (last.author === state.me) return "You: ";
  return type === "P" ? "" : `${person(last.author).name.split(" ")[0]}: `;
}

function section([title, people]) {
  return h("section", {}, h("h2", {}, title), h("ul", { class: "rows" }, people.map((item) => h("li", {}, personRow(item)))));
}

function personRow({ id, name, position }) {
  return h("button", { type: "button", class: "row small", "data-testid": "person", "data-id": id, onclick: () => openPrivate(id) },
    avatar(id, 36),
    h("span", { class: "row-words" }, h("strong", { class: "row-title" }, name), h("span", { class: "row-last" }, position ?? "")));
}

// Enter in the search field opens the first thing found; the arrow goes to the list.
function firstFound(event) {
  const rows = [...document.querySelectorAll(".list-body .row")];
  if (event.key === "Enter") found(rows[0]);
  else if (event.key === "ArrowDown") rows[0]?.focus();
  else if (event.key === "Escape" && search.value) {
    search.value = "";
    draw();
  } else return;
  event.preventDefault();
  event.stopPropagation();
}

function found(row) {
  search.value = "";
  row?.click();
  draw();
}

/// ArrowUp and ArrowDown walk the rows of the left pane.
export function walkRows(event) {
  const rows = [...document.querySelectorAll(".list-body .row")];
  const at = rows.indexOf(document.activeElement);
  if (at < 0 || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
  event.preventDefault();
  const next = rows[at + (event.key === "ArrowDown" ? 1 : -1)];
  if (next) next.focus();
  else if (at === 0) search.focus();
}
