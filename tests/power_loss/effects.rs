//! What a step changes in the world, by the store's contract.

use crate::steps::{Settling, Step};
use crate::world::{Call, CallKey, Chat, ChatEventKind, Dead, Hand, Said, State, UNTOLD};

impl Hand {
    /// Does what a step does. The store tells the numbers of new events, if it told anything.
    pub(crate) fn apply(&mut self, step: &Step, told: Option<&[u64]>) {
        let told = |place: usize| told.map_or(UNTOLD, |told| told[place]);
        match step {
            Step::Install { token } => self.token = Some(*token),
            Step::Hear { chats, body } => {
                self.hours += 1;
                self.heard = Some((chats.clone(), *body));
                for (place, chat) in chats.iter().enumerate() {
                    let what = ChatEventKind::Heard {
                        body: *body,
                        part: place as u16,
                    };
                    self.chats[*chat].wait(told(place), what);
                }
            }
            Step::Begin(chat) => self.chats[*chat].waiting[0].attempts += 1,
            Step::Fail(chat) => self.chats[*chat].waiting[0].failures += 1,
            Step::Done {
                chat,
                said,
                remind,
                aside,
                fill,
            } => {
                let due = remind.map(|hours| self.hours + hours);
                self.chats[*chat].end(said, due, *aside, *fill);
            }
            Step::Bury { chat, blocks } => {
                let event = self.chats[*chat].waiting.remove(0);
                let blocks = *blocks;
                self.chats[*chat].dead.push(Dead::Event { event, blocks });
            }
            Step::Take(chat) => self.chats[*chat].calls[0].taken = true,
            Step::Settle(chat, settling) => self.chats[*chat].settle(*settling),
            Step::Revive(chat) => match self.chats[*chat].dead.remove(0) {
                Dead::Event { event, .. } => self.chats[*chat].wait(event.id, event.what),
                Dead::Call(call) => self.chats[*chat].queue(Call {
                    taken: false,
                    ..call
                }),
            },
            Step::Drop(chat) => drop(self.chats[*chat].dead.remove(0)),
            Step::Due => {
                for (place, (chat, key)) in self.due().into_iter().enumerate() {
                    self.chats[chat]
                        .reminders
                        .retain(|(other, _)| *other != key);
                    self.chats[chat].wait(told(place), ChatEventKind::Reminder(key));
                }
            }
            Step::Sweep => {}
            Step::Forget(chat) => self.chats[*chat] = Chat::default(),
        }
    }

    /// The reminders that are due, in the order in which they come.
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
    /// Ends the turn of the first event.
    fn end(&mut self, said: &[Said], due: Option<u64>, aside: bool, fill: usize) {
        let event = self.waiting.remove(0).id;
        self.aside += usize::from(aside && self.state.is_some());
        self.state = Some(State::after(self.state.as_ref(), event, fill));
        for (place, what) in said.iter().enumerate() {
            let of = match what {
                Said::Edit { of, .. } | Said::Delete { of } => Some(*of),
                Said::Say { .. } => None,
            };
            let still = self
                .calls
                .iter()
                .position(|call| Some(call.key) == of && !call.taken);
            match (still, what) {
                (Some(place), Said::Edit { text: new, .. }) => {
                    if let Said::Say { text, .. } = &mut self.calls[place].what {
                        text.clone_from(new);
                    }
                }
                (Some(place), _) => drop(self.calls.remove(place)),
                (None, _) => {
                    let key = (event, place as u16);
                    self.queue(Call {
                        key,
                        what: what.clone(),
                        taken: false,
                    });
                }
            }
        }
        self.reminders.extend(due.map(|due| ((event, 0), due)));
        self.reminders.sort_unstable();
    }

    fn settle(&mut self, settling: Settling) {
        let place = self.calls.iter().position(|call| call.taken);
        let place = place.expect("only what is taken is settled");
        if let Settling::NotSent = settling {
            self.calls[place].taken = false;
            return;
        }
        let call = self.calls.remove(place);
        match (settling, &call.what) {
            (Settling::Sent(number), Said::Say { remember: true, .. }) => {
                self.messages.push((call.key, number));
                self.messages.sort_unstable();
            }
            (Settling::Dead, _) => self.dead.push(Dead::Call(Call {
                taken: false,
                ..call
            })),
            _ => {}
        }
    }
}
