//! How much the own asks may offer: what the farm's miners can do, less what leases at work have of it.

use std::time::Duration;

use tokio::time::Instant;

use crate::farm::Strength;

/// Standard errors by which the farm must differ from what was offered before: less may be luck with shares.
const LUCK: u64 = 3;

/// Holds a figure of what the farm can do, which follows the farm and not its luck.
///
/// A miner's rate shows itself only at work. A farm that has just started, or was never leased, is known to its seller
/// alone, so the seller's word stands as long as there are miners and no rate of any is known. It also stands for a
/// grace after the start and after each new ask, in which miners connect and show themselves; where rates were known, miners
/// that leave have left. A miner of unknown rate among known ones counts as the largest of these: it is tried as soon as a
/// lease needs it, and is known a minute later.
#[derive(Debug)]
pub(super) struct Gauge {
    grace: Duration,
    /// Until when the seller's word stands though miners are missing or unknown.
    trusted_until: Instant,
    /// Whether any rate was known since the seller's last word.
    was_known: bool,
    /// What the farm is held to do, hashes per second; as much as is offered where that is beyond it.
    held: u64,
}

impl Gauge {
    /// Begins by the seller's word, for `grace`.
    pub(super) fn new(grace: Duration, now: Instant) -> Self {
        Self { grace, trusted_until: now + grace, was_known: false, held: u64::MAX }
    }

    /// Takes the seller's word anew, since it has just offered something.
    pub(super) fn trust(&mut self, now: Instant) {
        (self.trusted_until, self.was_known) = (now + self.grace, false);
    }

    /// Returns what the farm is held to do of `offered`, both in hashes per second.
    pub(super) fn look(&mut self, farm: Strength, offered: u64, now: Instant) -> u64 {
        let is_known = farm.hashrate > 0;
        self.was_known |= is_known;
        let is_new = now < self.trusted_until;
        let stands = match (is_known, farm.unknown > 0) {
            (false, true) => true,
            (true, true) => is_new,
            (false, false) => is_new && !self.was_known,
            (true, false) => false,
        };
        let shown = farm.hashrate.saturating_add(farm.unknown.saturating_mul(farm.largest));
        let luck = farm.error.saturating_mul(LUCK);
        if stands || shown >= offered {
            self.held = u64::MAX;
        } else if self.held.min(offered).abs_diff(shown) > luck {
            self.held = shown;
        }
        self.held.min(offered)
    }
}

/// An own ask before the capacity is shared out. All in hashes per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    /// What the seller offers by it.
    pub(super) offered: u64,
    /// Its smallest lease.
    pub(super) least: u64,
    /// What can still be offered under its salt, since fills never fall.
    pub(super) room: u64,
}

/// What an ask may offer beside leases at work, hashes per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Share {
    /// Under its salt; zero where that is less than its smallest lease.
    pub(super) present: u64,
    /// Under a new salt, where that is more than its salt has room for.
    pub(super) fresh: Option<u64>,
}

/// Shares out what the farm can do and running leases have not taken: older asks first, so that no hash is offered twice.
pub(super) fn share_out(wishes: &[Wish], capacity: u64, leased: u64) -> Vec<Share> {
    let mut free = capacity.saturating_sub(leased);
    let mut give = |wish: &Wish| {
        let present = Some(wish.room.min(wish.offered).min(free)).filter(|present| *present >= wish.least.max(1));
        free -= present.unwrap_or(0);
        present.unwrap_or(0)
    };
    let present: Vec<u64> = wishes.iter().map(&mut give).collect();
    let fresh = |(wish, present): (&Wish, u64)| {
        let fresh = wish.offered.min(present + free);
        let is_more = fresh > wish.room && fresh >= wish.least.max(1);
        if is_more {
            free -= fresh - present;
        }
        Share { present, fresh: is_more.then_some(fresh) }
    };
    wishes.iter().zip(present).map(fresh).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(120);
    const SECOND: Duration = Duration::from_secs(1);

    fn known(hashrate: u64, error: u64) -> Strength {
        Strength { hashrate, error, largest: hashrate / 10, unknown: 0 }
    }

    /// A gauge whose grace is over at the returned moment.
    fn settled() -> (Gauge, Instant) {
        let start = Instant::now();
        (Gauge::new(GRACE, start), start + GRACE)
    }

    #[test]
    fn the_sellers_word_stands_until_miners_have_shown_themselves() {
        let (start, nobody, new) =
            (Instant::now(), Strength::default(), Strength { unknown: 9, ..Strength::default() });
        let mut gauge = Gauge::new(GRACE, start);
        assert_eq!(gauge.look(nobody, 100, start), 100, "they may still connect");
        assert_eq!(gauge.look(new, 100, start + SECOND), 100);
        let one = Strength { hashrate: 3, error: 1, largest: 3, unknown: 8 };
        assert_eq!(gauge.look(one, 100, start + SECOND * 2), 100, "the others may be larger");
        assert_eq!(gauge.look(one, 100, start + GRACE), 27, "or not: it is over");
        assert_eq!(gauge.look(new, 100, start + GRACE * 9), 100, "miners that never worked are the seller's to judge");
    }

    #[test]
    fn without_miners_nothing_stands_after_the_grace_or_once_there_were_any() {
        let (mut gauge, end) = settled();
        assert_eq!(gauge.look(Strength::default(), 100, end), 0);
        gauge.trust(end);
        assert_eq!(gauge.look(Strength::default(), 100, end + SECOND), 100, "the seller has just offered it");
        assert_eq!(gauge.look(known(100, 1), 100, end + SECOND), 100);
        assert_eq!(gauge.look(Strength::default(), 100, end + SECOND * 2), 0, "they left");
    }

    #[test]
    fn luck_changes_nothing_and_what_is_beyond_it_does_at_once() {
        let (mut gauge, end) = settled();
        assert_eq!(gauge.look(known(90, 5), 100, end), 100, "two standard errors");
        assert_eq!(gauge.look(known(84, 5), 100, end), 84);
        for lucky in [70, 99, 75] {
            assert_eq!(gauge.look(known(lucky, 5), 100, end), 84, "{lucky}");
        }
        assert_eq!(gauge.look(known(68, 5), 100, end), 68);
        assert_eq!(gauge.look(known(90, 5), 100, end), 90, "it grows again");
        assert_eq!(gauge.look(known(101, 5), 100, end), 100, "and never beyond what is offered");
        assert_eq!(gauge.look(known(99, 5), 100, end), 100);
        assert_eq!(gauge.look(known(99, 5), 200, end), 99, "the seller offers more");
    }

    #[test]
    fn leases_and_older_asks_come_first_and_what_is_too_little_is_left_to_others() {
        let wish = |offered, least, room| Wish { offered, least, room };
        let present = |wishes: &[Wish], capacity, leased| {
            share_out(wishes, capacity, leased).iter().map(|share| share.present).collect::<Vec<_>>()
        };
        let asks = [wish(60, 10, 60), wish(40, 40, 40), wish(30, 1, 30)];
        assert_eq!(present(&asks, 130, 0), [60, 40, 30]);
        assert_eq!(present(&asks, 110, 0), [60, 40, 10]);
        assert_eq!(present(&asks, 99, 0), [60, 0, 30], "the second is for a whole lease or none");
        assert_eq!(present(&asks, 130, 75), [55, 0, 0]);
        assert_eq!(present(&asks, 130, 200), [0, 0, 0]);
    }

    #[test]
    fn freed_capacity_is_offered_under_a_new_salt_and_never_twice() {
        let shares = |room, leased| {
            let share = share_out(&[Wish { offered: 100, least: 10, room }], 100, leased)[0];
            (share.present, share.fresh)
        };
        assert_eq!(shares(50, 50), (50, None), "half is still on offer under the old salt");
        assert_eq!(shares(0, 100), (0, None), "everything is at work");
        assert_eq!(shares(0, 40), (0, Some(60)));
        assert_eq!(shares(5, 95), (0, None), "what is free is less than the smallest lease");
        assert_eq!(shares(40, 0), (40, Some(100)));
        let two = [Wish { offered: 100, least: 1, room: 0 }, Wish { offered: 100, least: 1, room: 0 }];
        assert_eq!(share_out(&two, 150, 0).iter().filter_map(|share| share.fresh).sum::<u64>(), 150);
    }
}
