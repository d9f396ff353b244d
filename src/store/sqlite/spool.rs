//! Where deliveries wait that the database cannot take: a file that only grows, until all of it was taken in.
//!
//! A record is its length (4 bytes) and a sealed delivery. A tail that was torn when the power failed is passed over:
//! nobody was told that it is safe.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::files;
use super::seal::Sealer;
use crate::event::MemberId;
use crate::platform::{self, read_exact_at, write_all_at};
use crate::store::{NewDelivery, NewEvent, Occurrence, OrderingKey, Time};

const LENGTH: usize = 4;

/// The spool of a store.
#[derive(Debug)]
pub(super) struct Spool {
    path: PathBuf,
    seal: Arc<Sealer>,
    file: Option<File>,
    /// Where the next record goes.
    end: u64,
    /// Up to where records were taken in.
    taken: u64,
}

/// A delivery's head, before its body.
#[derive(Serialize, Deserialize)]
struct Head {
    portal: MemberId,
    at: Time,
    events: Vec<(String, OrderingKey, u16)>,
}

/// What was read.
pub(super) enum Read {
    Delivery(NewDelivery),
    /// It is complete and does not open.
    Broken,
    End,
}

impl Spool {
    pub(super) fn open(database: &Path, seal: Arc<Sealer>) -> io::Result<Spool> {
        let path = files::beside(database, ".spool");
        let file = match OpenOptions::new().read(true).write(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            file => Some(file?),
        };
        let end = file
            .as_ref()
            .map(|file| file.metadata())
            .transpose()?
            .map_or(0, |file| file.len());
        Ok(Spool {
            path,
            seal,
            file,
            end,
            taken: 0,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.end == 0
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts deliveries in. They are on the disk when this returns.
    pub(super) fn add<'a>(
        &mut self,
        deliveries: impl Iterator<Item = &'a NewDelivery>,
    ) -> io::Result<()> {
        let mut records = Vec::new();
        for delivery in deliveries {
            let place = place(self.end + records.len() as u64);
            let sealed = self.seal.seal(&place, &encode(delivery));
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
            .set_len(self.end) // what an earlier try may have left
            .and_then(|()| write_all_at(file, &records, self.end))
            .and_then(|()| file.sync_data());
        if let Err(error) = written {
            drop(file.set_len(self.end));
            return Err(error);
        }
        self.end += records.len() as u64;
        Ok(())
    }

    fn create(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        let file = platform::private(options.read(true).write(true).create(true).truncate(false))
            .open(&self.path)?;
        platform::sync_folder(&files::folder(&self.path))?;
        Ok(file)
    }

    /// The delivery at a place, and the place after it. It begins with [`Spool::first`].
    pub(super) fn read(&self, at: u64) -> io::Result<(Read, u64)> {
        let Some(file) = &self.file else {
            return Ok((Read::End, at));
        };
        let Some(length) = length_at(file, at, self.end)? else {
            return Ok((Read::End, at));
        };
        let mut sealed = vec![0; length];
        read_exact_at(file, &mut sealed, at + LENGTH as u64)?;
        let plain = self.seal.open(&place(at), &sealed).ok();
        let next = at + (LENGTH + length) as u64;
        Ok(match plain.and_then(|plain| decode(&plain)) {
            Some(delivery) => (Read::Delivery(delivery), next),
            None => (Read::Broken, next),
        })
    }

    /// The place of the first record that was not taken in.
    pub(super) fn first(&self) -> u64 {
        self.taken
    }

    /// Notes that everything before a place is in the database.
    pub(super) fn taken(&mut self, up_to: u64) {
        self.taken = up_to;
    }

    /// Empties the spool: all of it was taken in.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        if let Some(file) = &self.file {
            file.set_len(0)?;
            file.sync_all()?;
        }
        (self.end, self.taken) = (0, 0);
        Ok(())
    }

    /// Puts the file aside for somebody to look at: a part of it does not open.
    pub(super) fn set_aside(&mut self) -> io::Result<PathBuf> {
        let aside = (1..)
            .map(|number| files::beside(&self.path, &format!(".broken-{number}")))
            .find(|path| !path.exists())
            .expect("there are endless numbers");
        fs::rename(&self.path, &aside)?;
        self.file = None;
        (self.end, self.taken) = (0, 0);
        Ok(aside)
    }
}

/// How many deliveries wait in the spool of a database.
pub(super) fn count(database: &Path) -> u64 {
    let Ok(file) = File::open(files::beside(database, ".spool")) else {
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

/// The length of the record at a place, if it is whole.
fn length_at(file: &File, at: u64, end: u64) -> io::Result<Option<usize>> {
    if at + LENGTH as u64 > end {
        return Ok(None);
    }
    let mut length = [0; LENGTH];
    read_exact_at(file, &mut length, at)?;
    let length = u32::from_be_bytes(length);
    let is_whole = length > 0 && at + LENGTH as u64 + u64::from(length) <= end;
    Ok(is_whole.then_some(length as usize))
}

fn place(at: u64) -> String {
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
    let head = super::text::json(&head).into_bytes();
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
