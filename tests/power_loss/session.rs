//! One session: a process works the store under the recorder, and its record is cut at random places.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::check::{Told, Trouble, check, lay_out};
use crate::cuts::{Cuts, is_word};
use crate::disk::{Disk, Image, WORD};
use crate::random::Random;
use crate::record::{self, Act};
use crate::world::World;

/// Where sessions are held, and the recorder.
pub(crate) struct Stage {
    pub(crate) folder: PathBuf,
    pub(crate) recorder: PathBuf,
}

/// How images were found.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) images: u64,
    pub(crate) sessions: u64,
    /// Of the images, those that were cut before the first step: while the store was made or recovered.
    pub(crate) opening: u64,
    pub(crate) lost: u64,
    pub(crate) damaged: u64,
    pub(crate) unopenable: u64,
}

impl Counts {
    pub(crate) fn is_clean(&self) -> bool {
        (self.lost, self.damaged, self.unopenable) == (0, 0, 0)
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts {
            images,
            sessions,
            opening,
            lost,
            damaged,
            unopenable,
        } = self;
        write!(
            f,
            "{images} images of {sessions} sessions, {opening} of them cut while it opened: \
             {lost} lost, {damaged} damaged, {unopenable} that do not open"
        )
    }
}

/// What a session begins with.
pub(crate) struct Session {
    images: u64,
    image: Image,
    world: World,
    pub(crate) settings: String,
    /// Cut everywhere while the store is opened, and nowhere else.
    pub(crate) opens_only: bool,
}

impl Session {
    pub(crate) fn new(images: u64, (image, world): (Image, World)) -> Session {
        Session {
            images,
            image,
            world,
            settings: String::new(),
            opens_only: false,
        }
    }

    /// Works the store and cuts the record. Gives an image to go on with, and what it holds.
    pub(crate) fn run(
        self,
        stage: &Stage,
        random: &mut Random,
        counts: &mut Counts,
    ) -> Option<(Image, World)> {
        let acts = self.record(stage, random);
        let opened = acts.iter().position(is_word).unwrap_or(acts.len());
        let places = Cuts::new(&acts, opened);
        let choose = |number: u64| match self.opens_only {
            true => number as usize * opened / self.images as usize,
            false => places.choose(random),
        };
        let mut cuts: Vec<usize> = (0..self.images).map(choose).collect();
        cuts.sort_unstable();
        let continued = random.place(cuts.len());
        counts.sessions += 1;

        let (mut disk, mut told) = (Disk::new(&self.image), Told::new(self.world));
        let (mut next, mut left) = (0, None);
        for (place, act) in acts.iter().enumerate() {
            while cuts.get(next) == Some(&place) {
                let image = disk.cut(random);
                let checked = check(&stage.folder.join("image"), &image, &told);
                counts.images += 1;
                counts.opening += u64::from(place < opened);
                match checked {
                    Ok(world) if next == continued => left = Some((image, world)),
                    Ok(_) => {}
                    Err(trouble) => counts.note(&trouble, &self.settings, place),
                }
                next += 1;
            }
            if let Some(word) = disk.apply(act) {
                told.hear(word);
            }
        }
        is_whole(stage, &disk);
        left
    }

    /// Has the store worked by a process of its own, and gives the record.
    fn record(&self, stage: &Stage, random: &mut Random) -> Vec<Act> {
        let folder = stage.folder.join("worked");
        drop(fs::remove_dir_all(&folder));
        lay_out(&folder, &self.image);
        let (world, log) = (stage.folder.join("world"), stage.folder.join("log"));
        fs::write(&world, serde_json::to_vec(&self.world).unwrap()).unwrap();
        drop(fs::remove_file(&log));
        let mut process = Command::new(std::env::current_exe().unwrap());
        process.arg("work").arg(&folder).arg(&world);
        let steps = if self.opens_only {
            1
        } else {
            20 + random.below(200)
        };
        process
            .arg(random.next().to_string())
            .arg(steps.to_string());
        process.arg(&self.settings);
        process.env("LD_PRELOAD", &stage.recorder);
        process.env("POWER_FOLDER", &folder).env("POWER_LOG", &log);
        assert!(
            process.status().unwrap().success(),
            "the process that works the store failed"
        );
        record::read(&log)
    }
}

/// The record is complete: it leads to the very files that are there.
fn is_whole(stage: &Stage, disk: &Disk) {
    let mut image = Image::new();
    for entry in fs::read_dir(stage.folder.join("worked")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if name != WORD && !name.ends_with("-shm") {
            image.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    assert!(
        image == disk.seen(),
        "the record does not lead to the files that are there"
    );
}

impl Counts {
    fn note(&mut self, trouble: &Trouble, settings: &str, place: usize) {
        match trouble {
            Trouble::Lost(_) => self.lost += 1,
            Trouble::Damaged(_) => self.damaged += 1,
            Trouble::Unopenable(_) => self.unopenable += 1,
        }
        let is_expected = settings.contains("NORMAL") && matches!(trouble, Trouble::Lost(_));
        if !is_expected {
            println!("cut after {place} acts with `{settings}`: {trouble}");
        }
    }
}
