// The session of a person: who it is (`?as=2`), which dialog is open (`#chat5`), and the event stream.
//
// The URL holds this state, so a window can be reloaded, bookmarked or copied, and "back" works.

import { feed, get, post } from "./api.js";
import { changes, emit, forget, history, state, takeLines, takeState } from "./store.js";
import { toast } from "./toast.js";

const HIDDEN_MS_MAX = 60_000;
const LINES_MS = 30;
let hangUp = () => {};
let hiddenTimer = 0;
let linesTimer = 0;
let looks = 0; // reloads begun: only the last one counts
let waiting = null; // events that came during a reload, which may be older or newer than what it brings

export function begin() {
  window.addEventListener("popstate", follow);
  document.addEventListener("visibilitychange", restWhenHidden);
  window.addEventListener("focus", markRead);
  const asked = new URLSearchParams(location.search);
  follow();
  if (asked.has("BOT_CONTEXT")) openWithContext(Number(asked.get("IM_DIALOG")), asked.get("BOT_CONTEXT"));
}

// The portal's link to a bot, `/online/?IM_DIALOG=5&BOT_CONTEXT={…}`; its context is removed from the URL at once.
async function openWithContext(bot, text) {
  window.history.replaceState(null, "", `/?as=${state.me}`);
  try {
    const answer = await post("/chat/context", { as: state.me, bot, context: JSON.parse(text) });
    if (answer) await showNew(answer.dialog_id);
  } catch {
    toast("The context in this link is not JSON.");
  }
}

/// Switches to another person on the same portal.
export function become(id) {
  window.history.pushState(null, "", `?as=${id}`);
  follow();
}

/// Shows a dialog, or the welcome for null.
export function show(dialogId) {
  if (dialogId === state.open) return emit("open");
  window.history.pushState(null, "", dialogId ? `#${dialogId}` : location.pathname + location.search);
  follow();
}

/// Opens the private chat with a person or bot, and creates it if needed.
export async function openPrivate(user) {
  if (user === state.me) return toast("That is you.");
  const answer = await post("/chat/open", { as: state.me, user });
  if (answer) await showNew(answer.dialog_id);
}

/// Shows a dialog the portal has just created, though its event may not have come yet.
export async function showNew(dialogId) {
  if (!state.dialogs.has(dialogId)) await reload();
  show(dialogId);
}

export async function loadOlder() {
  const id = state.open;
  const page = history(id);
  if (!page.more || page.loading) return;
  page.loading = true;
  const [first] = page.messages;
  try {
    const answer = await get("/chat/history", { as: state.me, dialog: id, before: first.id });
    if (page.messages[0]?.id === first.id) Object.assign(page, { messages: [...answer.messages, ...page.messages], more: answer.more });
  } catch (error) {
    toast(error.message);
  }
  page.loading = false;
  emit("messages");
}

export function markRead() {
  const dialog = state.dialogs.get(state.open);
  if (!dialog?.unread || document.hidden) return;
  dialog.unread = 0;
  emit("dialogs");
  post("/chat/read", { as: state.me, dialog: state.open });
}

function follow() {
  const asked = Number(new URLSearchParams(location.search).get("as") ?? sessionStorage.getItem("as") ?? 1) || 1;
  const open = decodeURIComponent(location.hash.slice(1)).match(/^(chat)?\d+$/)?.[0] ?? null;
  sessionStorage.setItem("as", asked);
  if (asked !== state.me || !state.begun) {
    forget(asked);
    state.begun = true;
    state.open = open;
    ["people", "dialogs", "open", "messages", "lines", "traffic"].forEach((topic) => emit(topic));
    return listen();
  }
  if (open === state.open) return;
  state.open = open;
  emit("open");
  loadOpen();
}

function listen() {
  hangUp();
  hangUp = feed(state.me, take, (online) => {
    state.online = online;
    emit("online");
  });
}

function take(event) {
  if (event.type === "hello") return reload();
  if (event.type === "lines") return lookAtLines();
  if (waiting) return waiting.push(event);
  if (event.type === "message" && !state.dialogs.has(event.dialog_id)) return reload();
  const topics = changes[event.type]?.(event) ?? [];
  topics.forEach((topic) => emit(topic));
  const told = { message: event.dialog_id, dialog: event.dialog?.dialog_id }[event.type];
  if (told && told === state.open && document.hasFocus()) markRead();
  if (event.type === "left" && event.dialog_id === state.open) show(null);
}

async function reload() {
  const me = state.me;
  const look = (looks += 1);
  waiting ??= [];
  try {
    const [answer, traffic, lines] = await Promise.all([get("/chat/state", { as: me }), get("/chat/traffic"), get("/chat/lines")]);
    if (me !== state.me || look !== looks) return;
    takeState(answer);
    takeLines(lines);
    state.traffic = traffic.entries;
    for (const [id, page] of state.history) if (id !== state.open) page.loaded = false;
    ["people", "dialogs", "open", "lines", "traffic"].forEach((topic) => emit(topic));
    await loadOpen(true);
  } catch (error) {
    if (me !== 1 && state.users.size === 0) return become(1);
    toast(error.message);
  } finally {
    if (look === looks) catchUp(me);
  }
}

/// Reads lines and sessions again; several changes at once are read once.
function lookAtLines() {
  clearTimeout(linesTimer);
  linesTimer = setTimeout(async () => {
    const lines = await get("/chat/lines").catch(() => null);
    if (!lines) return;
    takeLines(lines);
    ["people", "lines", "messages"].forEach((topic) => emit(topic));
  }, LINES_MS);
}

/// Applies the events received during a reload, unless the person has changed.
function catchUp(me) {
  const came = waiting ?? [];
  waiting = null;
  if (me === state.me) came.forEach(take);
}

async function loadOpen(again = false) {
  const [me, id] = [state.me, state.open];
  if (!state.dialogs.has(id)) return emit("messages");
  const page = history(id);
  if (!page.loaded || again) {
    const before = new Set(page.messages);
    try {
      const answer = await get("/chat/history", { as: me, dialog: id });
      if (me !== state.me) return;
      const newest = answer.messages.at(-1)?.id ?? 0;
      const meanwhile = page.messages.filter((message) => message.id > newest && !before.has(message));
      Object.assign(page, { messages: [...answer.messages, ...meanwhile], more: answer.more, loaded: true });
    } catch (error) {
      toast(error.message);
    }
  }
  emit("messages");
  markRead();
}

// A browser allows six connections to one host; hidden windows close theirs and catch up when shown again.
function restWhenHidden() {
  clearTimeout(hiddenTimer);
  if (document.hidden) {
    hiddenTimer = setTimeout(() => {
      hangUp();
      state.resting = true;
    }, HIDDEN_MS_MAX);
  } else if (state.resting) {
    state.resting = false;
    listen();
  } else {
    markRead();
  }
}
