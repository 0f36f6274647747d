//! Shares that the farm checks together: several of one connection, and those of many.

use std::collections::HashMap;

use futures::future::join_all;
use hashlease_miner::pow::Target;
use hashlease_miner::stratum::Notify;
use hashlease_node::farm::{FarmConfig, FarmShare};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::farm::{A, DEADLINE, Device, Served, job, serve};

/// A device at work on a lease whose shares are any hashes.
struct AtWork {
    device: Device,
    session: u64,
    user: String,
    notify: Notify,
}

impl AtWork {
    async fn new(served: &Served) -> Self {
        let (mut device, session) = served.device().await;
        let user = served.session(|seated| seated.id == session).await.worker;
        served.assign(session, Some(A));
        device.hear().await;
        let notify = device.hear_notify().await;
        Self { device, session, user, notify }
    }

    fn submit(&self, id: u32, job_id: &str, nonce: u32) -> String {
        let (user, time) = (&self.user, self.notify.time);
        format!(
            r#"{{"id":{id},"method":"mining.submit","params":["{user}","{job_id}","00000000","{time:08x}","{nonce:08x}"]}}"#
        )
    }

    async fn hear_answer(&mut self) -> (Value, Value) {
        let message = self.device.hear().await;
        (message["id"].clone(), if message["error"].is_null() { json!(0) } else { message["error"][0].clone() })
    }
}

async fn served_with_work(config: FarmConfig) -> Served {
    let served = serve(config).await;
    served.farm.set_job(job(A, 8, Target::MAX)).unwrap();
    served
}

#[tokio::test]
async fn submits_in_one_piece_are_answered_in_order_whatever_is_between_them() {
    let mut served = served_with_work(FarmConfig::default()).await;
    let mut miner = AtWork::new(&served).await;
    let job_id = miner.notify.job_id.clone();
    let piece = [
        miner.submit(1, &job_id, 1),
        miner.submit(2, &job_id, 1),
        miner.submit(3, "ff", 2),
        miner.submit(4, &job_id, 2),
        r#"{"id":5,"method":"mining.authorize","params":["late"]}"#.into(),
        miner.submit(6, &job_id, 3).replace(&miner.user, "late"),
        miner.submit(7, &job_id, 4).replace(&miner.user, "never"),
        r#"{"id":8,"method":"mining.submit","params":[]}"#.into(),
        miner.submit(9, &job_id, 5),
    ];
    miner.device.say(&piece.join("\n")).await;
    // No error, duplicate, and job not found.
    for (id, code) in [(1, 0), (2, 22), (3, 21), (4, 0), (5, 0), (6, 0), (7, 24), (8, 24), (9, 0)] {
        assert_eq!(miner.hear_answer().await, (json!(id), json!(code)));
    }
    for nonce in [1, 2, 3, 5] {
        assert_eq!(served.share().await.solution.nonce, nonce);
    }
}

#[tokio::test]
async fn every_share_of_many_connections_comes_out_once_and_in_the_order_of_its_connection() {
    const MINERS: usize = 40;
    const SHARES: u32 = 60;
    let served = served_with_work(FarmConfig { share_queue: 2, ..FarmConfig::default() }).await;
    let miners = join_all((0..MINERS).map(|_| AtWork::new(&served))).await;
    let sessions: Vec<u64> = miners.iter().map(|miner| miner.session).collect();
    let mine = async |mut miner: AtWork| {
        let job_id = miner.notify.job_id.clone();
        // Some to a piece, and pieces without waiting for answers.
        for piece in (0..SHARES).collect::<Vec<_>>().chunks(7) {
            let lines: Vec<_> = piece.iter().map(|nonce| miner.submit(*nonce, &job_id, *nonce)).collect();
            miner.device.say(&lines.join("\n")).await;
        }
        for nonce in 0..SHARES {
            assert_eq!(miner.hear_answer().await, (json!(nonce), json!(0)));
        }
        miner
    };
    let Served { mut shares, farm: _farm, port: _, shutdown: _shutdown } = served;
    let count = MINERS * usize::try_from(SHARES).unwrap();
    let collect = async {
        let mut found: HashMap<u64, Vec<u32>> = HashMap::new();
        for _ in 0..count {
            let FarmShare { session, solution, .. } = shares.recv().await.unwrap();
            found.entry(session).or_default().push(solution.nonce);
        }
        found
    };
    let both = async { tokio::join!(join_all(miners.into_iter().map(mine)), collect) };
    let (_miners, found) = timeout(DEADLINE, both).await.expect("all shares must come out in time");
    for session in sessions {
        assert_eq!(found[&session], (0..SHARES).collect::<Vec<_>>(), "session {session}");
    }
    assert_eq!(shares.try_recv(), Err(mpsc::error::TryRecvError::Empty));
}

#[tokio::test]
async fn shutdown_ends_connections_whose_shares_wait() {
    let served = served_with_work(FarmConfig { share_queue: 1, ..FarmConfig::default() }).await;
    let mut miners = join_all((0..4).map(|_| AtWork::new(&served))).await;
    let Served { farm, mut shares, port, shutdown } = served;
    for miner in &mut miners {
        let job_id = miner.notify.job_id.clone();
        let lines: Vec<_> = (0..20).map(|nonce| miner.submit(nonce, &job_id, nonce)).collect();
        miner.device.say(&lines.join("\n")).await;
    }
    // Nobody takes the shares: after the first, every connection waits.
    let rest = Served { farm, shares: mpsc::channel(1).1, port, shutdown: CancellationToken::new().drop_guard() };
    assert!(timeout(DEADLINE, shares.recv()).await.unwrap().is_some());
    drop(shutdown);
    for miner in &mut miners {
        miner.device.is_closed().await;
    }
    rest.nobody_is_left().await;
    let ended = async { while shares.recv().await.is_some() {} };
    timeout(DEADLINE, ended).await.expect("the channel must end in time");
}

#[tokio::test]
async fn shares_in_front_of_what_ends_the_connection_count() {
    let mut served = served_with_work(FarmConfig::default()).await;
    let mut miner = AtWork::new(&served).await;
    let job_id = miner.notify.job_id.clone();
    let piece = [miner.submit(1, &job_id, 1), miner.submit(2, &job_id, 2), "GET / HTTP/1.1".into()];
    miner.device.say(&piece.join("\n")).await;
    miner.device.is_closed().await;
    for nonce in [1, 2] {
        assert_eq!(served.share().await.solution.nonce, nonce);
    }
}

#[tokio::test]
async fn a_share_is_not_lost_where_its_miner_leaves_at_once() {
    let mut served = served_with_work(FarmConfig::default()).await;
    let mut miner = AtWork::new(&served).await;
    let line = miner.submit(1, &miner.notify.job_id, 77);
    miner.device.say(&line).await;
    drop(miner);
    assert_eq!(served.share().await.solution.nonce, 77);
    served.nobody_is_left().await;
}
