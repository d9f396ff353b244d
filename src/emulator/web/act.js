// What buttons, menu items and BB codes do in the page itself: PUT, SEND, COPY, CALL, DIALOG, and links.

import { post } from "./api.js";
import { openPrivate, show } from "./session.js";
import { emit, state } from "./store.js";
import { safeUrl } from "./link.js";
import { toast } from "./toast.js";

export const act = {
  PUT: (text) => emit("put", text),
  SEND: (text) => say(text),
  COPY: (text) => copy(text),
  CALL: (number) => toast(`Calling ${number}… The emulator has no telephony, so nobody is called.`),
  DIALOG: (id) => openDialog(id),
};

/// Sends a text to the open dialog as the current person. Returns null if the portal refused it.
export function say(text) {
  return post("/chat/send", { as: state.me, dialog: state.open, text: String(text) });
}

/// Opens a private chat (`7`) or a group (`chat7`), and scrolls to a message if one is given.
export async function openDialog(id, message = null) {
  const dialogId = String(id ?? "").trim().toLowerCase();
  if (/^\d+$/.test(dialogId)) await openPrivate(Number(dialogId));
  else if (state.dialogs.has(dialogId)) show(dialogId);
  else return toast("You are not a member of that chat.");
  if (message) emit("jump", Number(message));
  return null;
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied.");
  } catch {
    toast("The browser does not allow copying here.");
  }
}

/// Performs the action of a button or menu item. `command` is called for those sent to the portal.
export function perform(item, command) {
  const href = safeUrl(item.LINK);
  if (href) return window.open(href, "_blank", "noopener,noreferrer");
  const action = act[String(item.ACTION ?? "").toUpperCase()];
  if (action) return action(String(item.ACTION_VALUE ?? item.TEXT ?? ""));
  if (item.COMMAND || item.APP_ID) return command();
  return toast("This button has no action.");
}

/// Whether an item is meant for this screen: CONTEXT is MOBILE, DESKTOP or ALL.
export function fitsScreen(item) {
  const context = String(item.CONTEXT ?? "ALL").toUpperCase();
  const phone = window.matchMedia("(max-width: 720px)").matches;
  return context === "MOBILE" ? phone : context === "DESKTOP" ? !phone : true;
}

export function yes(value) {
  return value === true || String(value ?? "").toUpperCase() === "Y";
}
