//! A model of a disk with a cache: what programs see, what is durable, and what a power failure
//! leaves.
//!
//! A flush of a file makes its writes durable; a flush of the folder makes its names durable. Each
//! write that is not flushed is kept, dropped or torn at 512 bytes independently, so a later write
//! may survive without an earlier one. Names change in order, as in a file system with a journal,
//! but the flush of a file does not make its name durable.

use std::collections::{BTreeMap, HashMap};

use crate::file::{Change, Fate, File};
use crate::random::Random;
use crate::record::Action;

/// The files of the folder by name.
pub(crate) type Image = BTreeMap<String, Vec<u8>>;

/// The file in which the process reports its steps. It is not part of an image.
pub(crate) const REPORTS: &str = "reports";

#[derive(Default)]
pub(crate) struct Disk {
    files: Vec<File>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    name_changes: Vec<NameChange>,
    /// Open files by descriptor. The folder is `None`.
    open: HashMap<i64, Option<usize>>,
}

#[derive(Clone)]
enum NameChange {
    Add(String, usize),
    Remove(String),
    Move(String, String),
}

impl Disk {
    /// Returns a disk with these files.
    pub(crate) fn new(image: &Image) -> Self {
        let mut disk = Self::default();
        for (name, data) in image {
            disk.durable_names.insert(name.clone(), disk.files.len());
            disk.files.push(File {
                durable: data.clone(),
                ..File::default()
            });
        }
        disk.names = disk.durable_names.clone();
        disk
    }

    /// Applies an action of the process. Returns the report, if the action wrote one.
    pub(crate) fn apply<'a>(&mut self, action: &'a Action) -> Option<&'a [u8]> {
        match action {
            Action::Open {
                fd,
                name,
                truncates,
            } => self.open_file(*fd, name, *truncates),
            Action::Close { fd } => {
                self.open.remove(fd);
            }
            Action::Write { fd, at, data } => {
                let file = self.file(*fd);
                self.change(file, Change::Write(*at, data.as_slice().into()));
                return (self.names.get(REPORTS) == Some(&file)).then_some(data);
            }
            Action::Size { fd, length } => self.change(self.file(*fd), Change::Size(*length)),
            Action::Flush { fd } => match self.open[fd] {
                Some(file) => self.files[file].flush(),
                None => {
                    self.name_changes.clear();
                    self.durable_names = self.names.clone();
                }
            },
            Action::Rename { from, to } => {
                self.change_name(NameChange::Move(from.clone(), to.clone()))
            }
            Action::Link { from, to } => {
                self.change_name(NameChange::Add(to.clone(), self.names[from]))
            }
            Action::Unlink { name } => self.change_name(NameChange::Remove(name.clone())),
        }
        None
    }

    fn open_file(&mut self, fd: i64, name: &str, truncates: bool) {
        let file = (!name.is_empty()).then(|| match self.names.get(name) {
            Some(file) => *file,
            None => {
                self.files.push(File::default());
                let file = self.files.len() - 1;
                self.change_name(NameChange::Add(name.to_owned(), file));
                file
            }
        });
        if let Some(file) = file.filter(|_| truncates) {
            self.change(file, Change::Size(0));
        }
        self.open.insert(fd, file);
    }

    fn file(&self, fd: i64) -> usize {
        self.open[&fd].expect("a folder is not written to")
    }

    fn change(&mut self, file: usize, change: Change) {
        self.files[file].pending.push(change);
    }

    fn change_name(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.name_changes.push(change);
    }

    /// Returns the files as programs see them.
    pub(crate) fn visible(&self) -> Image {
        self.image(&self.names, Fate::Kept, &mut Random::new(0))
    }

    /// Returns what a power failure may leave now.
    pub(crate) fn cut(&self, random: &mut Random) -> Image {
        let fate = match random.below(8) {
            0 => Fate::Kept,
            1 | 2 => Fate::Dropped,
            _ => Fate::Mixed(10 + random.below(90), random.below(100)),
        };
        let mut names = self.durable_names.clone();
        let kept = match fate {
            Fate::Kept => self.name_changes.len(),
            Fate::Dropped => 0,
            Fate::Mixed(..) => random.place(self.name_changes.len() + 1),
        };
        for change in &self.name_changes[..kept] {
            change.apply(&mut names);
        }
        self.image(&names, fate, random)
    }

    fn image(&self, names: &BTreeMap<String, usize>, fate: Fate, random: &mut Random) -> Image {
        let files = names.iter().filter(|(name, _)| *name != REPORTS);
        files
            .map(|(name, file)| (name.clone(), self.files[*file].after(fate, random)))
            .collect()
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Add(name, file) => {
                names.insert(name.clone(), *file);
            }
            Self::Remove(name) => {
                names.remove(name);
            }
            Self::Move(from, to) => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
        }
    }
}
