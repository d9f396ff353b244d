// The dialog for faults of the portal, as `POST /emulator/faults` takes them.

import { post } from "./api.js";
import { h } from "./dom.js";
import { state } from "./store.js";
import { modal, toast } from "./toast.js";

const times = { name: "times", label: "How many times", type: "number", value: 1 };
const ms = { name: "ms", label: "Milliseconds", type: "number", value: 2000 };
const status = (value) => ({ name: "status", label: "HTTP status", type: "number", value });
const text = (name, label, value = "") => ({ name, label, type: "text", value });

// The most frequent faults first: name, description, and fields of each.
const FAULTS = [
  ["refuse", "Refuse the next calls", [times, status(503), text("code", "Error code", "QUERY_LIMIT_EXCEEDED")]],
  ["delay_answers", "Answer the next calls late", [times, ms]],
  ["answer_html", "Answer the next calls with a page in HTML", [times, status(502)]],
  ["cut_answers", "Break off the answers to the next calls", [times]],
  ["lose_events", "Lose the next events", [times]],
  ["repeat_events", "Send the next events twice", [times]],
  ["delay_events", "Delay the next events; later ones arrive first", [times, ms]],
  ["expire_tokens", "Expire all access tokens", []],
  ["refuse_tokens", "Refuse the next renewals of tokens", [times, status(400), text("code", "Error code", "invalid_grant")]],
  ["revoke_app", "Remove an application without an event", [text("client_id", "Client id")]],
  ["revoke_webhook", "Give the inbound webhook another secret", []],
  ["rename", "Move the portal to another address", [text("domain", "New address, host and port", location.host.replace("127.0.0.1", "localhost"))]],
  ["charge", "Add operating time to a method", [text("client_id", "Client id"), text("method", "Method", "imbot.v2.chat.message.send"), { name: "seconds", label: "Seconds", type: "number", value: 480 }]],
  ["calm", "Remove all planned faults", []],
];

export function causeFault() {
  const client = state.apps?.[0]?.client_id ?? "";
  const kind = h("select", { class: "text-input", autofocus: true, "data-testid": "fault", "aria-label": "Fault", onchange: () => show() },
    FAULTS.map(([name, about]) => h("option", { value: name }, about)));
  const fields = h("div", { class: "fields" });
  const show = () => fields.replaceChildren(...FAULTS.find(([name]) => name === kind.value)[2].map((field) => row(field, client)));
  show();
  modal("Faults", (close) => {
    const send = async (event) => {
      event.preventDefault();
      const told = [...fields.querySelectorAll("input")].map((input) => [input.name, input.type === "number" ? Number(input.value) : input.value.trim()]);
      const answer = await post("/emulator/faults", { fault: kind.value, ...Object.fromEntries(told) });
      if (!answer) return null;
      close();
      return toast(`${kind.selectedOptions[0].textContent}: done.`);
    };
    return [h("form", { onsubmit: send }, kind, fields, h("div", { class: "modal-buttons" },
      h("button", { type: "button", class: "plain", onclick: close }, "Cancel"),
      h("button", { type: "submit", class: "primary", "data-testid": "fault-send" }, "Do it")))];
  }).classList.add("wide");
}

/// Returns an input for a field of a fault.
function row({ name, label, type, value }, client) {
  const known = name === "client_id" ? client : value;
  return h("label", { class: "field" }, h("span", {}, label),
    h("input", { class: "text-input", name, type, required: true, min: type === "number" ? 0 : null, value: String(known), "data-testid": `fault-${name}` }));
}
