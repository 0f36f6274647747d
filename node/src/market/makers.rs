//! What the market remembers of makers: how many of their orders it looked at, and which ones they ended.

use std::collections::{HashMap, HashSet, VecDeque};

use alloy_primitives::{Address, B256};
use hashlease_domain::order::MAX_LIFETIME_S;

/// Orders of one maker that are looked at in a window: re-signing all of its orders, and some more.
pub(super) const MAKER_ORDERS: u32 = 128;
/// Length of that window, seconds.
pub(super) const MAKER_WINDOW_S: u64 = 60;
/// Makers that are counted; beyond that the window starts anew.
const MAX_MAKERS: usize = 65_536;
/// Ended orders that are remembered: four full books. Beyond that the oldest is forgotten.
const MAX_ENDED: usize = 16_384;

/// The makers of orders.
#[derive(Debug, Default)]
pub(super) struct Makers {
    /// Number of the present window.
    window: u64,
    /// Orders looked at in it.
    counts: HashMap<Address, u32>,
    /// Maker and salt of ended orders, with the time until which one may be replayed, unix seconds; oldest first.
    ended: VecDeque<(u64, (Address, B256))>,
    /// The same, for looking up.
    is_ended: HashSet<(Address, B256)>,
}

impl Makers {
    /// Counts an order of `maker` at `now`; `false` where there were too many.
    pub(super) fn take(&mut self, maker: Address, now: u64) -> bool {
        let window = now / MAKER_WINDOW_S;
        if window != self.window || self.counts.len() >= MAX_MAKERS {
            self.window = window;
            self.counts.clear();
        }
        let count = self.counts.entry(maker).or_default();
        *count += 1;
        *count <= MAKER_ORDERS
    }

    /// Remembers that `maker` ended its orders with `salt`, as long as a version that was signed before may be
    /// taken: whoever kept one must not bring it back.
    pub(super) fn end(&mut self, maker: Address, salt: B256, now: u64) {
        if !self.is_ended.insert((maker, salt)) {
            return;
        }
        self.ended.push_back((now + MAX_LIFETIME_S, (maker, salt)));
        let is_over = |(until, _): &(u64, _)| *until <= now;
        while self.ended.len() > MAX_ENDED || self.ended.front().is_some_and(is_over) {
            if let Some((_, forgotten)) = self.ended.pop_front() {
                self.is_ended.remove(&forgotten);
            }
        }
    }

    /// Tells whether `maker` ended its orders with `salt`.
    pub(super) fn has_ended(&self, maker: Address, salt: B256) -> bool {
        self.is_ended.contains(&(maker, salt))
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::U256;

    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn salt(number: usize) -> B256 {
        B256::from(U256::from(number))
    }

    #[test]
    fn one_makers_orders_are_bounded_in_a_window_and_anothers_are_not_touched() {
        let mut makers = Makers::default();
        let [eager, calm] = [1, 2].map(Address::repeat_byte);
        let start = NOW / MAKER_WINDOW_S * MAKER_WINDOW_S;
        assert!((0..MAKER_ORDERS).all(|_| makers.take(eager, start)));
        assert!(!makers.take(eager, start + MAKER_WINDOW_S - 1) && makers.take(calm, start));
        assert!(makers.take(eager, start + MAKER_WINDOW_S));
    }

    #[test]
    fn an_order_stays_ended_until_no_version_of_it_can_live() {
        let mut makers = Makers::default();
        let maker = Address::repeat_byte(1);
        makers.end(maker, salt(1), NOW);
        makers.end(maker, salt(1), NOW + 1);
        assert!(makers.has_ended(maker, salt(1)) && !makers.has_ended(maker, salt(2)));
        assert!(!makers.has_ended(Address::repeat_byte(2), salt(1)));
        makers.end(maker, salt(2), NOW + MAX_LIFETIME_S - 1);
        assert!(makers.has_ended(maker, salt(1)));
        makers.end(maker, salt(3), NOW + MAX_LIFETIME_S);
        assert!(!makers.has_ended(maker, salt(1)) && makers.has_ended(maker, salt(2)));
    }

    #[test]
    fn of_too_many_ended_orders_the_oldest_are_forgotten() {
        let mut makers = Makers::default();
        let maker = Address::repeat_byte(1);
        (0..=MAX_ENDED).for_each(|number| makers.end(maker, salt(number), NOW));
        assert_eq!((makers.ended.len(), makers.is_ended.len()), (MAX_ENDED, MAX_ENDED));
        assert!(!makers.has_ended(maker, salt(0)) && makers.has_ended(maker, salt(MAX_ENDED)));
    }
}
