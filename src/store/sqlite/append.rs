//! Takes the spool into the inbox, in its order, and leaves word of the events.

use super::Fault;
use super::db::Db;
use super::inbox;
use super::spool::{Read, Spool};
use crate::store::{NewDelivery, Notice};

/// How many deliveries are taken in together.
const STEP: usize = 256;

/// Takes all of it in. What is in the inbox already, since a process ended in the middle of this, is a repeat.
pub(super) fn append_spooled(db: &Db, spool: &mut Spool) -> Result<(), Fault> {
    let failed = |spool: &Spool, error: std::io::Error| Fault::Spool {
        path: spool.path().to_owned(),
        cause: error.to_string(),
    };
    let mut broken = 0;
    loop {
        let (mut step, mut at) = (Vec::new(), spool.first());
        let is_end = loop {
            let (read, next) = spool.read(at).map_err(|error| failed(spool, error))?;
            at = next;
            match read {
                Read::Delivery(delivery) => step.push(delivery),
                Read::Broken => broken += 1,
                Read::End => break true,
            }
            if step.len() >= STEP {
                break false;
            }
        };
        append(db, &step)?;
        spool.taken(at);
        if is_end {
            break;
        }
    }
    if broken == 0 {
        return spool.clear().map_err(|error| failed(spool, error));
    }
    let aside = spool.set_aside().map_err(|error| failed(spool, error))?;
    tracing::error!(broken, file = %aside.display(), "deliveries in the spool do not open; the file is kept aside");
    Ok(())
}

fn append(db: &Db, deliveries: &[NewDelivery]) -> Result<(), Fault> {
    db.begin()?;
    for delivery in deliveries {
        let ids = inbox::append(db, delivery)?;
        for (id, event) in ids.into_iter().zip(&delivery.events) {
            id.map(|id| db.tell(&Notice::Event(id, event.key.clone())))
                .transpose()?;
        }
    }
    db.commit()
}
