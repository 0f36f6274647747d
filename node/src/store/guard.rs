//! The one door that signatures of the node's key leave by: each is checked against what was signed
//! before, and its mark is on the disk before the signature is made.

use alloy_primitives::{Address, B256, keccak256};
use hashlease_domain::{Ask, Domain, LeaseJob, Receipt, Signature, cancellation::OrderCancellation, session::Session};
use tokio::sync::Mutex;

use super::{Batch, Store, StoreError, Table, tables};
use crate::keys::SecretKey;

/// Largest capacity offered, by (seller's) salt.
const SIGNED_ASKS: Table<B256, u64> = Table::new(tables::SIGNED_ASKS);
/// Newest receipt, by (role, lease).
const SIGNED_RECEIPTS: Table<(u8, B256), Receipt> = Table::new(tables::SIGNED_RECEIPTS);
/// The lease that a coinbase prefix belongs to, by the prefix's hash.
const SIGNED_JOBS: Table<B256, B256> = Table::new(tables::SIGNED_JOBS);
/// The transaction that a nonce was used for, by nonce.
const SIGNED_NONCES: Table<u64, B256> = Table::new(tables::SIGNED_NONCES);

/// What the node's key may sign.
#[derive(Clone, Debug)]
pub enum Statement {
    /// An offer of the node's own.
    Ask(Box<Ask>),
    /// The end of an order of the node's own.
    Cancellation(OrderCancellation),
    /// The seller's side of a receipt.
    Claim(Receipt),
    /// The agent's side of a receipt, which the caller has compared with its ledger.
    Countersign(Receipt),
    /// A work template of the agent's.
    Job(Box<LeaseJob>),
    /// Proof of a lease's key over a work stream.
    Session(Session),
    /// A transaction.
    Transaction {
        /// Nonce that it uses.
        nonce: u64,
        /// Digest to sign.
        digest: B256,
        /// Digest of the transaction with the same nonce that it takes the place of.
        replaces: Option<B256>,
    },
}

/// Why the guard did not sign.
#[derive(Debug, thiserror::Error)]
pub enum NotSafe {
    /// The key is not the one that the statement names.
    #[error("the node's key is {own}, the statement is {needed}'s")]
    AnotherKey {
        /// The node's address.
        own: Address,
        /// The address that should sign.
        needed: Address,
    },
    /// The salt was offered with less before.
    #[error("salt {salt} was signed for {signed} H/s before, not {asked} H/s: offer more under a new salt")]
    MoreCapacity {
        /// Salt.
        salt: B256,
        /// Signed before.
        signed: u64,
        /// Asked for now.
        asked: u64,
    },
    /// Proven work would be worth so little that a buyer gains by going silent.
    #[error("a bonded ask with proofBps below 7000 lets a silent buyer win: raise --proof")]
    ProofTooCheap,
    /// A receipt that is not above the newest one.
    #[error(
        "receipt of {work} hashes through {through} is not above the one signed before ({signed_work} through {signed_through})"
    )]
    ReceiptGoesBack {
        /// Asked for now.
        work: u128,
        /// Asked for now.
        through: u64,
        /// Signed before.
        signed_work: u128,
        /// Signed before.
        signed_through: u64,
    },
    /// Two leases would share a coinbase.
    #[error(
        "the coinbase prefix was signed for lease {lease}: each lease needs bytes of its own before the extranonce"
    )]
    SharedCoinbase {
        /// The other lease.
        lease: B256,
    },
    /// The nonce was used for another transaction.
    #[error("nonce {nonce} was used for transaction digest {signed}")]
    NonceUsed {
        /// Nonce.
        nonce: u64,
        /// Digest signed before.
        signed: B256,
    },
    /// The mark could not be stored.
    #[error("what would be signed could not be stored")]
    Store(#[from] StoreError),
    /// The cryptography failed.
    #[error("the key could not sign")]
    Key,
}

/// Holds the node's key.
#[derive(Debug)]
pub struct Guard {
    store: Store,
    domain: Domain,
    key: SecretKey,
    /// Held from check to signature, so that two statements are never checked against the same mark.
    door: Mutex<()>,
}

impl Guard {
    /// Puts `key` behind the door.
    pub fn new(store: Store, domain: Domain, key: SecretKey) -> Self {
        Self { store, domain, key, door: Mutex::new(()) }
    }

    /// Returns the address of the node's key.
    pub fn address(&self) -> Address {
        self.key.address()
    }

    /// Returns the domain that the guard signs in.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// Checks `statement` against all that was signed before, stores its mark, and signs.
    ///
    /// # Errors
    /// [`NotSafe`] says why nothing was signed.
    pub async fn check_and_sign(&self, statement: Statement) -> Result<Signature, NotSafe> {
        let _held = self.door.lock().await;
        let (digest, mark) = self.check(&statement)?;
        self.store.commit(mark).await?;
        self.sign_digest(digest)
    }

    fn check(&self, statement: &Statement) -> Result<(B256, Batch), NotSafe> {
        let unmarked = Batch::new;
        Ok(match statement {
            Statement::Ask(ask) => (self.domain.digest(ask.as_ref()), self.check_ask(ask)?),
            Statement::Cancellation(cancellation) => {
                self.check_own(cancellation.maker)?;
                (self.domain.digest(cancellation), unmarked())
            }
            Statement::Claim(receipt) => (self.domain.digest(receipt), self.check_receipt(0, receipt)?),
            Statement::Countersign(receipt) => (self.domain.digest(receipt), self.check_receipt(1, receipt)?),
            Statement::Job(job) => (self.domain.digest(job.as_ref()), self.check_job(job)?),
            Statement::Session(session) => (self.domain.digest(session), unmarked()),
            Statement::Transaction { nonce, digest, replaces } => {
                (*digest, self.check_nonce(*nonce, *digest, *replaces)?)
            }
        })
    }

    fn check_own(&self, needed: Address) -> Result<(), NotSafe> {
        let own = self.address();
        if own == needed { Ok(()) } else { Err(NotSafe::AnotherKey { own, needed }) }
    }

    fn check_ask(&self, ask: &Ask) -> Result<Batch, NotSafe> {
        self.check_own(ask.seller)?;
        if ask.bond_bps > 0 && ask.proof_bps < 7000 {
            return Err(NotSafe::ProofTooCheap);
        }
        match self.store.get(&SIGNED_ASKS, &ask.salt)? {
            Some(signed) if signed < ask.hashrate => {
                Err(NotSafe::MoreCapacity { salt: ask.salt, signed, asked: ask.hashrate })
            }
            Some(_) => Ok(Batch::new()),
            None => Ok(Batch::new().put(&SIGNED_ASKS, &ask.salt, &ask.hashrate)),
        }
    }

    /// The same receipt may be signed again: an answer that was lost is repeated byte for byte.
    fn check_receipt(&self, role: u8, receipt: &Receipt) -> Result<Batch, NotSafe> {
        let key = (role, receipt.lease_id);
        match self.store.get(&SIGNED_RECEIPTS, &key)? {
            Some(signed) if signed == *receipt => Ok(Batch::new()),
            Some(signed) if receipt.through <= signed.through || receipt.work < signed.work => {
                Err(NotSafe::ReceiptGoesBack {
                    work: receipt.work,
                    through: receipt.through,
                    signed_work: signed.work,
                    signed_through: signed.through,
                })
            }
            _ => Ok(Batch::new().put(&SIGNED_RECEIPTS, &key, receipt)),
        }
    }

    fn check_job(&self, job: &LeaseJob) -> Result<Batch, NotSafe> {
        let prefix = keccak256(&job.job.coinbase_prefix);
        match self.store.get(&SIGNED_JOBS, &prefix)? {
            Some(lease) if lease != job.lease_id => Err(NotSafe::SharedCoinbase { lease }),
            Some(_) => Ok(Batch::new()),
            None => Ok(Batch::new().put(&SIGNED_JOBS, &prefix, &job.lease_id)),
        }
    }

    fn check_nonce(&self, nonce: u64, digest: B256, replaces: Option<B256>) -> Result<Batch, NotSafe> {
        match self.store.get(&SIGNED_NONCES, &nonce)? {
            Some(signed) if signed == digest => Ok(Batch::new()),
            Some(signed) if replaces != Some(signed) => Err(NotSafe::NonceUsed { nonce, signed }),
            _ => Ok(Batch::new().put(&SIGNED_NONCES, &nonce, &digest)),
        }
    }

    fn sign_digest(&self, digest: B256) -> Result<Signature, NotSafe> {
        let (signature, parity) =
            self.key.signing_key().sign_prehash_recoverable(digest.as_slice()).map_err(|_| NotSafe::Key)?;
        let mut bytes = [0; 65];
        bytes[..64].copy_from_slice(&signature.to_bytes());
        bytes[64] = 27 + u8::from(parity.is_y_odd());
        Signature::from_slice(&bytes).map_err(|_| NotSafe::Key)
    }
}

#[cfg(test)]
mod tests {
    use hashlease_miner::pow::job::Job;

    use super::*;

    fn guard(dir: &std::path::Path) -> Guard {
        let domain = Domain { chain_id: 31337, escrow: Address::repeat_byte(0xe5) };
        Guard::new(Store::open(dir).unwrap(), domain, SecretKey::from_bytes(&[7; 32]).unwrap())
    }

    fn receipt(work: u128, through: u64) -> Receipt {
        Receipt { lease_id: B256::repeat_byte(1), work, through }
    }

    #[tokio::test]
    async fn a_signature_recovers_to_the_nodes_address() {
        let dir = tempfile::tempdir().unwrap();
        let guard = guard(dir.path());
        let claim = receipt(10, 100);
        let signature = guard.check_and_sign(Statement::Claim(claim)).await.unwrap();
        signature.verify(guard.domain(), &claim, guard.address()).unwrap();
    }

    #[tokio::test]
    async fn a_receipt_never_goes_back_and_the_same_one_may_be_repeated() {
        let dir = tempfile::tempdir().unwrap();
        let guard = guard(dir.path());
        let first = guard.check_and_sign(Statement::Countersign(receipt(10, 100))).await.unwrap();
        assert_eq!(guard.check_and_sign(Statement::Countersign(receipt(10, 100))).await.unwrap(), first);
        for worse in [receipt(11, 100), receipt(11, 99), receipt(9, 101)] {
            let refused = guard.check_and_sign(Statement::Countersign(worse)).await;
            assert!(matches!(refused, Err(NotSafe::ReceiptGoesBack { .. })), "{worse:?}");
        }
        guard.check_and_sign(Statement::Countersign(receipt(10, 101))).await.unwrap();
    }

    #[tokio::test]
    async fn a_nonce_serves_one_transaction_unless_a_replacement_names_it() {
        let dir = tempfile::tempdir().unwrap();
        let guard = guard(dir.path());
        let (first, second) = (B256::repeat_byte(1), B256::repeat_byte(2));
        let transaction = |digest, replaces| Statement::Transaction { nonce: 5, digest, replaces };
        guard.check_and_sign(transaction(first, None)).await.unwrap();
        guard.check_and_sign(transaction(first, None)).await.unwrap();
        let refused = guard.check_and_sign(transaction(second, None)).await;
        assert!(matches!(refused, Err(NotSafe::NonceUsed { nonce: 5, .. })));
        guard.check_and_sign(transaction(second, Some(first))).await.unwrap();
        assert!(guard.check_and_sign(transaction(first, None)).await.is_err());
    }

    #[tokio::test]
    async fn two_leases_never_share_a_coinbase_prefix() {
        let dir = tempfile::tempdir().unwrap();
        let guard = guard(dir.path());
        let job = |lease| {
            let job = Job {
                version: 0x2000_0000,
                version_mask: 0,
                prev_hash: [3; 32],
                coinbase_prefix: vec![1, 2, 3],
                coinbase_suffix: vec![4],
                extranonce_size: 8,
                branch: Vec::new(),
                bits: 0x1d00_ffff,
                min_time: 1,
            };
            Statement::Job(Box::new(LeaseJob { lease_id: B256::repeat_byte(lease), job }))
        };
        guard.check_and_sign(job(1)).await.unwrap();
        guard.check_and_sign(job(1)).await.unwrap();
        assert!(matches!(guard.check_and_sign(job(2)).await, Err(NotSafe::SharedCoinbase { .. })));
    }

    #[tokio::test]
    async fn marks_outlive_the_process() {
        let dir = tempfile::tempdir().unwrap();
        guard(dir.path()).check_and_sign(Statement::Claim(receipt(10, 100))).await.unwrap();
        // The writer thread lets go of the lock when its last handle is gone.
        let reopened = loop {
            match Store::open(dir.path()) {
                Ok(store) => break store,
                Err(StoreError::Locked { .. }) => std::thread::yield_now(),
                Err(error) => panic!("{error}"),
            }
        };
        let guard = Guard::new(
            reopened,
            Domain { chain_id: 31337, escrow: Address::repeat_byte(0xe5) },
            SecretKey::from_bytes(&[7; 32]).unwrap(),
        );
        assert!(guard.check_and_sign(Statement::Claim(receipt(9, 99))).await.is_err());
    }
}
