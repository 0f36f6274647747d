use serde_json::json;

use super::*;

fn request(line: &str) -> Request {
    match FromMiner::parse(line).unwrap() {
        FromMiner::Request(request) => request,
        FromMiner::Reply => panic!("{line} was read as a reply"),
    }
}

fn submit(job_id: &str, extranonce2: &str, time: u32, nonce: u32, version_bits: Option<u32>) -> Submit {
    let extranonce2 = hex::decode(extranonce2).unwrap();
    Submit { user: "u.w".into(), job_id: job_id.into(), extranonce2, time, nonce, version_bits }
}

fn subscribe(user_agent: Option<&str>, session: Option<&str>) -> Method {
    Method::Subscribe { user_agent: user_agent.map(str::to_owned), session: session.map(str::to_owned) }
}

fn authorize(user: &str, password: Option<&str>) -> Method {
    Method::Authorize { user: user.into(), password: password.map(str::to_owned) }
}

/// Lines that real devices sent (STRATUM.md, sections 1.2 and 1.8).
#[test]
fn captured_requests_are_read_with_their_ids_verbatim() {
    let configure = Configure {
        extensions: vec!["version-rolling".into()],
        version_rolling_mask: u32::MAX,
        ..Configure::default()
    };
    let s19 = Submit {
        user: "w".into(),
        ..submit("2dc3427c2e", "0a00000000000000", 0x64c2_5820, 0x591d_28da, Some(0x0009_2000))
    };
    let table = [
        (
            r#"{"id": 1, "method": "mining.subscribe", "params": ["cpuminer/2.5.1"]}"#,
            json!(1),
            subscribe(Some("cpuminer/2.5.1"), None),
        ),
        (r#"{"id": 2, "method": "mining.authorize", "params": ["u.w", "x"]}"#, json!(2), authorize("u.w", Some("x"))),
        (
            r#"{"method": "mining.submit", "params": ["u.w","b2","00000000","6b0294d5","dd972f00"], "id":4}"#,
            json!(4),
            Method::Submit(submit("b2", "00000000", 0x6b02_94d5, 0xdd97_2f00, None)),
        ),
        (r#"{"id": 3, "method": "mining.extranonce.subscribe", "params": []}"#, json!(3), Method::ExtranonceSubscribe),
        (
            r#"{"params": ["b1"], "id": "txlistb1", "method": "mining.get_transactions"}"#,
            json!("txlistb1"),
            Method::Unknown("mining.get_transactions".into()),
        ),
        (
            r#"{"id":1,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"ffffffff"}]}"#,
            json!(1),
            Method::Configure(configure),
        ),
        (
            r#"{"params": ["w","2dc3427c2e","0a00000000000000","64c25820","591d28da","00092000"], "id": 2955, "method": "mining.submit"}"#,
            json!(2955),
            Method::Submit(s19),
        ),
    ];
    for (line, id, method) in table {
        assert_eq!(request(line), Request { id, method }, "{line}");
    }
}

#[test]
fn odd_but_real_parameters_are_tolerated() {
    let table = [
        (r#"{"id":1,"method":"mining.subscribe"}"#, subscribe(None, None)),
        (r#"{"id":1,"method":"mining.subscribe","params":null}"#, subscribe(None, None)),
        (
            r#"{"id":1,"method":"mining.subscribe","params":["bosminer",null,"host",3333]}"#,
            subscribe(Some("bosminer"), None),
        ),
        (
            r#"{"id":1,"method":"mining.subscribe","params":["whatsminer","b08cf00d1"]}"#,
            subscribe(Some("whatsminer"), Some("b08cf00d1")),
        ),
        (r#"{"ttl":2,"params":["u.w",null],"method":"mining.authorize","id":"auth"}"#, authorize("u.w", None)),
        (r#"{"id":1,"method":"mining.authorize","params":["u.w"]}"#, authorize("u.w", None)),
        (
            r#"{"id":null,"method":"mining.suggest_difficulty","params":["512.000000"]}"#,
            Method::SuggestDifficulty(Some(512.0)),
        ),
        (r#"{"id":5,"method":"mining.suggest_difficulty","params":[0.5]}"#, Method::SuggestDifficulty(Some(0.5))),
        (r#"{"id":5,"method":"mining.suggest_difficulty","params":["much"]}"#, Method::SuggestDifficulty(None)),
        (
            r#"{"id":null,"method":"mining.suggest_target","params":["00"]}"#,
            Method::Hint("mining.suggest_target".into()),
        ),
    ];
    for (line, method) in table {
        assert_eq!(request(line).method, method, "{line}");
    }
}

#[test]
fn the_sixth_parameter_of_submit_may_be_null_empty_or_short() {
    let table = [("null", None), ("\"\"", None), ("\"2000\"", Some(0x2000)), ("\"1FFFE000\"", Some(0x1fff_e000))];
    for (sixth, bits) in table {
        let line = format!(
            r#"{{"id":4,"method":"mining.submit","params":["u.w","a","01000000","00000001","00000002",{sixth}]}}"#
        );
        assert_eq!(request(&line).method, Method::Submit(submit("a", "01000000", 1, 2, bits)), "{sixth}");
    }
}

#[test]
fn unusable_submits_are_malformed_and_keep_their_id() {
    for params in [
        r#"[]"#,
        r#"["u","a","0","00000001","00000002"]"#,
        r#"["u","a","zz","00000001","00000002"]"#,
        r#"["u","a","00","000000001","00000002"]"#,
        r#"["u","a","00","+1","00000002"]"#,
        r#"["u","a","00",1,"00000002"]"#,
        r#"["u","a","00","00000001"]"#,
        r#"["u","a","00","00000001","00000002",7]"#,
        r#"{"user":"u"}"#,
    ] {
        let read = request(&format!(r#"{{"id":"s1","method":"mining.submit","params":{params}}}"#));
        assert!(matches!(read.method, Method::MalformedSubmit { .. }), "{params}");
        assert_eq!(read.id, "s1");
    }
}

#[test]
fn configure_reads_bit_counts_of_either_kind_and_forgives_a_missing_second_element() {
    let read =
        |params: &str| match request(&format!(r#"{{"id":1,"method":"mining.configure","params":{params}}}"#)).method {
            Method::Configure(configure) => configure,
            other => panic!("{other:?}"),
        };
    assert!(read(r#"[["version-rolling"]]"#).wants_version_rolling());
    assert_eq!(read(r#"[["version-rolling"]]"#).version_rolling_mask, u32::MAX);
    assert_eq!(read(r#"[["version-rolling"],{"version-rolling.mask":"1FFFE000"}]"#).version_rolling_mask, 0x1fff_e000);
    for count in ["2", "\"2\"", "\"00000002\""] {
        let configure = read(&format!(r#"[["version-rolling"],{{"version-rolling.min-bit-count":{count}}}]"#));
        assert_eq!(configure.version_rolling_min_bit_count, Some(2), "{count}");
    }
    assert_eq!(
        read(r#"[["minimum-difficulty"],{"minimum-difficulty.value":2048.5}]"#).minimum_difficulty,
        Some(2048.5)
    );
    let many = format!("[{}]", serde_json::to_string(&vec!["x"; 1_000]).unwrap());
    assert_eq!(read(&many).extensions.len(), MAX_EXTENSIONS);
}

#[test]
fn replies_are_told_from_requests_and_lines_without_a_message_are_errors() {
    for line in [
        r#"{"id":1,"result":"pong","error":null}"#,
        r#"{"id":1,"result":"cgminer/4","error":null}"#,
        "{}",
        r#"{"method":null,"id":3}"#,
    ] {
        assert_eq!(FromMiner::parse(line).unwrap(), FromMiner::Reply, "{line}");
    }
    for line in ["", "GET / HTTP/1.1", "[1]", "{", "7"] {
        assert!(FromMiner::parse(line).is_err(), "{line}");
    }
}
