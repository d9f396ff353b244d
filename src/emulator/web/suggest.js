// The list above the message field: `@` names people and bots of the chat, `/` at a line's start names commands.

import { avatar, botBadge } from "./avatar.js";
import { h } from "./dom.js";
import { isBot, person, state } from "./store.js";

const SHOWN_MAX = 8;

/// Returns the commands for the open dialog: those of its bots and the common ones, without the hidden.
export function commandsHere() {
  const members = state.dialogs.get(state.open)?.members ?? [];
  const open = state.commands.filter((item) => !item.hidden && (item.common || members.includes(item.bot_id)));
  return open.sort((left, right) => left.command.localeCompare(right.command));
}

/// The box of suggestions for a textarea. `keydown(event)` is true when it has used the key.
export function suggestions(field, onMention) {
  const box = h("div", { class: "suggest", role: "listbox", id: "suggest", "aria-label": "Suggestions", hidden: true });
  let found = { items: [], from: 0 };
  let at = 0;
  let dismissed = null;

  const close = () => {
    box.hidden = true;
    field.removeAttribute("aria-activedescendant");
  };
  const mark = () => [...box.children].forEach((node, index) => {
    node.setAttribute("aria-selected", String(index === at));
    if (index === at) {
      field.setAttribute("aria-activedescendant", node.id);
      node.scrollIntoView({ block: "nearest" });
    }
  });
  const choose = (item) => {
    const word = `${item.value} `;
    field.setRangeText(word, found.from, field.selectionStart, "end");
    if (item.user) onMention(item.name, item.user);
    close();
    field.focus();
    field.dispatchEvent(new Event("input"));
  };
  const update = () => {
    const typed = field.value.slice(0, field.selectionStart);
    found = search(typed);
    at = 0;
    if (!found.items.length || dismissed === typed) return close();
    box.replaceChildren(...found.items.map((item, index) => option(item, index, choose)));
    box.hidden = false;
    return mark();
  };
  const keydown = (event) => {
    if (box.hidden || event.isComposing) return false;
    const count = found.items.length;
    if (event.key === "ArrowDown") at = (at + 1) % count;
    else if (event.key === "ArrowUp") at = (at - 1 + count) % count;
    else if (event.key === "Escape") {
      dismissed = field.value.slice(0, field.selectionStart);
      close();
    } else if (event.key === "Tab" || (event.key === "Enter" && !event.shiftKey && !complete(found, at))) choose(found.items[at]);
    else return false;
    event.preventDefault();
    event.stopPropagation();
    if (!box.hidden) mark();
    return true;
  };
  return { box, update, keydown, close };
}

// Enter sends a complete command rather than completing it again.
function complete({ items, typed }, at) {
  return items[at].value === typed && !items[at].user;
}

function search(text) {
  const command = /(^|\n)(\/[\w-]*)$/.exec(text);
  if (command) {
    const typed = command[2].toLowerCase();
    const items = commandsHere().filter((item) => `/${item.command}`.toLowerCase().startsWith(typed));
    return { typed, from: text.length - typed.length, items: items.slice(0, SHOWN_MAX).map((item) => ({ ...item, value: `/${item.command}` })) };
  }
  const mention = /(^|\s)@([^\s@]{0,30})$/.exec(text);
  if (!mention) return { items: [], from: 0 };
  const typed = mention[2].toLowerCase();
  const members = (state.dialogs.get(state.open)?.members ?? []).filter((id) => id !== state.me).map(person);
  const fits = ({ name }) => name.toLowerCase().split(/\s+/).some((word) => word.startsWith(typed)) || name.toLowerCase().startsWith(typed);
  const bots = (one, other) => Number(isBot(other.id)) - Number(isBot(one.id));
  const items = members.filter(fits).sort(bots).map(({ id, name }) => ({ user: id, name, value: `@${name}` }));
  return { typed: `@${typed}`, from: text.length - typed.length - 1, items: items.slice(0, SHOWN_MAX) };
}

function option(item, index, choose) {
  const about = item.user
    ? [avatar(item.user, 26), h("strong", {}, item.name), botBadge(item.user)]
    : [avatar(item.bot_id, 26), h("strong", {}, item.value), item.params ? h("code", {}, item.params) : null,
      h("span", { class: "suggest-title" }, item.title ?? "")];
  return h("div", {
    class: "suggest-item", role: "option", id: `suggest-${index}`, "data-testid": "suggest", "data-value": item.value,
    onpointerdown: (event) => event.preventDefault(), onclick: () => choose(item),
  }, about);
}
