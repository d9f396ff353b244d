//! The effects of a step on the expected content, by the store's contract.

use crate::steps::{Settling, Step};
use crate::world::{Call, CallKey, CallKind, Chat, Dead, EventKind, State, UNKNOWN, Worker};

impl Worker {
    /// Applies a step. `ids` are the numbers of its new events, if the step has ended.
    pub(crate) fn apply(&mut self, step: &Step, ids: Option<&[u64]>) {
        let id = |index: usize| ids.map_or(UNKNOWN, |ids| ids[index]);
        match step {
            Step::Install { token } => self.token = Some(*token),
            Step::Append { chats, body } => {
                self.hours += 1;
                self.last_delivery = Some((chats.clone(), *body));
                for (index, chat) in chats.iter().enumerate() {
                    let kind = EventKind::Delivered {
                        body: *body,
                        part: index as u16,
                    };
                    self.chats[*chat].insert_event(id(index), kind);
                }
            }
            Step::Begin(chat) => self.chats[*chat].waiting[0].attempts += 1,
            Step::Fail(chat) => self.chats[*chat].waiting[0].failures += 1,
            Step::Commit {
                chat,
                calls,
                remind,
                quarantines,
                fill,
            } => {
                let due = remind.map(|hours| self.hours + hours);
                self.chats[*chat].commit(calls, due, *quarantines, *fill);
            }
            Step::DeadLetter { chat, blocks } => {
                let event = self.chats[*chat].waiting.remove(0);
                let blocks = *blocks;
                self.chats[*chat].dead.push(Dead::Event { event, blocks });
            }
            Step::Take(chat) => self.chats[*chat].calls[0].is_taken = true,
            Step::Settle(chat, settling) => self.chats[*chat].settle(*settling),
            Step::Revive(chat) => match self.chats[*chat].dead.remove(0) {
                Dead::Event { event, .. } => self.chats[*chat].insert_event(event.id, event.kind),
                Dead::Call(call) => self.chats[*chat].queue(Call {
                    is_taken: false,
                    ..call
                }),
            },
            Step::Drop(chat) => {
                self.chats[*chat].dead.remove(0);
            }
            Step::Due => {
                for (index, (chat, key)) in self.due().into_iter().enumerate() {
                    self.chats[chat]
                        .reminders
                        .retain(|(other, _)| *other != key);
                    self.chats[chat].insert_event(id(index), EventKind::Reminder(key));
                }
            }
            Step::Sweep => {}
            Step::Forget(chat) => self.chats[*chat] = Chat::default(),
        }
    }

    /// Returns the due reminders, in the order of their events.
    fn due(&self) -> Vec<(usize, CallKey)> {
        let chats = self.chats.iter().enumerate();
        let mut due: Vec<_> = chats
            .flat_map(|(chat, here)| {
                here.reminders
                    .iter()
                    .map(move |(key, due)| (*due, *key, chat))
            })
            .filter(|(due, ..)| *due <= self.hours)
            .collect();
        due.sort_unstable();
        due.into_iter().map(|(_, key, chat)| (chat, key)).collect()
    }
}

impl Chat {
    /// Commits the turn of the first event.
    fn commit(&mut self, calls: &[CallKind], due: Option<u64>, quarantines: bool, fill: usize) {
        let event = self.waiting.remove(0).id;
        self.quarantined += usize::from(quarantines && self.state.is_some());
        self.state = Some(State::after(self.state.as_ref(), event, fill));
        for (index, kind) in calls.iter().enumerate() {
            let of = match kind {
                CallKind::Edit { of, .. } | CallKind::Delete { of } => Some(*of),
                CallKind::Say { .. } => None,
            };
            let unsent = self
                .calls
                .iter()
                .position(|call| Some(call.key) == of && !call.is_taken);
            match (unsent, kind) {
                (Some(position), CallKind::Edit { text: new, .. }) => {
                    if let CallKind::Say { text, .. } = &mut self.calls[position].kind {
                        text.clone_from(new);
                    }
                }
                (Some(position), _) => {
                    self.calls.remove(position);
                }
                (None, _) => {
                    let key = (event, index as u16);
                    self.queue(Call {
                        key,
                        kind: kind.clone(),
                        is_taken: false,
                    });
                }
            }
        }
        self.reminders.extend(due.map(|due| ((event, 0), due)));
        self.reminders.sort_unstable();
    }

    fn settle(&mut self, settling: Settling) {
        let position = self.calls.iter().position(|call| call.is_taken);
        let position = position.expect("only a taken call is settled");
        if let Settling::NotSent = settling {
            self.calls[position].is_taken = false;
            return;
        }
        let call = self.calls.remove(position);
        match (settling, &call.kind) {
            (Settling::Sent(number), CallKind::Say { remember: true, .. }) => {
                self.messages.push((call.key, number));
                self.messages.sort_unstable();
            }
            (Settling::Dead, _) => self.dead.push(Dead::Call(Call {
                is_taken: false,
                ..call
            })),
            _ => {}
        }
    }
}
