// The head of a conversation: its title, and buttons to its members, to the traffic log, and back to the list.

import { avatar, botBadge, dialogAvatar, otherSide } from "./avatar.js";
import { h, iconButton } from "./dom.js";
import { newGroup } from "./group.js";
import { showMembers } from "./members.js";
import { show } from "./session.js";
import { isBot, on, person, state } from "./store.js";

const FACES_MAX = 4;

export function header(toggleTraffic) {
  const box = h("header", { class: "chat-head" });
  const traffic = iconButton("traffic", "Show or hide the traffic log", toggleTraffic, { "data-testid": "traffic-toggle", class: "icon-button traffic-toggle" });
  const back = iconButton("back", "Back to the chats", () => leaveChat(), { class: "icon-button back", "data-testid": "back" });
  on("open", "dialogs", "people", () => draw(box, back, traffic));
  return box;
}

function leaveChat() {
  if (state.open) show(null);
  document.body.dataset.pane = "list";
}

function draw(box, back, traffic) {
  const dialog = state.dialogs.get(state.open);
  const stamp = JSON.stringify([dialog && [dialog.dialog_id, dialog.title, dialog.members.map(person), dialog.owner], state.me, state.open]);
  if (box.dataset.stamp === stamp) return;
  box.dataset.stamp = stamp;
  const focused = box.contains(document.activeElement) ? document.activeElement.dataset.testid : null;
  box.replaceChildren(back, ...(dialog ? named(dialog) : [h("span", { class: "chat-words" })]), traffic);
  if (focused) box.querySelector(`[data-testid="${focused}"]`)?.focus();
}

function named(dialog) {
  const other = otherSide(dialog);
  const words = h("span", { class: "chat-words" },
    h("h1", { "data-testid": "chat-title" }, dialog.title, botBadge(other)),
    h("span", { class: "chat-about" }, other ? about(other) : count(dialog.members)));
  if (other) {
    const others = iconButton("people", "New group with " + dialog.title, () => newGroup([other]), { "data-testid": "group-with" });
    return [dialogAvatar(dialog, 42), words, others];
  }
  const faces = h("span", { class: "faces" }, dialog.members.slice(0, FACES_MAX).map((id) => avatar(id, 28)));
  const members = h("button", {
    type: "button", class: "members-button", "data-testid": "members", "aria-label": `Members of the group: ${dialog.members.length}`,
    title: "Members, name, leaving", onclick: () => showMembers(dialog.dialog_id),
  }, faces, dialog.members.length > FACES_MAX && h("span", {}, `+${dialog.members.length - FACES_MAX}`));
  return [dialogAvatar(dialog, 42), words, members];
}

function about(other) {
  const { position } = person(other);
  return isBot(other) ? position || "Chatbot" : position || "Colleague";
}

function count(members) {
  const bots = members.filter(isBot).length;
  const words = (number, one) => `${number} ${one}${number === 1 ? "" : "s"}`;
  return [words(members.length, "member"), bots ? words(bots, "bot") : null].filter(Boolean).join(" · ");
}
