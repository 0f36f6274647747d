//! The work that channels are told.

use super::*;

#[test]
fn work_is_told_in_one_message_unless_its_block_is_another() {
    for opening in [standard(0.0, Target::MAX), extended(4)] {
        let mut bench = Bench::open(opening);
        assert!(bench.give(job(A)).is_empty(), "nobody works on it yet");
        bench.farm.set_job(job(B)).unwrap();
        assert_eq!(names(&bench.assign(FIRST, Some(A))), ["target", "future", "block"]);
        assert_eq!(names(&bench.assign(FIRST, Some(B))), ["job"], "another lease on the same block");
        assert_eq!(names(&bench.give(FarmJob { time: TIME + 20, ..job(B) })), ["job"], "the same, refreshed");
        assert_eq!(names(&bench.give(FarmJob { time: TIME - 1, ..job(B) })), ["future", "block"], "earlier");
        assert_eq!(names(&bench.give(with(B, |job| job.prev_hash = [0x77; 32]))), ["future", "block"]);
        assert_eq!(names(&bench.give(with(B, |job| job.prev_hash = [0x77; 32]))), ["job"]);
        let clean = FarmJob { clean: true, ..with(B, |job| job.prev_hash = [0x77; 32]) };
        assert_eq!(names(&bench.give(clean)), ["future", "block"]);
        assert_eq!(names(&bench.assign(FIRST, None)), ["target", "future", "block"], "idle");
        let harder = FarmJob { share_target: Target::from_work(NonZeroU128::new(99).unwrap()), ..job(A) };
        assert!(bench.give(harder).is_empty());
        assert_eq!(names(&bench.assign(FIRST, Some(A))), ["target", "future", "block"]);
    }
}

#[test]
fn a_job_sent_again_is_other_work_on_a_standard_channel() {
    let mut bench = Bench::open(standard(0.0, Target::MAX));
    let first = bench.work(FIRST, job(A));
    let again = bench.give(job(A));
    let again = read(again, Vec::new());
    assert!(first.root.is_some() && again.root.is_some());
    assert_ne!(first.root, again.root);
}

#[test]
fn idle_work_has_room_for_every_channel() {
    for size2 in 2..=14 {
        let mut bench = Bench::open(extended(size2));
        let prefix = bench.session.channels[&FIRST].station.division.part1();
        bench.farm.set_job(with(A, |job| job.extranonce_size = 16)).unwrap();
        bench.assign(FIRST, Some(A));
        let idle = read(bench.assign(FIRST, None), prefix);
        let part2 = vec![0xee; size2.into()];
        let coinbase = [idle.job.coinbase_prefix.as_slice(), &part2, &idle.job.coinbase_suffix].concat();
        let coinbase: bitcoin::Transaction = bitcoin::consensus::encode::deserialize(&coinbase).unwrap();
        assert!(coinbase.is_coinbase() && coinbase.input[0].script_sig.as_bytes().ends_with(&part2), "{size2}");
        // It is judged, though seldom met.
        let submit = SubmitSharesExtendedOwned {
            channel_id: FIRST,
            sequence_number: 1,
            job_id: idle.job_id,
            nonce: 1,
            ntime: idle.time,
            version: idle.job.version,
            extranonce: part2.try_into().unwrap(),
        };
        assert_eq!(bench.submit(MiningOwned::SubmitSharesExtended(submit)).0, ["difficulty-too-low"], "{size2}");
    }
}

#[test]
fn a_lease_without_room_for_a_channel_closes_it() {
    let mut bench = Bench::open(extended(8));
    bench.farm.set_job(with(A, |job| job.extranonce_size = 9)).unwrap();
    assert_eq!(names(&bench.assign(FIRST, Some(A))), ["close job-does-not-fit-channel"]);
    assert!(bench.farm.sessions().is_empty());
    assert_eq!(bench.say(extended(8)), ["min-extranonce-size-too-large"], "as long as the lease is there");
    assert_eq!(bench.say(extended(4)), ["opened"]);
}

#[test]
fn a_channel_begins_at_the_difficulty_of_the_hashrate_that_it_names_and_an_update_moves_it() {
    let mut bench = Bench::with(FarmConfig::default());
    bench.hear(setup(|_| {})).unwrap();
    // 1 TH/s at 0.3 shares a second.
    bench.say(standard(1e12, Target::MAX));
    let hard = FarmJob { share_target: Target::from_work(NonZeroU128::new(1 << 60).unwrap()), ..job(A) };
    let target = |messages: &[MiningOwned]| {
        messages.iter().find_map(|message| match message {
            MiningOwned::SetTarget(message) => Some(read_target(&message.maximum_target).work()),
            _ => None,
        })
    };
    bench.farm.set_job(hard).unwrap();
    let work = target(&bench.assign(FIRST, Some(A))).unwrap();
    assert!((1_500_000_000_000..=3_400_000_000_000).contains(&work), "{work}");
    let update = |channel_id, hashrate, max_target| {
        mining(MiningOwned::UpdateChannel(UpdateChannelOwned {
            channel_id,
            nominal_hash_rate: hashrate,
            maximum_target: wire_target(max_target),
        }))
    };
    // The miner takes nothing easier than that.
    let harder = Target::from_work(NonZeroU128::new(1 << 50).unwrap());
    let answers = of_mining(bench.hear(update(FIRST, 1e12, harder)).unwrap());
    assert_eq!(names(&answers), ["target", "job"]);
    let work = target(&answers).unwrap();
    assert!((1 << 50..1 << 51).contains(&work), "{work}");
    for (channel_id, hashrate, max_target, code) in [
        (99, 1e12, Target::MAX, "invalid-channel-id"),
        (FIRST, f32::NAN, Target::MAX, "invalid-nominal-hashrate"),
        (FIRST, 1e12, Target::from_be_bytes([0; 32]), "max-target-out-of-range"),
    ] {
        assert_eq!(names(&of_mining(bench.hear(update(channel_id, hashrate, max_target)).unwrap())), [code]);
    }
}

#[test]
fn work_is_repeated_and_too_many_messages_in_a_second_end_the_connection() {
    let mut bench = Bench::open(extended(4));
    bench.work(FIRST, job(A));
    let due = bench.now + Duration::from_secs(30);
    while bench.now < due {
        bench.now = bench.session.deadline();
        bench.session.on_deadline(bench.now).unwrap();
    }
    assert_eq!(names(&of_mining(bench.output())).last().map(String::as_str), Some("job"));

    let frame = || SerializedFrame::from_bytes(vec![0, 0, 0x7f, 0, 0, 0]).unwrap();
    let limit = FarmConfig::default().max_messages_per_s;
    bench.now += Duration::from_secs(1);
    for _ in 0..limit {
        assert!(matches!(bench.on_frame(frame()), Ok(None)));
    }
    assert!(matches!(bench.on_frame(frame()), Err(Hangup::TooTalkative)));
}
