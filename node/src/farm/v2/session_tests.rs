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

#[path = "session_share_tests.rs"]
mod shares;
#[path = "session_work_tests.rs"]
mod work;

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
        match self.session.on_message(message, self.now)? {
            Some(Event::Opened(id, work)) => self.works.push((id, work)),
            Some(Event::Submitted(pending)) => drop(self.settle(pending)?),
            None => {}
        }
        Ok(self.output())
    }

    /// Answers a submit, hashing by itself.
    fn settle(&mut self, pending: Pending) -> Result<Option<FarmShare>, Hangup> {
        let checked = pending.candidate().map(|it| share::assemble(&it.template, &it.solution));
        self.session.on_checked(pending, checked)
    }

    fn pending(&mut self, submit: MiningOwned) -> Pending {
        match self.session.on_message(mining(submit), self.now) {
            Ok(Some(Event::Submitted(pending))) => pending,
            _ => panic!("a submit waits for its hash"),
        }
    }

    fn on_frame(&mut self, frame: SerializedFrame) -> Result<Option<Event>, Hangup> {
        let Some(message) = self.session.hear(frame, self.now)? else { return Ok(None) };
        self.session.on_message(message, self.now)
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
        let pending = self.pending(submit);
        let share = self.settle(pending).unwrap();
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
        let heard = bench.on_frame(frame(unknown.0, unknown.1, payload));
        assert!(matches!(heard, Ok(None)) && bench.output().is_empty());
        let unasked = Bench::new().on_frame(frame(unknown.0, unknown.1, payload));
        assert!(matches!(unasked, Err(Hangup::Message)), "but not in place of a set-up");
    }
    for (message, payload) in [(0x10, &[0; 4][..]), (0x1a, &[0; 23]), (0x1b, &[0xff; 40]), (0x16, b"")] {
        let heard = bench.on_frame(frame(0x8000, message, payload));
        assert!(matches!(heard, Err(Hangup::Message)), "{message:x} in half");
    }
    // Whatever the bytes are, they are answered or end the connection.
    for message in 0..=u8::MAX {
        for payload in [[0; 200], [0xff; 200], std::array::from_fn(|index| u8::try_from(index).unwrap())] {
            let mut bench = Bench::ready();
            let _ = bench.on_frame(frame(0, message, &payload));
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
