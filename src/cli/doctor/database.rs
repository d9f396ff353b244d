//! Checks the database of a store that several processes share: what it promises, and what is
//! between it and this program.

use std::time::Duration;

use super::check::{Check, span};
use crate::store::{ConnectionLimit, Diagnosis, Members, Postgres};

/// Oldest supported version of PostgreSQL.
const OLDEST_VERSION: u64 = 12;

/// Difference of the clocks from which on to warn.
const CLOCK_WARNING: Duration = Duration::from_secs(2);

/// Age of a transaction from which on to warn.
const TRANSACTION_WARNING: Duration = Duration::from_secs(10 * 60);

/// Time without a renewal after which a process does not live any more.
const SILENCE: Duration = Duration::from_secs(5);

/// Checks the server and the processes on it.
pub(super) async fn checks(store: &Postgres) -> Vec<Check> {
    let fix = "look at the log of the database server; run `doctor` again when it answers";
    let mut checks = match store.diagnose().await {
        Ok(found) => of_server(&found),
        Err(error) => vec![Check::unknown("database", error.to_string(), fix)],
    };
    match store.members().await {
        Ok(members) => checks.extend([program(&members), partitions(&members)]),
        Err(error) => checks.push(Check::unknown("program", error.to_string(), fix)),
    }
    checks
}

fn of_server(found: &Diagnosis) -> Vec<Check> {
    vec![
        version(found),
        schema(found),
        disk(found),
        synchronous_commit(found),
        standby(found),
        connections(found),
        pooler(found),
        clock(found),
        transactions(found),
    ]
}

fn version(found: &Diagnosis) -> Check {
    const NAME: &str = "database";
    let detail = format!("PostgreSQL {}", found.version_text);
    if found.version / 10_000 >= OLDEST_VERSION {
        return Check::ok(NAME, detail);
    }
    Check::failed(
        NAME,
        format!("{detail}, which this program is not made for: statements may fail"),
        format!("upgrade the server to version {OLDEST_VERSION} or later"),
    )
}

fn schema(found: &Diagnosis) -> Check {
    const NAME: &str = "schema";
    let Diagnosis {
        schema,
        known_schema,
        ..
    } = found;
    if schema == known_schema {
        return Check::ok(NAME, format!("version {schema}, which is this program's"));
    }
    Check::warning(
        NAME,
        format!(
            "version {schema}; this program knows {known_schema}, and may work on it for the time of an upgrade"
        ),
        "run the newer version in all processes",
    )
}

fn disk(found: &Diagnosis) -> Check {
    const NAME: &str = "disk writes";
    if !found.fsync {
        return Check::failed(
            NAME,
            "fsync is off: when the machine crashes or loses power, acknowledged events are lost and the database may be damaged",
            "set `fsync = on` in postgresql.conf and reload it",
        );
    }
    if !found.full_page_writes {
        return Check::failed(
            NAME,
            "full_page_writes is off: when the machine crashes or loses power, the database may be damaged",
            "set `full_page_writes = on` in postgresql.conf and reload it, unless the file system writes pages as a whole (such as ZFS)",
        );
    }
    Check::ok(NAME, "fsync and full_page_writes are on")
}

fn synchronous_commit(found: &Diagnosis) -> Check {
    const NAME: &str = "commits";
    let value = &found.synchronous_commit;
    let detail = format!("synchronous_commit is {value}");
    let fix = "set `synchronous_commit = on` for the user of the store: `ALTER ROLE … SET synchronous_commit = on`";
    match value.as_str() {
        "off" => Check::failed(
            NAME,
            format!(
                "{detail}: when the server crashes, the events of its last moments are lost although they were acknowledged, and messages may be sent twice"
            ),
            fix,
        ),
        "local" if !found.synchronous_standby_names.is_empty() => Check::failed(
            NAME,
            format!(
                "{detail}, so commits do not wait for the standby: a failover loses the last acknowledged events"
            ),
            fix,
        ),
        "remote_write" => Check::warning(
            NAME,
            format!(
                "{detail}: if the server and the machine of the standby fail together, the last acknowledged events are lost"
            ),
            fix,
        ),
        _ => Check::ok(NAME, detail),
    }
}

fn standby(found: &Diagnosis) -> Check {
    const NAME: &str = "standby";
    let names = &found.synchronous_standby_names;
    if names.is_empty() {
        let asynchronous = if found.standbys.is_empty() {
            "there is no standby"
        } else {
            "no standby is synchronous"
        };
        return Check::warning(
            NAME,
            format!(
                "{asynchronous}: if this server's disk is lost, so is what was stored since the last backup; a failover loses the last acknowledged events"
            ),
            "set up a standby and name it in synchronous_standby_names",
        );
    }
    let are_hidden = found.standbys.iter().any(|own| own.sync_state.is_none());
    if are_hidden {
        return Check::unknown(
            NAME,
            format!(
                "synchronous_standby_names is {names}, but the user of the store may not see whether the standby is in step"
            ),
            "grant it: `GRANT pg_monitor TO …`",
        );
    }
    let is_in_step = |state: Option<&str>| matches!(state, Some("sync" | "quorum"));
    let mut synchronous = found
        .standbys
        .iter()
        .filter(|own| is_in_step(own.sync_state.as_deref()));
    match synchronous.next() {
        Some(own) if own.state.as_deref() == Some("streaming") => Check::ok(
            NAME,
            format!("{} is connected, and commits wait for it", own.name),
        ),
        Some(own) => Check::warning(
            NAME,
            format!(
                "{} is connected and not in step yet (its state is {}): commits wait until it is",
                own.name,
                own.state.as_deref().unwrap_or("unknown")
            ),
            "wait, and look at its log if it stays so",
        ),
        None => Check::failed(
            NAME,
            format!(
                "synchronous_standby_names is {names}, and no such standby is connected: no commit ends, so no event is acknowledged"
            ),
            "start the standby; or, to work without one, empty synchronous_standby_names and reload",
        ),
    }
}

fn connections(found: &Diagnosis) -> Check {
    const NAME: &str = "connections";
    let left = |own: &ConnectionLimit| own.limit.saturating_sub(own.used);
    let Some(least) = found.connections.iter().min_by_key(|own| left(own)) else {
        return Check::ok(NAME, "there is no limit");
    };
    let ConnectionLimit {
        of, limit, used, ..
    } = least;
    let (left, needed) = (left(least), found.needed_connections);
    let detail = format!("{used} of the {limit} that the {of} allows are used");
    if left >= needed {
        return Check::ok(NAME, format!("{detail}; a further process needs {needed}"));
    }
    let fix = match *of {
        "database" => "raise it: `ALTER DATABASE … CONNECTION LIMIT …`",
        "user" => "raise it: `ALTER ROLE … CONNECTION LIMIT …`",
        _ => "raise max_connections in postgresql.conf and restart the server",
    };
    Check::warning(
        NAME,
        format!(
            "{detail}: a further process needs {needed}, so none can be started next to the others, as a rolling restart does"
        ),
        fix,
    )
}

fn pooler(found: &Diagnosis) -> Check {
    const NAME: &str = "pooler";
    if !found.is_pooled {
        return Check::ok(
            NAME,
            "each connection has a session of the server to itself",
        );
    }
    Check::failed(
        NAME,
        "a pooler shares the server's sessions between connections: processes do not hear of each other's events at once (LISTEN), time limits of one session apply to others, and prepared statements may fail",
        "connect to the server itself, or set the pooler to pool sessions (`pool_mode = session` in PgBouncer)",
    )
}

fn clock(found: &Diagnosis) -> Check {
    const NAME: &str = "clock of the database";
    let apart = Duration::from_millis(found.clock_ahead.unsigned_abs());
    let certain = apart.saturating_sub(found.clock_precision);
    if certain < CLOCK_WARNING {
        return Check::ok(
            NAME,
            format!("it differs by {} from this machine's", span(apart)),
        );
    }
    let way = if found.clock_ahead > 0 {
        "ahead"
    } else {
        "behind"
    };
    Check::warning(
        NAME,
        format!(
            "it is {} {way} of this machine's: if the machines of the processes differ as well, reminders come early or late, and processes may exceed a portal's limit together",
            span(apart)
        ),
        "let all machines set their clocks by NTP",
    )
}

fn transactions(found: &Diagnosis) -> Check {
    const NAME: &str = "long transactions";
    match found.oldest_transaction {
        Some(age) if age >= TRANSACTION_WARNING => Check::warning(
            NAME,
            format!(
                "{} has been open for {}: until it ends, the rows of handled events stay, and each turn becomes slower",
                found.oldest_holder,
                span(age)
            ),
            "end it; set idle_in_transaction_session_timeout for its user, and make backups from a standby",
        ),
        Some(age) => Check::ok(NAME, format!("the oldest is open for {}", span(age))),
        None => Check::ok(NAME, "none is open"),
    }
}

/// Checks whether a process runs the bots.
fn program(members: &Members) -> Check {
    const NAME: &str = "program";
    let living = members
        .members
        .iter()
        .filter(|member| member.state != "dead" && member.renewed_before < SILENCE);
    let names: Vec<_> = living.map(|member| member.name.as_str()).collect();
    match names.as_slice() {
        [] => Check::failed(
            NAME,
            "no process works on this store, so no events are received",
            "start it with `run`; if it is running, name its store with --store",
        ),
        [name] => Check::ok(
            NAME,
            format!(
                "one process is running: {name}; with a second one, events are received while one restarts"
            ),
        ),
        names => Check::ok(
            NAME,
            format!(
                "{} processes are running: {}",
                names.len(),
                names.join(", ")
            ),
        ),
    }
}

fn partitions(members: &Members) -> Check {
    const NAME: &str = "partitions";
    let free: Vec<_> = members
        .partitions
        .iter()
        .filter(|own| own.owner.is_none())
        .collect();
    let events: u64 = free.iter().map(|own| own.events).sum();
    let portals: u64 = free.iter().map(|own| own.portals).sum();
    if portals == 0 && events == 0 {
        return Check::ok(NAME, "all that have portals have an owner");
    }
    Check::warning(
        NAME,
        format!(
            "{} have no owner, with {portals} portals and {events} waiting events, which wait until a process takes them",
            free.len()
        ),
        "run `doctor` again in a few seconds; if it stays so, look at the logs of the processes",
    )
}

#[cfg(test)]
mod tests {
    use crate::cli::doctor::check::CheckStatus;
    use crate::cli::doctor::database::*;
    use crate::store::Standby;

    /// Returns what is found of a server that keeps every promise.
    fn sound() -> Diagnosis {
        let limit = |of| ConnectionLimit {
            of,
            limit: 100,
            used: 20,
        };
        Diagnosis {
            version: 150_004,
            version_text: "15.4".to_owned(),
            schema: 1,
            known_schema: 1,
            fsync: true,
            full_page_writes: true,
            synchronous_commit: "on".to_owned(),
            synchronous_standby_names: "standby".to_owned(),
            standbys: vec![Standby {
                name: "standby".to_owned(),
                state: Some("streaming".to_owned()),
                sync_state: Some("sync".to_owned()),
            }],
            connections: vec![limit("server"), limit("database"), limit("user")],
            needed_connections: 7,
            is_pooled: false,
            clock_ahead: 12,
            clock_precision: Duration::from_millis(1),
            oldest_transaction: Some(Duration::from_secs(1)),
            oldest_holder: "a session".to_owned(),
        }
    }

    fn status(check: fn(&Diagnosis) -> Check, change: impl FnOnce(&mut Diagnosis)) -> CheckStatus {
        let mut found = sound();
        change(&mut found);
        check(&found).status
    }

    #[test]
    fn a_sound_server_passes_every_check() {
        for check in of_server(&sound()) {
            assert_eq!(check.status, CheckStatus::Ok, "{check:?}");
        }
    }

    #[test]
    fn a_server_that_can_lose_acknowledged_events_fails() {
        use CheckStatus::Failed;
        assert_eq!(status(version, |own| own.version = 110_022), Failed);
        assert_eq!(status(disk, |own| own.fsync = false), Failed);
        assert_eq!(status(disk, |own| own.full_page_writes = false), Failed);
        let commit = |value: &'static str| {
            status(synchronous_commit, |own| {
                own.synchronous_commit = value.to_owned()
            })
        };
        assert_eq!(commit("off"), Failed);
        assert_eq!(commit("local"), Failed);
        assert_eq!(commit("remote_write"), CheckStatus::Warning);
        assert_eq!(commit("remote_apply"), CheckStatus::Ok);
    }

    #[test]
    fn the_standby_is_named_connected_and_synchronous() {
        let check = |change: fn(&mut Diagnosis)| status(standby, change);
        let unnamed = check(|own| own.synchronous_standby_names.clear());
        assert_eq!(unnamed, CheckStatus::Warning);
        assert_eq!(check(|own| own.standbys.clear()), CheckStatus::Failed);
        let state = |own: &mut Diagnosis, state: Option<&str>| {
            own.standbys[0].sync_state = state.map(str::to_owned);
        };
        let mut found = sound();
        state(&mut found, Some("async"));
        assert_eq!(standby(&found).status, CheckStatus::Failed);
        state(&mut found, None);
        assert_eq!(standby(&found).status, CheckStatus::Unknown);
        let behind = check(|own| own.standbys[0].state = Some("catchup".to_owned()));
        assert_eq!(behind, CheckStatus::Warning);
    }

    #[test]
    fn the_tightest_limit_of_connections_counts() {
        let mut found = sound();
        found.connections[1].used = found.connections[1].limit;
        let check = connections(&found);
        assert_eq!(check.status, CheckStatus::Warning);
        assert!(check.fix.unwrap().contains("ALTER DATABASE"));
        found.connections.clear();
        assert_eq!(connections(&found).status, CheckStatus::Ok);
    }

    #[test]
    fn a_difference_of_clocks_counts_beyond_its_precision() {
        let clocks = |ahead, precision| {
            status(clock, |own| {
                own.clock_ahead = ahead;
                own.clock_precision = Duration::from_millis(precision);
            })
        };
        assert_eq!(clocks(-2_000, 0), CheckStatus::Warning);
        assert_eq!(clocks(2_000, 100), CheckStatus::Ok);
        assert_eq!(clocks(5_000, 100), CheckStatus::Warning);
    }

    #[test]
    fn a_pooler_a_long_transaction_and_another_schema_are_reported() {
        assert_eq!(
            status(pooler, |own| own.is_pooled = true),
            CheckStatus::Failed
        );
        assert_eq!(status(schema, |own| own.schema += 1), CheckStatus::Warning);
        let old = status(transactions, |own| {
            own.oldest_transaction = Some(TRANSACTION_WARNING);
        });
        assert_eq!(old, CheckStatus::Warning);
        assert_eq!(
            status(transactions, |own| own.oldest_transaction = None),
            CheckStatus::Ok
        );
    }
}
