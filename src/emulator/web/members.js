// The dialog of a group: its name, its members, invitations, and leaving.

import { post } from "./api.js";
import { avatar, botBadge } from "./avatar.js";
import { h, icon, iconButton } from "./dom.js";
import { openPrivate } from "./session.js";
import { on, person, state } from "./store.js";
import { confirmed, modal } from "./toast.js";

let refresh = () => {};
on("dialogs", "open", () => refresh());

export function showMembers(dialogId) {
  const body = h("div", { class: "members" });
  const dialog = modal("About this group", (close) => {
    refresh = () => (state.dialogs.has(dialogId) ? draw(body, dialogId, close) : close());
    return [body, h("div", { class: "modal-buttons" },
      h("button", { type: "button", class: "danger-plain", "data-testid": "leave", onclick: () => leave(dialogId, close) },
        icon("leave", 18), "Leave the group"),
      h("button", { type: "button", class: "plain", onclick: close }, "Close"))];
  });
  dialog.addEventListener("close", () => { refresh = () => {}; });
  refresh();
}

function draw(body, dialogId, close) {
  const dialog = state.dialogs.get(dialogId);
  const stamp = JSON.stringify([dialog.title, dialog.members, dialog.owner]);
  if (body.dataset.stamp === stamp) return;
  body.dataset.stamp = stamp;
  const outside = [...state.bots.keys(), ...state.users.keys()].filter((id) => !dialog.members.includes(id));
  body.replaceChildren(
    nameForm(dialog),
    h("h3", {}, `Members (${dialog.members.length})`),
    h("ul", { class: "member-list" }, dialog.members.map((id) => member(dialog, id, close))),
    outside.length ? h("h3", {}, "Invite") : "",
    h("ul", { class: "member-list" }, outside.map((id) => guest(dialogId, id))));
}

function nameForm(dialog) {
  const title = h("input", {
    type: "text", class: "text-input", value: dialog.title, "aria-label": "Name of the group", maxlength: "120", "data-testid": "rename",
  });
  const rename = (event) => {
    event.preventDefault();
    const name = title.value.trim();
    if (name && name !== dialog.title) post("/chat/rename", { as: state.me, dialog: dialog.dialog_id, title: name });
  };
  return h("form", { class: "rename", onsubmit: rename }, title,
    h("button", { type: "submit", class: "plain", "data-testid": "rename-save" }, "Rename"));
}

function member(dialog, id, close) {
  const me = id === state.me;
  const talk = () => {
    close();
    openPrivate(id);
  };
  const remove = () => post("/chat/kick", { as: state.me, dialog: dialog.dialog_id, user: id });
  return h("li", { class: "member", "data-testid": "member", "data-id": id },
    avatar(id, 34), words(id, me ? "you" : id === dialog.owner ? "owner" : ""),
    !me && iconButton("chats", `Write to ${person(id).name}`, talk),
    !me && iconButton("close", `Remove ${person(id).name}`, remove, { "data-testid": "kick" }));
}

function guest(dialogId, id) {
  const invite = () => post("/chat/invite", { as: state.me, dialog: dialogId, user: id });
  return h("li", { class: "member" }, avatar(id, 34), words(id, ""),
    h("button", {
      type: "button", class: "plain", "data-testid": "invite", "data-id": id, "aria-label": `Invite ${person(id).name}`, onclick: invite,
    }, icon("plus", 16), "Invite"));
}

function words(id, mark) {
  const { name, position } = person(id);
  return h("span", { class: "member-words" }, h("strong", {}, name, botBadge(id)), h("small", {}, [mark, position].filter(Boolean).join(" · ")));
}

async function leave(dialogId, close) {
  if (!(await confirmed("Leave this group?", "Leave"))) return;
  close();
  await post("/chat/leave", { as: state.me, dialog: dialogId });
}
