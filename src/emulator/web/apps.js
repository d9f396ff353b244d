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

// The installer's page reports through the portal's script (bx24.js) that it is finished. Messages of other frames are ignored.
function frame(app) {
  const src = `/emulator/frame?client_id=${encodeURIComponent(app.client_id)}`;
  const page = h("iframe", { class: "installer", src, title: `Installer of ${app.title}`, "data-testid": "installer" });
  const finish = (event) => event.source === page.contentWindow && event.data === "BX24.installFinish" && finished(app);
  const dialog = modal(`Installing ${app.title}`, (close) => [
    page,
    h("div", { class: "modal-buttons" }, h("button", { type: "button", class: "plain", onclick: close }, "Close")),
  ]);
  dialog.classList.add("wide");
  window.addEventListener("message", finish);
  dialog.addEventListener("close", () => window.removeEventListener("message", finish));
}

async function finished(app) {
  if (await post("/emulator/finish", { client_id: app.client_id })) toast(`${app.title} is installed.`);
}
