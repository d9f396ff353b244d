// The attachment of a message: a coloured bar, and blocks one below another. Unknown blocks are skipped.

import { avatar } from "./avatar.js";
import { bb } from "./bbview.js";
import { hex, token } from "./colour.js";
import { h, icon } from "./dom.js";
import { grid } from "./grid.js";
import { link, picture, pixels } from "./link.js";
import { state } from "./store.js";
import { target } from "./target.js";

export function attach(content) {
  const views = (content?.BLOCKS ?? []).flatMap(block).filter(Boolean);
  if (!views.length) return null;
  const colour = hex(content.COLOR);
  return h("div", { class: `attach bar-${token(content.COLOR_TOKEN) ?? "base"}`, style: { "--bar": colour } }, views);
}

// One block is an object with one key; IMAGE and FILE may hold one thing or several.
function block(item) {
  if (item === null || typeof item !== "object") return [];
  return Object.entries(item).flatMap(([kind, content]) => BLOCKS[kind.toUpperCase()]?.(content) ?? []);
}

const several = (content) => (Array.isArray(content) ? content : [content]).filter((item) => item && typeof item === "object");

const BLOCKS = {
  MESSAGE: (text) => h("div", { class: "attach-message bb" }, bb(text)),
  LINK: (content) => several(content).map(card),
  RICH_LINK: (content) => several(content).map(card),
  USER: (content) => several(content).map(user),
  GRID: (content) => grid(several(content)),
  IMAGE: (content) => h("div", { class: "images" }, several(content).map(image)),
  FILE: (content) => several(content).map(file),
  DELIMITER: (content) => delimiter(content ?? {}),
};

function card(item) {
  const about = item.HTML ? textOfHtml(item.HTML) : item.DESC;
  return h("div", { class: "attach-link" },
    h("div", { class: "attach-title" }, target(item, String(item.NAME || item.LINK || ""))),
    about && h("div", { class: "attach-desc bb" }, bb(about)),
    item.PREVIEW && image({ ...item, LINK: item.LINK || item.PREVIEW }));
}

function user(item) {
  const known = Number(item.USER_ID || item.BOT_ID);
  const round = String(item.AVATAR_TYPE ?? "USER").toUpperCase() !== "CHAT";
  const portrait = item.AVATAR
    ? picture(item.AVATAR, { className: `portrait ${round ? "" : "square"}` })
    : state.users.has(known) || state.bots.has(known) ? avatar(known, 32) : h("span", { class: "portrait blank" }, icon("people", 18));
  return h("div", { class: "attach-user" }, portrait, target(item, String(item.NAME ?? "")));
}

function image(item) {
  const view = picture(item.PREVIEW || item.LINK, {
    alt: String(item.NAME ?? "Picture"), className: "attach-image", width: item.WIDTH, height: item.HEIGHT,
  });
  const width = pixels(item.WIDTH);
  if (width) view.style.setProperty("--width", `${width}px`);
  return view.tagName === "IMG" ? link(item.LINK || item.PREVIEW, view) : view;
}

function file(item) {
  const label = h("span", {}, h("strong", {}, String(item.NAME || item.LINK || "File")), item.SIZE ? h("small", {}, size(item.SIZE)) : null);
  return h("div", { class: "attach-file" }, icon("file", 22), link(item.LINK, label));
}

function delimiter(content) {
  const width = pixels(content.SIZE, 800) ?? 200;
  return h("hr", { class: "delimiter", style: { width: `${width}px`, "--rule": hex(content.COLOR) } });
}

function size(bytes) {
  const number = Math.max(0, Number(bytes) || 0);
  if (number < 1024) return `${number} B`;
  return number < 1024 ** 2 ? `${(number / 1024).toFixed(1)} KB` : `${(number / 1024 ** 2).toFixed(1)} MB`;
}

// The portal renders HTML here; this page shows its text only.
function textOfHtml(html) {
  const named = { lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " ", amp: "&" };
  return String(html).replace(/<br\s*\/?>/gi, "\n").replace(/<[^<>]*>/g, "")
    .replace(/&(lt|gt|quot|apos|nbsp|amp);/g, (_, name) => named[name]);
}
