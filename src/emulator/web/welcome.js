// The first minute: bots as cards to talk with by one click, and first words for a chat that is still empty.

import { say } from "./act.js";
import { avatar, botBadge, otherSide } from "./avatar.js";
import { h } from "./dom.js";
import { openPrivate } from "./session.js";
import { isBot, person, state } from "./store.js";
import { commandsHere } from "./suggest.js";

const CHIPS_MAX = 5;

/// What the centre shows while no chat is open.
export function welcome() {
  const { first_name: name } = person(state.me);
  const bots = [...state.bots.values()].filter((bot) => !bot.hidden);
  const fresh = state.dialogs.size === 0;
  return h("div", { class: "welcome" },
    h("img", { src: "/web/icon.svg", alt: "", width: "72", height: "72" }),
    h("h1", {}, fresh ? `Welcome, ${name || person(state.me).name}!` : "Whom would you like to talk to?"),
    h("p", { class: "lead" }, bots.length
      ? "This is a small portal on your own desk. Pick a bot and write to it; in the traffic log you see what the portal and your program send to each other."
      : "This is a small portal on your own desk. No bot lives here yet: start your program, and it will appear by itself."),
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

/// What an empty chat shows: who is there, and words to begin with.
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
