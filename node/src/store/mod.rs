//! What the node remembers: the only room that knows sled.
//!
//! A [`Batch`] of puts and deletes is one journal record: it stands whole or not at all, and once
//! [`Store::commit`] returns it is on the disk. sled holds a projection of the journal for reading; with
//! its folder deleted the node comes back the same.

pub mod guard;
mod journal;
mod projection;
mod table;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use tokio::sync::{mpsc, oneshot};

pub use guard::{Guard, NotSafe};
use journal::Journal;
use projection::Projection;
pub use table::{Key, Table, tables};

/// Batches waiting for the disk; a full queue makes writers wait.
const QUEUE: usize = 1024;
/// Batches written with one fsync.
const GROUP: usize = 256;

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused.
    #[error("cannot use {path}: check that the disk is healthy, has room, and that the node may write there", path = path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// What it said.
        #[source]
        source: io::Error,
    },
    /// Another daemon runs on the data directory.
    #[error("another node runs on {path}: stop it first, or choose another directory with --datadir", path = path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The journal is damaged before its end.
    #[error("the journal is damaged at byte {offset} of {path}: restore the folder from a backup", path = path.display())]
    JournalDamaged {
        /// Segment.
        path: PathBuf,
        /// First byte of the damaged record.
        offset: usize,
    },
    /// A write or fsync failed before; what stands at the end of the file is unknown.
    #[error("the journal takes nothing more after a failed write: restart the node once the disk is healthy")]
    JournalFailed,
    /// Too much for one record.
    #[error("a record of {bytes} bytes is larger than the journal takes")]
    RecordTooLarge {
        /// Its size.
        bytes: usize,
    },
    /// A value too large for a table.
    #[error("a value of {bytes} bytes is larger than table {table} takes")]
    ValueTooLarge {
        /// Table.
        table: &'static str,
        /// Its size.
        bytes: usize,
    },
    /// A stored value does not read as what its table holds.
    #[error("table {table} holds a value that this version cannot read")]
    Unreadable {
        /// Table.
        table: &'static str,
    },
    /// A record of a later version.
    #[error("the journal was written by a newer version of the node (record version {found}): update the node")]
    NewerVersion {
        /// Version byte found.
        found: u8,
    },
    /// sled failed.
    #[error(
        "the projection of the journal failed: stop the node and delete its `db` folder, it is rebuilt at the next start"
    )]
    Projection(#[source] sled::Error),
    /// The writer is gone.
    #[error("the store has stopped")]
    Stopped,
}

impl StoreError {
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}

/// A put (`Some`) or a delete (`None`) of one key in one table.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Change {
    table: u8,
    #[serde(with = "serde_bytes")]
    key: Vec<u8>,
    #[serde(with = "serde_bytes")]
    value: Option<Vec<u8>>,
}

/// Changes that become true together.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    changes: Vec<Change>,
    error: Option<Box<(&'static str, usize)>>,
}

impl Batch {
    /// Returns a batch without changes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces the value of `key`.
    #[must_use]
    pub fn put<K: Key, V: serde::Serialize>(mut self, table: &Table<K, V>, key: &K, value: &V) -> Self {
        let value = table::encode(value);
        if value.len() > table::MAX_VALUE {
            self.error = Some(Box::new((table.name(), value.len())));
        }
        self.changes.push(Change { table: table.id(), key: key.encode(), value: Some(value) });
        self
    }

    /// Removes `key`.
    #[must_use]
    pub fn delete<K: Key, V>(mut self, table: &Table<K, V>, key: &K) -> Self {
        self.changes.push(Change { table: table.id(), key: key.encode(), value: None });
        self
    }

    /// Appends the changes of `other`.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.changes.extend(other.changes);
        self.error = self.error.or(other.error);
        self
    }

    /// Returns whether there is nothing to commit.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

struct Write {
    batch: Batch,
    done: oneshot::Sender<Result<(), StoreError>>,
}

/// A handle on the store; clones share it.
#[derive(Clone, Debug)]
pub struct Store {
    writer: mpsc::Sender<Write>,
    projection: Arc<Projection>,
}

impl std::fmt::Debug for Write {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Write").field("changes", &self.batch.changes.len()).finish()
    }
}

impl Store {
    /// Opens the store in `datadir`, replaying the journal into the projection where that lags behind.
    ///
    /// # Errors
    /// Where another node holds the folder, the journal is damaged, or the disk fails.
    pub fn open(datadir: &Path) -> Result<Self, StoreError> {
        let lock = Lock::take(datadir)?;
        let projection = Arc::new(Projection::open(&datadir.join("db"))?);
        let journal = projection.catch_up(&datadir.join("journal"))?;
        let (writer, queue) = mpsc::channel(QUEUE);
        let target = Arc::clone(&projection);
        thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || {
                write_in_groups(journal, &target, queue);
                drop(lock);
            })
            .map_err(|source| StoreError::io(datadir, source))?;
        Ok(Self { writer, projection })
    }

    /// Commits `batch`; when this returns, it is on the disk and every later read sees it.
    ///
    /// # Errors
    /// Where the batch is too large or the disk failed; then nothing of the batch stands.
    pub async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        if let Some(error) = batch.error {
            return Err(StoreError::ValueTooLarge { table: error.0, bytes: error.1 });
        }
        if batch.changes.is_empty() {
            return Ok(());
        }
        let (done, answer) = oneshot::channel();
        self.writer.send(Write { batch, done }).await.map_err(|_| StoreError::Stopped)?;
        answer.await.map_err(|_| StoreError::Stopped)?
    }

    /// Returns the value of `key`.
    ///
    /// # Errors
    /// Where the projection fails or holds what this version cannot read.
    pub fn get<K: Key, V: serde::de::DeserializeOwned>(
        &self,
        table: &Table<K, V>,
        key: &K,
    ) -> Result<Option<V>, StoreError> {
        self.projection.get(table, key)
    }

    /// Returns all entries of `table`, in the order of their keys.
    ///
    /// # Errors
    /// As for [`Store::get`].
    pub fn all<K: Key, V: serde::de::DeserializeOwned>(&self, table: &Table<K, V>) -> Result<Vec<(K, V)>, StoreError> {
        self.projection.scan(table, &[])
    }

    /// Returns the entries of `table` whose encoded keys begin with the encoding of `prefix`.
    ///
    /// # Errors
    /// As for [`Store::get`].
    pub fn under<P: Key, K: Key, V: serde::de::DeserializeOwned>(
        &self,
        table: &Table<K, V>,
        prefix: &P,
    ) -> Result<Vec<(K, V)>, StoreError> {
        self.projection.scan(table, &prefix.encode())
    }
}

/// Writes what waits with one fsync, so that many small commits cost one.
fn write_in_groups(mut journal: Journal, projection: &Projection, mut queue: mpsc::Receiver<Write>) {
    while let Some(first) = queue.blocking_recv() {
        let mut group = vec![first];
        while group.len() < GROUP {
            match queue.try_recv() {
                Ok(write) => group.push(write),
                Err(_) => break,
            }
        }
        let (payloads, group): (Vec<_>, Vec<_>) = group.into_iter().filter_map(encoded).unzip();
        let first_seq = journal.next_seq();
        let written = journal.append(&payloads);
        for (seq, Write { batch, done }) in (first_seq..).zip(group) {
            let outcome = match &written {
                Ok(()) => projection.apply(seq, &batch.changes),
                Err(error) => {
                    tracing::error!(%error, "the journal failed");
                    Err(StoreError::JournalFailed)
                }
            };
            // A caller that stopped waiting has no use for the answer.
            let _ = done.send(outcome);
        }
    }
}

/// Encodes a write, or answers it at once where it is too large.
fn encoded(write: Write) -> Option<(Vec<u8>, Write)> {
    let payload = table::encode_record(&write.batch.changes);
    if payload.len() <= journal::MAX_PAYLOAD {
        return Some((payload, write));
    }
    let _ = write.done.send(Err(StoreError::RecordTooLarge { bytes: payload.len() }));
    None
}

/// The data directory's lock, held for as long as the writer runs.
struct Lock(#[expect(dead_code, reason = "holds the lock until it is dropped")] std::fs::File);

impl Lock {
    fn take(datadir: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(datadir).map_err(|source| StoreError::io(datadir, source))?;
        let path = datadir.join("LOCK");
        let file = std::fs::File::create(&path).map_err(|source| StoreError::io(&path, source))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::Locked { path }),
            Err(std::fs::TryLockError::Error(source)) => Err(StoreError::io(&path, source)),
        }
    }
}

#[cfg(test)]
mod tests;
