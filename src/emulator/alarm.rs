//! What the portal does by itself when its time has come: the queue takes over from a welcome bot.

use std::future::pending;
use std::sync::Arc;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::portal::Portal;
use super::world::tokens::HOPS_MAX;

/// Waits for the next alarm of the world and rings it, until the portal is stopped. No user causes what follows.
pub(crate) async fn ring(portal: Arc<Portal>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = portal.alarm.notified() => {}
            () = due(&portal) => portal.hit(0, HOPS_MAX, |hit| hit.ring()),
        }
    }
}

/// Waits until the next alarm is due; for ever if there is none.
async fn due(portal: &Portal) {
    let left = portal.see(|world| Some(world.clock.until(world.lines.next_alarm()?)));
    match left {
        Some(left) => sleep(left).await,
        None => pending().await,
    }
}
