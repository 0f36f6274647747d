use alloy_primitives::{Address, B256, FixedBytes};
use hashlease_domain::{
    Domain, LeaseJob, Receipt, SignatureError,
    receipt::{Claim, SignedReceipt},
};
use hashlease_miner::pow::{job::Job, solution::Solution, target::Target};

use super::support::{Node, address, key, sign};
use crate::net::{
    NetError, NetEvent, PeerId, WorkStream,
    wire::{
        ClaimRefusal, Hello, JobMessage, Role, ShareMessage, ShareRefusal, ShareVerdict, StandbyMessage, WorkMessage,
        session,
    },
};

const LEASE: B256 = B256::repeat_byte(0xAB);

fn domain() -> Domain {
    Domain { chain_id: 31_337, escrow: Address::repeat_byte(0xE5) }
}

async fn incoming(node: &mut Node) -> (PeerId, WorkStream) {
    node.next(|event| if let NetEvent::WorkStream { peer, stream } = event { Some((peer, stream)) } else { None }).await
}

fn hello(role: Role, secret: u8, from: PeerId, to: PeerId) -> Hello {
    let signature = sign(&key(secret), domain().digest(&session(LEASE, from, to)));
    Hello { lease_id: LEASE, role, signature, newest: None }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_ends_prove_their_keys_over_the_two_peer_ids() {
    let mut agent = Node::join(&[]).await;
    let seller = Node::join(&[]).await;
    let [s, a] = [seller.net.peer_id(), agent.net.peer_id()];
    let mut to_agent = seller.net.open_work_stream(a, agent.net.listen_addrs().await).await.unwrap();
    to_agent.send(&WorkMessage::Hello(hello(Role::Seller, 1, s, a))).await.unwrap();
    let (peer, mut to_seller) = incoming(&mut agent).await;
    assert_eq!(peer, s);
    let Some(WorkMessage::Hello(heard)) = to_seller.recv().await.unwrap() else { panic!("no hello") };
    heard.verify(&domain(), peer, a, address(&key(1))).unwrap();

    // Neither another key's hello nor one for other peers is of use.
    let stolen = hello(Role::Seller, 1, PeerId::random(), a);
    assert!(matches!(stolen.verify(&domain(), s, a, address(&key(1))), Err(SignatureError::WrongSigner { .. })));
    let mirrored = hello(Role::Seller, 1, a, s);
    assert!(matches!(mirrored.verify(&domain(), s, a, address(&key(1))), Err(SignatureError::WrongSigner { .. })));
    assert!(matches!(heard.verify(&domain(), s, a, address(&key(2))), Err(SignatureError::WrongSigner { .. })));

    to_seller.send(&WorkMessage::Hello(hello(Role::Agent, 2, a, s))).await.unwrap();
    let Some(WorkMessage::Hello(heard)) = to_agent.recv().await.unwrap() else { panic!("no hello") };
    assert_eq!(heard.role, Role::Agent);
    heard.verify(&domain(), a, s, address(&key(2))).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_message_arrives_as_it_was_sent_and_then_the_end() {
    let mut agent = Node::join(&[]).await;
    let seller = Node::join(&[]).await;
    let to_agent = seller.net.open_work_stream(agent.net.peer_id(), agent.net.listen_addrs().await).await.unwrap();
    let (mut from_agent, mut to_agent) = to_agent.split();
    let sent = seller_messages(seller.net.peer_id(), agent.net.peer_id());
    for message in &sent {
        to_agent.send(message).await.unwrap();
    }
    to_agent.close().await.unwrap();
    let (_, to_seller) = incoming(&mut agent).await;
    let (mut from_seller, mut to_seller) = to_seller.split();
    for message in sent {
        assert_eq!(from_seller.recv().await.unwrap(), Some(message));
    }
    assert_eq!(from_seller.recv().await.unwrap(), None);
    // One direction's end leaves the other open.
    for message in agent_messages() {
        to_seller.send(&message).await.unwrap();
    }
    drop((from_seller, to_seller));
    for message in agent_messages() {
        assert_eq!(from_agent.recv().await.unwrap(), Some(message));
    }
    assert_eq!(from_agent.recv().await.unwrap(), None);
}

#[tokio::test]
async fn a_peer_that_is_not_there_is_named() {
    let seller = Node::join(&[]).await;
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = PeerId::random();
    let addresses = vec![format!("/ip4/127.0.0.1/tcp/{gone}").parse().unwrap()];
    let failed = seller.net.open_work_stream(nobody, addresses).await;
    assert!(matches!(failed, Err(NetError::Dial { peer, .. }) if peer == nobody), "{failed:?}");
}

fn receipt() -> SignedReceipt {
    let receipt = Receipt { lease_id: LEASE, work: u128::MAX, through: 1_800_000_000 };
    let digest = domain().digest(&receipt);
    SignedReceipt { receipt, seller: sign(&key(1), digest), agent: sign(&key(2), digest) }
}

fn agent_messages() -> Vec<WorkMessage> {
    let job = Job {
        version: 0x2000_0000,
        version_mask: 0x1fff_e000,
        prev_hash: [7; 32],
        coinbase_prefix: vec![1; 200],
        coinbase_suffix: vec![2; 200],
        extranonce_size: 8,
        branch: vec![[3; 32]; 16],
        bits: 0x1d00_ffff,
        min_time: 1_799_999_000,
    };
    let job = LeaseJob { lease_id: LEASE, job };
    let signature = sign(&key(2), domain().digest(&job));
    let share_target = Target::from_compact(0x1d00_ffff).unwrap();
    let verdict = |seq, outcome| ShareVerdict { seq, outcome };
    let refused = |reason| WorkMessage::ClaimRefused { through: 5, reason };
    vec![
        WorkMessage::Job(Box::new(JobMessage {
            job_id: 1,
            job,
            signature,
            share_target,
            time: 1_800_000_000,
            clean: true,
        })),
        WorkMessage::Verdicts(vec![verdict(1, Ok(1 << 40)), verdict(2, Err(ShareRefusal::TimeSettled))]),
        WorkMessage::Receipt(receipt()),
        refused(ClaimRefusal::AboveLedger { ledger: u128::MAX }),
        refused(ClaimRefusal::NotNewer),
    ]
}

fn seller_messages(from: PeerId, to: PeerId) -> Vec<WorkMessage> {
    let solution = Solution { version: 0x2000_2000, extranonce: vec![9; 8], time: 1_800_000_000, nonce: 42 };
    vec![
        WorkMessage::Hello(Hello { newest: Some(receipt()), ..hello(Role::Seller, 1, from, to) }),
        WorkMessage::Shares(vec![ShareMessage { seq: 1, job_id: 1, solution }]),
        WorkMessage::Standby(vec![StandbyMessage { seq: 2, header: FixedBytes::repeat_byte(5) }]),
        WorkMessage::Claim(Claim { receipt: receipt().receipt, seller: receipt().seller }),
    ]
}
