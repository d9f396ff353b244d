// Requests to the portal: reads, actions, and the event stream. The server is the emulator.

import { toast } from "./toast.js";

const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 8000;

/// Returns the answer's JSON; throws an Error whose message is a sentence for people.
export async function get(path, params = {}) {
  return answer(await fetch(`${path}?${new URLSearchParams(params)}`, { cache: "no-store" }));
}

/// Performs an action on the portal. On failure it shows the reason (unless `quiet`) and resolves to null.
export async function post(path, body, { quiet = false } = {}) {
  try {
    const headers = { "content-type": "application/json" };
    return await answer(await fetch(path, { method: "POST", headers, body: JSON.stringify(body) }));
  } catch (error) {
    if (!quiet) toast(error instanceof TypeError ? "The portal does not answer." : error.message);
    return null;
  }
}

async function answer(response) {
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(body.error || `The portal answered with status ${response.status}.`);
  return body;
}

/// Follows the event stream until the returned function is called.
/// A lost connection is retried with growing pauses; the portal then sends `hello` and the page reloads its state.
export function feed(me, onEvent, onOnline) {
  let source = null;
  let timer = 0;
  let wait = RETRY_MS_MIN;
  const connect = () => {
    source = new EventSource(`/chat/feed?as=${me}`);
    source.onopen = () => {
      wait = RETRY_MS_MIN;
      onOnline(true);
    };
    source.onmessage = (event) => onEvent(JSON.parse(event.data));
    source.onerror = () => {
      source.close();
      onOnline(false);
      timer = setTimeout(connect, wait);
      wait = Math.min(wait * 2, RETRY_MS_MAX);
    };
  };
  connect();
  return () => {
    clearTimeout(timer);
    source.close();
  };
}
