//! Reactions: the codes that exist, and who has set which. Section 7.3 of bots-v2.md.

/// The reaction that version 1 knows as well.
pub(crate) const LIKE: &str = "like";

/// Who has reacted to a message, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reaction {
    /// Such as `like` or `faceWithTearsOfJoy`.
    pub(crate) code: String,
    pub(crate) user: u64,
}

/// The codes of page `messages/chat-message-reaction-add.md`, which says that the list may change.
#[rustfmt::skip]
pub(crate) const CODES: [&str; 48] = [
    LIKE, "dislike", "faceWithTearsOfJoy", "redHeart", "neutralFace", "fire", "cry", "slightlySmilingFace",
    "winkingFace", "laugh", "kiss", "wonder", "slightlyFrowningFace", "loudlyCryingFace", "faceWithStuckOutTongue",
    "faceWithStuckOutTongueAndWinkingEye", "smilingFaceWithSunglasses", "confusedFace", "flushedFace", "thinkingFace",
    "angry", "smilingFaceWithHorns", "faceWithThermometer", "facepalm", "poo", "flexedBiceps", "clappingHands",
    "raisedHand", "smilingFaceWithHeartEyes", "smilingFaceWithHearts", "pleadingFace", "relievedFace", "foldedHands",
    "okHand", "signHorns", "loveYouGesture", "clownFace", "partyingFace", "questionMark", "exclamationMark",
    "lightBulb", "bomb", "sleepingSymbol", "crossMark", "whiteHeavyCheckMark", "eyes", "handshake", "hundredPoints",
];
