// The welcome: cards that open a chat with a bot, and suggestions for an empty chat.

import { say } from "./act.js";
import { avatar, botBadge, otherSide } from "./avatar.js";
import { h } from "./dom.js";
import { openPrivate } from "./session.js";
import { isBot, person, state } from "./store.js";
import { commandsHere } from "./suggest.js";

const CHIPS_MAX = 5;

/// Shown while no chat is open.
export function welcome() {
  const { first_name: name } = person(state.me);
  const bots = [...state.bots.values()].filter((bot) => !bot.hidden);
  const fresh = state.dialogs.size === 0;
  return h("div", { class: "welcome" },
    h("img", { src: "/web/icon.svg", alt: "", width: "72", height: "72" }),
    h("h1", {}, fresh ? `Welcome, ${name || person(state.me).name}!` : "Who would you like to write to?"),
    h("p", { class: "lead" }, bots.length
      ? "This is an emulated portal. Select a bot and write to it; the traffic log shows what the portal and your program send to each other."
      : "This is an emulated portal. It has no bots yet: start your program, and they will appear here."),
    h("div", { class: "cards" }, bots.map(card)));
}

function card(bot) {
  return h("button", { type: "button", class: "card", "data-testid": "bot-card", "data-code": bot.code, onclick: () => openPrivate(bot.id) },
    avatar(bot.id, 56),
    h("span", { class: "card-text" },
      h("strong", {}, bot.name, botBadge(bot.id)),
      bot.position && h("span", { class: "card-about" }, bot.position),
      h("span", { class: "card-call" }, `Say hello to ${bot.name}\u00a0→`)));
}

/// Shown in an empty chat: its members, and first messages to send.
export function firstWords() {
  const dialog = state.dialogs.get(state.open);
  const other = dialog && otherSide(dialog);
  if (!other) return h("div", { class: "first-words" }, h("p", {}, "Nobody has written here yet."), chips(["Hello, everyone!"]));
  const { name, position } = person(other);
  const commands = isBot(other) ? commandsHere().map(({ command }) => `/${command}`) : [];
  return h("div", { class: "first-words" },
    avatar(other, 72),
    h("h2", {}, name),
    position && h("p", {}, position),
    chips([`Hello, ${name}!`, ...commands].slice(0, CHIPS_MAX)));
}

function chips(texts) {
  return h("div", { class: "chips" },
    texts.map((text) => h("button", { type: "button", class: "chip", "data-testid": "chip", onclick: () => say(text) }, text)));
}
