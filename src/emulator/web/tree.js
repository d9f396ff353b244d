// A JSON value as a tree that can be folded. Big branches start folded.

import { h } from "./dom.js";

const OPEN_DEPTH = 3;
const OPEN_MEMBERS_MAX = 24;
const DEPTH_MAX = 40;

export function tree(value) {
  return h("div", { class: "tree" }, view(value, 0));
}

function view(value, depth) {
  if (value === null || typeof value !== "object" || depth > DEPTH_MAX) return leaf(value);
  const members = Object.entries(value);
  if (!members.length) return h("span", { class: "tree-punct" }, Array.isArray(value) ? "[ ]" : "{ }");
  return h("ul", {}, members.map(([key, item]) => h("li", {}, branch(key, item, depth))));
}

function branch(key, item, depth) {
  const name = h("span", { class: "tree-key" }, key);
  const size = item !== null && typeof item === "object" ? Object.keys(item).length : 0;
  if (!size) return [name, view(item, depth + 1)];
  const open = depth + 1 < OPEN_DEPTH && size <= OPEN_MEMBERS_MAX;
  const count = h("span", { class: "tree-punct" }, Array.isArray(item) ? `[${size}]` : `{${size}}`);
  return h("details", { open }, h("summary", {}, name, count), view(item, depth + 1));
}

function leaf(value) {
  const kind = value === null ? "null" : typeof value;
  return h("span", { class: `tree-${kind}` }, kind === "string" ? value || "“”" : String(kind === "object" ? JSON.stringify(value) : value));
}
