//! A store with portals, the processes that share it, and the load on them.

use std::cell::Cell;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use imbot::event::MemberId;
use imbot::store::contract::sample;
use imbot::store::{Ownership, Portals, Postgres};
use secrecy::ExposeSecret;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::client::Client;
use super::event::{TOKEN, Template};
use super::postgres::{Cluster, Schema};
use super::program::{self, Settings};
use super::reports::Reports;

/// Interval of checks.
const GLANCE: Duration = Duration::from_millis(5);

/// Maximum time that anything may take. Reaching it is a failure.
const PATIENCE: Duration = Duration::from_secs(120);

/// Names of the processes.
pub(crate) const NAMES: [&str; 3] = ["one", "two", "three"];

/// Ticks of a process's CPU time in a second, on Linux.
const TICKS: f64 = 100.0;

/// Number of portals and of chats.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) portals: u64,
    pub(crate) chats: u64,
}

/// Events to post.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) events: u64,
    /// Number of clients that post at once. A client has chats of its own.
    pub(crate) clients: u64,
    /// Number of events a second. `None`: each client posts when the event before is accepted.
    pub(crate) rate: Option<f64>,
    /// Beginning of the names of the chats.
    pub(crate) prefix: &'static str,
}

/// An event that was accepted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accepted {
    pub(crate) number: u64,
    pub(crate) portal: u64,
    pub(crate) posted: Instant,
    pub(crate) accepted: Instant,
}

impl Accepted {
    /// Seconds that the acknowledgement took.
    pub(crate) fn wait(&self) -> f64 {
        (self.accepted - self.posted).as_secs_f64()
    }
}

/// What the processes have done.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) waiting: u64,
    pub(crate) answers: u64,
    disordered: u64,
}

/// A store with portals, and the processes that share it.
pub(crate) struct Stage<'c> {
    pub(crate) schema: Schema<'c>,
    pub(crate) shape: Shape,
    /// The partition of each portal.
    partitions: Vec<u8>,
    members: Vec<Member>,
    pub(crate) reports: Reports,
    event: Rc<Template>,
    posted: Cell<u64>,
}

/// A process.
struct Member {
    child: Child,
    port: u16,
}

impl Member {
    fn start(settings: &Settings) -> Self {
        let mut command = settings.command();
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let printed = child.stdout.take().unwrap();
        BufReader::new(printed).read_line(&mut line).unwrap();
        let port = line.trim().parse().expect("the process prints its port");
        Self { child, port }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl<'c> Stage<'c> {
    /// Installs the program on portals, and starts processes, each of which owns an equal part of
    /// the partitions.
    pub(crate) async fn start(cluster: &'c Cluster, shape: Shape, members: usize) -> Self {
        let schema = cluster.schema();
        let partitions = install(&schema, shape.portals).await;
        let mut stage = Self {
            schema,
            shape,
            partitions,
            members: Vec::new(),
            reports: Reports::start().await,
            event: Rc::new(Template::short()),
            posted: Cell::new(0),
        };
        for name in &NAMES[..members] {
            stage.members.push(Member::start(&stage.settings(name)));
        }
        stage.share().await;
        stage
    }

    fn settings(&self, name: &str) -> Settings {
        Settings {
            name: name.to_owned(),
            database: self.schema.url().expose_secret().to_owned(),
            key: self.schema.key.to_base64().expose_secret().to_owned(),
            reports: self.reports.address.clone(),
            hangs: false,
        }
    }

    /// Gives each process an equal part of the partitions, and waits until it has it.
    pub(crate) async fn share(&self) {
        let count = self.members.len();
        let names = NAMES[..count].join("', '");
        let live = "SELECT count(*) FROM member WHERE state = 'live'";
        self.until_sql(live, &count.to_string()).await;
        // All count as processes that run for a while.
        self.schema.sql(&format!(
            "UPDATE member SET beat = beat + 1000;
             UPDATE partition SET pinned = (ARRAY['{names}'])[id % {count} + 1]"
        ));
        let settled = "SELECT count(*) FROM partition JOIN member ON member.id = owner
                       WHERE name = pinned AND state = 'live'";
        self.until_sql(settled, "256").await;
        sleep(Duration::from_millis(200)).await; // they load what waits
    }

    async fn until_sql(&self, sql: &str, wanted: &str) {
        let end = Instant::now() + PATIENCE;
        while self.schema.sql(sql) != wanted {
            assert!(Instant::now() < end, "{sql}");
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Starts a process again, after which all share the partitions as before.
    pub(crate) async fn restart(&mut self, member: usize, hangs: bool) {
        let settings = Settings {
            hangs,
            ..self.settings(NAMES[member])
        };
        self.kill(member);
        self.until_ended(member).await;
        self.members[member] = Member::start(&settings);
        self.share().await;
    }

    /// Kills a process.
    pub(crate) fn kill(&mut self, member: usize) -> Instant {
        let now = Instant::now();
        self.members[member].child.kill().ok(); // it may have ended
        now
    }

    /// Asks a process to stop.
    pub(crate) fn stop(&self, member: usize) -> Instant {
        let now = Instant::now();
        let pid = self.members[member].child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(sent.unwrap().success());
        now
    }

    /// Waits until a process has ended.
    pub(crate) async fn until_ended(&mut self, member: usize) -> Instant {
        while self.members[member].child.try_wait().unwrap().is_none() {
            sleep(GLANCE).await;
        }
        Instant::now()
    }

    /// Returns true if this process owns a portal, as long as it runs.
    pub(crate) fn owns(&self, member: usize, portal: u64) -> bool {
        let partition = self.partitions[usize::try_from(portal).unwrap()];
        usize::from(partition) % self.members.len() == member
    }

    /// Returns a client that posts to all processes in turn, beginning with this one.
    pub(crate) fn client(&self, first: usize) -> Client {
        Client::new(&self.ports(), first)
    }

    fn ports(&self) -> Rc<[u16]> {
        self.members.iter().map(|member| member.port).collect()
    }

    /// Posts one event of a portal.
    pub(crate) async fn post(&self, client: &mut Client, portal: u64, dialog: &str) -> Accepted {
        let number = self.posted.get() + 1;
        self.posted.set(number);
        let body = self.event.body_of(&name(portal), dialog, number);
        let (posted, accepted) = client.post(&body).await;
        Accepted {
            number,
            portal,
            posted,
            accepted,
        }
    }

    /// Posts events, and returns them when all are accepted. Posts no more when it is dropped.
    pub(crate) async fn load(&self, load: Load) -> Vec<Accepted> {
        let first = self.posted.get();
        self.posted.set(first + load.events);
        let (begin, shape) = (Instant::now(), self.shape);
        let chats = (shape.chats / load.clients).max(1);
        let mut clients = JoinSet::new(); // which ends its tasks when it is dropped
        for own in 0..load.clients {
            let event = Rc::clone(&self.event);
            let mut client = self.client(usize::try_from(own).unwrap());
            clients.spawn_local(async move {
                let mut all = Vec::new();
                for (turn, index) in (own..load.events)
                    .step_by(load.clients as usize)
                    .enumerate()
                {
                    if let Some(rate) = load.rate {
                        let at = Duration::from_secs_f64(index as f64 / rate);
                        sleep_until(begin + at).await;
                    }
                    // The stride visits all chats of the client.
                    let chat = own + load.clients * (turn as u64 * 7_919 % chats);
                    let (portal, number) = (chat % shape.portals, first + index + 1);
                    let dialog = format!("{}{chat}", load.prefix);
                    let body = event.body_of(&name(portal), &dialog, number);
                    let (posted, accepted) = client.post(&body).await;
                    all.push(Accepted {
                        number,
                        portal,
                        posted,
                        accepted,
                    });
                }
                all
            });
        }
        clients.join_all().await.concat()
    }

    /// Returns what the processes that run have done so far.
    pub(crate) async fn figures(&self) -> Figures {
        let mut client = self.client(0);
        self.figures_by(&mut client).await
    }

    async fn figures_by(&self, client: &mut Client) -> Figures {
        let mut all = Figures::default();
        for process in 0..self.members.len() {
            let Ok(text) = client.get(process, program::FIGURES).await else {
                continue; // it has ended
            };
            let numbers = text.split(' ').map(|number| number.parse().unwrap());
            let [events, calls, answers, disordered] = numbers.collect::<Vec<u64>>()[..] else {
                panic!("{text}");
            };
            all.waiting += events + calls;
            all.answers += answers;
            all.disordered += disordered;
        }
        assert_eq!(all.disordered, 0, "messages were handled out of order");
        all
    }

    /// Waits until this number of messages is answered, and nothing waits.
    pub(crate) async fn until_answered(&self, answers: u64) {
        let (mut client, end) = (self.client(0), Instant::now() + PATIENCE);
        loop {
            let figures = self.figures_by(&mut client).await;
            if figures.waiting == 0 && figures.answers >= answers {
                return;
            }
            assert!(Instant::now() < end, "{figures:?}, {answers} are wanted");
            sleep(GLANCE).await;
        }
    }

    /// Returns the events per second that are accepted, handled and answered.
    pub(crate) async fn events_per_second(&self, load: Load) -> f64 {
        let before = self.figures().await.answers;
        let begin = Instant::now();
        self.load(load).await;
        self.until_answered(before + load.events).await;
        load.events as f64 / begin.elapsed().as_secs_f64()
    }

    /// Returns the seconds of CPU that the processes and the server have used.
    pub(crate) fn cpu(&self) -> [f64; 2] {
        let own =
            |member: &Member| stat(&member.child.id().to_string()).map_or(0.0, |stat| stat.own);
        let processes = self.members.iter().map(own).sum();
        let pid = fs::read_to_string(self.schema.cluster.data().join("postmaster.pid")).unwrap();
        let pid = pid.lines().next().unwrap();
        let mut server = stat(pid).map_or(0.0, |stat| stat.own + stat.ended);
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let child = entry.file_name().to_string_lossy().into_owned();
            server +=
                stat(&child).map_or(0.0, |stat| if stat.parent == pid { stat.own } else { 0.0 });
        }
        [processes, server]
    }
}

/// The CPU time of a process.
struct Stat {
    parent: String,
    own: f64,
    /// That of its children that have ended.
    ended: f64,
}

fn stat(pid: &str) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(") ")?; // the name may contain anything
    let fields: Vec<&str> = rest.split(' ').collect();
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    Some(Stat {
        parent: (*fields.get(1)?).to_owned(),
        own: (ticks(11)? + ticks(12)?) / TICKS,
        ended: (ticks(13)? + ticks(14)?) / TICKS,
    })
}

/// Returns the id of a portal.
pub(crate) fn name(portal: u64) -> String {
    format!("portal{portal:05}")
}

/// Makes the tables, and installs the program on portals. Returns their partitions.
async fn install(schema: &Schema<'_>, portals: u64) -> Vec<u8> {
    let quick = format!(
        "{}%20-c%20synchronous_commit%3Doff",
        schema.url().expose_secret()
    );
    let store = Postgres::open(&quick.into(), std::slice::from_ref(&schema.key)).unwrap();
    let mut partitions = Vec::new();
    for portal in 0..portals {
        let id = name(portal);
        partitions.push(store.partition(&MemberId::new(&*id)).0);
        store
            .install(sample::installation(&id, TOKEN))
            .await
            .unwrap();
    }
    partitions
}
