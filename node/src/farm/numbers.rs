//! The numbers of the connections that live.

use std::collections::HashSet;

use super::extranonce::{MAX_NUMBERS, Number};

/// Numbers that are taken, and the next one to try.
#[derive(Debug)]
pub(super) struct Numbers {
    /// By the two forms in which two must not be alike.
    narrow: HashSet<[u8; 2]>,
    brief: HashSet<[u8; 2]>,
    next: u32,
}

impl Numbers {
    /// Begins at random: after a restart the same job isn't mined over the same extranonces again.
    pub(super) fn new() -> Self {
        Self { narrow: HashSet::new(), brief: HashSet::new(), next: rand::random() }
    }

    /// Takes the next number that nobody has; `None` where there is none.
    pub(super) fn take(&mut self) -> Option<Number> {
        if self.brief.len() >= MAX_NUMBERS {
            return None;
        }
        loop {
            let number = Number(self.next);
            self.next = self.next.wrapping_add(1);
            if !self.narrow.contains(&number.narrow()) && self.brief.insert(number.brief()) {
                self.narrow.insert(number.narrow());
                return Some(number);
            }
        }
    }

    /// Frees a number.
    pub(super) fn give_back(&mut self, number: Number) {
        self.narrow.remove(&number.narrow());
        self.brief.remove(&number.brief());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_have_a_number_until_all_are_taken_and_one_that_is_given_back_is_found_again() {
        let mut numbers = Numbers::new();
        let taken: Vec<Number> = (0..MAX_NUMBERS).filter_map(|_| numbers.take()).collect();
        for form in [Number::narrow, Number::brief] {
            assert_eq!(taken.iter().copied().map(form).collect::<HashSet<_>>().len(), MAX_NUMBERS);
        }
        assert_eq!(numbers.take(), None);
        numbers.give_back(taken[7]);
        assert_eq!(numbers.take().map(Number::brief), Some(taken[7].brief()));
        assert_eq!(numbers.take(), None);
    }
}
