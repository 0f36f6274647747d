use alloy_primitives::U256;

use super::*;
use crate::testing::{NOW, PH, Rng, address, sample_ask, sample_bid, unsigned, word};

fn domain() -> Domain {
    Domain { chain_id: 31_337, escrow: address(0xEE) }
}

fn ask(seller: u8, salt: u8, price: u128) -> Ask {
    Ask { seller: address(seller), salt: word(salt), price, ..sample_ask() }
}

fn bid(buyer: u8, salt: u8, max_price: u128) -> Bid {
    Bid { buyer: address(buyer), salt: word(salt), max_price, ..sample_bid() }
}

fn insert_ask(book: &mut Book, ask: Ask) -> Result<B256, BookRefusal> {
    book.insert_ask(unsigned(ask), b"{}".to_vec(), 0)
}

fn insert_bid(book: &mut Book, bid: Bid) -> Result<B256, BookRefusal> {
    book.insert_bid(unsigned(bid), b"{}".to_vec(), 0)
}

fn sellers(book: &Book) -> Vec<Address> {
    book.asks().map(|listed| listed.order().seller).collect()
}

#[test]
fn asks_stand_cheapest_first_and_bids_dearest_first_then_by_arrival() {
    let mut book = Book::new(domain());
    for (maker, price) in [(1, 30), (2, 10), (3, 30), (4, 20)] {
        insert_ask(&mut book, ask(maker, 0, price)).unwrap();
        insert_bid(&mut book, bid(maker, 0, price)).unwrap();
    }
    assert_eq!(sellers(&book), [2, 4, 1, 3].map(address));
    let buyers: Vec<_> = book.bids().map(|listed| listed.order().buyer).collect();
    assert_eq!(buyers, [1, 3, 4, 2].map(address));
}

#[test]
fn a_version_that_expires_later_replaces_and_any_other_is_refused() {
    let mut book = Book::new(domain());
    let first = ask(1, 0, 30);
    let first_id = insert_ask(&mut book, first.clone()).unwrap();
    assert_eq!(insert_ask(&mut book, first.clone()), Err(BookRefusal::NotNewer { expiry: first.expiry }));
    let cheaper = Ask { price: 1, ..first.clone() };
    assert_eq!(insert_ask(&mut book, cheaper), Err(BookRefusal::NotNewer { expiry: first.expiry }));

    let second_id = insert_ask(&mut book, Ask { expiry: first.expiry + 1, ..first }).unwrap();
    assert_eq!(book.digests(), [second_id]);
    assert_eq!(book.get(&first_id), None);
    assert_eq!(book.asks().count(), 1);
}

#[test]
fn prolonging_keeps_the_place_and_changing_the_offer_loses_it() {
    let mut book = Book::new(domain());
    let first = ask(1, 0, 30);
    insert_ask(&mut book, first.clone()).unwrap();
    insert_ask(&mut book, ask(2, 0, 30)).unwrap();
    let prolonged = Ask { expiry: first.expiry + 1, ..first.clone() };
    insert_ask(&mut book, prolonged).unwrap();
    assert_eq!(sellers(&book), [1, 2].map(address));

    let larger = Ask { expiry: first.expiry + 2, hashrate: first.hashrate + 1, ..first.clone() };
    insert_ask(&mut book, larger).unwrap();
    assert_eq!(sellers(&book), [2, 1].map(address));

    insert_ask(&mut book, Ask { expiry: first.expiry + 3, price: 29, ..first }).unwrap();
    assert_eq!(sellers(&book), [1, 2].map(address));
}

#[test]
fn a_cancelled_salt_leaves_both_sides_and_nothing_else() {
    let mut book = Book::new(domain());
    let ended = [insert_ask(&mut book, ask(1, 7, 10)).unwrap(), insert_bid(&mut book, bid(1, 7, 10)).unwrap()];
    let other_salt = insert_ask(&mut book, ask(1, 8, 10)).unwrap();
    let other_maker = insert_ask(&mut book, ask(2, 7, 10)).unwrap();
    assert_eq!(book.cancel(address(1), word(7)), ended);
    assert!(book.cancel(address(1), word(7)).is_empty());
    let mut rest = vec![other_salt, other_maker];
    rest.sort();
    assert_eq!(book.digests(), rest);
}

#[test]
fn a_new_epoch_ends_the_makers_orders_of_other_epochs() {
    let mut book = Book::new(domain());
    let old_ask = insert_ask(&mut book, ask(1, 1, 10)).unwrap();
    let old_bid = insert_bid(&mut book, bid(1, 2, 10)).unwrap();
    let kept = insert_ask(&mut book, Ask { epoch: 1, ..ask(1, 3, 10) }).unwrap();
    insert_ask(&mut book, ask(2, 1, 10)).unwrap();
    assert_eq!(book.keep_epoch(address(1), 1), [old_ask, old_bid]);
    assert_eq!(book.asks_of(address(1)).map(|listed| listed.id).collect::<Vec<_>>(), [kept]);
    assert_eq!(book.asks_of(address(2)).count(), 1);
    assert_eq!(book.bids_of(address(1)).count(), 0);
}

#[test]
fn orders_leave_at_their_expiry() {
    let mut book = Book::new(domain());
    let soon = insert_ask(&mut book, Ask { expiry: NOW + 5, ..ask(1, 1, 10) }).unwrap();
    let later = insert_bid(&mut book, Bid { expiry: NOW + 6, ..bid(1, 1, 10) }).unwrap();
    assert!(book.expire(NOW + 4).is_empty());
    assert_eq!(book.expire(NOW + 5), [soon]);
    assert_eq!(book.digests(), [later]);
    assert_eq!(book.expire(NOW + 6), [later]);
    assert!(book.is_empty());
    assert_eq!((book.asks().count(), book.bids().count()), (0, 0));
}

#[test]
fn fills_reduce_what_remains_and_a_reorg_restores_it() {
    let mut book = Book::new(domain());
    let order = ask(1, 1, 10);
    let id = book.insert_ask(unsigned(order.clone()), Vec::new(), PH).unwrap();
    let remaining = |book: &Book| match book.get(&id) {
        Some(AnyListed::Ask(listed)) => listed.remaining(),
        _ => panic!("the ask is in the book"),
    };
    assert_eq!(remaining(&book), 9 * PH);
    book.set_filled(&order.key(), 10 * PH);
    assert_eq!(remaining(&book), 0);
    book.set_filled(&order.key(), u64::MAX);
    assert_eq!(remaining(&book), 0);
    book.set_filled(&OrderKey { side: Side::Bid, ..order.key() }, 0);
    assert_eq!(remaining(&book), 0, "the other side's fills are not this one's");
    book.set_filled(&order.key(), 2 * PH);
    assert_eq!(remaining(&book), 8 * PH);
}

#[test]
fn the_document_stays_with_its_order_and_is_bounded() {
    let mut book = Book::new(domain());
    let id = book.insert_bid(unsigned(bid(1, 1, 10)), vec![7; MAX_DETAILS_BYTES], 0).unwrap();
    assert!(matches!(book.get(&id), Some(AnyListed::Bid(listed)) if listed.details == vec![7; MAX_DETAILS_BYTES]));
    let refusal = book.insert_bid(unsigned(bid(1, 2, 10)), vec![7; MAX_DETAILS_BYTES + 1], 0);
    assert_eq!(refusal, Err(BookRefusal::DetailsTooLong { bytes: MAX_DETAILS_BYTES + 1 }));
}

#[test]
fn one_maker_and_all_makers_together_are_bounded() {
    let mut book = Book::new(domain());
    let per_maker = u64::try_from(MAX_ORDERS_PER_MAKER).unwrap();
    let numbered = |number: u64| Ask {
        seller: Address::left_padding_from(&(number / per_maker).to_be_bytes()),
        salt: B256::from(U256::from(number)),
        ..sample_ask()
    };
    let all = u64::try_from(MAX_ORDERS).unwrap();
    for number in 0..all {
        insert_ask(&mut book, numbered(number)).unwrap();
    }
    assert_eq!(insert_ask(&mut book, numbered(all)), Err(BookRefusal::Full));
    let crowding = Ask { seller: numbered(0).seller, ..numbered(all) };
    assert_eq!(insert_ask(&mut book, crowding), Err(BookRefusal::MakerFull(Side::Ask)));
    let newer = Ask { expiry: sample_ask().expiry + 1, ..numbered(0) };
    assert!(insert_ask(&mut book, newer).is_ok(), "a full book still takes a new version");
    assert_eq!(book.len(), MAX_ORDERS);
}

#[test]
fn ids_ranks_and_orders_agree_after_any_sequence() {
    let mut rng = Rng(3);
    let mut book = Book::new(domain());
    for step in 0..5_000_u64 {
        let (maker, salt) = (u8::try_from(rng.below(5)).unwrap(), u8::try_from(rng.below(8)).unwrap());
        let (price, expiry) = (rng.below(6).into(), NOW + step / 8 + rng.below(40));
        match rng.below(6) {
            0 | 1 => drop(insert_ask(&mut book, Ask { expiry, epoch: rng.below(2), ..ask(maker, salt, price) })),
            2 | 3 => drop(insert_bid(&mut book, Bid { expiry, epoch: rng.below(2), ..bid(maker, salt, price) })),
            4 => drop(book.cancel(address(maker), word(salt))),
            _ if step % 50 == 0 => drop(book.keep_epoch(address(maker), rng.below(2))),
            _ => drop(book.expire(NOW + step / 8)),
        }
        let mut listed: Vec<_> = book.asks().map(|l| l.id).chain(book.bids().map(|l| l.id)).collect();
        listed.sort();
        assert_eq!(listed, book.digests());
        assert!(book.asks().is_sorted_by_key(|l| (l.order().price, l.sequence)));
        assert!(book.bids().is_sorted_by_key(|l| (u128::MAX - l.order().max_price, l.sequence)));
    }
}
