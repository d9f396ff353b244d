// Short notices at the bottom of the page, and the confirmation before something is deleted.

import { h, refocus } from "./dom.js";

const SHOWN_MS = 5000;
const SHOWN_MAX = 3;

export function toast(text) {
  const box = document.getElementById("toasts");
  while (box.children.length >= SHOWN_MAX) box.firstChild.remove();
  const note = h("p", { class: "toast" }, text);
  box.append(note);
  setTimeout(() => note.remove(), SHOWN_MS);
}

/// Resolves to true when the person agrees. Esc and "Cancel" mean no.
export function confirmed(question, yes) {
  return new Promise((resolve) => {
    const dialog = modal(question, (close) => [
      h("div", { class: "modal-buttons" },
        h("button", { type: "button", class: "plain", onclick: close }, "Cancel"),
        h("button", { type: "button", class: "danger", autofocus: true, onclick: () => { dialog.returnValue = "yes"; close(); } }, yes)),
    ]);
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"));
  });
}

/// Opens a modal dialog with a title; `content` gets the function that closes it. It leaves the page when closed.
export function modal(title, content) {
  const heading = h("h2", { id: "modal-title" }, title);
  const dialog = h("dialog", { class: "modal", "aria-labelledby": "modal-title" });
  const close = () => dialog.close();
  dialog.append(heading, ...content(close));
  const opener = document.activeElement;
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (document.activeElement === document.body) refocus(opener);
  });
  dialog.addEventListener("click", (event) => event.target === dialog && close());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
