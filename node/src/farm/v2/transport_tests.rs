use codec_sv2::Transport;
use noise_sv2::{INITIATOR_EXPECTED_HANDSHAKE_MESSAGE_SIZE, Initiator};
use parsers_sv2::{CommonMessagesOwned, MiningOwned};
use tokio::net::TcpListener;

use super::*;

/// Both ends of a connection whose handshake is done, the farm's and the miner's.
struct Ends {
    farm: (Incoming, Outgoing),
    miner: (Incoming, Outgoing),
}

async fn shake(authority: &AuthorityKey, pinned: Option<[u8; 32]>) -> Result<Ends, Hangup> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut miner = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (mut farm, _) = listener.accept().await.unwrap();
    let initiator = pinned.map_or_else(Initiator::without_pk, Initiator::from_raw_k);
    let (first, waiting) = Handshake::initiator(initiator.unwrap()).step_0().unwrap();
    miner.write_all(first.payload()).await.unwrap();
    let farm = handshake(&mut farm, authority).await?;
    let mut answer = [0; INITIATOR_EXPECTED_HANDSHAKE_MESSAGE_SIZE];
    miner.read_exact(&mut answer).await.unwrap();
    let transport: Transport = waiting.step_2(answer).map_err(|_| Hangup::Noise)?;
    let (seal, open) = transport.split();
    Ok(Ends { farm, miner: (Incoming::new(open), Outgoing { encoder: NoiseEncoder::new(), seal }) })
}

/// The public key as miners read it from its written form.
fn x_only(key: &AuthorityKey) -> [u8; 32] {
    bitcoin::base58::decode_check(&key.public()).unwrap()[2..].try_into().unwrap()
}

fn close(channel_id: u32) -> AnyMessageOwned {
    let reason_code = "x".repeat(255).try_into().unwrap();
    AnyMessageOwned::Mining(MiningOwned::CloseChannel(mining_sv2::CloseChannelOwned { channel_id, reason_code }))
}

fn job(bytes: usize) -> AnyMessageOwned {
    AnyMessageOwned::Mining(MiningOwned::NewExtendedMiningJob(mining_sv2::NewExtendedMiningJobOwned {
        channel_id: 1,
        job_id: 1,
        min_ntime: binary_sv2::Sv2OptionOwned::new(None),
        version: 1,
        version_rolling_allowed: true,
        merkle_path: Vec::new().try_into().unwrap(),
        coinbase_tx_prefix: vec![7; bytes].try_into().unwrap(),
        coinbase_tx_suffix: Vec::new().try_into().unwrap(),
    }))
}

#[tokio::test]
async fn a_miner_that_knows_the_key_is_served_and_one_that_knows_another_hangs_up() {
    let (ours, other) = (AuthorityKey::random(), AuthorityKey::random());
    assert!(shake(&ours, None).await.is_ok());
    assert!(shake(&ours, Some(x_only(&ours))).await.is_ok());
    assert!(matches!(shake(&ours, Some(x_only(&other))).await, Err(Hangup::Noise)));
}

#[tokio::test]
async fn frames_come_out_whole_however_they_are_cut() {
    for cut in [1, 7, 22, 400, 10_000] {
        let mut ends = shake(&AuthorityKey::random(), None).await.unwrap();
        let bytes = ends.miner.1.seal((1..=5).map(close).collect()).unwrap();
        let mut channels = Vec::new();
        for piece in bytes.chunks(cut) {
            ends.farm.0.push(piece);
            while let Some(frame) = ends.farm.0.next_frame().unwrap() {
                channels.push(frame.channel_id());
            }
        }
        assert_eq!(channels, (1..=5).map(Some).collect::<Vec<_>>(), "{cut}");
        assert!(ends.farm.0.bytes.is_empty());
    }
}

#[tokio::test]
async fn a_frame_that_is_too_long_is_refused_by_its_header_alone() {
    let mut ends = shake(&AuthorityKey::random(), None).await.unwrap();
    let longest = MAX_PAYLOAD_BYTES - 16 - 19;
    ends.farm.0.push(&ends.miner.1.seal(vec![job(longest)]).unwrap());
    assert!(ends.farm.0.next_frame().unwrap().is_some());
    for bytes in [longest + 1, 60_000] {
        let mut ends = shake(&AuthorityKey::random(), None).await.unwrap();
        let long = ends.miner.1.seal(vec![job(bytes)]).unwrap();
        ends.farm.0.push(&long[..codec_sv2::ENCRYPTED_SV2_FRAME_HEADER_SIZE]);
        assert!(matches!(ends.farm.0.next_frame(), Err(Hangup::FrameTooLong)), "{bytes}");
    }
}

#[tokio::test]
async fn what_was_sealed_by_nobody_ends_the_connection() {
    let mut ends = shake(&AuthorityKey::random(), None).await.unwrap();
    let mut bytes = ends.miner.1.seal(vec![close(1), close(2)]).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    ends.farm.0.push(&bytes);
    assert!(ends.farm.0.next_frame().unwrap().is_some());
    assert!(matches!(ends.farm.0.next_frame(), Err(Hangup::Noise)));
    ends.farm.0.push(&ends.miner.1.seal(vec![close(3)]).unwrap());
    assert!(matches!(ends.farm.0.next_frame(), Err(Hangup::Noise)), "and nothing after it is believed");
    for junk in
        [&b"GET / HTTP/1.1\r\nHost: farm\r\n\r\n"[..], b"{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n"]
    {
        let mut ends = shake(&AuthorityKey::random(), None).await.unwrap();
        ends.farm.0.push(junk);
        assert!(matches!(ends.farm.0.next_frame(), Err(Hangup::Noise)));
    }
}

#[tokio::test]
async fn a_job_of_many_chunks_reaches_the_miner_whole() {
    let mut ends = shake(&AuthorityKey::random(), None).await.unwrap();
    let refused = setup_error();
    let bytes = ends.farm.1.seal(vec![job(u16::MAX.into()), refused]).unwrap();
    let mut decoder = NoiseDecoder::new();
    let mut open = ends.miner.0.open.take().unwrap();
    let (mut at, mut types) = (0, Vec::new());
    while types.len() < 2 {
        let writable = decoder.writable();
        let next = at + writable.len();
        writable.copy_from_slice(&bytes[at..next]);
        at = next;
        open = match decoder.next_transport_frame(open).unwrap() {
            Decrypted::Frame(frame, open) => {
                types.push((frame.header().msg_type(), frame.header().channel_msg()));
                open
            }
            Decrypted::Incomplete(_, open) => open,
        };
    }
    assert_eq!((at, types), (bytes.len(), vec![(0x1f, true), (0x02, false)]));
}

fn setup_error() -> AnyMessageOwned {
    let error_code = "unsupported-protocol".try_into().unwrap();
    let refused = common_messages_sv2::SetupConnectionErrorOwned { flags: 0, error_code };
    AnyMessageOwned::Common(CommonMessagesOwned::SetupConnectionError(refused))
}
