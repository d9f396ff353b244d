// Checks colours from outside. Only values that pass these functions reach a style.

const HEX = /^#?([0-9a-f]{3}|[0-9a-f]{6})$/i;
const TOKENS = ["primary", "secondary", "alert", "base"];
const READABLE_RATIO_MIN = 3;
const TEXT_RATIO_MIN = 4.5;
const INITIALS_RATIO_MIN = 2.2; // two bold letters, and the name stands beside them

/// Returns `#rrggbb`, or null for anything but a plain hexadecimal colour.
export function hex(value) {
  const found = HEX.exec(String(value ?? "").trim());
  if (!found) return null;
  const digits = found[1].length === 3 ? [...found[1]].map((digit) => digit + digit).join("") : found[1];
  return `#${digits.toLowerCase()}`;
}

/// Returns one of the portal's four colour names, or null.
export function token(value) {
  const name = String(value ?? "").toLowerCase();
  return TOKENS.includes(name) ? name : null;
}

/// Returns the text colour on `background`: the wanted one if it is readable, else black or white.
export function ink(background, wanted = null) {
  const colour = hex(wanted);
  if (colour && contrast(background, colour) >= READABLE_RATIO_MIN) return colour;
  return white(background, READABLE_RATIO_MIN);
}

/// Returns the colour of initials: white if it is readable.
export function initialsInk(background) {
  return white(background, INITIALS_RATIO_MIN);
}

/// A colour to write with, moved towards black and towards white until the bubbles of either theme let it be read.
export function tints(colour) {
  return { "--tint-light": moved(colour, 0, "#d8ecff"), "--tint-dark": moved(colour, 255, "#1b4069") };
}

function moved(colour, towards, background) {
  for (let share = 0; share < 1; share += 0.1) {
    const parts = channels(colour).map((part) => Math.round(part + (towards - part) * share));
    const mixed = `#${parts.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
    if (contrast(background, mixed) >= TEXT_RATIO_MIN) return mixed;
  }
  return towards ? "#ffffff" : "#000000";
}

function white(background, ratio) {
  return contrast(background, "#ffffff") >= ratio ? "#ffffff" : "#10192a";
}

function contrast(one, other) {
  const [dark, light] = [luminance(one), luminance(other)].sort((left, right) => left - right);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour) {
  const [red, green, blue] = channels(colour).map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function channels(colour) {
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
}
