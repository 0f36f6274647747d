use std::num::NonZeroU128;
use std::sync::Arc;

use alloy_primitives::B256;
use codec_sv2::MessageFrame;
use common_messages_sv2::{Protocol, SetupConnectionOwned};
use hashlease_miner::pow::share::{self, standby_header};
use hashlease_miner::pow::{Job, Target};
use mining_sv2::{
    OpenExtendedMiningChannelOwned, OpenStandardMiningChannelOwned, SetTargetOwned, SubmitSharesExtendedOwned,
    SubmitSharesStandard,
};

use super::super::super::allocate::Assignment;
use super::super::super::job::{FarmJob, GRACE};
use super::super::super::record::RejectReason;
use super::super::message::wire_target;
use super::*;

const A: B256 = B256::repeat_byte(0xaa);
const B: B256 = B256::repeat_byte(0xbb);
const TIME: u32 = 1_700_000_000;
const BITS: u32 = 0x1d00_ffff;
/// The first channel of a connection.
const FIRST: u32 = GROUP + 1;

/// A session at a farm, and its clock.
struct Bench {
    farm: Farm,
    session: Session,
    works: Vec<(u32, watch::Receiver<Work>)>,
    now: Instant,
}

/// A job as the miner read it.
struct Mined {
    job_id: u32,
    /// The job with the miner's part as its extranonce, and that of a standard channel without any.
    job: Job,
    /// The root of a standard channel's job.
    root: Option<[u8; 32]>,
    time: u32,
    messages: Vec<MiningOwned>,
}

fn easy() -> Target {
    Target::from_work(NonZeroU128::new(16).unwrap())
}

fn job(lease: B256) -> FarmJob {
    FarmJob {
        lease,
        job_id: 7,
        job: Arc::new(Job {
            version: 0x2000_0000,
            version_mask: 0x1fff_e000,
            prev_hash: [0x11; 32],
            coinbase_prefix: lease[..9].to_vec(),
            coinbase_suffix: vec![4, 5],
            extranonce_size: 12,
            branch: vec![[0x22; 32], [0x33; 32]],
            bits: BITS,
            min_time: TIME - 100,
        }),
        share_target: easy(),
        time: TIME,
        clean: false,
    }
}

fn with(lease: B256, change: impl FnOnce(&mut Job)) -> FarmJob {
    let mut changed = (*job(lease).job).clone();
    change(&mut changed);
    FarmJob { job: Arc::new(changed), ..job(lease) }
}

fn setup(change: impl FnOnce(&mut SetupConnectionOwned)) -> AnyMessageOwned {
    let mut asked = SetupConnectionOwned {
        protocol: Protocol::MiningProtocol,
        min_version: 2,
        max_version: 2,
        flags: 0b100,
        endpoint_host: "farm".try_into().unwrap(),
        endpoint_port: 3336,
        vendor: "Acme".try_into().unwrap(),
        hardware_version: "S1".try_into().unwrap(),
        firmware: "".try_into().unwrap(),
        device_id: "".try_into().unwrap(),
    };
    change(&mut asked);
    AnyMessageOwned::Common(CommonMessagesOwned::SetupConnection(asked))
}

fn standard(hashrate: f32, max_target: Target) -> MiningOwned {
    MiningOwned::OpenStandardMiningChannel(OpenStandardMiningChannelOwned {
        request_id: 9,
        user_identity: "alice.rig1".try_into().unwrap(),
        nominal_hash_rate: hashrate,
        max_target: wire_target(max_target),
    })
}

fn extended(min_extranonce_size: u16) -> MiningOwned {
    MiningOwned::OpenExtendedMiningChannel(OpenExtendedMiningChannelOwned {
        request_id: 9,
        user_identity: "alice.proxy".try_into().unwrap(),
        nominal_hash_rate: 0.0,
        max_target: wire_target(Target::MAX),
        min_extranonce_size,
    })
}

fn of_mining(messages: Vec<AnyMessageOwned>) -> Vec<MiningOwned> {
    let of_mining = |message| match message {
        AnyMessageOwned::Mining(message) => message,
        other => panic!("{other:?}"),
    };
    messages.into_iter().map(of_mining).collect()
}

/// Messages in short: what they are, and their codes.
fn names(messages: &[MiningOwned]) -> Vec<String> {
    let name = |message: &MiningOwned| match message {
        MiningOwned::OpenStandardMiningChannelSuccess(_) | MiningOwned::OpenExtendedMiningChannelSuccess(_) => {
            "opened".to_owned()
        }
        MiningOwned::OpenMiningChannelError(error) => error.error_code.as_utf8_or_hex(),
        MiningOwned::UpdateChannelError(error) => error.error_code.as_utf8_or_hex(),
        MiningOwned::SetCustomMiningJobError(error) => error.error_code.as_utf8_or_hex(),
        MiningOwned::SubmitSharesError(error) => error.error_code.as_utf8_or_hex(),
        MiningOwned::CloseChannel(message) => format!("close {}", message.reason_code.as_utf8_or_hex()),
        MiningOwned::SubmitSharesSuccess(message) => format!("accepted {}", message.new_submits_accepted_count),
        MiningOwned::NewMiningJob(message) if message.is_future() => "future".to_owned(),
        MiningOwned::NewExtendedMiningJob(message) if message.is_future() => "future".to_owned(),
        MiningOwned::NewMiningJob(_) | MiningOwned::NewExtendedMiningJob(_) => "job".to_owned(),
        MiningOwned::SetNewPrevHash(_) => "block".to_owned(),
        MiningOwned::SetTarget(_) => "target".to_owned(),
        MiningOwned::SetExtranoncePrefix(_) => "prefix".to_owned(),
        other => panic!("{other:?}"),
    };
    messages.iter().map(name).collect()
}

impl Bench {
    fn new() -> Self {
        Self::with(FarmConfig { easiest_share: 16, ..FarmConfig::default() })
    }

    fn with(limits: FarmConfig) -> Self {
        let (farm, now) = (Farm::new(), Instant::now());
        let session = Session::new(farm.clone(), "127.0.0.1:1".parse().unwrap(), limits, now);
        Self { farm, session, works: Vec::new(), now }
    }

    /// A miner that was set up.
    fn ready() -> Self {
        let mut bench = Self::new();
        bench.hear(setup(|_| {})).unwrap();
        bench
    }

    /// A miner with one channel.
    fn open(opening: MiningOwned) -> Self {
        let mut bench = Self::ready();
        assert_eq!(bench.say(opening), ["opened"]);
        bench
    }

    fn hear(&mut self, message: AnyMessageOwned) -> Result<Vec<AnyMessageOwned>, Hangup> {
        if let Some(Event::Opened(id, work)) = self.session.on_message(message, self.now)? {
            self.works.push((id, work));
        }
        Ok(self.output())
    }

    fn output(&mut self) -> Vec<AnyMessageOwned> {
        let output = self.session.take_output();
        self.session.written(self.now);
        output
    }

    fn say(&mut self, message: MiningOwned) -> Vec<String> {
        names(&of_mining(self.hear(mining(message)).unwrap()))
    }

    /// Gives a lease a job, and everybody their newest work, as far as it changed.
    fn give(&mut self, job: FarmJob) -> Vec<MiningOwned> {
        self.farm.set_job(job).unwrap();
        self.deliver()
    }

    fn assign(&mut self, channel: u32, lease: Option<B256>) -> Vec<MiningOwned> {
        let session = u64::from(channel - GROUP);
        self.farm.assign(Assignment { session, lease });
        self.deliver()
    }

    fn deliver(&mut self) -> Vec<MiningOwned> {
        for (id, work) in &mut self.works {
            if work.has_changed().unwrap_or(false) {
                let newest = work.borrow_and_update().clone();
                self.session.on_work(*id, newest, self.now);
            }
        }
        of_mining(self.output())
    }

    /// Puts a channel to work, and reads the job as a device does: from what is on the wire.
    fn work(&mut self, channel: u32, lease_job: FarmJob) -> Mined {
        let (lease, prefix) = (lease_job.lease, self.session.channels[&channel].station.division.part1());
        let mut messages = self.give(lease_job);
        messages.extend(self.assign(channel, Some(lease)));
        read(messages, prefix)
    }

    fn submit(&mut self, submit: MiningOwned) -> (Vec<String>, Option<FarmShare>) {
        let share = match self.session.on_message(mining(submit), self.now).unwrap() {
            Some(Event::Share(share)) => Some(share),
            _ => None,
        };
        (names(&of_mining(self.output())), share)
    }

    fn rejected(&self, channel: u32, reason: RejectReason) -> u64 {
        let live = self.session.channels[&channel].station.record.live();
        live.rejected.get(&reason).copied().unwrap_or_default()
    }
}

fn read(messages: Vec<MiningOwned>, prefix: Vec<u8>) -> Mined {
    let mut mined = Mined { job_id: 0, job: (*job(A).job).clone(), root: None, time: 0, messages: Vec::new() };
    let mut prefix = prefix;
    for message in &messages {
        match message {
            MiningOwned::SetExtranoncePrefix(message) => prefix = message.extranonce_prefix.to_owned_bytes(),
            MiningOwned::NewMiningJob(new) => {
                (mined.job_id, mined.job.version) = (new.job_id, new.version);
                mined.root = Some(new.merkle_root.to_array());
                mined.time = new.min_ntime.as_ref().copied().unwrap_or_default();
            }
            MiningOwned::NewExtendedMiningJob(new) => {
                (mined.job_id, mined.job.version) = (new.job_id, new.version);
                mined.job.coinbase_prefix = [new.coinbase_tx_prefix.as_bytes(), &prefix].concat();
                mined.job.coinbase_suffix = new.coinbase_tx_suffix.to_owned_bytes();
                mined.job.branch = new.merkle_path.iter().map(|hash| hash.to_array()).collect();
                mined.time = new.min_ntime.as_ref().copied().unwrap_or_default();
            }
            MiningOwned::SetNewPrevHash(block) => {
                (mined.job.prev_hash, mined.job.bits) = (block.prev_hash.to_array(), block.nbits);
                mined.time = block.min_ntime;
            }
            _ => {}
        }
    }
    Mined { messages, ..mined }
}

impl Mined {
    /// The nth nonce whose header meets the easy target, or doesn't.
    fn nonce(&self, part2: &[u8], version: u32, is_share: bool, nth: usize) -> u32 {
        let mut job = self.job.clone();
        job.extranonce_size = part2.len().try_into().unwrap();
        let root = self.root.unwrap_or_else(|| job.merkle_root(part2).unwrap());
        let header = |nonce| standby_header(job.prev_hash, version, root, self.time, job.bits, nonce);
        (0..).filter(|nonce| easy().is_met_by(&header(*nonce).hash()) == is_share).nth(nth).unwrap()
    }

    fn standard(&self, nth: usize) -> SubmitSharesStandard {
        SubmitSharesStandard {
            channel_id: FIRST,
            sequence_number: u32::try_from(nth).unwrap(),
            job_id: self.job_id,
            nonce: self.nonce(&[], self.job.version, true, nth),
            ntime: self.time,
            version: self.job.version,
        }
    }

    fn extended(&self, part2: &[u8], nth: usize) -> SubmitSharesExtendedOwned {
        SubmitSharesExtendedOwned {
            channel_id: FIRST,
            sequence_number: u32::try_from(nth).unwrap(),
            job_id: self.job_id,
            nonce: self.nonce(part2, self.job.version, true, nth),
            ntime: self.time,
            version: self.job.version,
            extranonce: part2.to_vec().try_into().unwrap(),
        }
    }
}

#[test]
fn a_set_up_is_answered_by_what_it_asks_for() {
    /// A name, what is asked for otherwise, and the code and flags of the refusal if there is one.
    type Rule = (&'static str, fn(&mut SetupConnectionOwned), Option<(&'static str, u32)>);
    let rules: [Rule; 12] = [
        ("version 2", |_| {}, None),
        ("more versions", |asked| (asked.min_version, asked.max_version) = (1, 9), None),
        ("later versions alone", |asked| asked.min_version = 3, Some(("protocol-version-mismatch", 0))),
        ("earlier ones alone", |asked| asked.max_version = 1, Some(("protocol-version-mismatch", 0))),
        (
            "another protocol",
            |asked| asked.protocol = Protocol::JobDeclarationProtocol,
            Some(("unsupported-protocol", 0)),
        ),
        ("a third", |asked| asked.protocol = Protocol::TemplateDistributionProtocol, Some(("unsupported-protocol", 0))),
        ("no features", |asked| asked.flags = 0, None),
        ("standard jobs", |asked| asked.flags = 0b001, None),
        ("standard jobs and version rolling", |asked| asked.flags = 0b101, None),
        ("work selection", |asked| asked.flags = 0b010, Some(("unsupported-feature-flags", 0b010))),
        ("all features", |asked| asked.flags = 0b111, Some(("unsupported-feature-flags", 0b010))),
        ("unknown ones", |asked| asked.flags = 0b1000_0100, Some(("unsupported-feature-flags", 0b1000_0000))),
    ];
    for (rule, change, refused) in rules {
        let mut bench = Bench::new();
        let answers = bench.hear(setup(change)).unwrap();
        let parting = bench.session.parting();
        match (answers.as_slice(), refused) {
            ([AnyMessageOwned::Common(CommonMessagesOwned::SetupConnectionSuccess(success))], None) => {
                assert_eq!((success.used_version, success.flags), (2, 0), "{rule}");
                assert!(parting.is_none(), "{rule}");
            }
            ([AnyMessageOwned::Common(CommonMessagesOwned::SetupConnectionError(error))], Some((code, flags))) => {
                assert_eq!((error.error_code.as_utf8_or_hex().as_str(), error.flags), (code, flags), "{rule}");
                assert!(matches!(parting, Some(Hangup::Refused(reason)) if reason == code), "{rule}");
            }
            _ => panic!("{rule}: {answers:?}"),
        }
    }
}

#[test]
fn what_comes_out_of_turn_ends_the_connection() {
    let server_only = MiningOwned::SetTarget(SetTargetOwned { channel_id: 2, maximum_target: wire_target(easy()) });
    for early in [mining(extended(4)), mining(server_only.clone())] {
        assert!(matches!(Bench::new().hear(early), Err(Hangup::Message)));
    }
    for late in [setup(|_| {}), mining(server_only)] {
        assert!(matches!(Bench::ready().hear(late), Err(Hangup::Message)));
    }
}

#[test]
fn frames_are_read_and_those_of_other_protocols_passed_over() {
    let frame = |extension: u16, message: u8, payload: &[u8]| {
        let length = u8::try_from(payload.len()).unwrap();
        let [low, high] = extension.to_le_bytes();
        SerializedFrame::from_bytes([&[low, high, message, length, 0, 0], payload].concat()).unwrap()
    };
    let mut bench = Bench::ready();
    for (unknown, payload) in [((0, 0x7f), &b"later"[..]), ((0x4000, 0x10), b"another")] {
        let heard = bench.session.on_frame(frame(unknown.0, unknown.1, payload), bench.now);
        assert!(matches!(heard, Ok(None)) && bench.output().is_empty());
        let unasked = Bench::new().session.on_frame(frame(unknown.0, unknown.1, payload), bench.now);
        assert!(matches!(unasked, Err(Hangup::Message)), "but not in place of a set-up");
    }
    for (message, payload) in [(0x10, &[0; 4][..]), (0x1a, &[0; 23]), (0x1b, &[0xff; 40]), (0x16, b"")] {
        let heard = bench.session.on_frame(frame(0x8000, message, payload), bench.now);
        assert!(matches!(heard, Err(Hangup::Message)), "{message:x} in half");
    }
    // Whatever the bytes are, they are answered or end the connection.
    for message in 0..=u8::MAX {
        for payload in [[0; 200], [0xff; 200], std::array::from_fn(|index| u8::try_from(index).unwrap())] {
            let mut bench = Bench::ready();
            let _ = bench.session.on_frame(frame(0, message, &payload), bench.now);
        }
    }
}

#[test]
fn custom_work_and_extensions_are_refused_and_the_connection_stays() {
    let mut bench = Bench::ready();
    let custom = MiningOwned::SetCustomMiningJob(mining_sv2::SetCustomMiningJobOwned {
        channel_id: 5,
        request_id: 6,
        token: Vec::new().try_into().unwrap(),
        version: 0,
        prev_hash: [0; 32].into(),
        min_ntime: 0,
        nbits: 0,
        coinbase_tx_version: 0,
        coinbase_prefix: Vec::new().try_into().unwrap(),
        coinbase_tx_input_n_sequence: 0,
        coinbase_tx_outputs: Vec::new().try_into().unwrap(),
        coinbase_tx_locktime: 0,
        merkle_path: Vec::new().try_into().unwrap(),
    });
    assert_eq!(bench.say(custom), ["jd-not-supported"]);
    let asked = RequestExtensionsOwned { request_id: 3, requested_extensions: vec![2, 5].try_into().unwrap() };
    let message = ExtensionsNegotiationOwned::RequestExtensions(asked);
    let message = AnyMessageOwned::Extensions(ExtensionsOwned::ExtensionsNegotiation(message));
    let answers = bench.hear(message).unwrap();
    let [
        AnyMessageOwned::Extensions(ExtensionsOwned::ExtensionsNegotiation(
            ExtensionsNegotiationOwned::RequestExtensionsError(refused),
        )),
    ] = answers.as_slice()
    else {
        panic!("{answers:?}")
    };
    assert_eq!((refused.request_id, refused.unsupported_extensions.as_slice()), (3, &[2, 5][..]));
    assert!(refused.required_extensions.is_empty());
    // Both are framed under the right extension.
    let framed: MessageFrame<AnyMessageOwned> = answers[0].clone().try_into().unwrap();
    assert_eq!((framed.header().ext_type(), framed.header().msg_type()), (1, 2));
}

#[test]
fn a_channel_is_opened_or_refused_by_what_it_asks_for() {
    let nothing = Target::from_be_bytes([0; 32]);
    for (opening, answer) in [
        (standard(1e12, Target::MAX), "opened"),
        (standard(0.0, easy()), "opened"),
        (standard(f32::NAN, Target::MAX), "invalid-nominal-hashrate"),
        (standard(f32::INFINITY, Target::MAX), "invalid-nominal-hashrate"),
        (standard(-1.0, Target::MAX), "invalid-nominal-hashrate"),
        (standard(1e12, nothing), "max-target-out-of-range"),
        (extended(0), "opened"),
        (extended(14), "opened"),
        (extended(15), "min-extranonce-size-too-large"),
        (extended(u16::MAX), "min-extranonce-size-too-large"),
    ] {
        assert_eq!(Bench::ready().say(opening), [answer]);
    }
    let mut bench = Bench::new();
    bench.hear(setup(|asked| asked.flags = 1)).unwrap();
    assert_eq!(bench.say(extended(4)), ["extended-channels-not-supported-for-standard-jobs"]);
    assert_eq!(bench.say(standard(0.0, Target::MAX)), ["opened"]);
}

#[test]
fn an_extended_channel_gets_just_the_extranonce_that_it_asks_for_where_every_lease_has_room() {
    for (room, asked, granted) in
        [(None, 4, Some((4, 4))), (None, 8, Some((4, 8))), (Some(8), 6, Some((2, 6))), (Some(8), 7, None)]
    {
        let mut bench = Bench::ready();
        if let Some(room) = room {
            bench.farm.set_job(with(A, |job| job.extranonce_size = room)).unwrap();
        }
        let answers = of_mining(bench.hear(mining(extended(asked))).unwrap());
        let found = answers.iter().find_map(|answer| match answer {
            MiningOwned::OpenExtendedMiningChannelSuccess(opened) => {
                Some((opened.extranonce_prefix.len(), opened.extranonce_size))
            }
            _ => None,
        });
        assert_eq!(found, granted, "{asked} in {room:?}");
    }
}

#[test]
fn every_channel_has_a_seat_until_it_is_closed() {
    let mut bench = Bench::open(standard(0.0, Target::MAX));
    assert_eq!(bench.say(extended(4)), ["opened"]);
    let sessions = bench.farm.sessions();
    let shown: Vec<_> = sessions.iter().map(|one| (one.worker.as_str(), one.user_agent.as_str())).collect();
    assert_eq!(shown, [("alice.rig1", "Acme S1"), ("alice.proxy", "Acme S1")]);
    let close = |channel_id| MiningOwned::CloseChannel(CloseChannelOwned { channel_id, reason_code: text("bye") });
    assert!(bench.say(close(77)).is_empty() && bench.farm.sessions().len() == 2);
    assert!(bench.say(close(FIRST)).is_empty() && bench.farm.sessions().len() == 1);
    assert!(bench.say(close(GROUP)).is_empty() && bench.farm.sessions().is_empty());
    assert_eq!(bench.say(extended(4)), ["opened"]);
    let Bench { farm, session, .. } = bench;
    drop(session);
    assert!(farm.sessions().is_empty(), "a connection takes its channels along");
}

#[test]
fn channels_are_bounded_by_connection_and_by_farm() {
    for limits in [
        FarmConfig { max_channels: 2, ..FarmConfig::default() },
        FarmConfig { max_connections: 2, ..FarmConfig::default() },
    ] {
        let mut bench = Bench::with(limits);
        bench.hear(setup(|_| {})).unwrap();
        for answer in ["opened", "opened", "channel-capacity-exhausted"] {
            assert_eq!(bench.say(standard(0.0, Target::MAX)), [answer]);
        }
    }
}

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
        let submit = mining(MiningOwned::SubmitSharesStandard(mined.standard(nth)));
        assert!(matches!(bench.session.on_message(submit, bench.now), Ok(Some(Event::Share(_)))));
    }
    let told = of_mining(bench.output());
    let [MiningOwned::SubmitSharesSuccess(told)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((told.channel_id, told.last_sequence_number, told.new_submits_accepted_count), (FIRST, 4, 5));
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

#[test]
fn a_connection_must_open_a_channel_in_time_and_be_heard_of() {
    let limits = FarmConfig::default();
    let mut bench = Bench::ready();
    let (start, due) = (bench.now, bench.now + limits.handshake_timeout);
    assert_eq!(bench.session.deadline(), due);
    assert!(bench.session.on_deadline(due - Duration::from_millis(1)).is_ok());
    // Closing what isn't there gains no time.
    bench.now = due - Duration::from_secs(1);
    bench.say(MiningOwned::CloseChannel(CloseChannelOwned { channel_id: 7, reason_code: text("bye") }));
    bench.now = start;
    assert!(matches!(bench.session.on_deadline(due), Err(Hangup::NoChannel)));
    bench.say(extended(4));
    assert!(bench.session.on_deadline(due).is_ok());
    let silent_at = start + limits.idle_timeout;
    assert!(bench.session.on_deadline(silent_at - Duration::from_millis(1)).is_ok());
    assert!(matches!(bench.session.on_deadline(silent_at), Err(Hangup::Silent)));
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
        assert!(matches!(bench.session.on_frame(frame(), bench.now), Ok(None)));
    }
    assert!(matches!(bench.session.on_frame(frame(), bench.now), Err(Hangup::TooTalkative)));
}
