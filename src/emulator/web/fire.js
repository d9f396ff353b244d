// The dialog that fires an event: any of the catalogue, with its sample or with given data, JSON or a form.

import { get, post } from "./api.js";
import { h } from "./dom.js";
import { modal, toast } from "./toast.js";

export async function fireEvent() {
  const { events } = await get("/emulator/samples").catch((error) => toast(error.message) ?? { events: [] });
  if (!events.length) return;
  const byName = new Map(events.map((item) => [item.event, item]));
  const name = h("input", {
    type: "search", class: "text-input", list: "event-names", autofocus: true, "data-testid": "fire-event", "aria-label": "Event",
    placeholder: "Event, such as ONCRMDEALADD", oninput: () => show(),
  });
  const names = h("datalist", { id: "event-names" }, events.map(({ event, category }) => h("option", { value: event }, category)));
  const data = h("textarea", { class: "text-input code", rows: "12", "data-testid": "fire-data", "aria-label": "Data", spellcheck: "false" });
  const about = h("p", { class: "lead-small" }, "The sample of the event appears here. Write JSON, or a form such as FIELDS[ID]=5.");
  const show = () => {
    const known = byName.get(name.value.trim().toUpperCase());
    if (!known) return;
    data.value = JSON.stringify(known.data, null, 2);
    about.textContent = `${known.category} · ${known.bound ? `bound ${known.bound} time${known.bound > 1 ? "s" : ""}` : "nobody has bound it, so it would reach nobody"}`;
  };
  modal("Fire an event", (close) => {
    const send = async (event) => {
      event.preventDefault();
      const body = payload(data.value.trim());
      if (!body) return toast("This is neither JSON nor a form.");
      const answer = await post("/emulator/fire", { event: name.value.trim(), ...body });
      if (!answer) return null;
      close();
      return toast(answer.sent ? `Sent to ${answer.sent}.` : "No application has bound this event.");
    };
    return [h("form", { onsubmit: send }, name, names, about, data, h("div", { class: "modal-buttons" },
      h("button", { type: "button", class: "plain", onclick: close }, "Cancel"),
      h("button", { type: "submit", class: "primary", "data-testid": "fire-send" }, "Send")))];
  }).classList.add("wide");
}

/// Returns what to send: nothing for the sample, JSON, or a form.
function payload(text) {
  if (!text) return {};
  try {
    return { data: JSON.parse(text) };
  } catch {
    return /^[^\s{[]+=/.test(text) ? { form: text.replace(/\n/g, "&") } : null;
  }
}
