// A small menu that opens at a button: actions on a message, and the items its bot added.

import { h, refocus } from "./dom.js";

let shown = null;

/// Opens a menu of `{label, run, danger, disabled, link}` and null (a dividing line) next to `anchor`.
export function openMenu(anchor, items, label) {
  closeMenu();
  const menu = h("div", { class: "menu", role: "menu", "aria-label": label, onkeydown: keys }, items.map(entry));
  (anchor.closest("main") ?? document.body).append(menu);
  anchor.setAttribute("aria-expanded", "true");
  shown = { menu, anchor };
  place(menu, anchor);
  menu.querySelector("button:not(:disabled)")?.focus();
  document.addEventListener("pointerdown", outside, true);
  window.addEventListener("resize", closeMenu, { once: true });
}

export function closeMenu() {
  if (!shown) return;
  const { menu, anchor } = shown;
  const inside = menu.contains(document.activeElement);
  shown = null;
  menu.remove();
  anchor.removeAttribute("aria-expanded");
  if (inside) refocus(anchor);
  document.removeEventListener("pointerdown", outside, true);
}

function entry(item) {
  if (!item) return h("hr", { role: "separator" });
  const run = () => {
    closeMenu();
    item.run();
  };
  return h("button", {
    type: "button", role: "menuitem", tabindex: "-1", class: item.danger && "danger", disabled: item.disabled, onclick: run,
    "data-testid": "menu-item",
  }, item.label);
}

function keys(event) {
  const items = [...event.currentTarget.querySelectorAll("button:not(:disabled)")];
  const at = items.indexOf(document.activeElement);
  const step = { ArrowDown: at + 1, ArrowUp: at - 1 + items.length, Home: 0, End: items.length - 1 }[event.key];
  if (step !== undefined) items[step % items.length]?.focus();
  else if (event.key === "Escape" || event.key === "Tab") closeMenu();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

function outside(event) {
  if (shown && !shown.menu.contains(event.target)) closeMenu();
}

// Below the button when there is room, else above; never beyond the window.
function place(menu, anchor) {
  const at = anchor.getBoundingClientRect();
  const box = menu.getBoundingClientRect();
  const below = at.bottom + box.height + 8 < window.innerHeight;
  menu.style.top = `${Math.max(8, below ? at.bottom + 4 : at.top - box.height - 4)}px`;
  menu.style.left = `${Math.max(8, Math.min(at.right - box.width, window.innerWidth - box.width - 8))}px`;
}
