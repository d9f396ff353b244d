// The page: builds the panes, decides which are visible, and handles the global keys.

import { conversation } from "./chat.js";
import { composer } from "./composer.js";
import { desk } from "./desk.js";
import { h, icon } from "./dom.js";
import { header } from "./header.js";
import { showHelp } from "./help.js";
import { chatList, focusSearch, walkRows } from "./list.js";
import { begin, show } from "./session.js";
import { dialogsByTime, on, state } from "./store.js";
import { welcome } from "./welcome.js";
import { traffic } from "./traffic.js";

const { body } = document;
const phone = window.matchMedia("(max-width: 720px)");
const narrow = window.matchMedia("(max-width: 1100px)");
const pane = (id) => document.getElementById(id);
const greeting = h("div", { class: "greeting" });

function start() {
  body.dataset.traffic = localStorage.getItem("traffic") ?? (narrow.matches ? "closed" : "open");
  // Before all other listeners: a hidden field cannot take the focus.
  on("open", "people", "dialogs", drawCentre);
  on("open", () => choosePane());
  pane("list").append(...chatList());
  pane("chat").append(header(toggleTraffic), desk(), greeting, conversation(), composer());
  pane("traffic").append(...traffic(toggleTraffic));
  pane("tabs").append(tab("list", "chats", "Chats"), tab("traffic", "traffic", "Traffic"));
  on("online", () => { pane("offline").hidden = state.online; });
  document.addEventListener("keydown", shortcut);
  document.querySelector(".skip").addEventListener("click", skip);
  pane("list").addEventListener("keydown", walkRows);
  phone.addEventListener("change", () => choosePane());
  begin();
}

// The welcome is shown while no conversation is open.
function drawCentre() {
  const talking = state.dialogs.has(state.open);
  body.dataset.talking = String(talking);
  if (talking || !state.loaded) return greeting.replaceChildren();
  const stamp = JSON.stringify([state.me, [...state.bots.values()], state.dialogs.size === 0, [...state.users.values()][0]]);
  if (greeting.dataset.stamp === stamp && greeting.firstChild) return null;
  greeting.dataset.stamp = stamp;
  return greeting.replaceChildren(welcome());
}

// On a phone one pane is visible: the open chat, or the list; the first time, the welcome.
let chosenFor = null;
function choosePane() {
  if (!state.loaded) return;
  const key = `${state.me}/${state.open}/${state.dialogs.has(state.open)}`;
  if (key === chosenFor) return;
  chosenFor = key;
  body.dataset.pane = state.dialogs.has(state.open) || state.dialogs.size === 0 ? "chat" : "list";
  markTabs();
}

function toggleTraffic() {
  if (phone.matches) {
    body.dataset.pane = body.dataset.pane === "traffic" ? (state.open ? "chat" : "list") : "traffic";
    return markTabs();
  }
  body.dataset.traffic = body.dataset.traffic === "open" ? "closed" : "open";
  return localStorage.setItem("traffic", body.dataset.traffic);
}

function tab(id, picture, label) {
  const choose = () => {
    body.dataset.pane = id === "list" && state.dialogs.has(state.open) ? "chat" : id;
    markTabs();
  };
  return h("button", { type: "button", class: "tab", "data-testid": `tab-${id}`, "data-tab": id, onclick: choose }, icon(picture), label);
}

function markTabs() {
  for (const node of pane("tabs").children) node.setAttribute("aria-pressed", String(node.dataset.tab === body.dataset.pane));
}

function shortcut(event) {
  const writing = event.target.matches("input, textarea, select");
  if (document.querySelector("dialog[open]")) return;
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") focusSearch();
  else if (event.altKey && event.code === "KeyW") toggleTraffic();
  else if (event.altKey && ["ArrowUp", "ArrowDown"].includes(event.key)) step(event.key === "ArrowUp" ? -1 : 1);
  else if (event.key === "?" && !writing) showHelp();
  else if (event.key === "Escape" && narrow.matches && !phone.matches && body.dataset.traffic === "open") toggleTraffic();
  else if (event.key === "Escape" && state.open) pane("composer").focus();
  else return;
  event.preventDefault();
}

// The URL's fragment is the open chat, so this link must not change it.
function skip(event) {
  event.preventDefault();
  pane("composer").focus();
}

function step(by) {
  const all = dialogsByTime().map((dialog) => dialog.dialog_id);
  const next = all[all.indexOf(state.open) + by] ?? (state.open ? null : all[0]);
  if (next) show(next);
}

start();
