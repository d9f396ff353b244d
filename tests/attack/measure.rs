//! What the program needs, and how long people wait, while it is attacked.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::attack::Outcome;
use super::people::{Answers, People};
use super::program::{Program, Usage};

/// Interval in which the program is looked at.
const INTERVAL: Duration = Duration::from_millis(50);

/// The results of the attacks of one group.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) answers: Answers,
    /// The most memory above that of the idle program, in bytes, if the system reports it.
    pub(crate) memory: Option<u64>,
    files: usize,
}

impl Measured {
    /// Measures while attacks run, and people write.
    pub(crate) async fn during(
        program: &Program,
        people: &People,
        attacks: impl Future<Output = Vec<Outcome>>,
    ) -> Self {
        let (end, ended) = watch::channel(());
        let attacks = async {
            let outcomes = attacks.await;
            drop(end);
            outcomes
        };
        let usage = most(program, ended.clone());
        let (outcomes, usage, answers) = tokio::join!(attacks, usage, people.write(ended));
        Self {
            outcomes,
            answers,
            memory: usage
                .memory
                .map(|memory| memory.saturating_sub(program.idle_memory)),
            files: usage.files,
        }
    }

    #[expect(clippy::print_stdout, reason = "the table goes to standard output")]
    pub(crate) fn print(&self) {
        let last = self.outcomes.len() - 1;
        for (
            index,
            Outcome {
                name,
                count,
                answers,
            },
        ) in self.outcomes.iter().enumerate()
        {
            let answers = answers
                .iter()
                .map(|(answer, count)| format!("{count} × {answer}"));
            let answers = answers.collect::<Vec<_>>().join(", ");
            print!("{name:28} {count:>6}  {answers:38}");
            if index == last {
                let memory = self.memory.map_or("-".to_owned(), |memory| {
                    format!("{} MB", memory.div_ceil(1024 * 1024))
                });
                let worst = format!("{} ms", self.answers.worst.as_millis());
                print!(" {:>6} {memory:>8} {worst:>12}", self.files);
            }
            println!();
        }
    }
}

/// Returns the most that the program uses until the attacks have ended.
async fn most(program: &Program, mut ended: watch::Receiver<()>) -> Usage {
    let mut most = Usage::default();
    loop {
        let now = program.usage();
        most.memory = most.memory.max(now.memory);
        most.files = most.files.max(now.files);
        tokio::select! {
            _ = ended.changed() => return most,
            () = sleep(INTERVAL) => {}
        }
    }
}
