//! Moves the spool into the inbox, in order, with a notice of each event.

use super::Fault;
use super::db::Db;
use super::inbox;
use super::spool::{Record, Spool};
use crate::store::{NewDelivery, Notice};

/// Maximum number of deliveries in one transaction.
const STEP: usize = 256;

/// Moves the whole spool. Deliveries that an interrupted attempt has moved already are repeats.
pub(super) fn append_spooled(db: &Db, spool: &mut Spool) -> Result<(), Fault> {
    let failed = |spool: &Spool, error: std::io::Error| Fault::Spool {
        path: spool.path().to_owned(),
        cause: error.to_string(),
    };
    let mut unreadable = 0;
    loop {
        let (mut step, mut at) = (Vec::new(), spool.first_pending());
        let is_end = loop {
            let (record, next) = spool.read(at).map_err(|error| failed(spool, error))?;
            at = next;
            match record {
                Record::Delivery(delivery) => step.push(delivery),
                Record::Unreadable => unreadable += 1,
                Record::End => break true,
            }
            if step.len() >= STEP {
                break false;
            }
        };
        append(db, &step)?;
        spool.set_first_pending(at);
        if is_end {
            break;
        }
    }
    if unreadable == 0 {
        return spool.clear().map_err(|error| failed(spool, error));
    }
    let kept = spool.set_aside().map_err(|error| failed(spool, error))?;
    tracing::error!(unreadable, file = %kept.display(), "deliveries in the spool cannot be read; the file is kept");
    Ok(())
}

fn append(db: &Db, deliveries: &[NewDelivery]) -> Result<(), Fault> {
    db.begin()?;
    for delivery in deliveries {
        let ids = inbox::append(db, delivery)?;
        for (id, event) in ids.into_iter().zip(&delivery.events) {
            id.map(|id| db.notify(&Notice::Event(id, event.key.clone())))
                .transpose()?;
        }
    }
    db.commit()
}
