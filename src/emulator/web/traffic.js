// The traffic log: every event the portal sent and every call it received, readable, in the order of their answers.
//
// Clearing and pausing affect this window only; the portal keeps its log.

import { h, icon, iconButton, reconcile } from "./dom.js";
import { causeFault } from "./faults.js";
import { fireEvent } from "./fire.js";
import { on, state } from "./store.js";
import { exactTime } from "./time.js";
import { tree } from "./tree.js";
import { copy } from "./act.js";
import { plain } from "./bbcode.js";

const GIST_MAX = 80;

const filter = h("input", {
  type: "search", class: "search", placeholder: "Filter: a name, a word, a number", "aria-label": "Filter the traffic log",
  "data-testid": "traffic-filter", oninput: () => draw(),
});
const list = h("ol", { class: "traffic-list", "aria-label": "Entries" });
const body = h("div", { class: "traffic-body", tabindex: "0", "aria-label": "Entries of the traffic log", role: "region" }, list);
const hold = iconButton("pause", "Pause", pause, { "aria-pressed": "false", "data-testid": "traffic-pause" });
const count = h("span", { class: "traffic-count" });
let paused = null;
let clearedTo = 0;
let atFoot = true;
const texts = new WeakMap();

export function traffic(close) {
  body.addEventListener("scroll", () => { atFoot = body.scrollHeight - body.scrollTop - body.clientHeight < 60; }, { passive: true });
  new ResizeObserver(toFoot).observe(body);
  on("traffic", draw);
  return [
    h("header", { class: "traffic-head" }, icon("traffic"), h("h2", {}, "Traffic"), count,
      iconButton("fire", "Fire an event", fireEvent, { "data-testid": "fire" }), iconButton("faults", "Faults", causeFault, { "data-testid": "faults" }), hold, iconButton("clear", "Clear", clear, { "data-testid": "traffic-clear" }),
      iconButton("close", "Hide the traffic log", close, { class: "icon-button traffic-close" })),
    h("div", { class: "search-box" }, icon("search", 18), filter),
    body,
  ];
}

function draw() {
  // A restarted portal counts from one again.
  if ((state.traffic.at(-1)?.id ?? 0) < clearedTo) clearedTo = 0;
  const words = filter.value.trim().toLowerCase();
  const all = (paused ?? state.traffic).filter((entry) => entry.id > clearedTo);
  const shown = words ? all.filter((entry) => text(entry).includes(words)) : all;
  const none = { id: "none", none: all.length ? "No entry has these words." : EMPTY };
  reconcile(list, shown.length ? shown : [none], { key: (entry) => String(entry.id), stamp: (entry) => entry.none ?? entry.at, build });
  const waiting = paused ? state.traffic.filter((entry) => entry.id > (paused.at(-1)?.id ?? 0)).length : 0;
  count.textContent = waiting ? `${waiting} held` : all.length ? String(all.length) : "";
  toFoot();
}

function toFoot() {
  if (atFoot) body.scrollTop = body.scrollHeight;
}

const EMPTY = "No traffic yet. Write to a bot, and see here what the portal and your program send to each other.";

// Entries never change once they are here (an empty poll replaces the previous one), so their searchable text is computed once.
function text(entry) {
  if (!texts.has(entry)) texts.set(entry, JSON.stringify(entry).toLowerCase());
  return texts.get(entry);
}

function build(entry) {
  if (entry.none) return h("li", { class: "traffic-none" }, entry.none);
  const out = entry.kind === "event";
  const health = entry.error || entry.status === 0 || entry.status >= 400 ? "bad" : entry.answer?.error ? "odd" : "good";
  const details = h("details", { ontoggle: () => details.open && details.childElementCount === 1 && details.append(inside(entry)) },
    h("summary", {},
      h("span", { class: `way ${entry.kind}`, title: WAYS[entry.kind] }, out ? "→" : "←", h("span", { class: "unseen" }, WAYS[entry.kind])),
      h("span", { class: "traffic-words" },
        h("span", { class: "traffic-name" }, broken(entry.name)),
        h("span", { class: "traffic-small" },
          h("time", {}, exactTime(entry.at)), entry.app && h("span", {}, entry.app), entry.polls > 1 && h("span", {}, `${entry.polls} in a row`),
          h("span", { class: "gist" }, gist(entry.request)))),
      h("span", { class: "traffic-end" },
        h("span", { class: `status ${health}` }, entry.status ? String(entry.status) : "no answer"),
        h("span", { class: "traffic-small" }, duration(entry.ms)))));
  return h("li", { "data-testid": "traffic-entry", "data-name": entry.name, "data-kind": entry.kind }, details);
}

const WAYS = { event: "Event: the portal to the program", rest: "REST call: the program to the portal", oauth: "OAuth: the program asks for tokens" };

function inside(entry) {
  const copyAll = h("button", { type: "button", class: "plain small", onclick: () => copy(JSON.stringify(entry, null, 2)) }, icon("copy", 16), "Copy as JSON");
  return h("div", { class: "traffic-inside" },
    entry.error && h("p", { class: "traffic-error" }, entry.error),
    entry.to && h("p", { class: "traffic-to" }, "to ", h("code", {}, entry.to)),
    part(entry.kind === "event" ? "Event" : "Parameters", tree(entry.request)),
    part("Answer", entry.answer === null || entry.answer === "" ? h("p", { class: "traffic-small" }, "An empty body.") : tree(entry.answer)),
    entry.body ? h("details", { class: "raw" }, h("summary", {}, "Raw body"), h("pre", {}, entry.body)) : null,
    copyAll);
}

function part(title, content) {
  return h("section", {}, h("h3", {}, title), content);
}

// Long names may break at their dots, and capitals between the portal's words.
function broken(name) {
  return String(name).split(/(?<=\.)/).flatMap((word) => [word, h("wbr")]);
}

// Returns a few words of the message, to recognise the entry without opening it.
function gist(request) {
  const tree = request?.data?.PARAMS ?? request?.fields ?? request ?? {};
  const said = tree.MESSAGE ?? tree.message ?? tree.COMMAND ?? tree.CODE ?? "";
  return typeof said === "string" ? plain(said).slice(0, GIST_MAX) : "";
}

function duration(ms) {
  return typeof ms === "number" ? (ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`) : "";
}

function pause() {
  paused = paused ? null : [...state.traffic];
  hold.setAttribute("aria-pressed", String(Boolean(paused)));
  hold.title = paused ? "Go on" : "Pause";
  hold.setAttribute("aria-label", hold.title);
  hold.replaceChildren(icon(paused ? "play" : "pause"));
  draw();
}

function clear() {
  clearedTo = state.traffic.at(-1)?.id ?? clearedTo;
  paused = paused && [];
  draw();
}
