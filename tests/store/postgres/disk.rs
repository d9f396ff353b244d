//! The disk of the server is full: that of its tables, or that of its log.
//!
//! The disks are small file systems in memory, which only root can mount.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::load::Load;
use super::members::node::{Node, eventually};
use crate::support::log::Log;
use crate::support::postgres::{self, Cluster, give, is_root, new_folder};

/// A file system in memory, which is detached when this program ends.
struct SmallDisk {
    folder: PathBuf,
    guard: Child,
}

impl SmallDisk {
    /// Mounts one at a folder, which is created. Returns `None` if that is not allowed here.
    #[expect(clippy::print_stdout, reason = "a test that is left out says so")]
    fn mount(folder: PathBuf, size: &str) -> Option<Self> {
        fs::create_dir(&folder).unwrap();
        let options = format!("size={size}");
        let mount = || {
            let mut command = Command::new("mount");
            command.args(["-t", "tmpfs", "-o", &options, "tmpfs"]);
            command.arg(&folder).stderr(Stdio::null()).status()
        };
        if !is_root() || !mount().is_ok_and(|status| status.success()) {
            println!("not checked: no file system can be mounted on this machine");
            return None;
        }
        give(&folder);
        let script = "trap '' INT TERM HUP; read -r _; umount -l \"$1\"";
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh"]).arg(&folder);
        let guard = command.stdin(Stdio::piped()).spawn().unwrap();
        Some(Self { folder, guard })
    }

    /// Fills what is left of it.
    fn fill(&self) {
        let mut file = File::create(self.ballast()).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
    }

    /// Makes room again.
    fn free(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }

    fn ballast(&self) -> PathBuf {
        self.folder.join("ballast")
    }

    fn path(&self) -> &Path {
        &self.folder
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait(); // it has detached the disk
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn turns_wait_for_room_on_the_disk_of_the_tables() {
    if !postgres::is_wanted() {
        return;
    }
    let cluster = Cluster::start("");
    let Some(disk) = SmallDisk::mount(cluster.folder().join("small"), "12m") else {
        return;
    };
    cluster.sql(&format!(
        "CREATE TABLESPACE small LOCATION '{}'",
        disk.path().display()
    ));
    cluster.sql("ALTER ROLE imbot SET default_tablespace = 'small'");
    let schema = cluster.schema();
    let node = Node::first(&schema, "one").await;
    let load = Load::start(&node.store);
    load.goes_on(100).await;
    disk.fill();
    assert!(eventually(async || load.refused() > 20).await);
    let text = load.last_refusal();
    assert!(
        text.contains("free some space on the disk of the database"),
        "{text}"
    );
    disk.free();
    load.goes_on(100).await;
    load.stop(&node.store).await;
    assert!(!node.has_lost());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_ends_because_the_disk_of_its_log_is_full_loses_nothing() {
    if !postgres::is_wanted() {
        return;
    }
    let log = Log::of_postgres();
    let folder = new_folder();
    let Some(disk) = SmallDisk::mount(folder.join("wal"), "24m") else {
        return;
    };
    let wal = disk.path().to_str().unwrap();
    let cluster = Cluster::start_with(
        folder,
        &["--waldir", wal, "--wal-segsize=1"],
        &[],
        "max_wal_size = 1GB\nmin_wal_size = 2MB",
    );
    let schema = cluster.schema();
    let node = Node::first(&schema, "one").await;
    let load = Load::start(&node.store);
    load.goes_on(100).await;
    disk.fill();
    assert!(eventually(async || cluster.try_sql("SELECT 1").is_err()).await);
    let place = format!("127.0.0.1:{}", cluster.port());
    let is_logged = async || log.has(&["ERROR", &place, "the database is not available"]);
    assert!(eventually(is_logged).await);
    disk.free();
    tokio::task::block_in_place(|| cluster.control(&["restart", "-m", "immediate"]));
    load.goes_on(100).await;
    load.stop(&node.store).await;
    assert!(!node.has_lost());
}
