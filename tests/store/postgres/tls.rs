//! Encrypted connections.

use std::fs;

use imbot::store::contract::sample::{append, waiting};
use imbot::store::{Key, Postgres};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::support::postgres::{self, Cluster};

/// Starts a server that only accepts encrypted connections with a password over TCP. Returns it and
/// the file of its authority.
fn encrypted() -> (Cluster, String) {
    let cluster = Cluster::start("");
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();

    let data = cluster.data();
    cluster.write("data/server.crt", &certificate.pem());
    cluster.write("data/server.key", &key.serialize_pem());
    cluster.write("authority.pem", &authority.pem());
    cluster.sql("ALTER ROLE imbot PASSWORD 's3cret'");
    fs::write(
        data.join("pg_hba.conf"),
        "local all all trust\nhostssl all all all scram-sha-256\n",
    )
    .unwrap();
    cluster.sql("ALTER SYSTEM SET ssl = on");
    cluster.sql("SELECT pg_reload_conf()");
    cluster.control(&["restart"]);
    let authority = cluster.folder().join("authority.pem");
    (cluster, authority.to_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_is_encrypted_and_its_server_checked_as_the_address_says() {
    if !postgres::is_wanted() {
        return;
    }
    let (cluster, authority) = encrypted();
    let port = cluster.port();
    let keys = [Key::random()];
    let open = |host: &str, password: &str, options: &str| {
        let options = format!("{options}&options=-c%20search_path%3Dpublic");
        let url = format!("postgres://imbot:{password}@{host}:{port}/postgres?{options}");
        Postgres::open(&url.into(), &keys)
    };
    let root = format!("sslrootcert={authority}");
    for (host, options) in [
        ("localhost", String::new()),
        ("localhost", "sslmode=require".to_owned()),
        ("localhost", format!("sslmode=verify-full&{root}")),
        (
            "localhost",
            format!("sslmode=verify-full&channel_binding=require&{root}"),
        ),
        ("127.0.0.1", format!("sslmode=verify-ca&{root}")),
        ("127.0.0.1", format!("sslmode=require&{root}")),
    ] {
        let store =
            open(host, "s3cret", &options).unwrap_or_else(|error| panic!("{options}: {error}"));
        store.own_everything().await.unwrap();
    }
    let store = open(
        "localhost",
        "s3cret",
        &format!("sslmode=verify-full&{root}"),
    )
    .unwrap();
    let event = append(&store, 1, "27").await;
    assert_eq!(waiting(&store).await, [event]);
    let plain = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
                 WHERE NOT ssl AND application_name = 'imbot'";
    assert_eq!(cluster.sql(plain), "0");

    for (host, password, options) in [
        ("localhost", "s3cret", "sslmode=disable".to_owned()),
        ("localhost", "wrong", format!("sslmode=verify-full&{root}")),
        // Of another host, of an authority that the system does not trust, and no certificate.
        ("127.0.0.1", "s3cret", format!("sslmode=verify-full&{root}")),
        ("localhost", "s3cret", "sslmode=verify-full".to_owned()),
        ("localhost", "s3cret", "sslmode=verify-ca".to_owned()),
        (
            "localhost",
            "s3cret",
            "sslmode=verify-full&sslrootcert=/dev/null".to_owned(),
        ),
    ] {
        let error = open(host, password, &options).expect_err(&options);
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}
