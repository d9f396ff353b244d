//! The record of a process's changes to its files. `record.c`, loaded into the process, writes it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A recorded action.
#[derive(Debug)]
pub(crate) enum Action {
    Open {
        fd: i64,
        name: String,
        truncates: bool,
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

/// Size of the head of an action, in bytes.
const HEAD: usize = 32;

/// Builds the recorder. Building this project requires a C compiler anyway.
pub(crate) fn build(folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("power_loss/record.c");
    let library = folder.join("record.so");
    let mut cc = Command::new("cc");
    cc.args(["-O1", "-shared", "-fPIC", "-o"]).arg(&library);
    let built = cc.arg(source).args(["-ldl", "-lpthread"]).status();
    assert!(built.is_ok_and(|status| status.success()), "cc failed");
    library
}

/// Reads a record. Returns its actions in order.
pub(crate) fn read(path: &Path) -> Vec<Action> {
    let record = fs::read(path).expect("the process left a record");
    let (mut actions, mut rest) = (Vec::new(), record.as_slice());
    while !rest.is_empty() {
        let (head, after) = rest.split_at(HEAD);
        let number = |offset: usize| {
            let bytes = head[offset..offset + 8].try_into();
            i64::from_ne_bytes(bytes.expect("eight bytes"))
        };
        let (fd, offset) = (number(8), number(16) as usize);
        let (data, after) = after.split_at(number(24) as usize);
        actions.push(action(head[0], fd, offset, data));
        rest = after;
    }
    actions
}

fn action(kind: u8, fd: i64, offset: usize, data: &[u8]) -> Action {
    let name = || String::from_utf8(data.to_vec()).expect("names are UTF-8");
    let names = || {
        let names = name();
        let (from, to) = names.split_once('\0').expect("two names");
        (from.to_owned(), to.to_owned())
    };
    match kind {
        b'O' | b'T' => Action::Open {
            fd,
            name: name(),
            truncates: kind == b'T',
        },
        b'C' => Action::Close { fd },
        b'W' => Action::Write {
            fd,
            at: offset,
            data: data.to_vec(),
        },
        b'S' => Action::Size { fd, length: offset },
        b'F' => Action::Flush { fd },
        b'R' => {
            let (from, to) = names();
            Action::Rename { from, to }
        }
        b'L' => {
            let (from, to) = names();
            Action::Link { from, to }
        }
        b'U' => Action::Unlink { name: name() },
        _ => panic!("the record is broken"),
    }
}
