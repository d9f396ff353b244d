//! Stores on PostgreSQL whose process owns all partitions at once (feature `testing`).

use imbot::store::Postgres;

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
}
