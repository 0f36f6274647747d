//! Shares, receipts and jobs that a party should not send: refused with their reason, counted, and never paid.

use hashlease_domain::{
    Receipt, Signature,
    receipt::{Claim, SignedReceipt},
};
use hashlease_miner::pow::{Job, Solution, Target, share::assemble};
use hashlease_node::net::wire::{Role, ShareRefusal, ShareVerdict, WorkMessage};
use hashlease_tests::{LeaseTerms, Opened, Stage, measured_hashrate, until};
use serde_json::Value;

use crate::party::{Party, Talk, is_closed, mine, mine_standby, target_of};

/// Hashes per second of a lease whose shares the test finds in a moment.
const SLOW: u64 = 20_000;
/// Seconds that it lasts: long enough that its agent, which cancels after a tenth of them without a share, never loses patience here.
const LONG: u64 = 1_200;
/// Work of its shares by the protocol: `hashrate · duration / 2000`.
const SHARE: u128 = 12_000;

async fn open(stage: &Stage, hashrate: u64, duration_s: u64) -> Opened {
    stage.deposit_seller("100 HLT").await.unwrap();
    stage.deposit_buyer("500 HLT").await.unwrap();
    let terms = LeaseTerms { hashrate, duration_s, proof_window_s: 40 };
    stage.place_orders(&terms).await.unwrap();
    stage.opened(0).await.unwrap()
}

fn now() -> u32 {
    u32::try_from(hashlease_node::clock::now_s()).unwrap()
}

fn counts(lease: &Value, what: &str) -> Vec<(String, u64)> {
    let counts = lease["work"][what].as_object().unwrap();
    counts.iter().map(|(reason, count)| (reason.clone(), count.as_u64().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn agent_refuses_bad_shares_and_claims_and_repeats_an_answer_that_was_lost() {
    let mut stage = Stage::set(0, |_| {}).await.unwrap();
    let opened = open(&stage, SLOW, LONG).await;
    let (id, end) = (opened.id, opened.end);
    let listen = stage.seller.addresses().await.unwrap();
    stage.seller.kill().await.unwrap();
    let mut seller = Party::of(&stage, &stage.seller, Role::Seller, &listen, &[]).await.unwrap();
    let mut talk = seller.accept(id).await.unwrap();
    let message = talk.job().await.unwrap();
    let (job, number, target) = (message.job.job.clone(), message.job_id, message.share_target);
    assert_eq!(target.work(), SHARE);

    let time = now().max(message.time);
    let good = mine(&job, target, time, [1; 8], true).unwrap();
    assert_eq!(talk.share(number, good.clone()).await.unwrap(), Ok(SHARE));
    let late = u32::try_from(end + 1).unwrap();
    let rows = [
        (number, good.clone(), ShareRefusal::Duplicate),
        (number + 1_000, good.clone(), ShareRefusal::UnknownJob),
        (number, mine(&job, target, time, [2; 8], false).unwrap(), ShareRefusal::AboveTarget),
        (number, Solution { version: good.version ^ 1, ..good.clone() }, ShareRefusal::BadVersion),
        (number, Solution { extranonce: vec![0; 7], ..good.clone() }, ShareRefusal::BadExtranonce),
        (number, Solution { time: job.min_time - 1, ..good.clone() }, ShareRefusal::TimeTooOld),
        (number, mine(&job, target, now() + 75, [3; 8], true).unwrap(), ShareRefusal::TimeTooNew),
        (number, mine(&job, target, late, [4; 8], true).unwrap(), ShareRefusal::PastEnd),
    ];
    for (number, solution, refusal) in rows {
        assert_eq!(talk.share(number, solution).await.unwrap(), Err(refusal));
    }

    let standby = mine_standby(id, target_of(SHARE), time, true).unwrap();
    assert_eq!(talk.standby(&standby).await.unwrap(), Ok(SHARE * 9 / 10), "credited as a proof of it would be paid");
    let foreign = alloy_primitives::B256::repeat_byte(9);
    let rows = [
        (standby, ShareRefusal::Duplicate),
        (mine_standby(foreign, target_of(SHARE), time, true).unwrap(), ShareRefusal::UnknownJob),
        (mine_standby(id, target_of(SHARE), time, false).unwrap(), ShareRefusal::AboveTarget),
        (mine_standby(id, target_of(SHARE), late, true).unwrap(), ShareRefusal::PastEnd),
    ];
    for (header, refusal) in rows {
        assert_eq!(talk.standby(&header).await.unwrap(), Err(refusal));
    }
    // What a restart forgets is not what was credited.
    stage.buyer.kill().await.unwrap();
    stage.buyer.start().await.unwrap();
    let mut talk = seller.accept(id).await.unwrap();
    assert_eq!(talk.standby(&standby).await.unwrap(), Err(ShareRefusal::Duplicate));
    assert_eq!(talk.share(number, good).await.unwrap(), Err(ShareRefusal::UnknownJob), "jobs of before are over");

    let work = SHARE + SHARE * 9 / 10;
    let through = u64::from(time);
    let mut forged = seller.claim(id, work, through).unwrap();
    forged.seller = seller.forge(&forged.receipt).unwrap();
    let rows = [
        (seller.claim(id, work + 1, through).unwrap(), "above the ledger"),
        (seller.claim(foreign, work, through).unwrap(), "another lease"),
        (forged, "bad signature"),
        (seller.claim(id, work, end + 1).unwrap(), "past the end"),
        (seller.claim(id, work, u64::from(now()) + 75).unwrap(), "ahead of the clock"),
    ];
    for (claim, reason) in rows {
        assert_eq!(talk.claim(claim).await.unwrap(), Err(reason.to_owned()));
    }
    // The answer to a good claim is lost: it is in the next hello, and repeated byte for byte.
    let claim = seller.claim(id, work, through).unwrap();
    talk.send(WorkMessage::Claim(claim)).await.unwrap();
    drop(talk);
    let path = format!("leases/{id}");
    let stored = until("the receipt", 30, || async {
        Ok(stage.buyer.get(&path).await?["receipt"]["work"].as_str().map(str::to_owned))
    });
    assert_eq!(stored.await.unwrap(), work.to_string());
    let mut talk = seller.accept(id).await.unwrap();
    let newest = talk.hello.newest.unwrap();
    assert_eq!((newest.receipt, newest.seller), (claim.receipt, claim.seller));
    assert_eq!(talk.claim(claim).await.unwrap(), Ok(newest));
    for (claim, reason) in [
        (seller.claim(id, work, through - 1).unwrap(), "not newer"),
        (seller.claim(id, work - 1, through + 1).unwrap(), "below the last receipt"),
    ] {
        assert_eq!(talk.claim(claim).await.unwrap(), Err(reason.to_owned()));
    }
    let message = talk.job().await.unwrap();
    let settled =
        mine(&message.job.job, message.share_target, time.max(message.job.job.min_time), [5; 8], true).unwrap();
    assert_eq!(talk.share(message.job_id, settled).await.unwrap(), Err(ShareRefusal::TimeSettled));

    // A block goes out before all else, even on a share that is worth nothing to its seller; and then the job is stale.
    let bits = Target::from_compact(message.job.job.bits).unwrap();
    let block = mine(&message.job.job, bits, time.max(message.job.job.min_time), [6; 8], true).unwrap();
    let hash = assemble(&message.job.job, &block).unwrap().hash.to_string();
    assert_eq!(talk.share(message.job_id, block).await.unwrap(), Err(ShareRefusal::TimeSettled));
    let clean = talk.hear("a clean job", |message| matches!(message, WorkMessage::Job(job) if job.clean).then_some(()));
    clean.await.unwrap();
    let stale = async {
        for extranonce in (1_u64 << 40).. {
            let solution = mine(&message.job.job, message.share_target, now(), extranonce.to_be_bytes(), true).unwrap();
            let outcome = talk.share(message.job_id, solution).await;
            if let Err(refusal) = outcome.unwrap_or_else(|error| panic!("{error:#}\n{}", stage.buyer.tail())) {
                return Some(refusal);
            }
        }
        None
    };
    let refusal = tokio::time::timeout(std::time::Duration::from_secs(30), stale).await.unwrap();
    assert_eq!(refusal, Some(ShareRefusal::Stale));

    let lease = stage.buyer.get(&path).await.unwrap();
    assert!(lease["blocks"].as_array().unwrap().iter().any(|block| block["hash"] == hash.as_str()), "{hash}: {lease}");
    let refused = counts(&lease, "rejectedShares");
    for reason in [ShareRefusal::Duplicate, ShareRefusal::UnknownJob, ShareRefusal::TimeSettled, ShareRefusal::Stale] {
        assert!(refused.iter().any(|(name, count)| *name == reason.to_string() && *count > 0), "{reason}: {refused:?}");
    }
    let refused = counts(&lease, "refusedClaims");
    assert_eq!(refused.iter().map(|(_, count)| count).sum::<u64>(), 7, "{refused:?}");

    talk.send(WorkMessage::Receipt(newest)).await.unwrap();
    let hung_up = talk.hear("nothing more", |_| None::<()>).await.unwrap_err();
    assert!(format!("{hung_up:#}").contains("closed the stream"), "an agent's message from a seller: {hung_up:#}");
    stage.buyer.get("status").await.unwrap();
}

fn job() -> Job {
    Job {
        version: 0x2000_0000,
        version_mask: 0x1fff_e000,
        prev_hash: [7; 32],
        coinbase_prefix: vec![1; 60],
        coinbase_suffix: vec![2; 60],
        extranonce_size: 8,
        branch: vec![[3; 32]; 2],
        bits: 0x1d00_ffff,
        min_time: now() - 600,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn seller_refuses_bad_jobs_and_goes_over_to_standby_where_the_agent_is_of_no_use() {
    let mut stage = Stage::set(0, |_| {}).await.unwrap();
    let _miner = stage.start_miner("miner", 1).unwrap();
    let hashrate = measured_hashrate().unwrap() / 3;
    let opened = open(&stage, hashrate, 240).await;
    let (id, share) = (opened.id, u128::from(hashrate) * 240 / 2_000);
    stage.buyer.kill().await.unwrap();
    let addresses = stage.seller.addresses().await.unwrap();
    let agent =
        Party::of(&stage, &stage.buyer, Role::Agent, &["/ip4/127.0.0.1/tcp/0".to_owned()], &addresses).await.unwrap();

    // Nobody comes in without the agent's key.
    let stranger =
        agent.dial(id, &addresses, |hello| hello.signature = Signature::from_slice(&[27; 65]).unwrap()).await.unwrap();
    is_closed(stranger).await.unwrap();
    let nobody = alloy_primitives::B256::repeat_byte(8);
    is_closed(agent.dial(nobody, &addresses, |_| {}).await.unwrap()).await.unwrap();

    let on_standby = |wanted: bool| move |lease: &Value| lease["work"]["onStandby"] == wanted;
    stage.seller_shows(&opened, "standby", on_standby(true)).await.unwrap();
    let mut talk = agent.connect(id, &addresses, None).await.unwrap();
    let time = now();
    let bad = [
        ("coinbase too long", Job { coinbase_prefix: vec![1; 1_000], ..job() }, share),
        ("branch too long", Job { branch: vec![[3; 32]; 17], ..job() }, share),
        ("extranonce size", Job { extranonce_size: 3, ..job() }, share),
        ("extranonce size", Job { extranonce_size: 17, ..job() }, share),
        ("minimum time ahead", Job { min_time: now() + 60, ..job() }, share),
        ("previous block is the lease", Job { prev_hash: id.0, ..job() }, share),
        ("share too easy", job(), 100),
    ];
    for (number, (_, job, share_work)) in (1..).zip(bad.iter().cloned()) {
        let message = agent.job(id, number, job, share_work, time).unwrap();
        talk.send(WorkMessage::Job(Box::new(message))).await.unwrap();
    }
    let mut forged = agent.job(id, 20, job(), share, time).unwrap();
    forged.signature = agent.forge(&forged.job).unwrap();
    let reserved = agent.job(id, 1 << 63, job(), share, time).unwrap();
    let foreign = agent.job(nobody, 21, job(), share, time).unwrap();
    for message in [forged, reserved, foreign] {
        talk.send(WorkMessage::Job(Box::new(message))).await.unwrap();
    }
    let mut expected: Vec<&str> = bad.iter().map(|(reason, _, _)| *reason).collect();
    expected.extend(["bad signature", "reserved number", "another lease"]);
    let all = |lease: &Value| counts(lease, "refusedJobs").iter().map(|(_, count)| count).sum::<u64>() == 10;
    let lease = stage.seller_shows(&opened, "ten refused jobs", all).await.unwrap();
    for reason in expected {
        assert!(counts(&lease, "refusedJobs").iter().any(|(name, _)| name == reason), "{reason}: {lease}");
    }
    assert_eq!(lease["work"]["onStandby"], true);

    // Ten clean jobs may come at once, the next is too many.
    for number in 30..41 {
        let mut message = agent.job(id, number, job(), share, time).unwrap();
        message.clean = true;
        talk.send(WorkMessage::Job(Box::new(message))).await.unwrap();
    }
    let many = |lease: &Value| counts(lease, "refusedJobs").iter().any(|(name, _)| name == "too many clean jobs");
    stage.seller_shows(&opened, "a job too many", many).await.unwrap();
    stage.seller_shows(&opened, "work on a good job", on_standby(false)).await.unwrap();

    // An agent that takes shares and answers no claim is left after two intervals; an answer brings the seller back.
    let claim = silent(&mut talk, share).await;
    stage.seller_shows(&opened, "standby for want of an answer", on_standby(true)).await.unwrap();
    let receipt = agent.countersign(claim).unwrap();
    let mut wrong = receipt;
    wrong.agent = agent.forge(&wrong.receipt).unwrap();
    talk.send(WorkMessage::Receipt(wrong)).await.unwrap();
    let other = Receipt { work: claim.receipt.work + 1, ..claim.receipt };
    let unclaimed = SignedReceipt { receipt: other, agent: agent.sign(&other).unwrap(), ..receipt };
    talk.send(WorkMessage::Receipt(unclaimed)).await.unwrap();
    // The agent signs, but its answer never arrives: the next hello carries it.
    drop(talk);
    let mut talk = agent.connect(id, &addresses, Some(receipt)).await.unwrap();
    assert_eq!(talk.hello.newest, None, "neither receipt of before was taken");
    let work = claim.receipt.work.to_string();
    let adopted = |lease: &Value| lease["receipt"]["work"] == work.as_str();
    stage.seller_shows(&opened, "the receipt of the hello", adopted).await.unwrap();

    let message = agent.job(id, 50, job(), share, now()).unwrap();
    talk.send(WorkMessage::Job(Box::new(message))).await.unwrap();
    stage.seller_shows(&opened, "work on the job", on_standby(false)).await.unwrap();
    // An agent that rejects what it is given is left, too.
    let mut rejected = 0;
    while rejected < 200 {
        let work = talk.hear("shares", Some).await.unwrap();
        if let WorkMessage::Claim(claim) = work {
            talk.send(WorkMessage::Receipt(agent.countersign(claim).unwrap())).await.unwrap();
            continue;
        }
        let seqs = numbers(&work);
        rejected += if matches!(work, WorkMessage::Shares(_)) { seqs.len() } else { 0 };
        let verdicts = seqs.into_iter().map(|seq| ShareVerdict { seq, outcome: Err(ShareRefusal::Stale) }).collect();
        talk.send(WorkMessage::Verdicts(verdicts)).await.unwrap();
        let lease = stage.seller.get(&format!("leases/{id}")).await.unwrap();
        if lease["work"]["onStandby"] == true {
            break;
        }
    }
    stage.seller_shows(&opened, "standby for want of credit", on_standby(true)).await.unwrap();
    assert!(rejected > 3, "a few are the network's: {rejected}");
    stage.seller.get("status").await.unwrap();
}

/// Returns the numbers of shares and standby headers.
fn numbers(message: &WorkMessage) -> Vec<u64> {
    match message {
        WorkMessage::Shares(shares) => shares.iter().map(|share| share.seq).collect(),
        WorkMessage::Standby(headers) => headers.iter().map(|header| header.seq).collect(),
        _ => Vec::new(),
    }
}

/// Credits all work and answers no claim, until one was repeated; returns it.
async fn silent(talk: &mut Talk, share: u128) -> Claim {
    let mut claims = Vec::new();
    while claims.len() < 3 {
        match talk.hear("shares and claims", Some).await.unwrap() {
            WorkMessage::Claim(claim) => claims.push(claim),
            work => {
                let credit = if matches!(work, WorkMessage::Standby(_)) { share * 9 / 10 } else { share };
                let verdict = |seq| ShareVerdict { seq, outcome: Ok(credit) };
                let verdicts = numbers(&work).into_iter().map(verdict).collect();
                talk.send(WorkMessage::Verdicts(verdicts)).await.unwrap();
            }
        }
    }
    assert!(claims.iter().all(|claim| *claim == claims[0]), "one claim at a time, byte for byte: {claims:?}");
    claims[0]
}
