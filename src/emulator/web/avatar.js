// The round picture of a person, bot or chat: initials on its colour, and a small mark on bots.

import { hex, initialsInk } from "./colour.js";
import { h, icon } from "./dom.js";
import { isBot, person, state } from "./store.js";

const FALLBACK = "#8593a8";

export function avatar(id, size = 40) {
  const { name, color } = person(id);
  return disc(name, color, size, isBot(id) && h("span", { class: "bot-mark" }, icon("bot", Math.max(10, size * 0.28))));
}

/// Returns the picture of a dialog: the other side's, or the group's.
export function dialogAvatar(dialog, size = 40) {
  const other = otherSide(dialog);
  return other ? avatar(other, size) : disc(dialog.title, dialog.color, size, null, "group");
}

/// Returns the other side of a private dialog; null in a group.
export function otherSide(dialog) {
  return dialog.type === "P" ? dialog.members.find((id) => id !== state.me) ?? Number(dialog.dialog_id) : null;
}

/// Returns the label "bot" next to a name.
export function botBadge(id) {
  return isBot(id) && h("span", { class: "bot-badge" }, "bot");
}

function disc(name, colour, size, mark, kind = "") {
  const background = hex(colour) ?? FALLBACK;
  const style = { "--size": `${size}px`, "--disc": background, "--ink": initialsInk(background) };
  return h("span", { class: `avatar ${kind}`, style, "aria-hidden": "true" }, initials(name), mark);
}

function initials(name) {
  const words = String(name ?? "").split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word));
  const letters = words.map((word) => word.match(/[\p{L}\p{N}]/u)[0]);
  return (letters.length > 1 ? letters[0] + letters.at(-1) : letters[0] ?? "?").toUpperCase();
}
