//! Plans for the next calls and events: refusals, damaged answers, lost, repeated and late events.

use std::collections::VecDeque;
use std::time::Duration;

use crate::emulator::refusal::Refusal;

/// Damage to the answer of a call that was run and succeeded.
#[derive(Clone, Debug, Copy, PartialEq, Eq)]
pub(crate) enum Damage {
    /// An HTML page with this HTTP status replaces it.
    Page(u16),
    /// The connection is closed in the middle of it.
    Cut,
    /// It is sent after this time.
    Late(Duration),
}

/// Plans for the next calls, in the order in which they were made.
#[derive(Debug, Default)]
pub(crate) struct PlannedCalls {
    refusals: VecDeque<Refusal>,
    token_refusals: VecDeque<Refusal>,
    redirects: VecDeque<String>,
    damages: VecDeque<Damage>,
}

impl PlannedCalls {
    /// Plans to refuse the next calls.
    pub(crate) fn refuse(&mut self, times: usize, refusal: &Refusal) {
        let refusals = std::iter::repeat_n(refusal.clone(), times);
        self.refusals.extend(refusals);
    }

    /// Plans to refuse the next requests to the authorization server.
    pub(crate) fn refuse_tokens(&mut self, times: usize, refusal: &Refusal) {
        let refusals = std::iter::repeat_n(refusal.clone(), times);
        self.token_refusals.extend(refusals);
    }

    /// Plans to redirect the next calls without running them.
    pub(crate) fn redirect(&mut self, times: usize, to: &str) {
        let redirects = std::iter::repeat_n(to.to_owned(), times);
        self.redirects.extend(redirects);
    }

    /// Plans to run the next calls and damage their answers.
    pub(crate) fn damage(&mut self, times: usize, damage: Damage) {
        self.damages.extend(std::iter::repeat_n(damage, times));
    }

    /// Returns the planned refusal of the current call.
    pub(crate) fn take_refusal(&mut self) -> Option<Refusal> {
        self.refusals.pop_front()
    }

    /// Returns the target of the planned redirect of the current call.
    pub(crate) fn take_redirect(&mut self) -> Option<String> {
        self.redirects.pop_front()
    }

    /// Returns the planned refusal of the current token request.
    pub(crate) fn take_token_refusal(&mut self) -> Option<Refusal> {
        self.token_refusals.pop_front()
    }

    /// Returns the planned damage of the current answer.
    pub(crate) fn take_damage(&mut self) -> Option<Damage> {
        self.damages.pop_front()
    }
}

/// Plans for the next events: what a real queue does at times.
#[derive(Debug, Default)]
pub(crate) struct PlannedEvents {
    /// Number of events to lose.
    pub(crate) lose: usize,
    /// Number of events to deliver twice.
    pub(crate) repeat: usize,
    /// Delay of each of the next events.
    pub(crate) late: VecDeque<Duration>,
}

#[cfg(test)]
mod tests {
    use crate::emulator::planned::*;

    #[test]
    fn plans_apply_in_their_order_and_end() {
        let mut planned = PlannedCalls::default();
        let codes = |planned: &mut PlannedCalls| {
            let refusal = planned.take_refusal();
            refusal.map_or_else(String::new, |refusal| refusal.code().to_owned())
        };
        for (times, code) in [(2, "OVERLOAD_LIMIT"), (0, "NEVER"), (1, "INTERNAL")] {
            planned.refuse(times, &Refusal::new(code, "planned"));
        }
        let found: Vec<String> = (0..4).map(|_| codes(&mut planned)).collect();
        assert_eq!(found, ["OVERLOAD_LIMIT", "OVERLOAD_LIMIT", "INTERNAL", ""]);
        planned.damage(1, Damage::Cut);
        planned.damage(1, Damage::Page(502));
        let found: Vec<_> = (0..3).map(|_| planned.take_damage()).collect();
        assert_eq!(found, [Some(Damage::Cut), Some(Damage::Page(502)), None]);
    }
}
