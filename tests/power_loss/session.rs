//! A session: a recorded process uses the store, and its record is cut at random positions.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::check::{Problem, Reported, check, write_image};
use crate::cuts::{Cuts, begins_step};
use crate::disk::{Disk, Image, REPORTS};
use crate::random::Random;
use crate::record::{self, Action};
use crate::world::World;

/// The folder of the sessions, and the recorder.
pub(crate) struct Stage {
    pub(crate) folder: PathBuf,
    pub(crate) recorder: PathBuf,
}

/// The numbers of images, by result.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) images: u64,
    pub(crate) sessions: u64,
    /// Number of images that were cut before the first step, while the store was created or
    /// recovered.
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
        let Self {
            images,
            sessions,
            opening,
            lost,
            damaged,
            unopenable,
        } = self;
        write!(
            f,
            "{images} images of {sessions} sessions, {opening} of them cut while the store opened: \
             {lost} lost, {damaged} damaged, {unopenable} not opening"
        )
    }
}

/// A session before its start.
pub(crate) struct Session {
    images: u64,
    image: Image,
    world: World,
    pub(crate) settings: String,
    /// Whether to cut only while the store opens, at evenly spaced positions.
    pub(crate) opens_only: bool,
}

impl Session {
    pub(crate) fn new(images: u64, (image, world): (Image, World)) -> Self {
        Self {
            images,
            image,
            world,
            settings: String::new(),
            opens_only: false,
        }
    }

    /// Runs the process and cuts the record. Returns an image for the next session, and its
    /// content.
    pub(crate) fn run(
        self,
        stage: &Stage,
        random: &mut Random,
        counts: &mut Counts,
    ) -> Option<(Image, World)> {
        let actions = self.record(stage, random);
        let opened = actions
            .iter()
            .position(begins_step)
            .unwrap_or(actions.len());
        let positions = Cuts::new(&actions, opened);
        let choose = |number: u64| {
            if self.opens_only {
                number as usize * opened / self.images as usize
            } else {
                positions.choose(random)
            }
        };
        let mut cuts: Vec<usize> = (0..self.images).map(choose).collect();
        cuts.sort_unstable();
        let chosen = random.place(cuts.len());
        counts.sessions += 1;

        let (mut disk, mut reported) = (Disk::new(&self.image), Reported::new(self.world));
        let (mut next, mut last) = (0, None);
        for (position, action) in actions.iter().enumerate() {
            while cuts.get(next) == Some(&position) {
                let image = disk.cut(random);
                let checked = check(&stage.folder.join("image"), &image, &reported);
                counts.images += 1;
                counts.opening += u64::from(position < opened);
                match checked {
                    Ok(world) if next == chosen => last = Some((image, world)),
                    Ok(_) => {}
                    Err(problem) => counts.add(&problem, &self.settings, position),
                }
                next += 1;
            }
            if let Some(report) = disk.apply(action) {
                reported.add(report);
            }
        }
        check_record(stage, &disk);
        last
    }

    /// Runs the process. Returns its record.
    fn record(&self, stage: &Stage, random: &mut Random) -> Vec<Action> {
        let folder = stage.folder.join("store");
        let _ = fs::remove_dir_all(&folder);
        write_image(&folder, &self.image);
        let (world, record) = (stage.folder.join("world"), stage.folder.join("record"));
        fs::write(&world, serde_json::to_vec(&self.world).unwrap()).unwrap();
        let _ = fs::remove_file(&record);
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
        process
            .env("RECORD_FOLDER", &folder)
            .env("RECORD_FILE", &record);
        assert!(
            process.status().unwrap().success(),
            "the recorded process failed"
        );
        record::read(&record)
    }
}

/// Checks that the record is complete: it results in the files on the real disk.
fn check_record(stage: &Stage, disk: &Disk) {
    let mut image = Image::new();
    for entry in fs::read_dir(stage.folder.join("store")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if name != REPORTS && !name.ends_with("-shm") {
            image.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    assert!(
        image == disk.visible(),
        "the record does not result in the files on the disk"
    );
}

impl Counts {
    fn add(&mut self, problem: &Problem, settings: &str, position: usize) {
        match problem {
            Problem::Lost(_) => self.lost += 1,
            Problem::Damaged(_) => self.damaged += 1,
            Problem::Unopenable(_) => self.unopenable += 1,
        }
        let is_expected = settings.contains("NORMAL") && matches!(problem, Problem::Lost(_));
        if !is_expected {
            println!("cut after {position} actions with `{settings}`: {problem}");
        }
    }
}
