//! Faults by name: the body of `POST /emulator/faults`, and the methods for tests.

use std::time::Duration;

use serde::Deserialize;

use crate::emulator::planned::Damage;
use crate::emulator::portal::Portal;
use crate::emulator::refusal::Refusal;
use crate::emulator::world::secret;

/// HTTP status of a gateway that lost the portal behind it.
const BAD_GATEWAY: u16 = 502;

/// A fault, such as `{"fault": "refuse", "times": 3, "status": 503, "code":
/// "QUERY_LIMIT_EXCEEDED"}`.
///
/// `times` is 1 by default. Times are in milliseconds. An unknown field is an error.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Fault {
    /// Refuses the next calls before any other check.
    Refuse {
        #[serde(default = "once")]
        times: usize,
        status: u16,
        code: String,
    },
    /// Refuses the next requests to the authorization server; the tokens in them stay valid.
    RefuseTokens {
        #[serde(default = "once")]
        times: usize,
        status: u16,
        code: String,
    },
    /// Redirects the next calls with 302, without running them, as a login or maintenance page in
    /// front of the portal does.
    Redirect {
        #[serde(default = "once")]
        times: usize,
        #[serde(default = "login_page")]
        to: String,
    },
    /// Answers the next calls that succeed with an HTML page.
    AnswerHtml {
        #[serde(default = "once")]
        times: usize,
        #[serde(default = "bad_gateway")]
        status: u16,
    },
    /// Breaks off the answers to the next calls that succeed.
    CutAnswers {
        #[serde(default = "once")]
        times: usize,
    },
    /// Delays the answers to the next calls that succeed.
    DelayAnswers {
        #[serde(default = "once")]
        times: usize,
        ms: u64,
    },
    /// Loses the next events.
    LoseEvents {
        #[serde(default = "once")]
        times: usize,
    },
    /// Delivers the next events twice.
    RepeatEvents {
        #[serde(default = "once")]
        times: usize,
    },
    /// Delays the next events; later ones arrive before them.
    DelayEvents {
        #[serde(default = "once")]
        times: usize,
        ms: u64,
    },
    /// Expires every access token now.
    ExpireTokens {},
    /// Removes an application from the portal without an event.
    RevokeApp { client_id: String },
    /// Gives the inbound webhook another secret.
    RevokeWebhook {},
    /// Gives the portal another address; callers of the old one are redirected.
    Rename { domain: String },
    /// Adds operating time to a method that it did not take.
    Charge {
        client_id: String,
        method: String,
        seconds: f64,
    },
    /// Removes all plans for calls and events.
    Calm {},
}

fn once() -> usize {
    1
}

fn login_page() -> String {
    "/auth/?backurl=/rest/".to_owned()
}

fn bad_gateway() -> u16 {
    BAD_GATEWAY
}

impl Fault {
    /// Causes the fault, now or for the next calls or events.
    pub(crate) fn cause(self, portal: &Portal) -> Result<(), Refusal> {
        let damage = |times, damage| portal.planned().damage(times, damage);
        let deliveries = portal.deliveries();
        match self {
            Fault::Refuse {
                times,
                status,
                code,
            } => {
                portal.planned().refuse(times, &refusal(&code, status));
            }
            Fault::RefuseTokens {
                times,
                status,
                code,
            } => {
                let refusal = refusal(&code, status);
                portal.planned().refuse_tokens(times, &refusal);
            }
            Fault::Redirect { times, to } => portal.planned().redirect(times, &to),
            Fault::AnswerHtml { times, status } => damage(times, Damage::Page(status)),
            Fault::CutAnswers { times } => damage(times, Damage::Cut),
            Fault::DelayAnswers { times, ms } => {
                damage(times, Damage::Late(Duration::from_millis(ms)));
            }
            Fault::LoseEvents { times } => deliveries.planned().lose += times,
            Fault::RepeatEvents { times } => deliveries.planned().repeat += times,
            Fault::DelayEvents { times, ms } => {
                let late = std::iter::repeat_n(Duration::from_millis(ms), times);
                deliveries.planned().late.extend(late);
            }
            Fault::ExpireTokens {} => portal.act(0, |tx| {
                let now = tx.world.clock.unix();
                tx.world.tokens.expire_all(now);
            }),
            Fault::RevokeApp { client_id } => {
                portal.act(0, |tx| tx.revoke_app(&client_id))?;
            }
            Fault::RevokeWebhook {} => {
                portal.act(0, |tx| tx.world.webhook.secret = secret());
            }
            Fault::Rename { domain } => portal.act(0, |tx| tx.world.rename(&domain)),
            Fault::Charge {
                client_id,
                method,
                seconds,
            } => portal.act(0, |tx| {
                let now = tx.world.clock.unix();
                tx.world.operating.charge(&client_id, &method, seconds, now);
            }),
            Fault::Calm {} => portal.calm(),
        }
        Ok(())
    }
}

fn refusal(code: &str, status: u16) -> Refusal {
    Refusal::new(code, "Refused: planned by a test").status(status)
}

#[cfg(test)]
mod tests {
    use crate::emulator::faults::*;
    use serde_json::{Value, json};

    fn read(fault: Value) -> Result<Fault, String> {
        serde_json::from_value(fault).map_err(|error| error.to_string())
    }

    #[test]
    fn faults_are_read_by_name_and_unknown_ones_are_refused() {
        let refuse = |times| Fault::Refuse {
            times,
            status: 503,
            code: "X".to_owned(),
        };
        let cases = [
            (
                json!({ "fault": "refuse", "status": 503, "code": "X" }),
                refuse(1),
            ),
            (
                json!({ "fault": "refuse", "times": 3, "status": 503, "code": "X" }),
                refuse(3),
            ),
            (
                json!({ "fault": "redirect" }),
                Fault::Redirect {
                    times: 1,
                    to: "/auth/?backurl=/rest/".to_owned(),
                },
            ),
            (
                json!({ "fault": "answer_html" }),
                Fault::AnswerHtml {
                    times: 1,
                    status: 502,
                },
            ),
            (
                json!({ "fault": "delay_events", "ms": 5 }),
                Fault::DelayEvents { times: 1, ms: 5 },
            ),
            (json!({ "fault": "expire_tokens" }), Fault::ExpireTokens {}),
        ];
        for (fault, expected) in cases {
            assert_eq!(read(fault.clone()), Ok(expected), "{fault}");
        }
        for wrong in [
            json!({ "fault": "explode" }),
            json!({ "fault": "refuse", "status": 503 }),
            json!({ "fault": "delay_events", "seconds": 5 }),
            json!({ "fault": "lose_events", "time": 5 }),
            json!({ "times": 1 }),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
