// GRID blocks of an attachment: names and values laid out as BLOCK, LINE, ROW or TABLE.

import { bb } from "./bbview.js";
import { hex, tints, token } from "./colour.js";
import { h } from "./dom.js";
import { pixels } from "./link.js";
import { target } from "./target.js";

/// One GRID; its first item says how all are laid out.
export function grid(items) {
  const display = String(items[0]?.DISPLAY ?? "BLOCK").toUpperCase();
  if (display === "TABLE") return h("table", { class: "grid-table" }, h("tbody", {}, items.map(row)));
  const kind = display === "LINE" ? "line" : display === "ROW" ? "row" : "block";
  return h("dl", { class: `grid grid-${kind}` }, items.map((item) => cell(item, kind)));
}

function cell(item, kind) {
  const width = pixels(item.WIDTH, 600);
  const style = kind === "row" ? { "--name-width": width && `${width}px` } : { width: width && `${width}px` };
  return h("div", { class: "grid-cell", style }, item.NAME ? h("dt", {}, String(item.NAME)) : null, h("dd", mark(item), value(item)));
}

function row(item) {
  const width = pixels(item.WIDTH, 600);
  return h("tr", {},
    h("th", { scope: "row", style: { width: width && `${width}px` } }, String(item.NAME ?? "")),
    h("td", mark(item), value(item)));
}

function mark(item) {
  const colour = hex(item.COLOR);
  const name = token(item.COLOR_TOKEN);
  return { class: `bb ${colour ? "tinted" : name ? `tinted ink-${name}` : ""}`, style: colour ? tints(colour) : {} };
}

function value(item) {
  const leads = item.LINK || item.USER_ID || item.CHAT_ID;
  return leads ? target(item, String(item.VALUE ?? "")) : bb(item.VALUE);
}
