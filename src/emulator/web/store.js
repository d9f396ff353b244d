// The page's state, and how the portal's events change it. No DOM here.
//
// Modules read `state`, and `on(topic, …)` calls them to draw again. Topics: people, dialogs, messages, open, typing,
// lines, traffic, online, put (text for the message field), edit (a message of one's own to change), jump (to a message).

export const state = {};
export const TRAFFIC_MAX = 500;

const listeners = new Map();

export function on(...topicsAndListener) {
  const listener = topicsAndListener.pop();
  for (const topic of topicsAndListener) listeners.set(topic, [...(listeners.get(topic) ?? []), listener]);
}

export function emit(topic, detail) {
  for (const listener of listeners.get(topic) ?? []) listener(detail);
}

/// Resets the state, for a new person.
export function forget(me) {
  Object.assign(state, {
    me, portal: {}, users: new Map(), bots: new Map(), guests: new Map(), dialogs: new Map(), commands: [], apps: [], traffic: [],
    lines: [], sessions: [],
    open: null, history: new Map(), typing: new Map(), blocked: new Set(), loaded: false, online: true,
  });
}

forget(1);

/// Applies the answer of /chat/state.
export function takeState(answer) {
  state.portal = answer.portal;
  state.users = byId(answer.users);
  state.bots = byId(answer.bots);
  state.dialogs = new Map(answer.dialogs.map((dialog) => [dialog.dialog_id, dialog]));
  state.commands = answer.commands;
  state.apps = answer.apps ?? [];
  state.loaded = true;
}

/// Applies the answer of /chat/lines.
export function takeLines(answer) {
  state.lines = answer.lines;
  state.sessions = answer.sessions;
  state.guests = byId(answer.guests);
}

/// Returns the newest session of a dialog; null if there is none.
export function sessionOf(dialogId) {
  return state.sessions.find((session) => session.dialog_id === dialogId) ?? null;
}

export function lineOf(session) {
  return state.lines.find((line) => line.id === session.line);
}

/// Returns a person, a bot, or a client outside; a removed one gets a placeholder name.
export function person(id) {
  return state.users.get(id) ?? state.bots.get(id) ?? state.guests.get(id) ?? { id, name: id ? `User ${id}` : "Portal", color: "#8593a8", gone: true };
}

export function isBot(id) {
  return state.bots.has(id);
}

/// The dialogs, the one with the newest message first.
export function dialogsByTime() {
  const time = (dialog) => dialog.last?.date ?? Number.MAX_SAFE_INTEGER;
  return [...state.dialogs.values()].sort((left, right) => time(right) - time(left) || right.chat_id - left.chat_id);
}

/// The loaded part of a dialog's history.
export function history(dialogId) {
  if (!state.history.has(dialogId)) state.history.set(dialogId, { messages: [], more: false, loaded: false });
  return state.history.get(dialogId);
}

/// How each event changes the state; each returns the topics to draw again.
export const changes = {
  message({ dialog_id: id, message }) {
    const page = history(id);
    if (!page.messages.some((known) => known.id === message.id)) page.messages.push(message);
    const dialog = state.dialogs.get(id);
    if (dialog && !(dialog.last?.id >= message.id)) {
      dialog.last = message;
      if (message.author !== state.me) dialog.unread += 1;
    }
    state.typing.get(id)?.delete(message.author);
    return ["messages", "dialogs", "typing"];
  },
  edit({ dialog_id: id, message }) {
    const page = history(id);
    const at = page.messages.findIndex((known) => known.id === message.id);
    if (at >= 0) {
      if (!sameButLikes(page.messages[at], message)) state.blocked.delete(message.id);
      page.messages[at] = message;
    }
    const dialog = state.dialogs.get(id);
    if (dialog?.last?.id === message.id) dialog.last = message;
    return ["messages", "dialogs"];
  },
  remove({ dialog_id: id, id: messageId }) {
    const page = history(id);
    page.messages = page.messages.filter((known) => known.id !== messageId);
    const dialog = state.dialogs.get(id);
    if (dialog?.last?.id === messageId) dialog.last = page.messages.at(-1) ?? null;
    return ["messages", "dialogs"];
  },
  typing({ dialog_id: id, user, seconds, action }) {
    if (user === state.me) return [];
    if (!state.typing.has(id)) state.typing.set(id, new Map());
    state.typing.get(id).set(user, { until: Date.now() + seconds * 1000, action });
    setTimeout(() => emit("typing"), seconds * 1000 + 50);
    return ["typing"];
  },
  dialog({ dialog }) {
    state.dialogs.set(dialog.dialog_id, dialog);
    return ["dialogs", "open"];
  },
  left({ dialog_id: id }) {
    state.dialogs.delete(id);
    state.history.delete(id);
    return ["dialogs", "open"];
  },
  read({ dialog_id: id, unread }) {
    const dialog = state.dialogs.get(id);
    if (dialog) dialog.unread = unread;
    return ["dialogs"];
  },
  bots({ bots, commands }) {
    state.bots = byId(bots);
    state.commands = commands;
    return ["people", "dialogs", "messages", "open"];
  },
  traffic({ entry }) {
    if (state.traffic.some((known) => known.id === entry.id)) return [];
    const replaced = state.traffic.findIndex((known) => known.id === entry.replaces);
    if (replaced >= 0) state.traffic.splice(replaced, 1);
    state.traffic.push(entry);
    if (state.traffic.length > TRAFFIC_MAX) state.traffic.shift();
    return ["traffic"];
  },
};

/// Returns who is typing in a dialog now, or the action shown instead.
export function typists(dialogId) {
  const now = Date.now();
  return [...(state.typing.get(dialogId) ?? [])].filter(([, { until }]) => until > now).map(([user, { action }]) => ({ user, action }));
}

function byId(items) {
  return new Map(items.map((item) => [item.id, item]));
}

function sameButLikes(one, other) {
  return JSON.stringify({ ...one, likes: 0, reactions: 0 }) === JSON.stringify({ ...other, likes: 0, reactions: 0 });
}
