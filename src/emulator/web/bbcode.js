// BB code read into a tree: blocks (plain or quoted) of nodes, a node being a string or {tag, value, attrs, children}.
//
// Pure, no DOM. An unknown or unclosed tag stays text. `[code]` keeps its content as it is.
// Newlines stay in the text; the page shows them with `white-space: pre-wrap`.

const PAIRED = ["b", "i", "u", "s", "size", "color", "url", "user", "chat", "context", "img", "put", "send", "call"];
const SINGLE = ["br", "timestamp", "disk", "icon"];
const LITERAL = ["url", "img"]; // bare addresses in these are not links of their own
const FREE = ["put", "send", "url", "call"]; // the value runs to the bracket, spaces and all
const DEPTH_MAX = 24;

const TAG = /\[(\/?)([a-z]+)([=\s][^[\]\n\uE000]*)?\]/gi;
const CODE = /\[code\]([\s\S]*?)\[\/code\]/gi;
const HELD = /\uE000(\d+)\uE001/;
const ADDRESS = /https?:\/\/[^\s<>"[\]\uE000]+/gi;
const DASHES = /^-{6,}$/;

/// Returns the blocks of a message: `{quote: false|true, from: string|null, nodes}`.
export function parse(text) {
  const codes = [];
  const held = String(text ?? "").replace(/[\uE000\uE001]/g, "").replace(/\r\n?/g, "\n")
    .replace(CODE, (_, body) => `\uE000${codes.push(body) - 1}\uE001`);
  return blocks(held.split("\n")).map(({ quote, from, lines }) => ({ quote, from, nodes: inline(lines.join("\n"), codes) }));
}

/// Returns the message as one line of plain text, for lists and labels.
export function plain(text) {
  const words = (node) => {
    if (typeof node === "string") return node;
    if (node.tag === "disk") return "[File]";
    return node.children.map(words).join("") || (node.tag === "img" ? "[Picture]" : node.attrs.title || "");
  };
  return parse(text).flatMap((block) => block.nodes.map(words)).join(" ").replace(/\s+/g, " ").trim();
}

// `>>` quotes a line; two lines of dashes quote what stands between them, often under "Name [time]".
function blocks(lines) {
  const found = [];
  const into = (quote, line) => {
    const last = found.at(-1);
    if (last && last.quote === quote && !last.closed) last.lines.push(line);
    else found.push({ quote, from: null, lines: [line] });
  };
  for (let at = 0; at < lines.length; at += 1) {
    const end = DASHES.test(lines[at].trim()) ? lines.findIndex((line, index) => index > at && DASHES.test(line.trim())) : -1;
    if (end > at + 1) {
      const inside = lines.slice(at + 1, end);
      const from = inside.length > 1 && /^.{1,80} \[.{1,40}\]$/.test(inside[0]) ? inside.shift() : null;
      found.push({ quote: true, from, lines: inside, closed: true });
      at = end;
    } else if (lines[at].startsWith(">>")) into(true, lines[at].slice(2).trimStart());
    else into(false, lines[at]);
  }
  return found;
}

function inline(text, codes) {
  const root = { tag: null, children: [] };
  const stack = [root];
  let from = 0;
  for (const found of text.matchAll(TAG)) {
    const [raw, slash, name, rest = ""] = found;
    const tag = name.toLowerCase();
    if (!PAIRED.includes(tag) && !SINGLE.includes(tag)) continue;
    addText(stack, text.slice(from, found.index), codes);
    from = found.index + raw.length;
    if (slash) close(stack, tag, raw);
    else if (SINGLE.includes(tag)) stack.at(-1).children.push(single(tag, rest));
    else if (stack.length <= DEPTH_MAX) stack.push({ tag, raw, ...valueOf(tag, rest), children: [] });
    else stack.at(-1).children.push(raw);
  }
  addText(stack, text.slice(from), codes);
  while (stack.length > 1) unopen(stack);
  return root.children;
}

function close(stack, tag, raw) {
  if (!stack.some((node) => node.tag === tag)) return stack.at(-1).children.push(raw);
  while (stack.at(-1).tag !== tag) unopen(stack);
  const node = stack.pop();
  return stack.at(-1).children.push(node);
}

// An unclosed tag: its brackets become text again, its content stays.
function unopen(stack) {
  const node = stack.pop();
  stack.at(-1).children.push(node.raw, ...node.children);
}

function single(tag, rest) {
  return tag === "br" ? "\n" : { tag, ...valueOf(tag, rest), children: [] };
}

function valueOf(tag, rest) {
  if (FREE.includes(tag)) return { value: rest.startsWith("=") ? unquoted(rest.slice(1)) : null, attrs: {} };
  const attrs = {};
  const value = rest.replace(/\s(\w+)=("[^"]*"|.*?)(?=\s+\w+=|$)/g, (_, key, item) => {
    attrs[key.toLowerCase()] = unquoted(item);
    return "";
  });
  return { value: value.startsWith("=") ? unquoted(value.slice(1).trim().split(/\s/)[0]) : null, attrs };
}

function unquoted(value) {
  return value.trim().replace(/^(["'])(.*)\1$/, "$2");
}

function addText(stack, text, codes) {
  const to = stack.at(-1).children;
  text.split(HELD).forEach((part, index) => {
    if (index % 2) to.push({ tag: "code", value: null, attrs: {}, children: [codes[Number(part)]] });
    else if (stack.some((node) => LITERAL.includes(node.tag))) part && to.push(part);
    else addLinks(to, part);
  });
}

function addLinks(to, text) {
  let from = 0;
  for (const found of text.matchAll(ADDRESS)) {
    const tail = found[0].includes("(") ? /[.,;:!?'"]+$/ : /[.,;:!?'")]+$/;
    const address = found[0].replace(tail, "");
    to.push(text.slice(from, found.index), { tag: "url", value: address, attrs: {}, children: [address] });
    from = found.index + address.length;
  }
  const rest = text.slice(from);
  if (rest) to.push(rest);
}
