// Builds elements. The page creates all its DOM here, without innerHTML, so messages stay text.
//
// `h("button", {class: "x", onclick: f, "aria-label": "…"}, child, "text", null)`; null and false children are left out.

const SVG = "http://www.w3.org/2000/svg";

export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) setProp(node, name, value);
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

function setProp(node, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
  else if (name === "style") for (const [key, item] of Object.entries(value)) item !== null && node.style.setProperty(key, item);
  else if (name === "value" || name === "checked") node[name] = value;
  else node.setAttribute(name, value === true ? "" : String(value));
}

/// A line icon of 24 units, drawn in the text's colour and hidden from screen readers.
export function icon(name, size = 20) {
  const svg = document.createElementNS(SVG, "svg");
  const attrs = {
    viewBox: "0 0 24 24", width: size, height: size, class: "icon", "aria-hidden": "true", fill: "none",
    stroke: "currentColor", "stroke-width": "1.8", "stroke-linecap": "round", "stroke-linejoin": "round",
  };
  for (const [key, value] of Object.entries(attrs)) svg.setAttribute(key, value);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/// A button that shows only an icon; its label is for screen readers and the tooltip.
export function iconButton(name, label, onclick, props = {}) {
  return h("button", { type: "button", class: "icon-button", "aria-label": label, title: label, onclick, ...props }, icon(name));
}

/// Replaces the children of `parent` by `items`; keeps nodes whose stamp has not changed, and their focus.
export function reconcile(parent, items, { key, stamp, build }) {
  const old = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  let cursor = parent.firstElementChild;
  for (const item of items) {
    let node = old.get(key(item));
    old.delete(key(item));
    if (!node || stamps.get(node) !== stamp(item)) {
      const fresh = build(item);
      fresh.dataset.key = key(item);
      stamps.set(fresh, stamp(item));
      if (node) {
        if (node === cursor) cursor = fresh;
        replaceKeepingFocus(node, fresh);
      }
      node = fresh;
    }
    if (node === cursor) cursor = cursor.nextElementSibling;
    else moveKeepingFocus(parent, node, cursor);
  }
  for (const node of old.values()) node.remove();
}

const stamps = new WeakMap();

function moveKeepingFocus(parent, node, before) {
  const focused = node.contains(document.activeElement) ? document.activeElement : null;
  parent.insertBefore(node, before);
  refocus(focused);
}

function replaceKeepingFocus(node, fresh) {
  const focused = node.contains(document.activeElement) ? document.activeElement : null;
  if (focused && node === focused) fresh.tabIndex = node.tabIndex;
  node.replaceWith(fresh);
  if (!focused) return;
  const wanted = focused.dataset.focus;
  refocus((wanted && fresh.querySelector(`[data-focus="${CSS.escape(wanted)}"]`)) || fresh);
}

/// Gives the focus back to a button. Those of a message are visible only while the message has it, so that comes first.
export function refocus(node) {
  if (!node?.isConnected) return;
  node.closest(".message")?.focus({ preventScroll: true });
  node.focus({ preventScroll: true });
}

const ICONS = {
  plus: "M12 5v14M5 12h14",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM20.500 20.500 16 16",
  back: "M15 5l-7 7 7 7",
  send: "M4.500 12 3.200 4.200 21 12 3.200 19.800 4.500 12zM4.500 12H12",
  close: "M6 6l12 12M18 6 6 18",
  edit: "M4 20h4L19 9l-4-4L4 16v4zM13 7l4 4",
  trash: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5",
  like: "M12 20s-7.500-4.600-7.500-10A4.300 4.300 0 0 1 12 7.300 4.300 4.300 0 0 1 19.500 10c0 5.400-7.500 10-7.500 10z",
  more: "M5 12h.010M12 12h.010M19 12h.010",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  people: "M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM2.500 20c0-4 3-6 6.500-6s6.500 2 6.500 6M16 4.500a3.500 3.500 0 0 1 0 6.500M18 14.500c2 .8 3.500 2.500 3.500 5.500",
  traffic: "M3 8h14l-4-4M21 16H7l4 4",
  chats: "M4 5h16v11H10l-4 4v-4H4z",
  line: "M5 4h14v9H12l-4 4v-4H5zM9 8h6",
  whisper: "M4 5h16v11H10l-4 4v-4H4zM8 9h.010M12 9h.010M16 9h.010",
  clock: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 8v4l3 2",
  check: "M3 12l4 5 9-11M12 17l9-11",
  faults: "M12 4 2.500 20h19zM12 10v4.500M12 17.500h.010",
  fire: "M13 3 5 14h6l-1 7 8-11h-6z",
  help: "M9 9a3 3 0 1 1 4.500 2.600c-1 .6-1.500 1.200-1.500 2.400M12 18h.010",
  down: "M6 10l6 6 6-6",
  up: "M12 20V5M6 11l6-6 6 6",
  pause: "M8 5v14M16 5v14",
  play: "M7 4.500v15l12-7.500z",
  leave: "M14 4h5v16h-5M3 12h11M10 8l4 4-4 4",
  file: "M6 3h8l5 5v13H6zM14 3v5h5",
  clear: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM6.500 6.500l11 11",
  bot: "M12 7V4M6 8h12a2 2 0 0 1 2 2v7a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2v-7a2 2 0 0 1 2-2zM9 13h.010M15 13h.010",
  plug: "M9 3v5M15 3v5M6 8h12v3a6 6 0 0 1-12 0zM12 17v4",
};
