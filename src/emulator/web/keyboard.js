// The keyboard under a message: rows divided by NEWLINE, each button with the colours, width and action its bot gave it.

import { fitsScreen, perform, yes } from "./act.js";
import { post } from "./api.js";
import { hex, ink, token } from "./colour.js";
import { h } from "./dom.js";
import { pixels, safeUrl } from "./link.js";
import { emit, state } from "./store.js";

/// Returns the rows of buttons, or null if there is nothing to press on this screen.
export function keyboard(message) {
  const rows = [[]];
  (message.keyboard?.BUTTONS ?? []).forEach((button, index) => {
    if (String(button.TYPE ?? "").toUpperCase() === "NEWLINE") rows.push([]);
    else if (fitsScreen(button)) rows.at(-1).push([button, index]);
  });
  const filled = rows.filter((row) => row.length);
  if (!filled.length) return null;
  const draw = ([button, index]) => key(message, button, index);
  return h("div", { class: "keyboard", role: "group", "aria-label": "Buttons of this message" },
    filled.map((row) => h("div", { class: "key-row" }, row.map(draw))));
}

function key(message, button, index) {
  const line = String(button.DISPLAY ?? "BLOCK").toUpperCase() === "LINE";
  const blocked = state.blocked.has(message.id);
  const width = pixels(button.WIDTH, 800);
  const away = safeUrl(button.LINK);
  return h("button", {
    type: "button",
    class: `key ${line ? "key-line" : "key-block"} key-${token(button.BG_COLOR_TOKEN) ?? "base"} ${away ? "key-away" : ""} ${width ? "key-fixed" : ""}`,
    style: { ...colours(button), width: width && `${width}px` },
    disabled: blocked || yes(button.DISABLED),
    title: away,
    "data-testid": "button",
    "data-focus": `key-${index}`,
    onclick: () => press(message, button, index),
  }, String(button.TEXT ?? ""));
}

// A colour set by the bot takes precedence over the token; the text on it is always readable.
function colours(button) {
  const background = hex(button.BG_COLOR);
  if (background) return { "--key": background, "--key-ink": ink(background, button.TEXT_COLOR), "--key-edge": background };
  return {};
}

function press(message, button, index) {
  return perform(button, async () => {
    if (yes(button.BLOCK)) block(message.id, true);
    const answer = await post("/chat/press", { as: state.me, message: message.id, button: index });
    if (!answer) block(message.id, false);
  });
}

// BLOCK=Y: the whole keyboard is disabled until the bot edits the message (the store enables it then).
function block(id, on) {
  if (on) state.blocked.add(id);
  else state.blocked.delete(id);
  emit("messages");
}
