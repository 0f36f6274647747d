//! Token buckets: what one peer may ask of this node in a time.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use libp2p::PeerId;

/// Peers whose buckets are kept. Ids cost nothing, so those of peers that left count too, until
/// they are full again; beyond this many, newcomers wait.
const MAX_BUCKETS: usize = 1024;

/// How much at once, and how fast it comes back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    /// Tokens of a full bucket.
    pub(super) burst: u32,
    /// Time in which one token comes back.
    pub(super) refill: Duration,
}

/// One bucket for each peer.
#[derive(Debug)]
pub(super) struct Buckets {
    rate: Rate,
    /// When each peer's bucket will be full again.
    full_at: HashMap<PeerId, Instant>,
}

impl Buckets {
    pub(super) fn new(rate: Rate) -> Self {
        Self { rate, full_at: HashMap::new() }
    }

    /// Takes one token of `peer`, and tells whether there was one.
    pub(super) fn take(&mut self, peer: PeerId, now: Instant) -> bool {
        if !self.full_at.contains_key(&peer) && self.full_at.len() >= MAX_BUCKETS {
            self.full_at.retain(|_, full_at| *full_at > now);
            if self.full_at.len() >= MAX_BUCKETS {
                return false;
            }
        }
        let full_at = self.full_at.entry(peer).or_insert(now);
        let after = (*full_at).max(now) + self.rate.refill;
        let allowed = after.duration_since(now) <= self.rate.refill * self.rate.burst;
        if allowed {
            *full_at = after;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { burst: 3, refill: Duration::from_millis(100) };

    #[test]
    fn a_full_bucket_gives_its_burst_and_then_what_comes_back() {
        let (mut buckets, peer, start) = (Buckets::new(RATE), PeerId::random(), Instant::now());
        let taken = |buckets: &mut Buckets, after_ms| {
            let now = start + Duration::from_millis(after_ms);
            (0..10).filter(|_| buckets.take(peer, now)).count()
        };
        assert_eq!(taken(&mut buckets, 0), 3);
        assert_eq!(taken(&mut buckets, 99), 0);
        assert_eq!(taken(&mut buckets, 100), 1);
        assert_eq!(taken(&mut buckets, 300), 2);
        assert_eq!(taken(&mut buckets, 60_000), 3);
    }

    #[test]
    fn one_peers_flood_leaves_anothers_bucket_full() {
        let (mut buckets, now) = (Buckets::new(RATE), Instant::now());
        let [loud, quiet] = [PeerId::random(), PeerId::random()];
        assert_eq!((0..10).filter(|_| buckets.take(loud, now)).count(), 3);
        assert!(buckets.take(quiet, now));
    }

    #[test]
    fn buckets_are_bounded_and_full_ones_are_forgotten() {
        let (mut buckets, now) = (Buckets::new(RATE), Instant::now());
        assert!((0..MAX_BUCKETS).all(|_| buckets.take(PeerId::random(), now)));
        assert!(!buckets.take(PeerId::random(), now));
        assert!(buckets.take(PeerId::random(), now + RATE.refill));
        assert_eq!(buckets.full_at.len(), 1);
    }
}
