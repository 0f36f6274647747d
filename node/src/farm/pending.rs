//! Submits on their way through the hashing, whatever protocol they came by.

use std::sync::Arc;

use hashlease_miner::pow::Solution;
use tokio::time::Instant;

use super::sent::Sent;
use super::verifier::Candidate;

/// A submit that waits for its hash, or for the answers of those before it: `A` is what its answer needs, `R` says why one is refused
/// without being hashed.
///
/// It is judged by when it came, however long that takes.
#[derive(Debug)]
pub(super) struct Pending<A, R> {
    pub(super) answer: A,
    pub(super) came_at: Instant,
    pub(super) formed: Result<Formed, R>,
}

/// A submit that is worth hashing.
#[derive(Debug)]
pub(super) struct Formed {
    pub(super) sent: Sent,
    pub(super) solution: Solution,
}

impl<A, R> Pending<A, R> {
    /// What is to be hashed; `None` where the submit is refused without.
    pub(super) fn candidate(&self) -> Option<Candidate> {
        let formed = self.formed.as_ref().ok()?;
        Some(Candidate { template: Arc::clone(&formed.sent.job), solution: formed.solution.clone() })
    }
}
