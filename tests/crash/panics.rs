//! Panics: each task and thread that the program needs panics under load. The process must end with
//! an error, without being killed, and the next one continues its work.

use std::ops::ControlFlow;
use std::process::Stdio;
use std::time::Duration;

use super::Plan;
use super::people::Stage;
use super::process::{Processes, Start};
use super::program::{FAIL, FAIL_AFTER, READER, Variant, WRITER};
use super::random::Random;
use super::scenario::under_load;

/// Maximum time until a process has ended after a panic.
const END_LIMIT: Duration = Duration::from_secs(60);

/// The names of the tasks, as in the engine's errors, and the threads of the store. Those that run
/// only at a start panic at the start.
const PARTS: [(&str, bool); 17] = [
    ("backlog", true),
    ("setup", true),
    ("polling", false),
    ("notices", false),
    ("sweep", false),
    ("reminders", false),
    ("store watch", false),
    ("turns", false),
    ("sender", false),
    ("calls", false),
    ("connector", true),
    ("offline events", false),
    ("proofs", false),
    ("payments", false),
    ("spare tokens", false),
    (WRITER, false),
    (READER, false),
];

/// Returns what a stranger may post, which starts tasks: an installation, a payment, the tokens of
/// a person who opens the application. The tokens are new each time, because an installation with
/// a refused token is refused without a task.
fn posts_of_a_stranger(number: u64) -> [String; 3] {
    [
        format!(
            "event=ONAPPINSTALL&data[VERSION]=1&auth[member_id]=a&auth[application_token]=b\
             &auth[refresh_token]={number:032x}"
        ),
        "event=ONAPPPAYMENT&data[STATUS]=P&data[PAYMENT_EXPIRED]=N&data[CODE]=a&data[VERSION]=1\
         &auth[member_id]=a&auth[domain]=a"
            .to_owned(),
        format!("AUTH_ID={number:032x}&REFRESH_ID={number:032x}&member_id=c&PLACEMENT=DEFAULT"),
    ]
}

/// Runs the panics. Returns what is wrong.
pub(crate) fn run(plan: Plan) -> Vec<String> {
    if plan.panics == 0 {
        return Vec::new();
    }
    let mut random = Random::new(plan.seed);
    let (mut wrong, mut panics) = (Vec::new(), 0);
    let found = under_load(Variant::AllParts, plan.seed, async |processes, stage| {
        for _ in 0..plan.panics {
            for (part, is_at_start) in PARTS {
                let after = if is_at_start {
                    0
                } else {
                    10 + random.below(200)
                };
                let fault = panic_in(processes, stage, part, after).await;
                wrong.extend(fault.map(|fault| format!("panics: `{part}`: {fault}")));
                panics += 1;
            }
        }
        ControlFlow::Continue(())
    });
    println!("crash, panics: {panics} processes ended with an error; {found}");
    if found.is_wrong() {
        wrong.push("panics: a message is lost, doubled or out of order".to_owned());
    }
    wrong
}

/// Runs a process in which this part panics. Returns what is wrong with its end.
async fn panic_in(processes: &Processes, stage: &Stage, part: &str, after: u64) -> Option<String> {
    let mut start = Start::with_log(Stdio::null()); // it would report each panic
    start.set(FAIL, part);
    start.set(FAIL_AFTER, &after);
    let mut process = processes.start(start).await;
    let strangers = tokio::spawn(post_as_stranger(stage.settings.address.clone()));
    let status = process.ended_within(END_LIMIT).await;
    strangers.abort();
    process.kill();
    match status {
        None => Some("the process goes on".to_owned()),
        Some(status) if status.code() == Some(1) => None,
        Some(status) => Some(format!("the process ended with {status}")),
    }
}

/// Posts as a stranger again and again.
async fn post_as_stranger(address: String) {
    let client = reqwest::Client::new();
    for number in 0.. {
        for body in posts_of_a_stranger(number) {
            let request = client
                .post(format!("http://{address}/"))
                .header("content-type", "application/x-www-form-urlencoded")
                .body(body);
            let _ = request.send().await; // the process may be gone
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
