// Reactions other than a like: chips under a message, and the few that its menu offers.

import { post } from "./api.js";
import { h } from "./dom.js";
import { person, state } from "./store.js";

const FACES = {
  dislike: "👎", faceWithTearsOfJoy: "😂", redHeart: "❤️", fire: "🔥", laugh: "😄", wonder: "😮", cry: "😢", angry: "😠",
  thinkingFace: "🤔", facepalm: "🤦", clappingHands: "👏", okHand: "👌", partyingFace: "🥳", whiteHeavyCheckMark: "✅",
  crossMark: "❌", eyes: "👀", handshake: "🤝", hundredPoints: "💯",
};

const OFFERED = ["faceWithTearsOfJoy", "redHeart", "fire", "wonder", "dislike"];

/// A chip for each reaction; a press on it sets or removes the person's own.
export function reactions(message) {
  return Object.entries(message.reactions ?? {}).map(([code, users]) => {
    const names = users.map((id) => person(id).name).join(", ");
    return h("button", {
      type: "button", class: "reaction", title: `${code}: ${names}`, "data-focus": code, "data-testid": "reaction", "data-code": code,
      "aria-pressed": String(users.includes(state.me)), "aria-label": `${code}, ${users.length}: ${names}`, onclick: () => react(message, code),
    }, FACES[code] ?? code, ` ${users.length}`);
  });
}

/// The items of a message's menu.
export function reactionItems(message) {
  return OFFERED.map((code) => ({ label: `React ${FACES[code]}`, run: () => react(message, code) }));
}

function react(message, code) {
  return post("/chat/react", { as: state.me, message: message.id, reaction: code });
}
