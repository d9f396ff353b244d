// Checks addresses from outside: http(s) or a path of the portal itself, and nothing else.

import { h } from "./dom.js";

/// Returns the address for `href` or `src`, or null (`javascript:`, `data:`, `//elsewhere`, and the like).
export function safeUrl(value) {
  const text = String(value ?? "").trim();
  if (/^https?:\/\//i.test(text)) return parsed(text)?.href ?? null;
  if (!text.startsWith("/")) return null;
  // A browser reads `/\x` and `/<tab>/x` as another host; only an address with the portal's own host is a path of the portal.
  const url = parsed(text);
  return url && url.origin === location.origin ? url.pathname + url.search + url.hash : null;
}

/// Returns a link in a new tab, or the content alone if the address is not allowed.
export function link(address, ...content) {
  const href = safeUrl(address);
  return href ? h("a", { href, target: "_blank", rel: "noopener noreferrer" }, ...content) : h("span", {}, ...content);
}

/// A picture that turns into a link to itself when it cannot be shown (the page's policy allows https and its own).
export function picture(address, { alt = "", className = "", width = null, height = null } = {}) {
  const src = safeUrl(address);
  if (!src) return h("span", { class: "no-picture" }, alt || String(address ?? ""));
  const image = h("img", { src, alt, class: className, loading: "lazy", referrerpolicy: "no-referrer" });
  if (pixels(width) && pixels(height)) image.style.aspectRatio = `${pixels(width)} / ${pixels(height)}`;
  image.addEventListener("error", () => image.replaceWith(link(src, alt || fileName(src))), { once: true });
  return image;
}

/// Returns a whole number of pixels within limits, or null.
export function pixels(value, most = 2000) {
  const number = Number(value);
  return Number.isFinite(number) && number >= 1 ? Math.min(Math.round(number), most) : null;
}

function fileName(address) {
  return address.split(/[?#]/)[0].split("/").filter(Boolean).pop() || address;
}

function parsed(text) {
  try {
    return new URL(text, location.origin);
  } catch {
    return null;
  }
}
