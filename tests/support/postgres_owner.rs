//! Stores on PostgreSQL whose process owns all partitions at once (feature `testing`), and
//! connections to look into their tables.

use imbot::store::Postgres;
use secrecy::ExposeSecret;
use tokio_postgres::{Client, NoTls};

use super::postgres::Schema;

impl Schema<'_> {
    /// Opens the store through a proxy, as the owner of all partitions.
    pub(crate) async fn open_at(&self, port: u16) -> Postgres {
        let store = Postgres::open(&self.url_at(port), std::slice::from_ref(&self.key)).unwrap();
        store.own_everything().await.unwrap();
        store
    }

    /// Opens the store as the owner of all partitions.
    pub(crate) async fn open(&self) -> Postgres {
        let store = self.try_open().unwrap();
        store.own_everything().await.unwrap();
        store
    }

    /// Connects another session to the schema.
    pub(crate) async fn connect(&self) -> Client {
        let connected = tokio_postgres::connect(self.url().expose_secret(), NoTls).await;
        let (client, connection) = connected.unwrap();
        tokio::spawn(connection);
        client
    }
}
