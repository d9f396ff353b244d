//! The spool: a file for deliveries that the database cannot store. It only grows, until all of it
//! is in the inbox.
//!
//! A record is its length (4 bytes) and a sealed delivery. An incomplete record at the end, after a
//! power failure, is skipped: it was never acknowledged.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::event::MemberId;
use crate::platform::{self, read_exact_at, write_all_at};
use crate::store::seal::Sealer;
use crate::store::text;
use crate::store::{NewDelivery, NewEvent, Occurrence, OrderingKey, Time};

/// Size of a length, in bytes.
const LENGTH: usize = 4;

/// The spool of a store.
#[derive(Debug)]
pub(super) struct Spool {
    path: PathBuf,
    sealer: Arc<Sealer>,
    file: Option<File>,
    /// The position of the next record.
    end: u64,
    /// The position of the first record that is not in the inbox.
    first_pending: u64,
}

/// The head of a delivery, which is followed by its body.
#[derive(Serialize, Deserialize)]
struct Head {
    portal: MemberId,
    at: Time,
    events: Vec<(String, OrderingKey, u16)>,
}

/// A record that was read.
pub(super) enum Record {
    Delivery(NewDelivery),
    /// The record is complete, but does not open.
    Unreadable,
    /// There are no more complete records.
    End,
}

impl Spool {
    pub(super) fn open(database: &Path, sealer: Arc<Sealer>) -> io::Result<Self> {
        let path = platform::with_suffix(database, ".spool");
        let file = match OpenOptions::new().read(true).write(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            file => Some(file?),
        };
        let end = file
            .as_ref()
            .map(|file| file.metadata())
            .transpose()?
            .map_or(0, |file| file.len());
        Ok(Self {
            path,
            sealer,
            file,
            end,
            first_pending: 0,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.end == 0
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends deliveries. They are on the disk when this returns.
    pub(super) fn add<'a>(
        &mut self,
        deliveries: impl Iterator<Item = &'a NewDelivery>,
    ) -> io::Result<()> {
        let mut records = Vec::new();
        for delivery in deliveries {
            let context = context(self.end + records.len() as u64);
            let sealed = self.sealer.seal(&context, &encode(delivery));
            let length = u32::try_from(sealed.len()).map_err(io::Error::other)?;
            records.extend_from_slice(&length.to_be_bytes());
            records.extend_from_slice(&sealed);
        }
        let file = match self.file.take() {
            Some(file) => file,
            None => self.create()?,
        };
        let file = self.file.insert(file);
        let written = file
            .set_len(self.end) // removes what a failed attempt may have left
            .and_then(|()| write_all_at(file, &records, self.end))
            .and_then(|()| file.sync_data());
        if let Err(error) = written {
            let _ = file.set_len(self.end);
            return Err(error);
        }
        self.end += records.len() as u64;
        Ok(())
    }

    fn create(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        let file = platform::private(options.read(true).write(true).create(true).truncate(false))
            .open(&self.path)?;
        platform::sync_folder(&platform::folder(&self.path))?;
        Ok(file)
    }

    /// Reads the record at a position. Returns it and the position after it.
    pub(super) fn read(&self, at: u64) -> io::Result<(Record, u64)> {
        let Some(file) = &self.file else {
            return Ok((Record::End, at));
        };
        let Some(length) = length_at(file, at, self.end)? else {
            return Ok((Record::End, at));
        };
        let mut sealed = vec![0; length];
        read_exact_at(file, &mut sealed, at + LENGTH as u64)?;
        let plain = self.sealer.open(&context(at), &sealed).ok();
        let next = at + (LENGTH + length) as u64;
        Ok(match plain.and_then(|plain| decode(&plain)) {
            Some(delivery) => (Record::Delivery(delivery), next),
            None => (Record::Unreadable, next),
        })
    }

    /// Returns the position of the first record that is not in the inbox.
    pub(super) fn first_pending(&self) -> u64 {
        self.first_pending
    }

    /// Sets the position of the first record that is not in the inbox.
    pub(super) fn set_first_pending(&mut self, at: u64) {
        self.first_pending = at;
    }

    /// Empties the spool, after all of it was moved into the inbox.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        if let Some(file) = &self.file {
            file.set_len(0)?;
            file.sync_all()?;
        }
        (self.end, self.first_pending) = (0, 0);
        Ok(())
    }

    /// Renames the file for an operator to look at, because a part of it does not open. Returns the
    /// new name.
    pub(super) fn set_aside(&mut self) -> io::Result<PathBuf> {
        let kept = (1..)
            .map(|number| platform::with_suffix(&self.path, &format!(".broken-{number}")))
            .find(|path| !path.exists())
            .expect("there is always another number");
        fs::rename(&self.path, &kept)?;
        self.file = None;
        (self.end, self.first_pending) = (0, 0);
        Ok(kept)
    }
}

/// Returns the number of deliveries in the spool of a database.
pub(super) fn count(database: &Path) -> u64 {
    let Ok(file) = File::open(platform::with_suffix(database, ".spool")) else {
        return 0;
    };
    let end = file.metadata().map_or(0, |file| file.len());
    let (mut at, mut count) = (0, 0);
    while let Ok(Some(length)) = length_at(&file, at, end) {
        at += (LENGTH + length) as u64;
        count += 1;
    }
    count
}

/// Returns the length of the record at a position, if the record is complete.
fn length_at(file: &File, at: u64, end: u64) -> io::Result<Option<usize>> {
    if at + LENGTH as u64 > end {
        return Ok(None);
    }
    let mut length = [0; LENGTH];
    read_exact_at(file, &mut length, at)?;
    let length = u32::from_be_bytes(length);
    let is_complete = length > 0 && at + LENGTH as u64 + u64::from(length) <= end;
    Ok(is_complete.then_some(length as usize))
}

/// Returns the context of the sealed record at a position.
fn context(at: u64) -> String {
    format!("spool {at}")
}

fn encode(delivery: &NewDelivery) -> Vec<u8> {
    let events = delivery.events.iter();
    let head = Head {
        portal: delivery.portal.clone(),
        at: delivery.at,
        events: events
            .map(|event| {
                (
                    format!("{:x}", event.occurrence.0),
                    event.key.clone(),
                    event.part,
                )
            })
            .collect(),
    };
    let head = text::json(&head).into_bytes();
    let length = u32::try_from(head.len()).expect("a delivery has far fewer events");
    [&length.to_be_bytes(), head.as_slice(), &delivery.body].concat()
}

fn decode(plain: &[u8]) -> Option<NewDelivery> {
    let (length, rest) = plain.split_first_chunk::<LENGTH>()?;
    let (head, body) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    let Head { portal, at, events } = serde_json::from_slice(head).ok()?;
    let event = |(occurrence, key, part): (String, OrderingKey, u16)| {
        let occurrence = Occurrence(u128::from_str_radix(&occurrence, 16).ok()?);
        Some(NewEvent {
            occurrence,
            key,
            part,
        })
    };
    Some(NewDelivery {
        portal,
        body: Bytes::copy_from_slice(body),
        at,
        events: events.into_iter().map(event).collect::<Option<_>>()?,
    })
}
