//! Rings the alarms of the world when they are due.

use std::future::pending;
use std::sync::Arc;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::emulator::portal::Portal;
use crate::emulator::world::tokens::HOPS_MAX;

/// Waits for the next alarm of the world and runs it, until the portal is stopped, in transactions
/// without a user.
pub(crate) async fn ring(portal: Arc<Portal>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = portal.alarm.notified() => {}
            () = due(&portal) => portal.transact(0, HOPS_MAX, |tx| tx.ring()),
        }
    }
}

/// Waits until the next alarm is due; forever if no alarm is set.
async fn due(portal: &Portal) {
    let left = portal.read(|world| Some(world.clock.until(world.lines.next_alarm()?)));
    match left {
        Some(left) => sleep(left).await,
        None => pending().await,
    }
}
