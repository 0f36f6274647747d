//! Hashing the shares of all connections together.

use std::ops::Deref as _;
use std::sync::Arc;

use hashlease_miner::pow::share::Checked;
use hashlease_miner::pow::{Batch, Rejection, Solution};
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;

use super::error::Hangup;
use super::job::{FarmShare, Template};
use super::pending::Pending;

/// Connections whose shares wait at a time; the others wait for a place, and read nothing meanwhile.
const QUEUE: usize = 256;
/// Shares from which a batch takes no more: some hundred microseconds' work.
const ENOUGH: usize = 256;
/// Merkle roots that are remembered: one for each of as many miners as a farm may have. They take 1.5 MiB.
const ROOTS: usize = 1 << 14;

/// A solution that is to be hashed for a job.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) template: Arc<Template>,
    pub(super) solution: Solution,
}

/// What became of a candidate.
pub(super) type Outcome = Result<Checked, Rejection>;

/// The way to the thread that hashes. Clones lead to the same one, which ends with the last of them.
///
/// Nothing waits for company: the thread takes what there is, and what comes meanwhile makes the next batch. So a lone share
/// is hashed at once, and the more there are, the cheaper each is.
#[derive(Clone, Debug)]
pub(super) struct Verifier(mpsc::Sender<Order>);

/// One connection's candidates, and where their outcomes go.
#[derive(Debug)]
struct Order {
    candidates: Vec<Candidate>,
    answer: oneshot::Sender<Vec<Outcome>>,
}

impl Verifier {
    /// Starts the thread, which must happen inside a tokio runtime.
    pub(super) fn start() -> Self {
        let (sender, orders) = mpsc::channel(QUEUE);
        spawn_blocking(move || verify(orders));
        Self(sender)
    }

    /// Hashes submits together, those that are worth it, and has each answered with the outcome of its candidate, in the order in
    /// which they came; sends off the shares that they are.
    pub(super) async fn settle<A, R>(
        &self,
        waiting: &mut Vec<Pending<A, R>>,
        shares: &mpsc::Sender<FarmShare>,
        mut answer: impl FnMut(Pending<A, R>, Option<Outcome>) -> Result<Option<FarmShare>, Hangup>,
    ) -> Result<(), Hangup> {
        let mut outcomes = self.check(waiting.iter().filter_map(Pending::candidate).collect()).await.into_iter();
        for pending in waiting.drain(..) {
            let outcome = pending.formed.is_ok().then(|| outcomes.next()).flatten();
            if let Some(share) = answer(pending, outcome)? {
                shares.send(share).await.map_err(|_| Hangup::Unchecked)?;
            }
        }
        Ok(())
    }

    /// Hashes candidates; waits while too many others do. Outcomes are in the order of the candidates, and none come where the
    /// thread has ended.
    async fn check(&self, candidates: Vec<Candidate>) -> Vec<Outcome> {
        if candidates.is_empty() {
            return Vec::new();
        }
        let (answer, outcomes) = oneshot::channel();
        if self.0.send(Order { candidates, answer }).await.is_err() {
            return Vec::new();
        }
        outcomes.await.unwrap_or_default()
    }
}

fn verify(mut orders: mpsc::Receiver<Order>) {
    let mut batch = Batch::new(ROOTS);
    while let Some(first) = orders.blocking_recv() {
        let mut taken = vec![first];
        let mut shares = taken[0].candidates.len();
        while shares < ENOUGH
            && let Ok(next) = orders.try_recv()
        {
            shares += next.candidates.len();
            taken.push(next);
        }
        answer(&mut batch, taken);
    }
}

fn answer(batch: &mut Batch, orders: Vec<Order>) {
    let candidates = orders.iter().flat_map(|order| &order.candidates);
    let shares: Vec<_> =
        candidates.map(|candidate| (candidate.template.as_ref().deref(), &candidate.solution)).collect();
    let mut outcomes = batch.assemble(&shares).into_iter();
    for order in orders {
        let own = outcomes.by_ref().take(order.candidates.len()).collect();
        // A connection that is gone wants no answer.
        let _ = order.answer.send(own);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::future::join_all;
    use hashlease_miner::pow::share::assemble;
    use tokio::time::timeout;

    use super::super::extranonce::{Division, Number};
    use super::super::idle;
    use super::*;

    const DEADLINE: Duration = Duration::from_secs(30);

    fn candidates(connection: u32, count: u32) -> Vec<Candidate> {
        let template = idle::job_for(Division::for_job(Number(1), 8));
        let solution = |nonce: u32| Solution {
            version: template.version,
            extranonce: [connection.to_be_bytes(), nonce.to_be_bytes()].concat(),
            time: template.min_time,
            nonce,
        };
        (0..count).map(|nonce| Candidate { template: Arc::clone(&template), solution: solution(nonce) }).collect()
    }

    /// Has some candidates checked, and each outcome compared with that of hashing it alone.
    async fn check(verifier: &Verifier, connection: u32, count: u32) {
        let candidates = candidates(connection, count);
        let alone: Vec<_> = candidates.iter().map(|it| assemble(&it.template, &it.solution)).collect();
        let outcomes = timeout(DEADLINE, verifier.check(candidates)).await.expect("outcomes must come in time");
        assert_eq!(outcomes, alone, "connection {connection}");
    }

    #[tokio::test]
    async fn a_lone_share_is_answered_though_nothing_else_comes() {
        let verifier = Verifier::start();
        check(&verifier, 1, 1).await;
        check(&verifier, 1, 0).await;
    }

    #[tokio::test]
    async fn a_full_queue_makes_connections_wait_and_loses_nothing() {
        let (sender, orders) = mpsc::channel(2);
        let verifier = Verifier(sender);
        let connections = 1_000;
        let checks = join_all((0..connections).map(|connection| check(&verifier, connection, 1 + connection % 7)));
        let begin = async {
            // Two have their place by now, and nobody was answered.
            assert_eq!(verifier.0.capacity(), 0);
            spawn_blocking(move || verify(orders));
        };
        tokio::join!(checks, begin);
    }

    #[tokio::test]
    async fn a_connection_that_left_spoils_the_batch_for_nobody() {
        let (sender, orders) = mpsc::channel(8);
        let verifier = Verifier(sender);
        let gone = tokio::spawn({
            let verifier = verifier.clone();
            async move { verifier.check(candidates(1, 3)).await }
        });
        while verifier.0.capacity() == 8 {
            tokio::task::yield_now().await;
        }
        gone.abort();
        assert!(gone.await.is_err());
        let begin = async { drop(spawn_blocking(move || verify(orders))) };
        tokio::join!(check(&verifier, 2, 5), check(&verifier, 3, 1), begin);
    }

    #[tokio::test]
    async fn the_thread_ends_with_the_last_way_to_it_and_without_it_nothing_is_checked() {
        let (sender, orders) = mpsc::channel(1);
        let thread = spawn_blocking(move || verify(orders));
        let verifier = Verifier(sender);
        check(&verifier, 1, 1).await;
        drop(verifier);
        timeout(DEADLINE, thread).await.expect("the thread must end in time").unwrap();
        let (sender, orders) = mpsc::channel(1);
        drop(orders);
        assert_eq!(Verifier(sender).check(candidates(1, 1)).await, []);
    }
}
