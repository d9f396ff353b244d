//! The frame of every run: a portal with people who write, and the processes of one store.

use std::ops::ControlFlow;
use std::time::Duration;

use super::check::Findings;
use super::people::Stage;
use super::process::Processes;
use super::program::Variant;

/// Maximum time in which the last process answers what its predecessors left.
const END_LIMIT: Duration = Duration::from_secs(300);

/// Installs the application, runs processes under load, and at last one that finishes the work.
/// Returns the findings at the end, or those that `run` stops with.
pub(crate) fn under_load(
    variant: Variant,
    seed: u64,
    run: impl AsyncFnOnce(&mut Processes, &Stage) -> ControlFlow<Findings>,
) -> Findings {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let stage = Stage::set_up(folder.path(), variant).await;
        let mut processes = Processes::new(stage.settings.clone());
        processes.install(&stage).await;
        let load = stage.send_messages(seed);
        let ended = run(&mut processes, &stage).await;
        load.abort();
        let _ = load.await;
        match ended {
            ControlFlow::Break(found) => found,
            ControlFlow::Continue(()) => {
                processes.run_to_the_end(END_LIMIT, &stage).await;
                stage.check().at_the_end()
            }
        }
    })
}
