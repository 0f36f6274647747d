//! The seller's Stratum V2 server over real sockets, with a client made of the reference implementation's own parts.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::B256;
use bitcoin::base58;
use channels_sv2::client::extended::ExtendedChannel;
use channels_sv2::client::share_accounting::ShareValidationError;
use channels_sv2::client::standard::StandardChannel;
use channels_sv2::extranonce_manager::ExtranoncePrefix;
use codec_sv2::{
    Decrypted, Handshake, MessageFrame, NoiseDecoder, NoiseEncoder, TransportDecryptState, TransportEncryptState,
};
use common_messages_sv2::{Protocol, SetupConnectionOwned};
use extensions_sv2::RequestExtensionsOwned;
use hashlease_miner::pow::{Job, Solution, Target, share};
use hashlease_node::farm::{AuthorityKey, FarmConfig, FarmJob, Listeners, job_for_nobody, start};
use mining_sv2::{
    OpenExtendedMiningChannelOwned, OpenStandardMiningChannelOwned, SubmitSharesExtendedOwned, SubmitSharesStandard,
};
use noise_sv2::{INITIATOR_EXPECTED_HANDSHAKE_MESSAGE_SIZE, Initiator};
use parsers_sv2::{
    AnyMessage, AnyMessageOwned, CommonMessagesOwned, ExtensionsNegotiationOwned, ExtensionsOwned, MiningOwned,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::farm::{A, B, DEADLINE, Served, until, work};

/// Hashes of one share: some thousand are found at once.
const WORK: u128 = 3_000;

/// A lease's job, whose coinbase is a transaction: the reference implementation reads it.
fn job(lease: B256, extranonce_size: u8, share_target: Target) -> FarmJob {
    let mut nobodys = job_for_nobody(&lease[..8]);
    let more = extranonce_size.wrapping_sub(nobodys.extranonce_size);
    // The lengths of the script and of what it pushes last.
    for at in [41, nobodys.coinbase_prefix.len() - 1] {
        nobodys.coinbase_prefix[at] = nobodys.coinbase_prefix[at].wrapping_add(more);
    }
    let plain = super::farm::job(lease, extranonce_size, share_target);
    let Job { coinbase_prefix, coinbase_suffix, .. } = nobodys;
    FarmJob { job: Arc::new(Job { coinbase_prefix, coinbase_suffix, ..(*plain.job).clone() }), ..plain }
}

/// A farm on two ports of its own.
struct Both {
    served: Served,
    port: u16,
    key: [u8; 32],
}

async fn serve(config: FarmConfig) -> Both {
    let v1 = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let v2 = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (v1_port, port) = (v1.local_addr().unwrap().port(), v2.local_addr().unwrap().port());
    let authority = AuthorityKey::random();
    let key = base58::decode_check(&authority.public()).unwrap()[2..].try_into().unwrap();
    let shutdown = CancellationToken::new();
    let (farm, shares) = start(Listeners { v1, v2: Some((v2, authority)) }, config, shutdown.clone());
    Both { served: Served { farm, shares, port: v1_port, shutdown: shutdown.drop_guard() }, port, key }
}

/// A client that shook hands.
struct Client {
    stream: TcpStream,
    decoder: NoiseDecoder,
    open: Option<TransportDecryptState>,
    encoder: NoiseEncoder,
    seal: TransportEncryptState,
}

impl Client {
    /// Connects, and shakes hands with a farm of this key; `None` where it has another.
    async fn connect(port: u16, key: [u8; 32]) -> Option<Self> {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let initiator = Handshake::initiator(Initiator::from_raw_k(key).unwrap());
        let (first, waiting) = initiator.step_0().unwrap();
        stream.write_all(first.payload()).await.unwrap();
        let mut answer = [0; INITIATOR_EXPECTED_HANDSHAKE_MESSAGE_SIZE];
        timeout(DEADLINE, stream.read_exact(&mut answer)).await.expect("the farm must answer in time").unwrap();
        let (seal, open) = waiting.step_2(answer).ok()?.split();
        Some(Self { stream, decoder: NoiseDecoder::new(), open: Some(open), encoder: NoiseEncoder::new(), seal })
    }

    /// A client that is set up.
    async fn ready(both: &Both) -> Self {
        let mut client = Self::connect(both.port, both.key).await.unwrap();
        client.say(setup()).await;
        let answer = client.hear().await;
        assert!(
            matches!(answer, AnyMessageOwned::Common(CommonMessagesOwned::SetupConnectionSuccess(_))),
            "{answer:?}"
        );
        client
    }

    async fn say(&mut self, message: AnyMessageOwned) {
        let frame: MessageFrame<AnyMessageOwned> = message.try_into().unwrap();
        let bytes = self.encoder.encode_transport(frame, &mut self.seal).unwrap();
        self.stream.write_all(&bytes).await.unwrap();
    }

    async fn hear(&mut self) -> AnyMessageOwned {
        timeout(DEADLINE, self.next()).await.expect("the farm must speak in time")
    }

    async fn next(&mut self) -> AnyMessageOwned {
        loop {
            self.stream.read_exact(self.decoder.writable()).await.unwrap();
            match self.decoder.next_transport_frame(self.open.take().unwrap()).unwrap() {
                Decrypted::Frame(mut frame, open) => {
                    self.open = Some(open);
                    return AnyMessage::try_from((frame.header(), frame.payload())).unwrap().into_owned();
                }
                Decrypted::Incomplete(_, open) => self.open = Some(open),
            }
        }
    }

    async fn hear_mining(&mut self) -> MiningOwned {
        match self.hear().await {
            AnyMessageOwned::Mining(message) => message,
            other => panic!("{other:?}"),
        }
    }

    async fn open_standard(&mut self) -> Channel {
        self.say(AnyMessageOwned::Mining(MiningOwned::OpenStandardMiningChannel(OpenStandardMiningChannelOwned {
            request_id: 1,
            user_identity: "standard".try_into().unwrap(),
            nominal_hash_rate: 0.0,
            max_target: [0xff; 32].into(),
        })))
        .await;
        let MiningOwned::OpenStandardMiningChannelSuccess(opened) = self.hear_mining().await else { panic!() };
        let prefix = ExtranoncePrefix::from_wire(opened.extranonce_prefix.into_bytes()).unwrap();
        let target = bitcoin::Target::from_le_bytes(opened.target.to_array());
        let channel = StandardChannel::new(opened.channel_id, String::new(), prefix, target, 0.0, None).unwrap();
        Channel { id: opened.channel_id, job_id: 0, time: 0, version: 0, nonce: 0, kind: Kind::Standard(channel) }
    }

    async fn open_extended(&mut self, size: u16) -> Channel {
        self.say(AnyMessageOwned::Mining(MiningOwned::OpenExtendedMiningChannel(OpenExtendedMiningChannelOwned {
            request_id: 2,
            user_identity: "extended".try_into().unwrap(),
            nominal_hash_rate: 0.0,
            max_target: [0xff; 32].into(),
            min_extranonce_size: size,
        })))
        .await;
        let MiningOwned::OpenExtendedMiningChannelSuccess(opened) = self.hear_mining().await else { panic!() };
        assert_eq!(opened.extranonce_size, size);
        let prefix = ExtranoncePrefix::from_wire(opened.extranonce_prefix.into_bytes()).unwrap();
        let target = bitcoin::Target::from_le_bytes(opened.target.to_array());
        let channel =
            ExtendedChannel::new(opened.channel_id, String::new(), prefix, target, 0.0, true, size, None).unwrap();
        Channel { id: opened.channel_id, job_id: 0, time: 0, version: 0, nonce: 0, kind: Kind::Extended(channel) }
    }

    /// Hears the work of a channel, up to a job that it is to do at once; gives the number of messages.
    async fn hear_work(&mut self, channel: &mut Channel) -> usize {
        for count in 1.. {
            if channel.follow(self.hear_mining().await) {
                return count;
            }
        }
        unreachable!()
    }

    /// Hears the work of several channels, in any order.
    async fn hear_works(&mut self, channels: &mut [Channel]) {
        let mut waiting: HashSet<u32> = channels.iter().map(|channel| channel.id).collect();
        while !waiting.is_empty() {
            let message = self.hear_mining().await;
            let id = match &message {
                MiningOwned::NewMiningJob(message) => message.channel_id,
                MiningOwned::NewExtendedMiningJob(message) => message.channel_id,
                MiningOwned::SetNewPrevHash(message) => message.channel_id,
                MiningOwned::SetTarget(message) => message.channel_id,
                MiningOwned::SetExtranoncePrefix(message) => message.channel_id,
                other => panic!("{other:?}"),
            };
            let channel = channels.iter_mut().find(|channel| channel.id == id).unwrap();
            if channel.follow(message) {
                waiting.remove(&id);
            }
        }
    }

    /// Submits a share that the channel itself takes for one, and hears that it was accepted.
    async fn submit(&mut self, submit: MiningOwned) {
        self.say(AnyMessageOwned::Mining(submit)).await;
        let answer = self.hear_mining().await;
        assert!(matches!(answer, MiningOwned::SubmitSharesSuccess(_)), "{answer:?}");
    }

    async fn is_closed(&mut self) {
        is_closed(&mut self.stream).await;
    }
}

async fn probe(port: u16, bytes: &[u8]) -> TcpStream {
    let mut prober = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    // The farm may close the socket before it was sent all.
    let _ = prober.write_all(bytes).await;
    prober
}

async fn is_closed(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    // The farm may reset a connection whose bytes it never read.
    let _ = timeout(DEADLINE, stream.read_to_end(&mut rest)).await.expect("the farm must hang up in time");
}

fn setup() -> AnyMessageOwned {
    AnyMessageOwned::Common(CommonMessagesOwned::SetupConnection(SetupConnectionOwned {
        protocol: Protocol::MiningProtocol,
        min_version: 2,
        max_version: 2,
        flags: 0b100,
        endpoint_host: "127.0.0.1".try_into().unwrap(),
        endpoint_port: 3336,
        vendor: "reference".try_into().unwrap(),
        hardware_version: "".try_into().unwrap(),
        firmware: "".try_into().unwrap(),
        device_id: "".try_into().unwrap(),
    }))
}

/// A channel as the reference implementation's clients keep it, which refuse what the protocol doesn't allow.
struct Channel {
    id: u32,
    /// The job to do, its earliest time and its version.
    job_id: u32,
    time: u32,
    version: u32,
    /// The last nonce that was tried.
    nonce: u32,
    kind: Kind,
}

enum Kind {
    Standard(StandardChannel),
    Extended(ExtendedChannel),
}

impl Channel {
    /// Takes a message of the channel; tells whether there is a job to do at once.
    fn follow(&mut self, message: MiningOwned) -> bool {
        match (&mut self.kind, message) {
            (Kind::Standard(channel), MiningOwned::NewMiningJob(job)) => {
                (self.job_id, self.version) = (job.job_id, job.version);
                self.time = job.min_ntime.as_ref().copied().unwrap_or(self.time);
                let at_once = !job.is_future();
                channel.on_new_mining_job(job).unwrap();
                at_once
            }
            (Kind::Extended(channel), MiningOwned::NewExtendedMiningJob(job)) => {
                (self.job_id, self.version) = (job.job_id, job.version);
                self.time = job.min_ntime.as_ref().copied().unwrap_or(self.time);
                let at_once = !job.is_future();
                channel.on_new_extended_mining_job(job).unwrap();
                at_once
            }
            (kind, MiningOwned::SetNewPrevHash(block)) => {
                assert_eq!(block.job_id, self.job_id);
                self.time = block.min_ntime;
                match kind {
                    Kind::Standard(channel) => channel.on_set_new_prev_hash(block).unwrap(),
                    Kind::Extended(channel) => channel.on_set_new_prev_hash(block).unwrap(),
                }
                true
            }
            (kind, MiningOwned::SetTarget(message)) => {
                let target = bitcoin::Target::from_le_bytes(message.maximum_target.to_array());
                match kind {
                    Kind::Standard(channel) => channel.set_target(target).unwrap(),
                    Kind::Extended(channel) => channel.set_target(target).unwrap(),
                }
                false
            }
            (Kind::Extended(channel), MiningOwned::SetExtranoncePrefix(message)) => {
                let prefix = ExtranoncePrefix::from_wire(message.extranonce_prefix.into_bytes()).unwrap();
                channel.set_extranonce_prefix(prefix).unwrap();
                false
            }
            (_, other) => panic!("{other:?}"),
        }
    }

    /// Mines the newest job until the channel takes a solution for a share.
    fn mine(&mut self) -> MiningOwned {
        loop {
            self.nonce += 1;
            assert!(self.nonce < 1_000_000, "the channel takes nothing");
            let (channel_id, job_id, ntime) = (self.id, self.job_id, self.time);
            let (nonce, version, sequence_number) = (self.nonce, self.version, self.nonce);
            match &mut self.kind {
                Kind::Standard(channel) => {
                    let submit = SubmitSharesStandard { channel_id, sequence_number, job_id, nonce, ntime, version };
                    match channel.validate_share(submit.clone()) {
                        Ok(_) => return MiningOwned::SubmitSharesStandard(submit),
                        Err(error) => assert!(matches!(error, ShareValidationError::DoesNotMeetTarget(_)), "{error:?}"),
                    }
                }
                Kind::Extended(channel) => {
                    let size = channel.get_rollable_extranonce_size();
                    let submit = SubmitSharesExtendedOwned {
                        channel_id,
                        sequence_number,
                        job_id,
                        nonce,
                        ntime,
                        version,
                        extranonce: vec![0xee; size.into()].try_into().unwrap(),
                    };
                    match channel.validate_share(submit.clone()) {
                        Ok(_) => return MiningOwned::SubmitSharesExtended(submit),
                        Err(error) => assert!(matches!(error, ShareValidationError::DoesNotMeetTarget(_)), "{error:?}"),
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn standard_and_extended_channels_of_one_connection_mine_shares_that_fit_the_agents_own_job() {
    let mut both = serve(FarmConfig::default()).await;
    let mut client = Client::ready(&both).await;
    let mut channels = [client.open_standard().await, client.open_extended(4).await, client.open_extended(6).await];
    let sessions = both.served.farm.sessions();
    assert_eq!(
        sessions.iter().map(|one| one.worker.as_str()).collect::<Vec<_>>(),
        ["standard", "extended", "extended"]
    );
    assert!(sessions.iter().all(|one| one.user_agent == "reference" && one.lease.is_none()));
    let mut solutions: HashSet<Solution> = HashSet::new();
    for (round, size) in (0..).zip([12, 16, 8]) {
        let lease_job = job(A, size, work(WORK));
        both.served.farm.set_job(lease_job.clone()).unwrap();
        if round == 0 {
            sessions.iter().for_each(|session| both.served.assign(session.id, Some(A)));
        }
        client.hear_works(&mut channels).await;
        for (channel, session) in channels.iter_mut().zip(&sessions) {
            for _ in 0..3 {
                client.submit(channel.mine()).await;
                let share = both.served.share().await;
                assert_eq!((share.lease, share.job_id, share.session), (A, 3, session.id));
                assert_eq!(share.solution.extranonce.len(), usize::from(size));
                let checked = share::check(&lease_job.job, &share.solution, &lease_job.share_target).unwrap();
                assert_eq!(checked.hash, share.hash);
                assert!(solutions.insert(share.solution));
            }
        }
    }
    for status in both.served.farm.sessions() {
        assert_eq!((status.lease, status.accepted, status.work), (Some(A), 9, 9 * WORK));
        assert!(status.rejected.is_empty(), "{:?}", status.rejected);
    }
    drop(client);
    both.served.nobody_is_left().await;
}

#[tokio::test]
async fn one_message_moves_a_channel_and_its_late_share_goes_to_the_old_lease() {
    let mut both = serve(FarmConfig::default()).await;
    let mut client = Client::ready(&both).await;
    let jobs = [job(A, 8, work(WORK)), job(B, 16, work(WORK))];
    for lease_job in &jobs {
        both.served.farm.set_job(lease_job.clone()).unwrap();
    }
    for is_extended in [false, true] {
        let mut channel = if is_extended { client.open_extended(4).await } else { client.open_standard().await };
        let id = both.served.farm.sessions().last().unwrap().id;
        both.served.assign(id, Some(A));
        assert_eq!(client.hear_work(&mut channel).await, 3, "its target, the job and the block");
        let (soon, late) = (channel.mine(), channel.mine());
        client.submit(soon).await;
        assert_eq!(both.served.share().await.lease, A);

        both.served.assign(id, Some(B));
        assert_eq!(client.hear_work(&mut channel).await, 1, "the job alone");
        for (submit, lease_job) in [(channel.mine(), &jobs[1]), (late, &jobs[0])] {
            client.submit(submit).await;
            let share = both.served.share().await;
            assert_eq!(share.lease, lease_job.lease);
            share::check(&lease_job.job, &share.solution, &lease_job.share_target).unwrap();
        }
        let status = both.served.session(|session| session.id == id).await;
        assert_eq!((status.accepted, status.rejected.len()), (3, 0));
        both.served.assign(id, None);
        assert_eq!(client.hear_work(&mut channel).await, 3, "idle");
    }
}

#[tokio::test]
async fn miners_of_both_protocols_mine_over_extranonces_of_their_own() {
    let mut both = serve(FarmConfig::default()).await;
    let mut client = Client::ready(&both).await;
    let mut channels = [client.open_standard().await, client.open_extended(4).await, client.open_extended(6).await];
    let lease_job = job(A, 8, Target::MAX);
    both.served.farm.set_job(lease_job).unwrap();
    let ids: Vec<u64> = both.served.farm.sessions().iter().map(|session| session.id).collect();
    let mut extranonces = HashSet::new();
    for (channel, id) in channels.iter_mut().zip(&ids) {
        both.served.assign(*id, Some(A));
        client.hear_work(channel).await;
        client.submit(channel.mine()).await;
        extranonces.insert(both.served.share().await.solution.extranonce);
    }
    for _ in 0..3 {
        let (mut device, id) = both.served.device().await;
        let user = both.served.session(|session| session.id == id).await.worker;
        both.served.assign(id, Some(A));
        device.hear().await;
        let notify = device.hear_notify().await;
        assert_eq!(device.submit(&user, &notify, 0).await["result"], true);
        extranonces.insert(both.served.share().await.solution.extranonce);
    }
    assert_eq!(extranonces.len(), 6, "{extranonces:02x?}");
}

#[tokio::test]
async fn a_clients_block_and_refreshes_reach_a_reference_channel_in_any_order_of_times() {
    let mut both = serve(FarmConfig::default()).await;
    let mut client = Client::ready(&both).await;
    let mut channel = client.open_extended(4).await;
    let id = both.served.farm.sessions()[0].id;
    both.served.assign(id, Some(A));
    let first = job(A, 12, work(WORK));
    let block = |time: u32, prev_hash| {
        let mut next = FarmJob { time, ..first.clone() };
        Arc::make_mut(&mut next.job).prev_hash = prev_hash;
        next
    };
    for (next, messages) in [
        (block(first.time, [0x11; 32]), 3),
        (block(first.time + 10, [0x11; 32]), 1),
        (block(first.time + 5, [0x77; 32]), 2),
        (block(first.time + 4, [0x77; 32]), 2),
        (block(first.time + 9, [0x77; 32]), 1),
    ] {
        both.served.farm.set_job(next.clone()).unwrap();
        assert_eq!(client.hear_work(&mut channel).await, messages, "{next:?}");
        client.submit(channel.mine()).await;
        let share = both.served.share().await;
        share::check(&next.job, &share.solution, &next.share_target).unwrap();
    }
}

#[tokio::test]
async fn a_client_that_knows_another_key_hangs_up() {
    let both = serve(FarmConfig::default()).await;
    let other = serve(FarmConfig::default()).await;
    assert!(Client::connect(both.port, both.key).await.is_some());
    assert!(Client::connect(both.port, other.key).await.is_none());
}

#[tokio::test]
async fn whatever_is_no_v2_client_closes_its_own_socket_only() {
    let config = FarmConfig { handshake_timeout: Duration::from_secs(5), ..FarmConfig::default() };
    let mut both = serve(config).await;
    let mut honest = Client::ready(&both).await;
    let mut channel = honest.open_standard().await;
    let subscribe = b"{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n";
    // Those that say too little are cut off by the time for a handshake, and those that open nothing by that for a channel.
    let mut slow = vec![
        Client::connect(both.port, both.key).await.unwrap().stream,
        Client::ready(&both).await.stream,
        probe(both.port, subscribe).await,
        probe(both.port, b"\x00").await,
        probe(both.port, b"").await,
    ];
    let hello = [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], &[7; 500]].concat();
    let mebibyte = vec![0xff; 1024 * 1024];
    for junk in [&subscribe.repeat(9)[..], &b"GET / HTTP/1.1\r\n".repeat(20), &hello, &mebibyte] {
        is_closed(&mut probe(both.port, junk).await).await;
    }
    for prober in &mut slow {
        is_closed(prober).await;
    }

    both.served.farm.set_job(job(A, 8, Target::MAX)).unwrap();
    both.served.assign(both.served.farm.sessions()[0].id, Some(A));
    honest.hear_work(&mut channel).await;
    honest.submit(channel.mine()).await;
    both.served.share().await;
}

#[tokio::test]
async fn a_set_up_that_is_refused_is_answered_before_the_socket_is_closed() {
    let both = serve(FarmConfig::default()).await;
    let mut client = Client::connect(both.port, both.key).await.unwrap();
    let AnyMessageOwned::Common(CommonMessagesOwned::SetupConnection(mut asked)) = setup() else { unreachable!() };
    asked.flags = 0b010;
    client.say(AnyMessageOwned::Common(CommonMessagesOwned::SetupConnection(asked))).await;
    let answer = client.hear().await;
    assert!(matches!(answer, AnyMessageOwned::Common(CommonMessagesOwned::SetupConnectionError(_))), "{answer:?}");
    client.is_closed().await;
}

#[tokio::test]
async fn sockets_are_bounded_and_a_client_that_reads_nothing_is_dropped() {
    let limits = FarmConfig {
        max_connections: 2,
        write_timeout: Duration::from_millis(100),
        max_messages_per_s: u32::MAX,
        ..FarmConfig::default()
    };
    let both = serve(limits).await;
    let _first = Client::ready(&both).await;
    let mut second = Client::ready(&both).await;
    second.open_standard().await;
    let mut third = TcpStream::connect(("127.0.0.1", both.port)).await.unwrap();
    is_closed(&mut third).await;
    let asked = RequestExtensionsOwned { request_id: 1, requested_extensions: vec![9; 2_000].try_into().unwrap() };
    let asked = ExtensionsOwned::ExtensionsNegotiation(ExtensionsNegotiationOwned::RequestExtensions(asked));
    let flood = async {
        loop {
            let frame: MessageFrame<AnyMessageOwned> = AnyMessageOwned::Extensions(asked.clone()).try_into().unwrap();
            let bytes = second.encoder.encode_transport(frame, &mut second.seal).unwrap();
            if second.stream.write_all(&bytes).await.is_err() {
                return;
            }
        }
    };
    timeout(DEADLINE, flood).await.expect("the farm must hang up in time");
    both.served.nobody_is_left().await;
}

#[tokio::test]
async fn shutdown_closes_every_connection_and_ends_the_shares() {
    let Both { served: Served { farm, mut shares, shutdown, .. }, port, key } = serve(FarmConfig::default()).await;
    let mut client = Client::connect(port, key).await.unwrap();
    client.say(setup()).await;
    client.hear().await;
    client.open_standard().await;
    drop(shutdown);
    client.is_closed().await;
    assert_eq!(timeout(DEADLINE, shares.recv()).await.expect("the channel must end in time"), None);
    until(|| farm.sessions().is_empty().then_some(())).await;
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
}
