use std::sync::Arc;

use super::*;
use crate::pow::{Hash256, Solution};

fn open(configure: bool) -> (Session, Step) {
    Session::open("u".into(), "p".into(), configure)
}

/// A session after the handshake, with the mask `1fffe000` and extranonces of 4 + 4 bytes.
fn mining() -> Session {
    let (mut session, _) = open(true);
    tell(&mut session, r#"{"id":1,"result":{"version-rolling":true,"version-rolling.mask":"1fffe000"},"error":null}"#);
    tell(&mut session, r#"{"id":2,"result":[[],"08000002",4],"error":null}"#);
    tell(&mut session, r#"{"id":3,"result":true,"error":null}"#);
    session
}

fn try_tell(session: &mut Session, line: &str) -> Result<Vec<Step>, SessionError> {
    session.receive(FromPool::parse(line).unwrap())
}

fn tell(session: &mut Session, line: &str) -> Vec<Step> {
    try_tell(session, line).unwrap()
}

fn notify(job_id: &str, prev_hash_byte: &str, clean: bool) -> String {
    let prev_hash = prev_hash_byte.repeat(32);
    format!(
        r#"{{"id":null,"method":"mining.notify","params":["{job_id}","{prev_hash}","01","02",[],"20000000","1d00ffff","00000064",{clean}]}}"#
    )
}

fn mined(steps: &[Step]) -> (&Work, f64, bool) {
    match steps {
        [Step::Mine { work, difficulty, clean }] => (work, *difficulty, *clean),
        other => panic!("{other:?}"),
    }
}

fn sent(step: &Step) -> Value {
    match step {
        Step::Send(line) => serde_json::from_str(line).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn found(work: &Work) -> Found {
    let solution =
        Solution { version: work.job.version, extranonce: vec![8, 0, 0, 2, 1, 0, 0, 0], time: work.time, nonce: 0xab };
    Found { work: Arc::new(work.clone()), generation: 1, solution, hash: Hash256::from_bytes([1; 32]) }
}

#[test]
fn the_handshake_goes_step_by_step_with_integer_ids() {
    let (mut session, first) = open(true);
    assert_eq!(sent(&first)["method"], "mining.configure");
    assert!(session.dislikes_configure(), "until it is answered");
    let subscribe = tell(&mut session, r#"{"id":1,"result":{},"error":null}"#);
    assert!(!session.dislikes_configure());
    assert_eq!((&sent(&subscribe[0])["method"], &sent(&subscribe[0])["id"]), (&json!("mining.subscribe"), &json!(2)));
    let authorize = tell(&mut session, r#"{"id":2,"result":[[],"08000002",4],"error":null}"#);
    assert_eq!(sent(&authorize[0]), json!({ "id": 3, "method": "mining.authorize", "params": ["u", "p"] }));
    let ready = tell(&mut session, r#"{"id":3,"result":true,"error":null}"#);
    assert_eq!(ready[0], Step::Ready);
    assert_eq!(sent(&ready[1])["method"], "mining.extranonce.subscribe");
    assert_eq!(tell(&mut session, r#"{"id":4,"result":null,"error":[20,"Not supported.",null]}"#), []);
}

#[test]
fn without_configure_the_first_request_is_the_subscription() {
    let (session, first) = open(false);
    assert_eq!(sent(&first)["method"], "mining.subscribe");
    assert!(!session.dislikes_configure());
}

#[test]
fn version_rolling_is_asked_for_with_the_bits_of_bip_320() {
    let (_, configure) = open(true);
    let options = json!({ "version-rolling.mask": "1fffe000", "version-rolling.min-bit-count": 0 });
    let expected = json!({ "id": 1, "method": "mining.configure", "params": [["version-rolling"], options] });
    assert_eq!(sent(&configure), expected);
}

#[test]
fn the_granted_mask_is_mined_within_bip_320() {
    for (granted, mask) in [("1fffe000", VERSION_MASK), ("1fffffe0", VERSION_MASK), ("00c00000", 0x00c0_0000)] {
        let (mut session, _) = open(true);
        let result = json!({ "version-rolling": true, "version-rolling.mask": granted });
        tell(&mut session, &encode::response(&json!(1), &result));
        tell(&mut session, r#"{"id":2,"result":[[],"08000002",4],"error":null}"#);
        tell(&mut session, r#"{"id":3,"result":true,"error":null}"#);
        assert_eq!(mined(&tell(&mut session, &notify("a", "00", true))).0.job.version_mask, mask, "{granted}");
    }
}

#[test]
fn rolled_bits_are_the_sixth_parameter() {
    let mut session = mining();
    let work = mined(&tell(&mut session, &notify("a", "00", true))).0.clone();
    let mut rolled = found(&work);
    rolled.solution.version = 0x2246_8000;
    assert_eq!(sent(&session.submit(&rolled).1[0])["params"][5], "02468000");
}

#[test]
fn the_sixth_parameter_stays_when_the_mask_is_narrowed_to_nothing() {
    let mut session = mining();
    tell(&mut session, &notify("a", "00", true));
    let steps = tell(&mut session, r#"{"method":"mining.set_version_mask","params":["00000000"]}"#);
    let (work, _, voids) = mined(&steps);
    assert_eq!((work.job.version_mask, voids), (0, true));
    let work = work.clone();
    assert_eq!(sent(&session.submit(&found(&work)).1[0])["params"][5], "00000000");
}

#[test]
fn a_grant_whose_mask_follows_later_is_rolled_from_then_on() {
    let (mut session, _) = open(true);
    tell(&mut session, r#"{"id":1,"result":{"version-rolling":true},"error":null}"#);
    tell(&mut session, r#"{"id":2,"result":[[],"08000002",4],"error":null}"#);
    tell(&mut session, r#"{"id":3,"result":true,"error":null}"#);
    assert_eq!(mined(&tell(&mut session, &notify("a", "00", true))).0.job.version_mask, 0);
    let steps = tell(&mut session, r#"{"method":"mining.set_version_mask","params":["00ffe000"]}"#);
    let (work, _, voids) = mined(&steps);
    assert_eq!((work.job.version_mask, voids), (0x00ff_e000, false));
}

#[test]
fn without_a_grant_a_version_mask_changes_nothing() {
    for answer in [
        r#"{"id":1,"result":{"version-rolling":false},"error":null}"#,
        r#"{"id":1,"result":{"version-rolling":false,"version-rolling.mask":"1fffe000"},"error":null}"#,
        r#"{"id":1,"result":{},"error":null}"#,
        r#"{"id":1,"result":null,"error":[-3,"Method not found",null]}"#,
    ] {
        let (mut session, _) = open(true);
        tell(&mut session, answer);
        tell(&mut session, r#"{"id":2,"result":[[],"08000002",4],"error":null}"#);
        tell(&mut session, r#"{"id":3,"result":true,"error":null}"#);
        tell(&mut session, &notify("a", "00", true));
        assert_eq!(tell(&mut session, r#"{"method":"mining.set_version_mask","params":["1fffe000"]}"#), [], "{answer}");
        let work = mined(&tell(&mut session, &notify("b", "00", true))).0.clone();
        assert_eq!(work.job.version_mask, 0, "{answer}");
        assert_eq!(sent(&session.submit(&found(&work)).1[0])["params"].as_array().unwrap().len(), 5, "{answer}");
    }
}

#[test]
fn a_pool_that_refuses_to_configure_is_mined_without_version_bits() {
    let (mut session, _) = open(true);
    tell(&mut session, r#"{"id":1,"result":null,"error":[-3,"Method not found",null]}"#);
    assert!(session.dislikes_configure());
    tell(&mut session, r#"{"id":2,"result":[[],"08000002",4],"error":null}"#);
    tell(&mut session, r#"{"id":3,"result":true,"error":null}"#);
    let steps = tell(&mut session, &notify("a", "00", true));
    let work = mined(&steps).0.clone();
    assert_eq!(work.job.version_mask, 0);
    assert_eq!(sent(&session.submit(&found(&work)).1[0])["params"].as_array().unwrap().len(), 5);
}

#[test]
fn a_refused_user_or_subscription_ends_the_session() {
    let (mut session, _) = open(false);
    let refused = try_tell(&mut session, r#"{"id":1,"result":null,"error":[20,"full",null]}"#);
    assert!(matches!(refused, Err(SessionError::Subscribe(_))));
    let (mut session, _) = open(false);
    tell(&mut session, r#"{"id":1,"result":[[],"08000002",4],"error":null}"#);
    let refused = try_tell(&mut session, r#"{"id":2,"result":false,"error":null,"reject-reason":"no"}"#);
    assert!(matches!(refused, Err(SessionError::Unauthorized(_))));
}

#[test]
fn a_job_before_the_authorization_is_mined_after_it_at_its_own_difficulty() {
    let (mut session, _) = open(false);
    tell(&mut session, r#"{"id":1,"result":[[],"08000002",4],"error":null}"#);
    tell(&mut session, r#"{"id":null,"method":"mining.set_difficulty","params":[8]}"#);
    assert_eq!(tell(&mut session, &notify("a", "00", true)), []);
    tell(&mut session, r#"{"id":null,"method":"mining.set_difficulty","params":[16]}"#);
    let steps = tell(&mut session, r#"{"id":2,"result":true,"error":null}"#);
    let (work, difficulty, _) = mined(&steps[2..]);
    assert_eq!((difficulty, work.target), (8.0, Target::from_difficulty(8.0).unwrap()));
}

#[test]
fn a_difficulty_applies_from_the_next_job() {
    let mut session = mining();
    assert_eq!(mined(&tell(&mut session, &notify("a", "00", true))).1, 1.0);
    assert_eq!(tell(&mut session, r#"{"method":"mining.set_difficulty","params":[0.25]}"#), []);
    let masked = tell(&mut session, r#"{"method":"mining.set_version_mask","params":["00ffe000"]}"#);
    assert_eq!(mined(&masked).1, 1.0);
    let steps = tell(&mut session, &notify("b", "00", false));
    assert_eq!(mined(&steps).0.target, Target::from_difficulty(0.25).unwrap());
}

#[test]
fn an_extranonce_applies_from_the_next_job_and_voids_earlier_work() {
    let mut session = mining();
    tell(&mut session, &notify("a", "00", true));
    assert_eq!(tell(&mut session, r#"{"method":"mining.set_extranonce","params":["beef",6]}"#), []);
    let steps = tell(&mut session, &notify("b", "00", false));
    let (work, _, clean) = mined(&steps);
    assert_eq!((work.extranonce1.as_slice(), work.extranonce2_size(), clean), (&[0xbe, 0xef][..], 6, true));
}

#[test]
fn earlier_work_lives_on_only_with_the_same_block_and_without_clean() {
    let mut session = mining();
    let mut clean_of =
        |job_id: &str, prev_hash: &str, clean: bool| mined(&tell(&mut session, &notify(job_id, prev_hash, clean))).2;
    assert!(clean_of("a", "00", false));
    assert!(!clean_of("b", "00", false));
    assert!(clean_of("c", "11", false));
    assert!(clean_of("d", "11", true));
}

#[test]
fn a_version_mask_applies_at_once_and_a_narrower_one_voids_earlier_shares() {
    let mut session = mining();
    assert_eq!(tell(&mut session, r#"{"method":"mining.set_version_mask","params":["1fffe000"]}"#), []);
    tell(&mut session, &notify("a", "00", true));
    for (mask, expected, clean) in [("00ffe000", 0x00ff_e000, true), ("ffffffff", VERSION_MASK, false)] {
        let steps = tell(&mut session, &format!(r#"{{"method":"mining.set_version_mask","params":["{mask}"]}}"#));
        let (work, _, voids) = mined(&steps);
        assert_eq!((work.job.version_mask, voids), (expected, clean), "{mask}");
    }
}

#[test]
fn shares_are_submitted_and_their_answers_matched_in_any_order() {
    let mut session = mining();
    let steps = tell(&mut session, &notify("job7", "00", true));
    let work = mined(&steps).0.clone();
    let submit = sent(&session.submit(&found(&work)).1[0]);
    assert_eq!(submit["params"], json!(["u", "job7", "01000000", "00000064", "000000ab", "00000000"]));
    assert_eq!(submit["id"], 5);
    session.submit(&found(&work));
    let rejected = tell(&mut session, r#"{"reject-reason":"Above target","result":false,"error":null,"id":6}"#);
    assert_eq!(rejected, [Step::Rejected { share: 6, refusal: Refusal { code: None, reason: "Above target".into() } }]);
    let (work, difficulty) = (work.target.work(), target::difficulty_of(&Hash256::from_bytes([1; 32])));
    let accepted = Step::Accepted { share: 5, work, difficulty };
    assert_eq!(tell(&mut session, r#"{"id":5,"result":true,"error":null}"#), [accepted]);
    assert_eq!(tell(&mut session, r#"{"id":5,"result":true,"error":null}"#), []);
    assert_eq!(session.unanswered(), 0);
}

#[test]
fn shares_without_an_answer_are_bounded() {
    let mut session = mining();
    let steps = tell(&mut session, &notify("a", "00", true));
    let share = found(mined(&steps).0);
    let (oldest, _) = session.submit(&share);
    for _ in 1..MAX_UNANSWERED {
        assert_eq!(session.submit(&share).1.len(), 1);
    }
    assert_eq!(session.submit(&share).1[1], Step::Unanswered { share: oldest });
    assert_eq!(session.unanswered(), MAX_UNANSWERED as u64);
}

#[test]
fn pings_and_version_questions_are_answered_with_their_id() {
    let mut session = mining();
    let pong = tell(&mut session, r#"{"id":"p1","method":"mining.ping","params":[]}"#);
    assert_eq!(sent(&pong[0]), json!({ "id": "p1", "result": "pong", "error": null }));
    let version = tell(&mut session, r#"{"id":9,"method":"client.get_version","params":[]}"#);
    assert_eq!(sent(&version[0])["result"], USER_AGENT);
}

#[test]
fn a_reconnect_keeps_its_wait_and_never_its_address() {
    let steps = tell(&mut mining(), r#"{"id":null,"method":"client.reconnect","params":["evil.example",1,7]}"#);
    assert_eq!(steps, [Step::Reconnect { wait_s: 7 }]);
}

#[test]
fn an_extranonce_that_fits_no_solution_is_ignored() {
    let mut session = mining();
    let oversized = format!(r#"{{"method":"mining.set_extranonce","params":["{}",31]}}"#, "00".repeat(2));
    assert_eq!(tell(&mut session, &oversized), []);
    let steps = tell(&mut session, &notify("a", "00", true));
    assert_eq!(mined(&steps).0.extranonce1, [8, 0, 0, 2]);
}
