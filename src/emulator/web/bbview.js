// Shows BB code: converts the tree of bbcode.js to elements, with one function per tag.

import { act, openDialog } from "./act.js";
import { parse } from "./bbcode.js";
import { hex, tints } from "./colour.js";
import { h, icon } from "./dom.js";
import { link, picture, pixels } from "./link.js";
import { openPrivate } from "./session.js";
import { state } from "./store.js";
import { stamp } from "./time.js";

/// Returns the text as a fragment of blocks.
export function bb(text) {
  const fragment = document.createDocumentFragment();
  for (const { quote, from, nodes } of parse(text)) {
    if (quote) fragment.append(h("blockquote", {}, from && h("cite", {}, from), h("span", {}, ...views(nodes))));
    else if (nodes.length) fragment.append(h("span", { class: "run" }, ...views(nodes)));
  }
  return fragment;
}

function views(nodes) {
  return nodes.map((node) => (typeof node === "string" ? node : (TAGS[node.tag] ?? plainTag)(node)));
}

const plainTag = (node) => h("span", {}, ...views(node.children));
const element = (tag) => (node) => h(tag, {}, ...views(node.children));
const words = (node) => node.children.map((child) => (typeof child === "string" ? child : words(child))).join("").trim();

const TAGS = {
  b: element("strong"),
  i: element("em"),
  u: element("u"),
  s: element("s"),
  code(node) {
    const text = node.children[0].replace(/^\n|\n$/g, "");
    return h("code", { class: text.includes("\n") && "lines" }, text);
  },
  size(node) {
    const size = Number(node.value);
    return h("span", { style: { "font-size": size >= 8 && size <= 30 ? `${size}px` : null } }, ...views(node.children));
  },
  color(node) {
    const colour = hex(node.value);
    return h("span", { class: colour && "tinted", style: colour ? tints(colour) : {} }, ...views(node.children));
  },
  url: (node) => link(node.value ?? words(node), ...(node.children.length ? views(node.children) : [node.value])),
  img(node) {
    const size = ["small", "medium", "large"].find((name) => name === node.attrs.size) ?? "medium";
    return picture(words(node), { alt: "Picture", className: `picture ${size}` });
  },
  icon(node) {
    const image = picture(node.value, { alt: node.attrs.title ?? "", className: "inline-icon" });
    const size = pixels(node.attrs.size ?? node.attrs.height, 60);
    if (size) image.style.setProperty("--size", `${size}px`);
    if (node.attrs.title) image.title = node.attrs.title;
    return image;
  },
  user(node) {
    const label = views(node.children);
    if (node.value?.toLowerCase() === "all") return h("span", { class: "mention me" }, ...(label.length ? label : ["everyone"]));
    const id = Number(node.value);
    const mine = id === state.me ? "mention me" : "mention";
    return h("button", { type: "button", class: mine, onclick: () => openPrivate(id) }, ...label);
  },
  chat(node) {
    const id = /^\d+$/.test(node.value ?? "") ? `chat${node.value}` : node.value;
    return button("mention", node, () => openDialog(id));
  },
  context(node) {
    const [, dialog, message] = /^(chat\d+|\d+)\/(\d+)$/.exec(node.value ?? "") ?? [];
    return dialog ? button("mention", node, () => openDialog(dialog, message)) : plainTag(node);
  },
  put: (node) => button("bb-action", node, () => act.PUT(node.value ?? words(node)), "Put into the message field"),
  send: (node) => button("bb-action", node, () => act.SEND(node.value ?? words(node)), "Send at once"),
  call: (node) => button("bb-action", node, () => act.CALL(node.value ?? words(node)), "Call"),
  timestamp(node) {
    const date = new Date(Number(node.value) * 1000);
    if (node.value === null || Number.isNaN(date.getTime())) return "";
    return h("time", { datetime: date.toISOString() }, stamp(date, node.attrs.format));
  },
  disk: (node) => h("span", { class: "disk" }, icon("file", 16), `File ${node.value ?? ""}`),
};

function button(className, node, onclick, title = null) {
  const label = node.children.length ? views(node.children) : [node.value ?? ""];
  return h("button", { type: "button", class: className, title, onclick }, ...label);
}
