// A name that leads to a person, a chat or an address.

import { openDialog } from "./act.js";
import { h } from "./dom.js";
import { link } from "./link.js";
import { openPrivate } from "./session.js";

/// A name that leads to the person, chat or address in `item`.
export function target(item, label) {
  if (item.USER_ID || item.BOT_ID) {
    return h("button", { type: "button", class: "mention", onclick: () => openPrivate(Number(item.USER_ID || item.BOT_ID)) }, label);
  }
  if (item.CHAT_ID) return h("button", { type: "button", class: "mention", onclick: () => openDialog(`chat${item.CHAT_ID}`) }, label);
  return link(item.LINK, label);
}
