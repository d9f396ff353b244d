//! A disk that has a cache: what programs see, what is safe, and what a power failure may leave.
//!
//! A flush of a file makes its writes safe, one of the folder its names. What is not flushed is kept, dropped or torn at
//! 512 bytes, each write on its own, so that a later one may be there without an earlier one. Names come and go in order,
//! as in a file system with a journal, but no file's flush makes its name safe.

use std::collections::{BTreeMap, HashMap};

use crate::file::{Change, Fate, File};
use crate::random::Random;
use crate::record::Act;

/// The files of the folder by name.
pub(crate) type Image = BTreeMap<String, Vec<u8>>;

/// The file that is no part of an image: what the process told that it has done.
pub(crate) const WORD: &str = "word";

#[derive(Default)]
pub(crate) struct Disk {
    files: Vec<File>,
    names: BTreeMap<String, usize>,
    safe_names: BTreeMap<String, usize>,
    naming: Vec<Naming>,
    /// Open files by descriptor; the folder is none.
    open: HashMap<i64, Option<usize>>,
}

#[derive(Clone)]
enum Naming {
    Add(String, usize),
    Remove(String),
    Move(String, String),
}

impl Disk {
    /// A disk with files on it.
    pub(crate) fn new(image: &Image) -> Disk {
        let mut disk = Disk::default();
        for (name, data) in image {
            disk.safe_names.insert(name.clone(), disk.files.len());
            disk.files.push(File {
                safe: data.clone(),
                ..File::default()
            });
        }
        disk.names = disk.safe_names.clone();
        disk
    }

    /// Does what a process did; gives the word that it left by that.
    pub(crate) fn apply<'a>(&mut self, act: &'a Act) -> Option<&'a [u8]> {
        match act {
            Act::Open { fd, name, empties } => self.opened(*fd, name, *empties),
            Act::Close { fd } => drop(self.open.remove(fd)),
            Act::Write { fd, at, data } => {
                let file = self.file(*fd);
                self.change(file, Change::Write(*at, data.as_slice().into()));
                return (self.names.get(WORD) == Some(&file)).then_some(data);
            }
            Act::Size { fd, length } => self.change(self.file(*fd), Change::Size(*length)),
            Act::Flush { fd } => match self.open[fd] {
                Some(file) => self.files[file].flush(),
                None => {
                    self.naming.clear();
                    self.safe_names = self.names.clone();
                }
            },
            Act::Rename { from, to } => self.name(Naming::Move(from.clone(), to.clone())),
            Act::Link { from, to } => self.name(Naming::Add(to.clone(), self.names[from])),
            Act::Unlink { name } => self.name(Naming::Remove(name.clone())),
        }
        None
    }

    fn opened(&mut self, fd: i64, name: &str, empties: bool) {
        let file = (!name.is_empty()).then(|| match self.names.get(name) {
            Some(file) => *file,
            None => {
                self.files.push(File::default());
                let file = self.files.len() - 1;
                self.name(Naming::Add(name.to_owned(), file));
                file
            }
        });
        if let Some(file) = file.filter(|_| empties) {
            self.change(file, Change::Size(0));
        }
        self.open.insert(fd, file);
    }

    fn file(&self, fd: i64) -> usize {
        self.open[&fd].expect("nobody writes to a folder")
    }

    fn change(&mut self, file: usize, change: Change) {
        self.files[file].unsafe_changes.push(change);
    }

    fn name(&mut self, naming: Naming) {
        naming.apply(&mut self.names);
        self.naming.push(naming);
    }

    /// The files as programs see them.
    pub(crate) fn seen(&self) -> Image {
        self.image(&self.names, Fate::Kept, &mut Random::new(0))
    }

    /// What the power failing now may leave.
    pub(crate) fn cut(&self, random: &mut Random) -> Image {
        let fate = match random.below(8) {
            0 => Fate::Kept,
            1 | 2 => Fate::Dropped,
            _ => Fate::Mixed(10 + random.below(90), random.below(100)),
        };
        let mut names = self.safe_names.clone();
        let kept = match fate {
            Fate::Kept => self.naming.len(),
            Fate::Dropped => 0,
            Fate::Mixed(..) => random.place(self.naming.len() + 1),
        };
        for naming in &self.naming[..kept] {
            naming.apply(&mut names);
        }
        self.image(&names, fate, random)
    }

    fn image(&self, names: &BTreeMap<String, usize>, fate: Fate, random: &mut Random) -> Image {
        let there = names.iter().filter(|(name, _)| *name != WORD);
        there
            .map(|(name, file)| (name.clone(), self.files[*file].after(fate, random)))
            .collect()
    }
}

impl Naming {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Naming::Add(name, file) => drop(names.insert(name.clone(), *file)),
            Naming::Remove(name) => drop(names.remove(name)),
            Naming::Move(from, to) => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
        }
    }
}
