// The dialog that creates a group: its name, people and bots.

import { post } from "./api.js";
import { avatar, botBadge } from "./avatar.js";
import { h } from "./dom.js";
import { showNew } from "./session.js";
import { person, state } from "./store.js";
import { modal } from "./toast.js";

export function newGroup(chosen = []) {
  const title = h("input", {
    type: "text", class: "text-input", "data-testid": "group-title", maxlength: "120", autofocus: true,
    "aria-label": "Name of the group", placeholder: "Name of the group",
  });
  const picker = memberPicker([...state.bots.keys(), ...state.users.keys()].filter((id) => id !== state.me), chosen);
  modal("New group", (close) => {
    const create = async (event) => {
      event.preventDefault();
      const members = picker.chosen();
      const name = title.value.trim() || members.map((id) => person(id).name.split(" ")[0]).join(", ") || "New group";
      const answer = await post("/chat/group", { as: state.me, title: name, members });
      if (!answer) return;
      close();
      await showNew(answer.dialog_id);
    };
    return [h("form", { onsubmit: create }, title, picker.box, h("div", { class: "modal-buttons" },
      h("button", { type: "button", class: "plain", onclick: close }, "Cancel"),
      h("button", { type: "submit", class: "primary", "data-testid": "create-group" }, "Create the group")))];
  });
}

/// A list of people with check boxes: `{box, chosen()}`.
export function memberPicker(ids, chosen = [], legend = "Who is in it") {
  const options = ids.map((id) => {
    const check = h("input", { type: "checkbox", value: String(id), checked: chosen.includes(id) });
    return h("label", { class: "member", "data-testid": "member-option", "data-id": id }, check, avatar(id, 34),
      h("span", { class: "member-words" }, h("strong", {}, person(id).name, botBadge(id)), h("small", {}, person(id).position ?? "")));
  });
  const box = h("fieldset", { class: "picker" }, h("legend", {}, legend), options);
  return { box, chosen: () => [...box.querySelectorAll("input:checked")].map((check) => Number(check.value)) };
}
