//! Version rolling.

use super::*;

#[test]
fn rolled_version_bits_are_taken_inside_the_mask_only() {
    let mut bench = Bench::rolling("1fffe000");
    let mined = bench.mine(post(job()));
    let seen = mined.notify.to_job(8, SERVER_MASK);
    let rolled = (0..)
        .map(|nonce| Solution { version: VERSION | 0x0092_2000, nonce, ..mined.solutions[0].clone() })
        .find(|solution| share::check(&seen, solution, &easy()).is_ok())
        .unwrap();
    let submit = Submit { nonce: rolled.nonce, version_bits: Some(0x0092_2000), ..mined.submit(0) };
    let (answer, share) = bench.submit(&submit);
    assert_eq!(answer, accepted());
    assert_eq!(share.unwrap().solution.version, VERSION | 0x0092_2000);
    for outside in [0x4000_0000, 0x8000_0000, 0x2000_0000, 1] {
        let (answer, _) = bench.submit(&Submit { version_bits: Some(outside), ..submit.clone() });
        assert_eq!(answer, rejected(20, "Version bits outside the mask"));
    }
    assert_eq!(bench.submit(&mined.submit(0)).0, accepted(), "without the sixth parameter nothing was rolled");
}

#[test]
fn a_job_with_a_narrower_mask_is_announced_with_it_and_clean() {
    let mut bench = Bench::rolling("ffffffff");
    assert_eq!(methods(&bench.give(post(job()))), ["mining.set_difficulty", "mining.notify"]);
    let narrow = || post(with(|job| job.version_mask = 0x00ff_e000));
    let output = bench.give(narrow());
    assert_eq!(methods(&output), ["mining.set_version_mask", "mining.notify"]);
    assert_eq!((&output[0]["params"], &output[1]["params"][8]), (&json!(["00ffe000"]), &json!(true)));
    assert_eq!(methods(&bench.give(narrow())), ["mining.notify"]);
    assert_eq!(methods(&bench.give(post(job()))), ["mining.set_version_mask", "mining.notify"]);
    let mut plain = Bench::ready();
    plain.give(post(job()));
    assert_eq!(methods(&plain.give(narrow())), ["mining.notify"], "never to a miner that didn't ask");
}

#[test]
fn no_mask_is_told_before_the_authorization_nor_without_rolling() {
    let mut bench = Bench::new();
    bench.give(post(with(|job| job.version_mask = 0x00ff_e000)));
    let configure =
        r#"{"id":1,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"1fffe000"}]}"#;
    assert!(methods(&bench.say(configure)).is_empty());
    assert!(methods(&bench.say(r#"{"id":1,"method":"mining.subscribe","params":[]}"#)).is_empty());
    let output = bench.say(r#"{"id":2,"method":"mining.authorize","params":["u.w","x"]}"#);
    assert!(output[0]["result"].as_bool().unwrap(), "the answer comes first");
    assert_eq!(methods(&output), ["mining.set_version_mask", "mining.set_difficulty", "mining.notify"]);

    let mut refused = Bench::rolling("00000fff");
    let output = refused.give(post(with(|job| job.version_mask = 0)));
    assert_eq!(methods(&output), ["mining.set_difficulty", "mining.notify"]);
}

#[test]
fn a_miner_that_configures_late_gets_work_to_roll_at_once() {
    let mut bench = Bench::ready();
    bench.give(post(with(|job| job.version_mask = 0x00ff_e000)));
    let configure = r#"{"id":9,"method":"mining.configure","params":[["version-rolling"]]}"#;
    let output = bench.say(configure);
    assert_eq!(output[0]["result"]["version-rolling.mask"], "1fffe000");
    assert_eq!(methods(&output), ["mining.set_version_mask", "mining.notify"]);
    assert_eq!(bench.say(configure).len(), 1, "nothing changed");
}

#[test]
fn the_mask_of_a_share_is_its_own_jobs_even_after_another_was_told() {
    let mut bench = Bench::rolling("1fffe000");
    let wide = bench.mine(post(job()));
    let narrow = bench.mine(post(FarmJob { job_id: 8, ..with(|job| job.version_mask = 0x00ff_e000) }));
    let answer = |bench: &mut Bench, mined: &Mined, bits| {
        let text = bench.submit(&Submit { version_bits: Some(bits), ..mined.submit(0) }).0["error"][1].clone();
        text != "Version bits outside the mask"
    };
    assert!(answer(&mut bench, &wide, 0x1000_0000));
    assert!(!answer(&mut bench, &narrow, 0x1000_0000));
    assert!(answer(&mut bench, &narrow, 0x0080_0000));
}
