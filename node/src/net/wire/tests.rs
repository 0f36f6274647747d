use alloy_primitives::{Address, B256, FixedBytes, hex};
use hashlease_domain::{Signature, details::MAX_DETAILS_BYTES};
use hashlease_miner::pow::solution::Solution;

use super::{
    Blob, BookRequest, BookResponse, ClaimRefusal, Hello, MAX_BATCH, MAX_DIGESTS, MAX_ORDERS, MAX_SIGNATURE_BYTES,
    OrderMessage, Role, ShareMessage, ShareRefusal, ShareVerdict, StandbyMessage, Wire, WireError, WorkMessage, decode,
    encode, session,
};
use crate::net::{
    PeerId,
    tests::support::{ask, cancel},
};

fn shares() -> WorkMessage {
    let solution = Solution { version: 0x2000_2000, extranonce: vec![9; 8], time: 1_800_000_000, nonce: 42 };
    WorkMessage::Shares(vec![ShareMessage { seq: 1, job_id: 2, solution }])
}

fn verdicts() -> WorkMessage {
    let verdict = |seq, outcome| ShareVerdict { seq, outcome };
    WorkMessage::Verdicts(vec![verdict(1, Ok(1 << 70)), verdict(2, Err(ShareRefusal::TimeSettled))])
}

fn hello() -> WorkMessage {
    let signature = Signature::from_slice(&[[7; 64].as_slice(), &[27]].concat()).unwrap();
    WorkMessage::Hello(Hello { lease_id: B256::repeat_byte(1), role: Role::Agent, signature, newest: None })
}

#[track_caller]
fn has_encoding<T: Wire + PartialEq + std::fmt::Debug>(message: &T, literal: &str) {
    assert_eq!(hex::encode(encode(message).unwrap()), literal);
    assert_eq!(decode::<T>(&hex::decode(literal).unwrap()).unwrap(), *message);
}

#[test]
fn the_wire_has_not_moved() {
    has_encoding(
        &cancel(2),
        "a16663616e63656ca1667369676e6564a2656f72646572a2656d616b65725401010101010101010101010101010101010101\
         016473616c7458200000000000000000000000000000000000000000000000000000000000000002697369676e6174757265\
         7884307830373037303730373037303730373037303730373037303730373037303730373037303730373037303730373037\
         3037303730373037303730373037303730373037303730373037303730373037303730373037303730373037303730373037\
         30373037303730373037303730373037303730373037303730373037303730373037",
    );
    has_encoding(
        &shares(),
        "a16673686172657381a36373657101656a6f6249640268736f6c7574696f6ea46776657273696f6e1a200020006a65787472\
         616e6f6e63654809090909090909096474696d651a6b49d200656e6f6e6365182a",
    );
    has_encoding(
        &verdicts(),
        "a168766572646963747382a26373657101676f7574636f6d65a1624f6bc249400000000000000000a26373657102676f7574\
         636f6d65a1634572726b74696d65536574746c6564",
    );
    has_encoding(
        &hello(),
        "a16568656c6c6fa4676c65617365496458200101010101010101010101010101010101010101010101010101010101010101\
         64726f6c65656167656e74697369676e61747572657884307830373037303730373037303730373037303730373037303730\
         3730373037303730373037303730373037303730373037303730373037303730373037303730373037303730373037303730\
         3730373037303730373037303730373037303730373037303730373037303730373037303730373037303730373037303730\
         3730373162666e6577657374f6",
    );
    has_encoding(
        &BookRequest::Orders(vec![B256::repeat_byte(3)]),
        "a1666f72646572738158200303030303030303030303030303030303030303030303030303030303030303",
    );
    let refused = ClaimRefusal::AboveLedger { ledger: 77 };
    has_encoding(
        &WorkMessage::ClaimRefused { through: 5, reason: refused },
        "a16c636c61696d52656675736564a2677468726f7567680566726561736f6ea16b61626f76654c6564676572a1666c656467\
         6572184d",
    );
}

#[test]
fn an_ask_has_not_moved() {
    let OrderMessage::Ask { signed, .. } = ask(1) else { panic!("an ask") };
    has_encoding(
        &OrderMessage::Ask { signed, details: Blob(vec![1, 2, 3]) },
        "a16361736ba2667369676e6564a2656f72646572b36673656c6c657254010101010101010101010101010101010101010165\
         706179656554020202020202020202020202020202020202020265746f6b656e540303030303030303030303030303030303\
         030303657072696365c24a0a968163f0a57b4000006868617368726174651a002dc6c06b6d696e48617368726174651a000f\
         42406b6d696e4475726174696f6e183c6b6d61784475726174696f6e1a0001518066736c6142707319213467626f6e644270\
         731903e86870726f6f664270731923286c63616e63656c4e6f74696365183c6b70726f6f6657696e646f771907086b70726f\
         6f66536861726573190100647461677358200000000000000000000000000000000000000000000000000000000000000005\
         6764657461696c7358206ca41880f6736e18f9124a673fc5977d14663288ca2ee8262bfe75ab064ed231666578706972791a\
         6b49d2006565706f6368006473616c7458200000000000000000000000000000000000000000000000000000000000000001\
         697369676e617475726578843078303730373037303730373037303730373037303730373037303730373037303730373037\
         3037303730373037303730373037303730373037303730373037303730373037303730373037303730373037303730373037\
         3037303730373037303730373037303730373037303730373037303730373037303730373037303730373037676465746169\
         6c7343010203",
    );
}

#[test]
fn a_value_has_one_encoding() {
    let bytes = encode(&cancel(1)).unwrap();
    let trailing = [bytes.as_slice(), &[0]].concat();
    assert!(matches!(decode::<OrderMessage>(&trailing), Err(WireError::NotCanonical)));
    // The outer map, of one entry, in the form of indefinite length.
    let indefinite = [&[0xbf], &bytes[1..], &[0xff]].concat();
    assert!(matches!(decode::<OrderMessage>(&indefinite), Err(WireError::NotCanonical | WireError::Malformed(_))));
    // The same signature in capital letters.
    let mut lettered = encode(&signed_with(0xab)).unwrap();
    assert_eq!(decode::<OrderMessage>(&lettered).unwrap(), signed_with(0xab));
    let digits = lettered.windows(4).position(|window| window == b"abab").unwrap();
    lettered[digits] = b'A';
    assert!(matches!(decode::<OrderMessage>(&lettered), Err(WireError::NotCanonical)));
}

fn signed_with(byte: u8) -> OrderMessage {
    let OrderMessage::Cancel { mut signed } = cancel(1) else { panic!("a cancellation") };
    signed.signature = vec![byte; 65];
    OrderMessage::Cancel { signed }
}

#[test]
fn everything_is_bounded_both_ways() {
    let refused = |message: &OrderMessage, bounded| match encode(message) {
        Err(WireError::OutOfBounds { member, .. }) => assert_eq!(member, bounded),
        other => panic!("{bounded}: {other:?}"),
    };
    let OrderMessage::Ask { mut signed, details } = ask(1) else { panic!("an ask") };
    refused(&OrderMessage::Ask { signed: signed.clone(), details: Blob(vec![0; MAX_DETAILS_BYTES + 1]) }, "details");
    signed.signature = vec![0; MAX_SIGNATURE_BYTES + 1];
    refused(&OrderMessage::Ask { signed: signed.clone(), details: details.clone() }, "signature");

    // The largest of each fits a frame, and arrives.
    signed.signature = vec![0xff; MAX_SIGNATURE_BYTES];
    let largest = OrderMessage::Ask { signed, details: Blob(vec![0xff; MAX_DETAILS_BYTES]) };
    assert_eq!(decode::<OrderMessage>(&encode(&largest).unwrap()).unwrap(), largest);
    let orders = BookResponse::Orders(vec![largest; MAX_ORDERS]);
    assert_eq!(decode::<BookResponse>(&encode(&orders).unwrap()).unwrap(), orders);
    let digests = BookResponse::Digests(vec![B256::repeat_byte(0xff); MAX_DIGESTS]);
    assert_eq!(decode::<BookResponse>(&encode(&digests).unwrap()).unwrap(), digests);
    let standby = |count| {
        let header = FixedBytes::repeat_byte(0xff);
        WorkMessage::Standby(vec![StandbyMessage { seq: u64::MAX, header }; count])
    };
    assert_eq!(decode::<WorkMessage>(&encode(&standby(MAX_BATCH)).unwrap()).unwrap(), standby(MAX_BATCH));
    assert!(matches!(encode(&standby(MAX_BATCH + 1)), Err(WireError::OutOfBounds { .. })));
    assert!(matches!(decode::<OrderMessage>(&[0; 15 * 1024 + 1]), Err(WireError::TooLong { .. })));
}

#[test]
fn every_full_batch_of_shares_and_verdicts_fits_a_frame() {
    let solution = Solution { version: u32::MAX, extranonce: vec![0xff; 16], time: u32::MAX, nonce: u32::MAX };
    let share = ShareMessage { seq: u64::MAX, job_id: u64::MAX, solution };
    let verdict = ShareVerdict { seq: u64::MAX, outcome: Ok(u128::MAX) };
    assert!(encode(&WorkMessage::Shares(vec![share.clone(); MAX_BATCH])).is_ok());
    assert!(encode(&WorkMessage::Verdicts(vec![verdict; MAX_BATCH])).is_ok());
    let long = ShareMessage { solution: Solution { extranonce: vec![0; 33], ..share.solution }, ..share };
    assert!(matches!(
        encode(&WorkMessage::Shares(vec![long])),
        Err(WireError::OutOfBounds { member: "extranonce", .. })
    ));
}

/// A xorshift generator: the same bytes in every run.
fn random(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    usize::try_from(*state >> 32).unwrap()
}

/// Cuts, alters and swells an encoding in every place; whatever still decodes must be canonical.
#[track_caller]
fn survives_damage<T: Wire + PartialEq + std::fmt::Debug>(message: &T) {
    let bytes = encode(message).unwrap();
    let mut state = 0x5eed;
    let check = |damaged: &[u8]| {
        if let Ok(other) = decode::<T>(damaged) {
            assert_eq!(encode(&other).unwrap(), damaged);
        }
    };
    for place in 0..bytes.len() {
        assert!(decode::<T>(&bytes[..place]).is_err());
        for _ in 0..16 {
            let mut altered = bytes.clone();
            altered[place] = random(&mut state).to_le_bytes()[0];
            check(&altered);
        }
        // An array, a map, a text and a byte string that claim to go on for ever.
        for major in [0x9b, 0xbb, 0x7b, 0x5b] {
            for length in [u64::MAX, 1 << 62, 1 << 32] {
                let claim = [&bytes[..place], &[major], &length.to_be_bytes(), &bytes[place + 1..]].concat();
                assert!(decode::<T>(&claim).is_err());
            }
        }
    }
}

#[test]
fn damaged_bytes_are_refused_without_a_panic() {
    survives_damage(&ask(1));
    survives_damage(&cancel(1));
    survives_damage(&shares());
    survives_damage(&verdicts());
    survives_damage(&hello());
    survives_damage(&BookResponse::Orders(vec![cancel(1)]));
    survives_damage(&BookResponse::Digests(vec![B256::ZERO; 2]));
    survives_damage(&BookRequest::Orders(vec![B256::ZERO; 2]));
}

#[test]
fn a_session_names_both_peers_in_order() {
    let [one, other] = [PeerId::random(), PeerId::random()];
    let there = session(B256::ZERO, one, other);
    let back = session(B256::ZERO, other, one);
    assert_eq!((there.from, there.to), (back.to, back.from));
    assert_ne!(there, back);
    assert_eq!(there.from, alloy_primitives::keccak256(one.to_bytes()));
    assert_ne!(Address::ZERO.into_word(), there.from);
}
