use alloy_primitives::U256;

use super::*;
use crate::{
    eip712::Domain,
    testing::{NOW, PH, Rng, address, sample_ask, sample_bid, unsigned, word},
};

fn mismatch(change: impl FnOnce(&mut Ask, &mut Bid)) -> Mismatch {
    let (mut ask, mut bid) = (sample_ask(), sample_bid());
    change(&mut ask, &mut bid);
    crosses(&ask, &bid, NOW).unwrap_err()
}

fn still_crosses(change: impl FnOnce(&mut Ask, &mut Bid)) -> bool {
    let (mut ask, mut bid) = (sample_ask(), sample_bid());
    change(&mut ask, &mut bid);
    crosses(&ask, &bid, NOW).is_ok()
}

#[test]
fn orders_that_meet_every_limit_cross() {
    assert_eq!(crosses(&sample_ask(), &sample_bid(), NOW), Ok(()));
    // Each limit is met at its very edge.
    assert!(still_crosses(|ask, bid| ask.price = bid.max_price));
    assert!(still_crosses(|ask, bid| (ask.min_duration, ask.max_duration) = (bid.duration, bid.duration)));
    assert!(still_crosses(|ask, bid| ask.sla_bps = bid.min_sla_bps));
    assert!(still_crosses(|ask, bid| ask.bond_bps = bid.min_bond_bps));
    assert!(still_crosses(|ask, bid| ask.hashrate = bid.min_hashrate));
    assert!(still_crosses(|ask, bid| bid.seller = ask.seller));
    assert!(still_crosses(|ask, _| ask.expiry = NOW + 1));
}

#[test]
fn void_orders_do_not_cross() {
    assert_eq!(mismatch(|ask, _| ask.expiry = NOW), Mismatch::Expired { side: Side::Ask, expiry: NOW });
    assert_eq!(mismatch(|_, bid| bid.expiry = NOW), Mismatch::Expired { side: Side::Bid, expiry: NOW });
}

#[test]
fn bounds_of_a_lease_hold_for_both_orders() {
    assert_eq!(mismatch(|_, bid| bid.buyer = Address::ZERO), Mismatch::Zero("buyer"));
    assert_eq!(mismatch(|_, bid| bid.agent = Address::ZERO), Mismatch::Zero("agent"));
    assert_eq!(mismatch(|ask, _| ask.seller = Address::ZERO), Mismatch::Zero("seller"));
    assert_eq!(mismatch(|ask, _| ask.payee = Address::ZERO), Mismatch::Zero("payee"));
    assert_eq!(mismatch(|ask, _| ask.hashrate = 0), Mismatch::Zero("hashrate"));
    assert_eq!(mismatch(|_, bid| bid.duration = 0), Mismatch::Zero("duration"));
    assert_eq!(mismatch(|ask, _| ask.proof_shares = 0), Mismatch::Zero("proof_shares"));
    assert_eq!(mismatch(|ask, _| ask.price = 0), Mismatch::Zero("price"));
    let too_high = |field| Mismatch::RatioTooHigh { field, bps: 10_001 };
    assert_eq!(mismatch(|ask, _| ask.sla_bps = 10_001), too_high("sla_bps"));
    assert_eq!(mismatch(|ask, _| ask.bond_bps = 10_001), too_high("bond_bps"));
    assert_eq!(mismatch(|ask, bid| (ask.proof_bps, bid.max_proof_bps) = (10_001, 20_000)), too_high("proof_bps"));
    assert_eq!(mismatch(|_, bid| bid.matcher_fee_bps = 10_001), too_high("matcher_fee_bps"));
    let huge = |ask: &mut Ask, bid: &mut Bid| {
        (ask.price, bid.max_price) = (u128::MAX, u128::MAX);
        (ask.hashrate, ask.min_hashrate, bid.hashrate) = (u64::MAX, u64::MAX, u64::MAX);
    };
    assert_eq!(mismatch(huge), Mismatch::LockTooLarge);
}

#[test]
fn token_price_duration_and_parties_must_agree() {
    let (ask, bid) = (sample_ask(), sample_bid());
    assert_eq!(mismatch(|ask, _| ask.token = address(8)), Mismatch::Token { ask: address(8), bid: bid.token });
    let price = bid.max_price + 1;
    assert_eq!(mismatch(|ask, _| ask.price = price), Mismatch::Price { ask: price, bid: bid.max_price });
    for duration in [ask.min_duration - 1, ask.max_duration + 1] {
        let expected = Mismatch::Duration { duration, min: ask.min_duration, max: ask.max_duration };
        assert_eq!(mismatch(|_, bid| bid.duration = duration), expected);
    }
    assert_eq!(mismatch(|_, bid| bid.seller = address(7)), Mismatch::Seller { seller: ask.seller, wanted: address(7) });
    let required = U256::from(0b10_0000_0011);
    let missing = Mismatch::Tags(Tags::HOSTED | Tags::SOLAR);
    assert_eq!(mismatch(|_, bid| bid.required_tags = required), missing);
    assert_eq!(missing.to_string(), "the ask doesn't declare hosted,solar");
}

#[test]
fn neither_order_may_be_smaller_than_the_others_minimum() {
    let too_small = |side| Mismatch::Hashrate { side, hashrate: PH - 1, min_hashrate: PH };
    assert_eq!(mismatch(|ask, _| (ask.hashrate, ask.min_hashrate) = (PH - 1, 1)), too_small(Side::Ask));
    assert_eq!(mismatch(|_, bid| (bid.hashrate, bid.min_hashrate) = (PH - 1, 1)), too_small(Side::Bid));
}

#[test]
fn the_service_must_lie_within_the_bids_limits() {
    let limit = |field, ask, bid| Mismatch::Limit { field, ask, bid };
    assert_eq!(mismatch(|ask, _| ask.sla_bps = 7_999), limit("sla_bps", 7_999, 8_000));
    assert_eq!(mismatch(|ask, _| ask.bond_bps = 499), limit("bond_bps", 499, 500));
    assert_eq!(mismatch(|ask, _| ask.proof_bps = 9_001), limit("proof_bps", 9_001, 9_000));
    assert_eq!(mismatch(|ask, _| ask.cancel_notice = 601), limit("cancel_notice", 601, 600));
    assert_eq!(mismatch(|ask, _| ask.proof_window = 3_601), limit("proof_window", 3_601, 3_600));
    assert_eq!(mismatch(|ask, _| ask.proof_shares = 255), limit("proof_shares", 255, 256));
}

#[test]
fn the_hashrate_of_a_lease_is_the_largest_that_the_escrow_takes() {
    let (mut ask, mut bid) = (sample_ask(), sample_bid());
    for ask_remaining in 0..14 {
        for bid_remaining in 0..14 {
            for (ask_least, bid_least) in (0..7).flat_map(|a| (0..7).map(move |b| (a, b))) {
                (ask.min_hashrate, bid.min_hashrate) = (ask_least, bid_least);
                let taken = |hashrate: &u64| {
                    let rests = [(ask_remaining - hashrate, ask_least), (bid_remaining - hashrate, bid_least)];
                    *hashrate >= ask_least
                        && *hashrate >= bid_least
                        && rests.iter().all(|(rest, least)| *rest == 0 || rest >= least)
                };
                let expected = (1..=ask_remaining.min(bid_remaining)).rev().find(taken);
                let found = lease_hashrate(ask_remaining, bid_remaining, &ask, &bid);
                assert_eq!(found, expected, "{ask_remaining} {bid_remaining} {ask_least} {bid_least}");
            }
        }
    }
}

fn book() -> Book {
    Book::new(Domain { chain_id: 31_337, escrow: address(0xEE) })
}

fn add_ask(book: &mut Book, salt: u8, price: u128, hashrate: u64) -> B256 {
    let ask = Ask { salt: word(salt), price, hashrate, ..sample_ask() };
    book.insert_ask(unsigned(ask), Vec::new(), 0).unwrap()
}

fn add_bid(book: &mut Book, salt: u8, max_price: u128, hashrate: u64, matcher: Address) -> B256 {
    let bid = Bid { salt: word(salt), max_price, hashrate, matcher, ..sample_bid() };
    book.insert_bid(unsigned(bid), Vec::new(), 0).unwrap()
}

#[test]
fn the_best_bid_takes_the_cheapest_asks_and_the_first_of_equals() {
    let mut book = book();
    let dear = add_ask(&mut book, 1, 60, 5 * PH);
    let cheap = add_ask(&mut book, 2, 50, 5 * PH);
    let cheap_later = add_ask(&mut book, 3, 50, 5 * PH);
    let low = add_bid(&mut book, 4, 55, 4 * PH, Address::ZERO);
    let high = add_bid(&mut book, 5, 70, 12 * PH, Address::ZERO);

    let first = book.bids().next().unwrap();
    assert_eq!(best_match(&book, first, NOW), Some(Match { ask_id: cheap, bid_id: high, hashrate: 5 * PH }));
    let all = [(cheap, high, 5), (cheap_later, high, 5), (dear, high, 2)];
    let all = all.map(|(ask_id, bid_id, hashrate)| Match { ask_id, bid_id, hashrate: hashrate * PH });
    assert_eq!(matches(&book, NOW, address(5)), all, "nothing is left at 55 for the low bid {low}");
    assert_eq!(matches(&book, sample_ask().expiry, address(5)), []);
}

#[test]
fn a_bid_that_names_its_matcher_is_left_to_it() {
    let mut book = book();
    add_ask(&mut book, 1, 50, 5 * PH);
    let named = add_bid(&mut book, 2, 60, 5 * PH, address(5));
    let free = add_bid(&mut book, 3, 55, 5 * PH, Address::ZERO);
    let bids = |matcher| matches(&book, NOW, matcher).iter().map(|found| found.bid_id).collect::<Vec<_>>();
    assert_eq!(bids(address(5)), [named]);
    assert_eq!(bids(address(6)), [free]);
}

#[test]
fn an_ask_that_does_not_fit_is_passed_over_for_the_next() {
    let mut book = book();
    let filled = Ask { salt: word(1), price: 40, ..sample_ask() };
    book.insert_ask(unsigned(filled.clone()), Vec::new(), filled.hashrate).unwrap();
    let fits = add_ask(&mut book, 2, 50, 5 * PH);
    add_bid(&mut book, 3, 60, 5 * PH, Address::ZERO);
    let bid = book.bids().next().unwrap();
    assert_eq!(best_match(&book, bid, NOW).map(|found| found.ask_id), Some(fits));
}

#[test]
fn matches_never_give_away_more_than_remains_and_leave_nothing_that_crosses() {
    let mut rng = Rng(6);
    for _ in 0..300 {
        let mut book = book();
        for salt in 0..12 {
            let (price, hashrate) = (40 + u128::from(rng.below(20)), PH + rng.below(6 * PH));
            if salt % 2 == 0 {
                add_ask(&mut book, salt, price, hashrate);
            } else {
                add_bid(&mut book, salt, price, hashrate, Address::ZERO);
            }
        }
        let found = matches(&book, NOW, address(5));
        assert_eq!(found, matches(&book, NOW, address(5)));
        let given =
            |id: B256| -> u64 { found.iter().filter(|m| m.ask_id == id || m.bid_id == id).map(|m| m.hashrate).sum() };
        for bid in book.bids() {
            let bid_rest = bid.remaining().checked_sub(given(bid.id)).unwrap();
            for ask in book.asks().filter(|ask| crosses(ask.order(), bid.order(), NOW).is_ok()) {
                let ask_rest = ask.remaining().checked_sub(given(ask.id)).unwrap();
                assert_eq!(lease_hashrate(ask_rest, bid_rest, ask.order(), bid.order()), None);
            }
        }
    }
}
