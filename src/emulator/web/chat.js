// The conversation: a log of messages that stays at its end, and loads older messages when scrolled up.

import { h, icon, reconcile } from "./dom.js";
import { messageView } from "./message.js";
import { loadOlder } from "./session.js";
import { history, on, person, state, typists } from "./store.js";
import { dayKey, dayName } from "./time.js";
import { firstWords } from "./welcome.js";

const GROUP_MS_MAX = 5 * 60_000;
const NEAR_PX = 80;

const list = h("div", { class: "log-list" });
const typing = h("p", { class: "typing", hidden: true });
const log = h("div", { class: "log", role: "log", "aria-label": "Messages", "aria-live": "polite", tabindex: "0", onkeydown: walk }, list, typing);
const pill = h("button", { type: "button", class: "pill", hidden: true, onclick: toFoot }, icon("down", 16), "New messages");
let atFoot = true;
let drawn = { id: null, count: 0, first: null };

export function conversation() {
  log.addEventListener("scroll", scrolled, { passive: true });
  new ResizeObserver(() => atFoot && toFoot()).observe(list);
  new ResizeObserver(() => atFoot && toFoot()).observe(log);
  on("messages", "open", "people", draw);
  on("typing", drawTyping);
  on("jump", jump);
  window.matchMedia("(max-width: 720px)").addEventListener("change", () => { drawn.id = null; draw(); });
  return h("div", { class: "log-frame" }, log, pill);
}

function draw() {
  const page = history(state.open ?? "");
  const moved = drawn.id !== state.open;
  const items = withDays(page.messages);
  const [height, first, newest] = [log.scrollHeight, page.messages[0]?.id, page.messages.at(-1)];
  log.setAttribute("aria-busy", String(moved || !page.loaded));
  if (moved) list.replaceChildren();
  reconcile(list, items.length || !page.loaded ? items : [{ key: "empty" }], { key: (item) => item.key, stamp, build });
  rove();
  if (moved) atFoot = true;
  else if (first !== drawn.first && drawn.first) log.scrollTop += log.scrollHeight - height;
  if (newest?.id !== drawn.newest && newest?.author === state.me) atFoot = true;
  if (atFoot) toFoot();
  else if (newest && newest.id > (drawn.newest ?? 0)) pill.hidden = false;
  drawn = { id: state.open, first, newest: newest?.id };
  drawTyping();
}

// Adds a divider before each day, and each message's position in a run by one author.
function withDays(messages) {
  const items = [];
  messages.forEach((message, index) => {
    const [before, after] = [messages[index - 1], messages[index + 1]];
    if (!before || dayKey(before.date) !== dayKey(message.date)) items.push({ key: `day-${dayKey(message.date)}`, day: message.date });
    items.push({ key: `m${message.id}`, message, first: !together(before, message), last: !together(message, after) });
  });
  return items;
}

function together(one, other) {
  return Boolean(one && other) && one.author === other.author && !one.system && !other.system
    && other.date - one.date < GROUP_MS_MAX && dayKey(one.date) === dayKey(other.date);
}

function stamp(item) {
  const { message } = item;
  if (!message) return item.day ? dayName(item.day) : `${state.open} ${state.commands.length}`;
  return JSON.stringify([item, state.blocked.has(message.id), person(message.author), message.likes.map((id) => person(id).name)]);
}

function build(item) {
  if (item.day) return h("p", { class: "day" }, h("span", {}, dayName(item.day)));
  return item.message ? messageView(item.message, item) : firstWords();
}

function drawTyping() {
  const who = typists(state.open);
  typing.hidden = !who.length;
  const names = who.map(({ user }) => person(user).name).join(", ");
  const doing = (who.length === 1 && who[0].action?.replaceAll("_", " ").toLowerCase()) || "typing";
  const dots = h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i"));
  const words = h("span", { "data-testid": "typing" }, `${names} ${who.length > 1 ? "are" : "is"} ${doing}…`);
  typing.replaceChildren(...(who.length ? [dots, words] : []));
  if (atFoot) toFoot();
}

function scrolled() {
  atFoot = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_PX;
  if (atFoot) pill.hidden = true;
  if (log.scrollTop < 2 * NEAR_PX && history(state.open ?? "").more) loadOlder();
}

function toFoot() {
  log.scrollTop = log.scrollHeight;
  atFoot = true;
  pill.hidden = true;
}

function jump(id) {
  const node = list.querySelector(`[data-key="m${id}"]`);
  if (!node) return;
  atFoot = false;
  node.scrollIntoView({ block: "center" });
  node.focus({ preventScroll: true });
}

// One message takes part in the Tab order; the arrows walk from it to its neighbours.
function rove(to = null) {
  const all = [...list.querySelectorAll(".message")];
  const chosen = to ?? all.find((node) => node.contains(document.activeElement)) ?? all.at(-1);
  for (const node of all) node.tabIndex = node === chosen ? 0 : -1;
}

function walk(event) {
  const here = event.target.closest?.(".message");
  if (!here || event.target !== here || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
  const all = [...list.querySelectorAll(".message")];
  const next = all[all.indexOf(here) + (event.key === "ArrowUp" ? -1 : 1)];
  event.preventDefault();
  if (!next) return;
  rove(next);
  next.focus();
}
