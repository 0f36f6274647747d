use serde_json::json;

use super::*;

fn response(line: &str) -> Response {
    match FromPool::parse(line).unwrap() {
        FromPool::Response(response) => response,
        FromPool::Notification { .. } => panic!("{line} was read as a notification"),
    }
}

fn notification(line: &str) -> Notification {
    match FromPool::parse(line).unwrap() {
        FromPool::Notification { notification, .. } => notification,
        FromPool::Response(_) => panic!("{line} was read as a response"),
    }
}

/// Lines that real pools sent (STRATUM.md, section 1.8).
#[test]
fn all_dialects_of_rejection_are_read() {
    let table = [
        (r#"{"reject-reason":"Invalid JobID","result":false,"error":null,"id":6}"#, None, "Invalid JobID"),
        (r#"{"result":false,"error":"Invalid array size","id":8}"#, None, "Invalid array size"),
        (r#"{"error":[20,"unknown-work",null],"id":6,"result":null}"#, Some(20), "unknown-work"),
        (r#"{"error":[-3,"Method not found",null],"id":5,"result":null}"#, Some(-3), "Method not found"),
        (
            r#"{"id":5,"result":null,"error":{"code":23,"message":"Low difficulty share"}}"#,
            Some(23),
            "Low difficulty share",
        ),
        (r#"{"id":5,"result":false,"error":null}"#, None, "no reason given"),
        (r#"{"id":5,"result":null,"error":null}"#, None, "no reason given"),
        (r#"{"id":5}"#, None, "no reason given"),
    ];
    for (line, code, reason) in table {
        assert_eq!(response(line).outcome, Err(Refusal { code, reason: reason.into() }), "{line}");
    }
}

#[test]
fn subscribe_results_of_real_pools_are_read() {
    let table = [
        (
            r#"{"id":1,"error":null,"result":[[["mining.set_difficulty","1"],["mining.notify","1"]],"08000002",4]}"#,
            "08000002",
            4,
        ),
        (r#"{"result":[[["mining.notify","6b02976e"]],"6c97026b",8],"id":2,"error":null}"#, "6c97026b", 8),
    ];
    for (line, extranonce1, extranonce2_size) in table {
        let subscribed = Subscribed::parse(&response(line).outcome.unwrap()).unwrap();
        assert_eq!(subscribed, Subscribed { extranonce1: hex::decode(extranonce1).unwrap(), extranonce2_size });
    }
}

#[test]
fn extranonces_of_impossible_size_are_refused() {
    for result in [
        json!([[], "", 0]),
        json!([[], "00".repeat(30), 3]),
        json!([[], "00", 256]),
        json!([[], "0", 4]),
        json!([[], "00"]),
        json!(true),
    ] {
        assert!(Subscribed::parse(&result).is_err(), "{result}");
    }
    assert!(Subscribed::parse(&json!([[], "", 4])).is_ok());
}

#[test]
fn the_granted_mask_is_read_and_nothing_is_granted_otherwise() {
    let datum = r#"{"error":null,"id":1,"result":{"version-rolling":true,"version-rolling.mask":"1fffe000","minimum-difficulty":false}}"#;
    assert_eq!(granted_version_mask(&response(datum).outcome.unwrap()), Some(0x1fff_e000));
    assert_eq!(granted_version_mask(&json!({ "version-rolling": true })), Some(0));
    for result in [json!({}), json!({ "version-rolling": false, "version-rolling.mask": "1fffe000" }), json!([])] {
        assert_eq!(granted_version_mask(&result), None, "{result}");
    }
}

#[test]
fn notifications_are_read() {
    let table = [
        (
            r#"{"id":null,"method":"mining.set_extranonce","params":["08000002",4]}"#,
            Notification::SetExtranonce { extranonce1: vec![8, 0, 0, 2], extranonce2_size: 4 },
        ),
        (r#"{"id":null,"method":"mining.set_difficulty","params":[16383.75]}"#, Notification::SetDifficulty(16_383.75)),
        (r#"{"method":"mining.set_version_mask","params":["1fffe000"]}"#, Notification::SetVersionMask(0x1fff_e000)),
        (r#"{"id":7,"method":"mining.ping","params":[]}"#, Notification::Ping),
        (r#"{"id":null,"method":"client.reconnect","params":[]}"#, Notification::Reconnect { wait_s: 0 }),
        (
            r#"{"id":null,"method":"client.reconnect","params":["host","3333","15"]}"#,
            Notification::Reconnect { wait_s: 15 },
        ),
        (
            r#"{"id":null,"method":"client.show_message","params":["hi\u001b[31m"]}"#,
            Notification::ShowMessage("hi[31m".into()),
        ),
        (r#"{"id":9,"method":"client.get_version","params":[]}"#, Notification::GetVersion),
        (r#"{"id":null,"method":"mining.other","params":[]}"#, Notification::Unknown("mining.other".into())),
    ];
    for (line, expected) in table {
        assert_eq!(notification(line), expected, "{line}");
    }
}

#[test]
fn a_difficulty_is_read_as_any_other_program_reads_it() {
    use rand::{Rng, SeedableRng, rngs::StdRng};
    let mut rng = StdRng::seed_from_u64(6);
    for _ in 0..10_000 {
        // As JavaScript, Python and Rust print doubles: the shortest digits that read back the same.
        let difficulty = 2_f64.powi(rng.random_range(-60..60)) * rng.random_range(1.0..2.0);
        let line = format!(r#"{{"id":null,"method":"mining.set_difficulty","params":[{difficulty}]}}"#);
        assert_eq!(notification(&line), Notification::SetDifficulty(difficulty));
    }
}

#[test]
fn unusable_notifications_are_malformed_rather_than_errors() {
    for line in [
        r#"{"method":"mining.set_difficulty","params":[0]}"#,
        r#"{"method":"mining.set_difficulty","params":[-1]}"#,
        r#"{"method":"mining.set_difficulty"}"#,
        r#"{"method":"mining.set_extranonce","params":["zz",4]}"#,
        r#"{"method":"mining.notify","params":["a"]}"#,
    ] {
        assert!(matches!(notification(line), Notification::Malformed(_)), "{line}");
    }
}
