//! The projection of the journal that reads are served from: sled, one tree for each table.

use std::{
    collections::HashMap,
    fs,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use serde::de::DeserializeOwned;

use super::{
    Change, Key, StoreError, Table,
    journal::Journal,
    table::{decode, decode_record, tables},
};

/// Records applied once more at each start. sled's own log may lose its tail in a crash, and a later
/// entry may reach the disk before an earlier one; applying a run of records up to the end mends both.
const REPLAY: u64 = 4096;
/// Key of the next journal sequence to apply, in sled's default tree.
const NEXT_SEQ: &[u8] = b"next_seq";

#[derive(Debug)]
pub(super) struct Projection {
    db: sled::Db,
    trees: HashMap<u8, sled::Tree>,
    next_seq: AtomicU64,
}

impl Projection {
    /// Opens the projection. A folder that sled cannot read is put aside and made anew: it holds nothing
    /// that the journal does not.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        Self::try_open(path).or_else(|error| {
            let aside = path.with_extension("damaged");
            tracing::warn!(error = %error, kept = %aside.display(), "the projection is damaged: rebuilding it from the journal");
            if aside.exists() {
                fs::remove_dir_all(&aside).map_err(|source| StoreError::io(&aside, source))?;
            }
            fs::rename(path, &aside).map_err(|source| StoreError::io(path, source))?;
            Self::try_open(path).map_err(StoreError::Projection)
        })
    }

    fn try_open(path: &Path) -> Result<Self, sled::Error> {
        let db = sled::open(path)?;
        let trees =
            tables::ALL.iter().map(|(id, name)| Ok((*id, db.open_tree(name)?))).collect::<Result<_, sled::Error>>()?;
        let next_seq = db.get(NEXT_SEQ)?.and_then(|bytes| bytes.as_ref().try_into().ok()).map_or(0, u64::from_be_bytes);
        Ok(Self { db, trees, next_seq: AtomicU64::new(next_seq) })
    }

    /// Opens the journal in `dir` and applies what the projection lacks. A projection that is ahead of its
    /// journal belongs to another one and is rebuilt.
    pub(super) fn catch_up(&self, dir: &Path) -> Result<Journal, StoreError> {
        let next_seq = self.next_seq.load(Ordering::Acquire);
        let from = next_seq.saturating_sub(REPLAY);
        let mut applied = 0_u64;
        let mut apply = |seq, record: &[u8]| {
            if seq >= from {
                self.apply(seq, &decode_record(record)?)?;
                applied += u64::from(seq >= next_seq);
            }
            Ok(())
        };
        let journal = Journal::open(dir, &mut apply)?;
        if journal.next_seq() < next_seq {
            tracing::warn!("the projection is ahead of the journal: rebuilding it");
            self.clear()?;
            drop(journal);
            return self.catch_up(dir);
        }
        if applied > 0 {
            tracing::info!(records = applied, "applied journal records to the projection");
        }
        Ok(journal)
    }

    fn clear(&self) -> Result<(), StoreError> {
        for tree in self.trees.values() {
            tree.clear().map_err(StoreError::Projection)?;
        }
        self.db.remove(NEXT_SEQ).map_err(StoreError::Projection)?;
        self.next_seq.store(0, Ordering::Release);
        Ok(())
    }

    /// Applies the journal record `seq`. Applying it again changes nothing.
    pub(super) fn apply(&self, seq: u64, changes: &[Change]) -> Result<(), StoreError> {
        for Change { table, key, value } in changes {
            let tree = self.trees.get(table).ok_or(StoreError::Unreadable { table: "journal" })?;
            match value {
                Some(value) => tree.insert(key, value.as_slice()),
                None => tree.remove(key),
            }
            .map_err(StoreError::Projection)?;
        }
        self.db.insert(NEXT_SEQ, &(seq + 1).to_be_bytes()).map_err(StoreError::Projection)?;
        self.next_seq.store(seq + 1, Ordering::Release);
        Ok(())
    }

    pub(super) fn get<K: Key, V: DeserializeOwned>(
        &self,
        table: &Table<K, V>,
        key: &K,
    ) -> Result<Option<V>, StoreError> {
        let tree = self.tree(table)?;
        let value = tree.get(key.encode()).map_err(StoreError::Projection)?;
        value.map(|bytes| decode(table.name(), &bytes)).transpose()
    }

    pub(super) fn scan<K: Key, V: DeserializeOwned>(
        &self,
        table: &Table<K, V>,
        prefix: &[u8],
    ) -> Result<Vec<(K, V)>, StoreError> {
        let entry = |entry: Result<(sled::IVec, sled::IVec), sled::Error>| {
            let (key, value) = entry.map_err(StoreError::Projection)?;
            let (key, _) = K::decode(&key).ok_or(StoreError::Unreadable { table: table.name() })?;
            Ok((key, decode(table.name(), &value)?))
        };
        self.tree(table)?.scan_prefix(prefix).map(entry).collect()
    }

    fn tree<K, V>(&self, table: &Table<K, V>) -> Result<&sled::Tree, StoreError> {
        self.trees.get(&table.id()).ok_or(StoreError::Unreadable { table: table.name() })
    }
}
