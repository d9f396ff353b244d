// The operators' controls above a conversation on a line: who leads the session, and the possible actions.

import { post } from "./api.js";
import { h, icon } from "./dom.js";
import { openMenu } from "./menu.js";
import { lineOf, on, person, sessionOf, state } from "./store.js";
import { time } from "./time.js";

export function desk() {
  const box = h("div", { class: "desk", "data-testid": "desk", hidden: true });
  on("open", "dialogs", "people", "lines", () => draw(box));
  return box;
}

function draw(box) {
  const session = sessionOf(state.open);
  box.hidden = !session;
  const stamp = JSON.stringify([session, state.me, session && person(session.operator), [...state.bots.values()]]);
  if (!session || box.dataset.stamp === stamp) return;
  box.dataset.stamp = stamp;
  box.replaceChildren(
    h("span", { class: "desk-words", "data-testid": "desk-state" }, icon("line", 18),
      h("strong", {}, lineOf(session)?.name ?? "A deleted line"), h("span", {}, status(session))),
    ...deeds(session));
}

/// Returns in a few words who has a session.
export function status(session) {
  if (session.closed) return "finished";
  const { operator } = session;
  if (!operator) return "waits in the queue";
  const name = operator === state.me ? "you" : person(operator).name;
  if (session.operator_is_bot) return `led by ${name}${session.bot_until ? ` until ${time(session.bot_until)}` : ""}`;
  return session.answered ? `led by ${name}` : `${name} ${operator === state.me ? "are" : "is"} asked`;
}

function deeds(session) {
  const mine = session.operator === state.me;
  if (session.closed) return [deed("start", "Begin anew", session)];
  return [
    !(mine && session.answered) && deed("answer", mine ? "Answer" : "Take", session, "primary"),
    mine && deed("skip", "Pass on", session),
    button("transfer", "Hand over…", (event) => openMenu(event.currentTarget, targets(session), "Hand over to")),
    session.operator_is_bot && button("time", "End its time", () => post("/emulator/line/end_bot_time", { chat: session.chat })),
    button("silent", session.silent ? "Speak aloud" : "Be silent",
      () => post("/chat/line/silent", { as: state.me, chat: session.chat, silent: !session.silent })),
    deed("finish", "Finish", session),
  ].filter(Boolean);
}

function deed(name, label, session, kind = "plain") {
  return button(name, label, () => post(`/chat/line/${name}`, { as: state.me, chat: session.chat }), kind);
}

function button(name, label, onclick, kind = "plain") {
  return h("button", { type: "button", class: `${kind} small`, "data-testid": `desk-${name}`, "data-focus": name, onclick }, label);
}

// To people, to bots that support open channels, and to the queues of all lines.
function targets(session) {
  const to = (label, target) => ({ label, run: () => post("/chat/line/transfer", { as: state.me, chat: session.chat, ...target }) });
  const others = (people) => [...people].filter(({ id }) => id !== session.operator);
  return [
    ...others(state.users.values()).map(({ id, name }) => to(name, { user: id })), null,
    ...others(state.bots.values()).filter((bot) => bot.openline).map(({ id, name }) => to(`${name} (bot)`, { bot: id })), null,
    ...state.lines.map(({ id, name }) => to(`Queue of ${name}`, { line: id })),
  ];
}
