//! The tables, their keys and how values are encoded.

use std::marker::PhantomData;

use alloy_primitives::{Address, B256};
use serde::{Serialize, de::DeserializeOwned};

use super::{Change, StoreError};

/// Largest encoded value, bytes: sled keeps larger ones in files of their own that it does not sync.
pub(super) const MAX_VALUE: usize = 64 << 10;
/// First byte of each journal record.
const VERSION: u8 = 1;

/// A typed table: keys `K` in the order of their encoding, values `V` as CBOR.
#[derive(Debug)]
pub struct Table<K, V> {
    id: u8,
    name: &'static str,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K, V> Table<K, V> {
    /// Names a table by its number in [`tables`], which the journal holds and which never changes.
    pub const fn new((id, name): (u8, &'static str)) -> Self {
        Self { id, name, types: PhantomData }
    }

    /// Returns the table's number.
    pub fn id(&self) -> u8 {
        self.id
    }

    /// Returns the table's name.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

/// Every table of the node by number and name. The rooms that own them give them their types.
pub mod tables {
    /// Own orders, by salt.
    pub const OWN_ORDERS: (u8, &str) = (1, "own_orders");
    /// Leases that this node is a party of, by id.
    pub const LEASES: (u8, &str) = (2, "leases");
    /// Work accepted in a lease, by (lease, nTime).
    pub const WORK: (u8, &str) = (3, "work");
    /// Proof shares kept, by (lease, hash).
    pub const PROOF_SHARES: (u8, &str) = (4, "proof_shares");
    /// Chain calls that wait or are under way, by number.
    pub const OUTBOX: (u8, &str) = (5, "outbox");
    /// Events of the escrow, by (block number, log index).
    pub const EVENTS: (u8, &str) = (6, "events");
    /// The watcher's place on the chain.
    pub const CURSOR: (u8, &str) = (7, "cursor");
    /// What was signed: highest capacity by salt.
    pub const SIGNED_ASKS: (u8, &str) = (8, "signed_asks");
    /// What was signed: newest receipt by (role, lease).
    pub const SIGNED_RECEIPTS: (u8, &str) = (9, "signed_receipts");
    /// What was signed: lease by hash of the coinbase prefix.
    pub const SIGNED_JOBS: (u8, &str) = (10, "signed_jobs");
    /// What was signed: transaction digest by nonce.
    pub const SIGNED_NONCES: (u8, &str) = (11, "signed_nonces");
    /// Detail documents of the parties of own leases, by address.
    pub const CONTACTS: (u8, &str) = (12, "contacts");
    /// Blocks found by leased work, by (lease, hash).
    pub const BLOCKS: (u8, &str) = (13, "blocks");
    /// Jobs that kept proof shares are on, by (lease, EIP-712 hash).
    pub const PROOF_JOBS: (u8, &str) = (14, "proof_jobs");
    /// Standby shares that no receipt counts yet, by (lease, hash).
    pub const STANDBY: (u8, &str) = (15, "standby");
    /// Hashes done for a lease beyond those that its receipts can count, by lease.
    pub const UNCREDITED: (u8, &str) = (16, "uncredited");

    /// All of them, for export and repair.
    pub const ALL: [(u8, &str); 16] = [
        OWN_ORDERS,
        LEASES,
        WORK,
        PROOF_SHARES,
        OUTBOX,
        EVENTS,
        CURSOR,
        SIGNED_ASKS,
        SIGNED_RECEIPTS,
        SIGNED_JOBS,
        SIGNED_NONCES,
        CONTACTS,
        BLOCKS,
        PROOF_JOBS,
        STANDBY,
        UNCREDITED,
    ];
}

/// A key whose encoding sorts as the key does. Fixed lengths only, so that a prefix is unambiguous.
pub trait Key: Sized {
    /// Returns the encoding.
    fn encode(&self) -> Vec<u8>;
    /// Reads the encoding at the start of `bytes` and returns the key with what is left.
    fn decode(bytes: &[u8]) -> Option<(Self, &[u8])>;
}

impl Key for () {
    fn encode(&self) -> Vec<u8> {
        Vec::new()
    }
    fn decode(bytes: &[u8]) -> Option<(Self, &[u8])> {
        Some(((), bytes))
    }
}

impl Key for B256 {
    fn encode(&self) -> Vec<u8> {
        self.to_vec()
    }
    fn decode(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (key, rest) = bytes.split_first_chunk::<32>()?;
        Some((Self::from(*key), rest))
    }
}

impl Key for Address {
    fn encode(&self) -> Vec<u8> {
        self.to_vec()
    }
    fn decode(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (key, rest) = bytes.split_first_chunk::<20>()?;
        Some((Self::from(*key), rest))
    }
}

macro_rules! integer_key {
    ($($integer:ty),*) => {$(
        impl Key for $integer {
            fn encode(&self) -> Vec<u8> {
                self.to_be_bytes().to_vec()
            }
            fn decode(bytes: &[u8]) -> Option<(Self, &[u8])> {
                let (key, rest) = bytes.split_first_chunk()?;
                Some((Self::from_be_bytes(*key), rest))
            }
        }
    )*};
}
integer_key!(u8, u32, u64);

impl<A: Key, B: Key> Key for (A, B) {
    fn encode(&self) -> Vec<u8> {
        [self.0.encode(), self.1.encode()].concat()
    }
    fn decode(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (a, rest) = A::decode(bytes)?;
        let (b, rest) = B::decode(rest)?;
        Some(((a, b), rest))
    }
}

/// Encodes a value as CBOR.
pub(super) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).expect("the node's own types encode, and a Vec takes every write");
    bytes
}

/// Reads a value of a table.
pub(super) fn decode<T: DeserializeOwned>(table: &'static str, bytes: &[u8]) -> Result<T, StoreError> {
    ciborium::from_reader(bytes).map_err(|_| StoreError::Unreadable { table })
}

/// Encodes the changes of a batch as a journal record.
pub(super) fn encode_record(changes: &[Change]) -> Vec<u8> {
    let mut record = vec![VERSION];
    record.extend_from_slice(&encode(&changes));
    record
}

/// Reads a journal record.
pub(super) fn decode_record(record: &[u8]) -> Result<Vec<Change>, StoreError> {
    match record.split_first() {
        Some((&VERSION, changes)) => decode("journal", changes),
        Some((&found, _)) if found > VERSION => Err(StoreError::NewerVersion { found }),
        _ => Err(StoreError::Unreadable { table: "journal" }),
    }
}
