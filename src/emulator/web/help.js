// The list of keyboard shortcuts.

import { h } from "./dom.js";
import { modal } from "./toast.js";

const KEYS = [
  ["Enter", "send the message"],
  ["Shift Enter", "a new line"],
  ["@", "mention a person or a bot"],
  ["/", "commands of the bots here"],
  ["↑ in an empty field", "edit your last message"],
  ["↑ ↓", "walk through messages, chats and suggestions"],
  ["Tab on a message", "its buttons: like, edit, delete, more"],
  ["Ctrl K", "find a chat"],
  ["Alt ↑, Alt ↓", "the chat above, the chat below"],
  ["Alt W", "show or hide the traffic log"],
  ["Esc", "close what is open; back to the message field"],
  ["?", "this list"],
];

export function showHelp() {
  modal("Keyboard shortcuts", (close) => [
    h("dl", { class: "shortcuts" }, KEYS.map(([keys, meaning]) => h("div", {}, h("dt", {}, h("kbd", {}, keys)), h("dd", {}, meaning)))),
    h("div", { class: "modal-buttons" }, h("button", { type: "button", class: "primary", onclick: close }, "Good")),
  ]);
}
