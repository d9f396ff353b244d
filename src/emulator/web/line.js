// The dialog of a line: its name, its welcome bot, its queue, and its connectors.

import { post } from "./api.js";
import { h } from "./dom.js";
import { memberPicker } from "./group.js";
import { state } from "./store.js";
import { confirmed, modal } from "./toast.js";

/// Changes or creates a line.
export function editLine(line = null) {
  const fields = controls(line);
  const dialog = modal(line ? `Line ${line.name}` : "New line", (close) => {
    const save = async (event) => {
      event.preventDefault();
      const path = line ? "/emulator/line/change" : "/emulator/line";
      if (await post(path, { ...(line && { line: line.id }), ...fields.values() })) close();
    };
    return [
      h("form", { onsubmit: save }, fields.box,
        h("div", { class: "modal-buttons" },
          line && h("button", { type: "button", class: "danger-plain", "data-testid": "line-delete", onclick: () => remove(line, close) }, "Delete the line"),
          h("button", { type: "button", class: "plain", onclick: close }, "Cancel"),
          h("button", { type: "submit", class: "primary", "data-testid": "line-save" }, line ? "Save" : "Create the line"))),
      line && h("h3", {}, "Connectors"),
      line && h("ul", { class: "member-list" }, line.connectors.map((connector) => connectorRow(line, connector, close))),
    ].filter(Boolean);
  });
  return dialog;
}

function controls(line) {
  const setting = (name, otherwise) => line?.settings[name] ?? otherwise;
  const name = h("input", { type: "text", class: "text-input", value: line?.name ?? "", autofocus: true, required: true, placeholder: "Name of the line", "aria-label": "Name of the line", "data-testid": "line-name" });
  const bots = [...state.bots.values()].filter((bot) => bot.openline);
  const bot = select("line-bot", [[0, "No bot"], ...bots.map(({ id, name: called }) => [id, called])], line?.bot ?? 0);
  const seconds = h("input", { type: "number", min: "0", class: "text-input", value: setting("WELCOME_BOT_TIME", "600"), "data-testid": "line-seconds" });
  const left = select("line-left", [["queue", "when the queue takes over"], ["close", "when the session is finished"]], setting("WELCOME_BOT_LEFT", "queue"));
  const queue = memberPicker([...state.users.keys()], line?.queue ?? [state.me], "The queue");
  const box = h("div", { class: "controls" }, name,
    labelled(`Welcome bot${bots.length ? "" : ": none here supports open channels"}`, bot), labelled("Seconds until the queue takes over, 0 for never", seconds), labelled("The bot leaves", left),
    queue.box);
  const values = () => ({
    name: name.value.trim(), bot: Number(bot.value), queue: queue.chosen(),
    settings: { WELCOME_BOT_TIME: seconds.value || "0", WELCOME_BOT_LEFT: left.value },
  });
  return { box, values };
}

function select(name, options, chosen) {
  const node = h("select", { class: "text-input", "data-testid": name }, options.map(([value, label]) => h("option", { value: String(value) }, label)));
  node.value = String(chosen);
  return node;
}

function labelled(words, control) {
  return h("label", { class: "labelled" }, h("span", {}, words), control);
}

// The settings of a connector are a page of its application, shown in a frame as the portal's contact centre shows it.
function connectorRow(line, connector, close) {
  const status = connector.works ? "works" : connector.error ? "has an error" : connector.active ? "not set up yet" : "off";
  const off = async () => {
    if (await post("/emulator/connector/off", { connector: connector.id, line: line.id })) close();
  };
  return h("li", { class: "member", "data-testid": "connector", "data-id": connector.id },
    h("span", { class: "member-words" }, h("strong", {}, connector.title), h("small", {}, `${connector.id} · ${status}`)),
    !connector.own && h("button", { type: "button", class: "plain small", "data-testid": "connector-settings", onclick: () => settings(line, connector) }, "Settings"),
    !connector.own && connector.active && h("button", { type: "button", class: "plain small", "data-testid": "connector-off", onclick: off }, "Switch off"));
}

function settings(line, connector) {
  const src = `/emulator/frame?connector=${encodeURIComponent(connector.id)}&line=${line.id}&as=${state.me}`;
  const dialog = modal(`${connector.title} on ${line.name}`, (close) => [
    h("iframe", { class: "installer", src, title: `Settings of ${connector.title}`, "data-testid": "settings" }),
    h("div", { class: "modal-buttons" }, h("button", { type: "button", class: "plain", onclick: close }, "Close")),
  ]);
  dialog.classList.add("wide");
}

async function remove(line, close) {
  if (!(await confirmed(`Delete ${line.name}? Its conversations end.`, "Delete"))) return;
  if (await post("/emulator/line/delete", { line: line.id })) close();
}
