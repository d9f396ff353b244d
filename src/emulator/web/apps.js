// Applications registered on the portal but not yet installed: one button each. Those with an interface open their
// installer in a frame, as the portal's administrator sees it.

import { post } from "./api.js";
import { h, icon } from "./dom.js";
import { on, state } from "./store.js";
import { modal, toast } from "./toast.js";

const box = h("section", { class: "apps" });

export function apps() {
  on("people", draw);
  return box;
}

function draw() {
  const waiting = state.apps.filter((app) => !app.installed);
  box.hidden = !waiting.length;
  box.replaceChildren(h("h2", {}, "Waiting to be installed"), ...waiting.map((app) =>
    h("div", { class: "app" }, icon("plug"), h("span", { class: "app-title" }, app.title),
      h("button", { type: "button", class: "primary", "data-testid": "install", onclick: () => install(app) }, "Install"))));
}

async function install(app) {
  if (app.interface) return frame(app);
  const answer = await post("/emulator/install", { client_id: app.client_id });
  if (!answer) return null;
  app.installed = true;
  draw();
  return toast(`${app.title} is installed.`);
}

function frame(app) {
  const src = `/emulator/frame?client_id=${encodeURIComponent(app.client_id)}`;
  const dialog = modal(`Installing ${app.title}`, (close) => [
    h("iframe", { class: "installer", src, title: `Installer of ${app.title}` }),
    h("div", { class: "modal-buttons" }, h("button", { type: "button", class: "plain", onclick: close }, "Close")),
  ]);
  dialog.classList.add("wide");
}
