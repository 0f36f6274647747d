//! The connection's difficulty, and what of its shares comes out.

use super::*;

#[test]
fn the_difficulty_precedes_the_notify_where_it_changed_and_shares_keep_their_own() {
    let mut bench = Bench::ready();
    let mined = bench.mine(post(job()));
    let hard = FarmJob { share_target: Target::from_difficulty(2.5).unwrap(), ..job() };
    let output = bench.give(post(hard.clone()));
    assert_eq!(output[0], json!({ "id": null, "method": "mining.set_difficulty", "params": [2] }), "a power of two");
    assert_eq!(methods(&bench.give(post(hard))), ["mining.notify"]);
    assert_eq!(bench.submit(&mined.submit(0)).0, accepted(), "its job was easier");
}

fn lease_of(work: u128) -> FarmJob {
    FarmJob { share_target: Target::from_work(NonZeroU128::new(work).unwrap()), ..job() }
}

#[test]
fn a_share_that_is_too_easy_for_the_lease_counts_for_the_hashrate_and_stays_in_the_farm() {
    let mut bench = Bench::wishful();
    let hard = lease_of(64);
    let mined = bench.mine_many(post(hard.clone()), 40);
    let mut came_out = 0;
    for index in 0..40 {
        let (answer, share) = bench.submit(&mined.submit(index));
        assert_eq!(answer, accepted());
        came_out += u64::from(share.is_some());
        let meets = share::check(&hard.job, &solution_of(&mined, index), &hard.share_target).is_ok();
        assert_eq!(share.is_some(), meets, "share {index}");
    }
    assert!((1..40).contains(&came_out), "{came_out}");
    assert_eq!(bench.submit(&mined.submit(0)), (rejected(22, "Duplicate share"), None));
    let live = bench.session.station.record.live();
    assert_eq!((live.accepted, live.work), (40, 40 * 16));
}

/// The whole solution of the agent's job, with the padding of four bytes.
fn solution_of(mined: &Mined, index: usize) -> Solution {
    let solution = mined.solutions[index].clone();
    Solution { extranonce: [&[0; 4][..], &solution.extranonce].concat(), ..solution }
}

#[test]
fn a_block_comes_out_of_any_share_target_and_however_late() {
    // One hash in 256 is a block, one in 16 a share of the connection: the lease's are easier than blocks, or harder.
    let network = 0x2000_ffff;
    for lease_work in [16, 1 << 20] {
        let mut bench = Bench::wishful();
        let tip = Arc::new(Tip::new([0x11; 32], bench.now));
        let lease_job = FarmJob { share_target: lease_of(lease_work).share_target, ..with(|job| job.bits = network) };
        let posted = Work::Lease(Arc::new(Posted::new(lease_job.clone(), 0, Arc::clone(&tip))));
        let mined = bench.mine_many(posted, 100);
        let is_block =
            |index: &usize| share::assemble(&lease_job.job, &solution_of(&mined, *index)).unwrap().is_block();
        let blocks: Vec<usize> = (0..100).filter(is_block).collect();
        assert!(blocks.len() >= 2, "{}", blocks.len());

        let (answer, share) = bench.submit(&mined.submit(blocks[0]));
        assert_eq!((answer, share.unwrap().solution), (accepted(), solution_of(&mined, blocks[0])));
        tip.update([0x12; 32], bench.now);
        bench.wait(GRACE);
        let (answer, share) = bench.submit(&mined.submit(blocks[1]));
        assert_eq!((answer, share.unwrap().solution), (rejected(21, "Stale"), solution_of(&mined, blocks[1])));
        assert_eq!(bench.session.station.record.live().accepted, 1);
    }
}

#[test]
fn a_silent_miner_gets_easier_work_by_and_by_and_its_old_work_stays_as_hard_as_it_was() {
    let mut bench = Bench::ready();
    let hard = FarmJob { share_target: Target::from_difficulty(1_000.0).unwrap(), ..job() };
    let first = bench.mine(post(hard));
    let mut told = Vec::new();
    for _ in 0..3 {
        let due_at = bench.session.deadline();
        assert_eq!(due_at, bench.now + Duration::from_secs(10));
        bench.session.on_deadline(due_at - Duration::from_millis(1)).unwrap();
        assert!(bench.output().is_empty());
        bench.now = due_at;
        bench.session.on_deadline(bench.now).unwrap();
        let output = bench.output();
        assert_eq!(methods(&output), ["mining.set_difficulty", "mining.notify"]);
        assert_eq!(output[1]["params"][8], false);
        told.push(output[0]["params"][0].as_f64().unwrap());
    }
    assert_eq!(told[..2], [32.0, 2.0]);
    assert!((0.124..0.126).contains(&told[2]), "{told:?}");
    assert_eq!(bench.submit(&first.submit(0)).0, rejected(23, "Low difficulty share"));
}

#[test]
fn a_quick_miner_gets_harder_work_after_its_share_but_none_harder_than_the_leases() {
    let mut bench = Bench::wishful();
    let mined = bench.mine_many(post(lease_of(64)), 200);
    let mut retold = Vec::new();
    for index in 0..200 {
        let line = encode::request(4, "mining.submit", &encode::submit_params(&mined.submit(index)));
        bench.wait(Duration::from_millis(10));
        let output = bench.say(&line);
        assert_eq!(output[0], accepted(), "its job was easier");
        retold.extend((output.len() > 1).then_some((index, output)));
    }
    let [(71, output)] = &retold[..] else { panic!("{retold:?}") };
    assert_eq!(methods(output), ["mining.set_difficulty", "mining.notify"]);
    assert_eq!(output[1]["params"][0], lease_of(64).share_target.difficulty());
    assert_eq!(methods(&bench.give(post(lease_of(64)))), ["mining.notify"]);
}

#[test]
fn a_suggestion_is_not_answered_and_followed_up_to_the_leases_target() {
    let mut bench = Bench::new();
    bench.say(r#"{"id":1,"method":"mining.subscribe","params":[]}"#);
    bench.say(r#"{"id":5,"method":"mining.suggest_difficulty","params":["512.000000"]}"#);
    bench.say(r#"{"id":2,"method":"mining.authorize","params":["u.w","x"]}"#);
    let output = bench.give(post(FarmJob { share_target: Target::from_difficulty(5e6).unwrap(), ..job() }));
    assert_eq!((methods(&output)[0], &output[0]["params"]), ("mining.set_difficulty", &json!([512])));
    for (suggested, told) in [("1024.5", 1_024), ("1e12", 4_194_304)] {
        let line = format!(r#"{{"id":6,"method":"mining.suggest_difficulty","params":["{suggested}"]}}"#);
        let output = bench.say(&line);
        assert_eq!(methods(&output), ["mining.set_difficulty", "mining.notify"]);
        assert_eq!(output[0]["params"], json!([told]));
        assert!(bench.say(&line).is_empty());
    }
}

#[test]
fn idle_work_keeps_its_own_difficulty_and_is_no_time_to_judge() {
    let mut bench = Bench::ready();
    bench.give(post(lease_of(1 << 60)));
    let idle = bench.give(Work::None);
    assert_eq!(idle[0]["params"][0].as_f64(), Some(idle::target().difficulty()));
    for _ in 0..10 {
        bench.wait(REPEAT);
        bench.session.on_deadline(bench.now).unwrap();
        assert_eq!(methods(&bench.output()), ["mining.notify"]);
    }
    let back = bench.give(post(lease_of(1 << 60)));
    assert_eq!(back[0]["params"], json!([1u64 << 27]));
}
