//! The record of what a process did to its files: made by `record.c`, loaded into the process; read here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One thing that was done.
#[derive(Debug)]
pub(crate) enum Act {
    Open {
        fd: i64,
        name: String,
        empties: bool,
    },
    Close {
        fd: i64,
    },
    Write {
        fd: i64,
        at: usize,
        data: Vec<u8>,
    },
    Size {
        fd: i64,
        length: usize,
    },
    Flush {
        fd: i64,
    },
    Rename {
        from: String,
        to: String,
    },
    Link {
        from: String,
        to: String,
    },
    Unlink {
        name: String,
    },
}

const HEAD: usize = 32;

/// Builds the recorder. Whoever builds this project has a C compiler.
pub(crate) fn build(folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("power_loss/record.c");
    let library = folder.join("record.so");
    let mut cc = Command::new("cc");
    cc.args(["-O1", "-shared", "-fPIC", "-o"]).arg(&library);
    let built = cc.arg(source).args(["-ldl", "-lpthread"]).status();
    assert!(built.is_ok_and(|status| status.success()), "cc failed");
    library
}

/// What a record tells, in order.
pub(crate) fn read(path: &Path) -> Vec<Act> {
    let record = fs::read(path).expect("the process left a record");
    let (mut acts, mut rest) = (Vec::new(), record.as_slice());
    while !rest.is_empty() {
        let (head, after) = rest.split_at(HEAD);
        let number = |place: usize| {
            let bytes = head[place..place + 8].try_into();
            i64::from_ne_bytes(bytes.expect("eight bytes"))
        };
        let (fd, offset) = (number(8), number(16) as usize);
        let (data, after) = after.split_at(number(24) as usize);
        acts.push(act(head[0], fd, offset, data));
        rest = after;
    }
    acts
}

fn act(kind: u8, fd: i64, offset: usize, data: &[u8]) -> Act {
    let name = || String::from_utf8(data.to_vec()).expect("names are plain");
    let names = || {
        let names = name();
        let (from, to) = names.split_once('\0').expect("two names");
        (from.to_owned(), to.to_owned())
    };
    match kind {
        b'O' | b'T' => Act::Open {
            fd,
            name: name(),
            empties: kind == b'T',
        },
        b'C' => Act::Close { fd },
        b'W' => Act::Write {
            fd,
            at: offset,
            data: data.to_vec(),
        },
        b'S' => Act::Size { fd, length: offset },
        b'F' => Act::Flush { fd },
        b'R' => {
            let (from, to) = names();
            Act::Rename { from, to }
        }
        b'L' => {
            let (from, to) = names();
            Act::Link { from, to }
        }
        b'U' => Act::Unlink { name: name() },
        _ => panic!("the record is broken"),
    }
}
