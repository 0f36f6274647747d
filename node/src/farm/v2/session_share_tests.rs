//! What becomes of submits.

use super::*;

#[test]
fn shares_of_a_standard_channel_come_out_whole() {
    let mut bench = Bench::open(standard(0.0, Target::MAX));
    for size in [4, 8, 12, 16] {
        let lease_job = with(A, |job| job.extranonce_size = size);
        let mined = bench.work(FIRST, lease_job.clone());
        let (answers, share) = bench.submit(MiningOwned::SubmitSharesStandard(mined.standard(0)));
        assert_eq!(answers, ["accepted 1"], "{size}");
        let share = share.unwrap();
        assert_eq!((share.lease, share.job_id, share.session), (A, 7, 1));
        let checked = share::check(&lease_job.job, &share.solution, &lease_job.share_target).unwrap();
        assert_eq!(checked.hash, share.hash);
        assert_eq!(share.solution.extranonce.len(), usize::from(size));
    }
}

#[test]
fn shares_of_an_extended_channel_come_out_whole_and_a_small_job_takes_another_prefix() {
    let mut bench = Bench::open(extended(6));
    for (size, told) in
        [(12, &["target", "future", "block"][..]), (16, &["job"]), (8, &["prefix", "job"]), (12, &["job"])]
    {
        let lease_job = with(A, |job| job.extranonce_size = size);
        let mined = bench.work(FIRST, lease_job.clone());
        assert_eq!(names(&mined.messages), told, "{size}");
        let part2 = [0xe0, 0xe1, 0xe2, 0xe3, 0xe4, size];
        let (answers, share) = bench.submit(MiningOwned::SubmitSharesExtended(mined.extended(&part2, 0)));
        assert_eq!(answers, ["accepted 1"], "{size}");
        let share = share.unwrap();
        share::check(&lease_job.job, &share.solution, &lease_job.share_target).unwrap();
        assert!(share.solution.extranonce.ends_with(&part2));
    }
}

#[test]
fn each_rejection_has_its_code_and_is_counted_by_its_reason() {
    let mut bench = Bench::open(extended(4));
    let mined = bench.work(FIRST, job(A));
    let part2 = [1, 2, 3, 4];
    let good = mined.extended(&part2, 0);
    let standard = MiningOwned::SubmitSharesStandard(SubmitSharesStandard { ..mined_as_standard(&good) });
    let rolled = mined.job.version ^ 0x0000_2000;
    let changed = |change: &dyn Fn(&mut SubmitSharesExtendedOwned)| {
        let mut submit = good.clone();
        change(&mut submit);
        MiningOwned::SubmitSharesExtended(submit)
    };
    let late = TIME + FarmConfig::default().time_roll_s + 1;
    let low = mined.nonce(&part2, mined.job.version, false, 0);
    let cases = [
        ("invalid-channel-id", None, changed(&|submit| submit.channel_id = 99)),
        ("invalid-channel-id", Some(RejectReason::Malformed), standard),
        ("invalid-job-id", Some(RejectReason::JobNotFound), changed(&|submit| submit.job_id += 1)),
        (
            "bad-extranonce-size",
            Some(RejectReason::Malformed),
            changed(&|submit| submit.extranonce = vec![1, 2, 3].try_into().unwrap()),
        ),
        (
            "bad-extranonce-size",
            Some(RejectReason::Malformed),
            changed(&|submit| submit.extranonce = vec![1; 5].try_into().unwrap()),
        ),
        (
            "invalid-non-rollable-version-bit",
            Some(RejectReason::Version),
            changed(&|submit| submit.version ^= 0x4000_0000),
        ),
        ("invalid-share", Some(RejectReason::Time), changed(&|submit| submit.ntime = TIME - 1)),
        ("invalid-share", Some(RejectReason::Time), changed(&|submit| submit.ntime = late)),
        ("difficulty-too-low", Some(RejectReason::LowDifficulty), changed(&|submit| submit.nonce = low)),
        ("accepted 1", None, changed(&|_| {})),
        ("duplicate-share", Some(RejectReason::Duplicate), changed(&|_| {})),
    ];
    for (code, reason, submit) in cases {
        let before = reason.map(|reason| bench.rejected(FIRST, reason));
        let (answers, share) = bench.submit(submit);
        assert_eq!(answers, [code]);
        assert_eq!(share.is_some(), code == "accepted 1", "{code}");
        let after = reason.map(|reason| bench.rejected(FIRST, reason));
        assert_eq!(after, before.map(|count| count + 1), "{code}");
    }
    let rolled = SubmitSharesExtendedOwned {
        version: rolled,
        nonce: mined.nonce(&part2, rolled, true, 0),
        ..mined.extended(&part2, 0)
    };
    let (answers, share) = bench.submit(MiningOwned::SubmitSharesExtended(rolled.clone()));
    assert_eq!((answers, share.unwrap().solution.version), (vec!["accepted 1".to_owned()], rolled.version));

    // The block changes: what was under way is taken, and then no more.
    let (soon, stale) = (mined.extended(&part2, 1), mined.extended(&part2, 2));
    bench.give(with(A, |job| job.prev_hash = [0x77; 32]));
    assert_eq!(bench.submit(MiningOwned::SubmitSharesExtended(soon)).0, ["accepted 1"]);
    bench.now += GRACE * 2;
    assert_eq!(bench.submit(MiningOwned::SubmitSharesExtended(stale)).0, ["stale-share"]);
    assert_eq!(bench.rejected(FIRST, RejectReason::Stale), 1);
}

#[test]
fn a_job_that_allows_no_rolling_says_so_and_holds_to_it() {
    let mut bench = Bench::open(extended(4));
    for (mask, allowed) in [(0x1fff_e000, true), (0x00ff_e000, false), (0, false), (u32::MAX, true)] {
        let mined = bench.work(FIRST, with(A, |job| job.version_mask = mask));
        let told = mined.messages.iter().find_map(|message| match message {
            MiningOwned::NewExtendedMiningJob(new) => Some(new.version_rolling_allowed),
            _ => None,
        });
        assert_eq!(told, Some(allowed), "{mask:08x}");
        let outside =
            SubmitSharesExtendedOwned { version: mined.job.version ^ 0x1000_0000, ..mined.extended(&[0; 4], 0) };
        let (answers, _) = bench.submit(MiningOwned::SubmitSharesExtended(outside));
        assert_eq!(answers == ["version-rolling-not-allowed"], !allowed, "{mask:08x}: {answers:?}");
    }
}

#[test]
fn a_late_share_is_credited_to_the_lease_that_it_was_mined_for() {
    for opening in [standard(0.0, Target::MAX), extended(4)] {
        let mut bench = Bench::open(opening);
        let on_a = bench.work(FIRST, job(A));
        let on_b = bench.work(FIRST, FarmJob { job_id: 8, ..job(B) });
        let submit = |mined: &Mined| match mined.root {
            Some(_) => MiningOwned::SubmitSharesStandard(mined.standard(0)),
            None => MiningOwned::SubmitSharesExtended(mined.extended(&[0; 4], 0)),
        };
        // The second was told on the same block.
        let on_b = Mined { time: TIME, ..on_b };
        for (mined, lease, job_id) in [(&on_b, B, 8), (&on_a, A, 7)] {
            let (answers, share) = bench.submit(submit(mined));
            assert_eq!(answers, ["accepted 1"]);
            let share = share.unwrap();
            assert_eq!((share.lease, share.job_id), (lease, job_id));
            share::check(&job(lease).job, &share.solution, &easy()).unwrap();
        }
    }
}

#[test]
fn accepted_shares_are_told_together() {
    let mut bench = Bench::open(standard(0.0, Target::MAX));
    let mined = bench.work(FIRST, job(A));
    for nth in 0..5 {
        let pending = bench.pending(MiningOwned::SubmitSharesStandard(mined.standard(nth)));
        assert!(bench.settle(pending).unwrap().is_some());
    }
    let told = of_mining(bench.output());
    let [MiningOwned::SubmitSharesSuccess(told)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((told.channel_id, told.last_sequence_number, told.new_submits_accepted_count), (FIRST, 4, 5));
}

#[test]
fn a_channel_of_bad_shares_is_closed_and_a_connection_of_strays_ends() {
    let limits = FarmConfig { max_rejected_in_a_row: 3, easiest_share: 16, ..FarmConfig::default() };
    let mut bench = Bench::with(limits);
    bench.hear(setup(|_| {})).unwrap();
    bench.say(standard(0.0, Target::MAX));
    let mined = bench.work(FIRST, job(A));
    let bad = SubmitSharesStandard { job_id: 99, ..mined.standard(0) };
    for _ in 0..3 {
        assert_eq!(bench.submit(MiningOwned::SubmitSharesStandard(bad.clone())).0, ["invalid-job-id"]);
    }
    let (answers, _) = bench.submit(MiningOwned::SubmitSharesStandard(bad.clone()));
    assert_eq!(answers, ["invalid-job-id", "close too-many-rejected-shares"]);
    assert!(bench.farm.sessions().is_empty());
    for _ in 0..3 {
        assert_eq!(bench.submit(MiningOwned::SubmitSharesStandard(bad.clone())).0, ["invalid-channel-id"]);
    }
    let ended = bench.hear(mining(MiningOwned::SubmitSharesStandard(bad)));
    assert!(matches!(ended, Err(Hangup::BadShares)));
}

fn mined_as_standard(submit: &SubmitSharesExtendedOwned) -> SubmitSharesStandard {
    SubmitSharesStandard {
        channel_id: submit.channel_id,
        sequence_number: submit.sequence_number,
        job_id: submit.job_id,
        nonce: submit.nonce,
        ntime: submit.ntime,
        version: submit.version,
    }
}

#[test]
fn submits_that_wait_together_are_judged_by_when_they_came_and_answered_in_their_order() {
    let mut bench = Bench::open(standard(0.0, Target::MAX));
    let mined = bench.work(FIRST, job(A));
    let good = |nth| MiningOwned::SubmitSharesStandard(mined.standard(nth));
    let unknown = MiningOwned::SubmitSharesStandard(SubmitSharesStandard { job_id: 99, ..mined.standard(5) });
    let waiting = [good(0), unknown, good(1), good(0)].map(|submit| bench.pending(submit));
    assert!(bench.output().is_empty(), "nothing is answered before it was hashed");
    // What comes meanwhile changes nothing for them.
    bench.give(with(A, |job| job.prev_hash = [0x77; 32]));
    bench.now += GRACE;
    let shares = waiting.map(|pending| bench.settle(pending).unwrap().is_some());
    assert_eq!(shares, [true, false, true, false]);
    assert_eq!(names(&of_mining(bench.output())), ["invalid-job-id", "duplicate-share", "accepted 2"]);
}

#[test]
fn what_waits_for_a_channel_that_is_closed_meanwhile_is_refused() {
    let mut bench = Bench::open(standard(0.0, Target::MAX));
    let mined = bench.work(FIRST, job(A));
    let pending = bench.pending(MiningOwned::SubmitSharesStandard(mined.standard(0)));
    bench.say(MiningOwned::CloseChannel(CloseChannelOwned { channel_id: FIRST, reason_code: text("bye") }));
    assert_eq!(bench.settle(pending).unwrap(), None);
    assert_eq!(names(&of_mining(bench.output())), ["invalid-channel-id"]);
}

#[test]
fn a_connection_whose_shares_are_no_longer_checked_ends() {
    let mut bench = Bench::open(standard(0.0, Target::MAX));
    let mined = bench.work(FIRST, job(A));
    let pending = bench.pending(MiningOwned::SubmitSharesStandard(mined.standard(0)));
    assert!(matches!(bench.session.on_checked(pending, None), Err(Hangup::Unchecked)));
    assert!(bench.output().is_empty(), "nothing is said of what nobody knows");
}
