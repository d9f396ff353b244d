// The message field: it grows, sends on Enter, completes @names and /commands, and edits the person's messages.

import { say } from "./act.js";
import { post } from "./api.js";
import { h, icon, iconButton } from "./dom.js";
import { mentions } from "./mentions.js";
import { history, on, person, state } from "./store.js";
import { suggestions } from "./suggest.js";
import { toast } from "./toast.js";

const TYPING_MS_MIN = 4000;
const HEIGHT_PX_MAX = 200;

const phone = window.matchMedia("(max-width: 720px)");
const names = mentions();
const drafts = new Map();
let editing = null;
let shownFor = null;
let toldTyping = 0;
let sending = false;

const field = h("textarea", {
  id: "composer", rows: "1", "data-testid": "composer", "aria-label": "Message", enterkeyhint: "send", autocomplete: "off",
  "aria-autocomplete": "list", "aria-controls": "suggest", oninput: changed, onkeydown: keys, onclick: () => suggest.update(),
  onblur: () => suggest.close(),
});
const suggest = suggestions(field, names.add);
const note = h("div", { class: "editing", hidden: true });
const button = h("button", { type: "submit", class: "send", "data-testid": "send", "aria-label": "Send" }, icon("send", 22));

// On a line: the next message is for operators, not for the client.
const whisper = iconButton("whisper", "Whisper: the client does not read it", toggleWhisper, {
  class: "icon-button whisper", "aria-pressed": "false", hidden: true, "data-testid": "whisper",
});

export function composer() {
  on("open", "dialogs", draw);
  on("put", put);
  on("edit", edit);
  return h("form", { class: "composer", onsubmit: submit }, suggest.box, note, h("div", { class: "field" }, field, whisper, button));
}

function draw() {
  const dialog = state.dialogs.get(state.open);
  whisper.hidden = dialog?.type !== "L";
  if (whisper.hidden) whisper.setAttribute("aria-pressed", "false");
  field.placeholder = dialog ? `Write to ${dialog.title}${phone.matches ? "" : "   ·   @ to mention, / for commands"}` : "";
  field.disabled = dialog?.text_field === false; // a bot wants its buttons to be used
  const here = `${state.me}/${state.open}`;
  if (here === shownFor) return;
  if (shownFor) drafts.set(shownFor, editing ? "" : field.value);
  shownFor = here;
  stopEditing();
  set(drafts.get(here) ?? "");
  // Not on a touch screen, where a keyboard would cover the chat; but where there is no pointer at all.
  if (dialog && !window.matchMedia("(pointer: coarse)").matches) field.focus();
}

function changed() {
  grow();
  suggest.update();
  if (!field.value.trim() || editing || Date.now() - toldTyping < TYPING_MS_MIN) return;
  toldTyping = Date.now();
  post("/chat/typing", { as: state.me, dialog: state.open }, { quiet: true });
}

function keys(event) {
  if (suggest.keydown(event)) return;
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event);
  else if (event.key === "ArrowUp" && field.value === "") editLast(event);
  else if (event.key === "Escape" && editing) {
    event.stopPropagation();
    stopEditing();
    set("");
  }
}

async function submit(event) {
  event.preventDefault();
  const [typed, dialog] = [field.value, shownFor];
  if (!typed.trim() || sending) return;
  const text = names.toCode(typed.trim());
  const changing = editing;
  stopEditing();
  set("");
  toldTyping = 0;
  sending = true;
  const answer = changing ? await post("/chat/edit", { as: state.me, message: changing.id, text }) : await utter(text);
  sending = false;
  if (!answer && shownFor === dialog && !field.value) set(typed);
}

function utter(text) {
  if (whisper.getAttribute("aria-pressed") !== "true") return say(text);
  return post("/chat/line/whisper", { as: state.me, chat: state.dialogs.get(state.open).chat_id, text });
}

function toggleWhisper() {
  whisper.setAttribute("aria-pressed", String(whisper.getAttribute("aria-pressed") !== "true"));
  field.focus();
}

// ArrowUp in an empty field edits the person's last message.
function editLast(event) {
  const last = history(state.open).messages.findLast((message) => message.author === state.me && !message.deleted && !message.system);
  if (!last) return;
  event.preventDefault();
  edit(last);
}

function edit(message) {
  editing = message;
  const stop = () => {
    stopEditing();
    set("");
    field.focus();
  };
  note.replaceChildren(icon("edit", 16), h("span", {}, "Editing your message"), iconButton("close", "Stop editing", stop));
  note.hidden = false;
  set(names.toWords(message.text, (id, name) => person(id).gone ? name : person(id).name));
  field.focus();
}

function stopEditing() {
  editing = null;
  note.hidden = true;
}

function put(text) {
  if (!state.dialogs.has(state.open)) return toast("Open a chat first.");
  field.focus();
  field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
  return changed();
}

function set(text) {
  field.value = text;
  field.setSelectionRange(text.length, text.length);
  grow();
  suggest.close();
}

function grow() {
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight, HEIGHT_PX_MAX)}px`;
  button.disabled = !field.value.trim();
}
