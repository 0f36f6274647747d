//! The seller's Stratum server over real sockets, with the real miner behind it.

use std::collections::HashSet;
use std::num::{NonZeroU128, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::B256;
use hashlease_miner::client::{Client, Config, PoolUrl, Stats, Timeouts};
use hashlease_miner::pow::{Job, Solution, Target, share};
use hashlease_miner::stratum::Notify;
use hashlease_miner::worker::Threads;
use hashlease_node::farm::{Assignment, Farm, FarmConfig, FarmJob, FarmShare, SessionStatus, start};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

pub(crate) const A: B256 = B256::repeat_byte(0xaa);
pub(crate) const B: B256 = B256::repeat_byte(0xbb);
const TIME: u32 = 1_700_000_000;
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// A farm on a port of its own.
pub(crate) struct Served {
    pub(crate) farm: Farm,
    pub(crate) shares: mpsc::Receiver<FarmShare>,
    pub(crate) port: u16,
    pub(crate) shutdown: DropGuard,
}

pub(crate) async fn serve(config: FarmConfig) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let shutdown = CancellationToken::new();
    let (farm, shares) = start(listener, config, shutdown.clone());
    Served { farm, shares, port, shutdown: shutdown.drop_guard() }
}

pub(crate) fn work(count: u128) -> Target {
    Target::from_work(NonZeroU128::new(count).unwrap())
}

pub(crate) fn job(lease: B256, extranonce_size: u8, share_target: Target) -> FarmJob {
    let job = Job {
        version: 0x2000_0000,
        version_mask: 0x1fff_e000,
        prev_hash: [0x11; 32],
        coinbase_prefix: lease[..9].to_vec(),
        coinbase_suffix: vec![4, 5],
        extranonce_size,
        branch: vec![[0x22; 32], [0x33; 32]],
        bits: 0x1d00_ffff,
        min_time: TIME - 5,
    };
    FarmJob { lease, job_id: 3, job: Arc::new(job), share_target, time: TIME, clean: false }
}

pub(crate) async fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = look() {
                return found;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, found).await.expect("it must come about in time")
}

impl Served {
    pub(crate) async fn session(&self, condition: impl Fn(&SessionStatus) -> bool) -> SessionStatus {
        until(|| self.farm.sessions().into_iter().find(|session| condition(session))).await
    }

    pub(crate) async fn nobody_is_left(&self) {
        until(|| self.farm.sessions().is_empty().then_some(())).await;
    }

    pub(crate) async fn share(&mut self) -> FarmShare {
        timeout(DEADLINE, self.shares.recv()).await.expect("a share must come in time").unwrap()
    }

    pub(crate) fn assign(&self, session: u64, lease: Option<B256>) {
        self.farm.assign(Assignment { session, lease });
    }

    /// Connects a scripted device and shakes hands.
    pub(crate) async fn device(&self) -> (Device, u64) {
        let mut device = Device(BufReader::new(TcpStream::connect(("127.0.0.1", self.port)).await.unwrap()));
        device.say(r#"{"id":1,"method":"mining.subscribe","params":["device"]}"#).await;
        let extranonce1 = device.hear().await["result"][1].as_str().unwrap().to_owned();
        device.say(&format!(r#"{{"id":2,"method":"mining.authorize","params":["{extranonce1}"]}}"#)).await;
        assert_eq!(device.hear().await["result"], true);
        let session = self.session(|session| session.worker == extranonce1).await;
        (device, session.id)
    }
}

pub(crate) struct Device(pub(crate) BufReader<TcpStream>);

impl Device {
    pub(crate) async fn say(&mut self, line: &str) {
        self.0.get_mut().write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    pub(crate) async fn hear(&mut self) -> Value {
        let mut line = String::new();
        timeout(DEADLINE, self.0.read_line(&mut line)).await.expect("the farm must speak in time").unwrap();
        serde_json::from_str(&line).unwrap()
    }

    pub(crate) async fn hear_notify(&mut self) -> Notify {
        let message = self.hear().await;
        assert_eq!(message["method"], "mining.notify", "{message}");
        Notify::parse(message["params"].as_array().unwrap()).unwrap()
    }

    pub(crate) async fn submit(&mut self, user: &str, notify: &Notify, nonce: u32) -> Value {
        let (job_id, time) = (&notify.job_id, notify.time);
        self.say(&format!(
            r#"{{"id":4,"method":"mining.submit","params":["{user}","{job_id}","00000000","{time:08x}","{nonce:08x}"]}}"#
        ))
        .await;
        self.hear().await
    }

    pub(crate) async fn is_closed(&mut self) {
        let mut rest = Vec::new();
        // The farm may reset a connection whose bytes it never read.
        let _ = timeout(DEADLINE, self.0.read_to_end(&mut rest)).await.expect("the farm must hang up in time");
    }
}

/// Runs the real miner against a farm until the script is done.
pub(crate) async fn mine_beside(
    served: &mut Served,
    password: &str,
    script: impl AsyncFnOnce(&mut Served, u64),
) -> Stats {
    let stop = CancellationToken::new();
    let (client, stats) = Client::new(Config {
        url: PoolUrl { host: "127.0.0.1".into(), port: served.port },
        user: "farm.1".into(),
        password: password.into(),
        threads: Threads::new(NonZeroUsize::MIN),
        timeouts: Timeouts::default(),
    });
    let client = tokio::spawn(client.run(stop.clone()));
    let session = served.session(|session| session.worker == "farm.1").await;
    script(served, session.id).await;
    stop.cancel();
    client.await.unwrap().unwrap();
    stats.borrow().clone()
}

#[tokio::test]
async fn a_real_miners_share_fits_the_agents_own_job() {
    let mut served = serve(FarmConfig::default()).await;
    let lease_job = job(A, 13, work(50_000));
    served.farm.set_job(lease_job.clone()).unwrap();
    let mut busy = None;
    let last = mine_beside(&mut served, "x", async |served, id| {
        let session = served.session(|session| session.id == id).await;
        assert_eq!((session.lease, session.accepted, session.hashrate), (None, 0, 0));
        served.assign(id, Some(A));
        for _ in 0..3 {
            let share = served.share().await;
            assert_eq!((share.lease, share.job_id, share.session), (A, 3, id));
            assert_eq!(share.solution.extranonce.len(), 13);
            let checked = share::check(&lease_job.job, &share.solution, &lease_job.share_target).unwrap();
            assert_eq!(checked.hash, share.hash);
        }
        busy = Some(served.session(|session| session.accepted >= 3 && session.hashrate > 0).await);
    })
    .await;
    let busy = busy.unwrap();
    assert_eq!((busy.lease, busy.work), (Some(A), u128::from(busy.accepted) * 50_000));
    assert!(busy.rejected.is_empty() && last.rejected == 0, "{:?}", busy.rejected);
    served.nobody_is_left().await;
}

#[tokio::test]
async fn one_notify_moves_a_miner_and_its_late_share_goes_to_the_old_lease() {
    let mut served = serve(FarmConfig::default()).await;
    let (mut device, id) = served.device().await;
    let user = served.farm.sessions()[0].worker.clone();
    served.farm.set_job(job(A, 8, Target::MAX)).unwrap();
    served.farm.set_job(job(B, 16, Target::MAX)).unwrap();
    served.assign(id, Some(A));
    assert_eq!(device.hear().await["method"], "mining.set_difficulty");
    let old = device.hear_notify().await;
    served.assign(id, Some(B));
    let new = device.hear_notify().await;
    assert!(new.clean && new.job_id != old.job_id);

    for (notify, lease, nonce) in [(&old, A, 1), (&new, B, 2), (&old, A, 3)] {
        assert_eq!(device.submit(&user, notify, nonce).await["result"], true);
        let share = served.share().await;
        assert_eq!((share.lease, share.solution.nonce), (lease, nonce));
    }
}

#[tokio::test]
async fn the_oldest_time_follows_refreshes_and_the_end_of_a_lease() {
    let served = serve(FarmConfig::default()).await;
    let (mut device, id) = served.device().await;
    assert_eq!(served.farm.oldest_time(A), None);
    served.assign(id, Some(A));
    served.farm.set_job(job(A, 8, Target::MAX)).unwrap();
    device.hear().await;
    device.hear_notify().await;
    assert_eq!(served.farm.oldest_time(A), Some(TIME));

    served.farm.set_job(FarmJob { time: TIME + 10, ..job(A, 8, Target::MAX) }).unwrap();
    let refreshed = device.hear_notify().await;
    assert_eq!((refreshed.time, refreshed.clean), (TIME + 10, false));
    assert_eq!(served.farm.oldest_time(A), Some(TIME), "the device may still be at the old one");
    until(|| (served.farm.oldest_time(A) == Some(TIME + 10)).then_some(())).await;

    served.farm.end_lease(A);
    assert_eq!(device.hear().await["method"], "mining.set_difficulty");
    assert!(device.hear_notify().await.clean, "idle work stops the device");
    assert_eq!(served.farm.sessions()[0].lease, None);
    until(|| served.farm.oldest_time(A).is_none().then_some(())).await;
}

#[tokio::test]
async fn binary_probes_and_endless_lines_close_their_own_socket_only() {
    let mut served = serve(FarmConfig::default()).await;
    let (mut device, id) = served.device().await;
    let endless = [b'{'; 9 * 1024];
    for probe in
        [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], b"\x00\x01", b"GET / HTTP/1.1\r\n\r\n", &endless]
    {
        let mut prober = Device(BufReader::new(TcpStream::connect(("127.0.0.1", served.port)).await.unwrap()));
        prober.0.get_mut().write_all(probe).await.unwrap();
        prober.is_closed().await;
    }
    let user = served.farm.sessions()[0].worker.clone();
    served.farm.set_job(job(A, 8, Target::MAX)).unwrap();
    served.assign(id, Some(A));
    device.hear().await;
    let notify = device.hear_notify().await;
    assert_eq!(device.submit(&user, &notify, 0).await["result"], true);
    served.share().await;
}

#[tokio::test]
async fn a_stream_is_read_however_it_is_cut_and_closed_where_it_is_no_stratum() {
    let served = serve(FarmConfig::default()).await;
    let subscribe = r#"{"id":1,"method":"mining.subscribe","params":[]}"#;
    let long = |bytes: usize| format!("{subscribe}{}", " ".repeat(bytes - subscribe.len()));
    let binary = |bytes: &[u8]| bytes.to_vec();
    // What a device sends, in such pieces, and the answers that it gets; none where the socket is closed.
    let rules = [
        ("lines end as they like", format!("\r\n\n{subscribe}\r\n\n").into_bytes(), 0, 1),
        ("a byte at a time", format!("{subscribe}\n").into_bytes(), 1, 1),
        ("several in one piece", format!("{subscribe}\n{subscribe}\n{subscribe}\n").into_bytes(), 0, 3),
        ("cut in the midst of two", format!("{subscribe}\n{subscribe}\n").into_bytes(), 70, 2),
        ("the longest line", format!("{}\n", long(8 * 1024)).into_bytes(), 0, 1),
        ("a longer one", format!("{}x\n", long(8 * 1024)).into_bytes(), 0, 0),
        ("one that never ends", vec![b'{'; 9 * 1024], 0, 0),
        ("a mebibyte of it", vec![b'{'; 1024 * 1024], 0, 0),
        ("TLS before plain text", binary(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), 0, 0),
        ("another protocol", binary(b"\x00\x01"), 0, 0),
        ("HTTP", binary(b"GET / HTTP/1.1\r\n\r\n"), 0, 0),
        ("no UTF-8", binary(b"{\"id\":\"\xff\"}\n"), 0, 0),
        ("half an object", binary(b"{\"id\":1\n"), 0, 0),
    ];
    let (mut honest, _) = served.device().await;
    for (rule, bytes, piece, answers) in rules {
        let mut device = Device(BufReader::new(TcpStream::connect(("127.0.0.1", served.port)).await.unwrap()));
        for piece in bytes.chunks(if piece == 0 { bytes.len() } else { piece }) {
            // The farm may close the socket before it was sent all.
            let sent = device.0.get_mut().write_all(piece).await;
            assert!(sent.is_ok() || answers == 0, "{rule}");
        }
        for _ in 0..answers {
            assert_eq!(device.hear().await["id"], 1, "{rule}");
        }
        if answers == 0 {
            device.is_closed().await;
        }
    }
    honest.say(r#"{"id":7,"method":"mining.extranonce.subscribe","params":[]}"#).await;
    assert_eq!(honest.hear().await["id"], 7, "nobody else suffered");
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_dropped() {
    let served = serve(FarmConfig { write_timeout: Duration::from_millis(100), ..FarmConfig::default() }).await;
    let (device, _) = served.device().await;
    let (_unread, mut sender) = device.0.into_inner().into_split();
    let request = b"{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n".repeat(100);
    let flood = async { while sender.write_all(&request).await.is_ok() {} };
    timeout(DEADLINE, flood).await.expect("the farm must hang up in time");
    served.nobody_is_left().await;
}

#[tokio::test]
async fn clients_that_never_authorize_or_are_too_many_are_dropped() {
    let limits = FarmConfig { handshake_timeout: Duration::from_secs(2), max_connections: 2, ..FarmConfig::default() };
    let served = serve(limits).await;
    let (mut first, _) = served.device().await;
    let mut silent = Device(BufReader::new(TcpStream::connect(("127.0.0.1", served.port)).await.unwrap()));
    silent.is_closed().await;
    until(|| (served.farm.sessions().len() == 1).then_some(())).await;
    let (_second, _) = served.device().await;
    let mut third = Device(BufReader::new(TcpStream::connect(("127.0.0.1", served.port)).await.unwrap()));
    third.is_closed().await;
    first.say(r#"{"id":7,"method":"mining.extranonce.subscribe","params":[]}"#).await;
    assert_eq!(first.hear().await["id"], 7);
    assert_eq!(served.farm.sessions().len(), 2);
}

#[tokio::test]
async fn shutdown_closes_every_connection_and_ends_the_shares() {
    let Served { farm, mut shares, port, shutdown } = serve(FarmConfig::default()).await;
    let served = Served { farm, shares: mpsc::channel(1).1, port, shutdown: CancellationToken::new().drop_guard() };
    let (mut device, _) = served.device().await;
    drop(shutdown);
    device.is_closed().await;
    assert_eq!(timeout(DEADLINE, shares.recv()).await.expect("the channel must end in time"), None);
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
}

#[tokio::test]
async fn every_connection_mines_over_extranonces_of_its_own() {
    let mut served = serve(FarmConfig::default()).await;
    served.farm.set_job(job(A, 8, Target::MAX)).unwrap();
    let mut extranonces: Vec<Solution> = Vec::new();
    for _ in 0..3 {
        let (mut device, id) = served.device().await;
        let user = served.session(|session| session.id == id).await.worker;
        served.assign(id, Some(A));
        device.hear().await;
        let notify = device.hear_notify().await;
        assert_eq!(device.submit(&user, &notify, 0).await["result"], true);
        extranonces.push(served.share().await.solution);
    }
    extranonces.dedup();
    assert_eq!(extranonces.len(), 3);
}

#[tokio::test]
async fn a_miner_comes_back_for_a_job_with_little_room_and_mines_any_from_then_on() {
    let mut served = serve(FarmConfig::default()).await;
    let (mut device, id) = served.device().await;
    served.farm.set_job(job(A, 4, work(20_000))).unwrap();
    served.farm.set_job(job(B, 13, work(20_000))).unwrap();
    served.assign(id, Some(A));
    assert_eq!(device.hear().await["method"], "client.reconnect");
    device.is_closed().await;
    mine_beside(&mut served, "x", async |served, id| {
        for (lease, size) in [(A, 4), (B, 13), (A, 4)] {
            served.assign(id, Some(lease));
            let share = loop {
                let share = served.share().await;
                if share.lease == lease {
                    break share;
                }
            };
            assert_eq!(share.solution.extranonce.len(), usize::from(size));
            let lease_job = job(lease, size, work(20_000));
            share::check(&lease_job.job, &share.solution, &lease_job.share_target).unwrap();
        }
        let session = served.session(|session| session.id == id).await;
        assert!(session.rejected.is_empty(), "{:?}", session.rejected);
    })
    .await;
}

#[tokio::test]
async fn a_real_miner_rolls_version_bits_inside_the_mask_of_its_job() {
    let mut served = serve(FarmConfig::default()).await;
    let masked = |mask, job_id| {
        let mut masked = job(A, 12, work(20_000));
        masked.job_id = job_id;
        Arc::make_mut(&mut masked.job).version_mask = mask;
        masked
    };
    let last = mine_beside(&mut served, "x", async |served, id| {
        served.assign(id, Some(A));
        for (mask, job_id, rolled) in [(0x00ff_e000, 1, 4), (0x0060_0000, 2, 4), (0, 3, 1)] {
            let lease_job = masked(mask, job_id);
            served.farm.set_job(lease_job.clone()).unwrap();
            let (mut versions, mut shares) = (HashSet::new(), 0);
            while versions.len() < rolled || shares < 4 {
                let share = served.share().await;
                if share.job_id == job_id {
                    // Fails on a version outside the job's mask.
                    share::check(&lease_job.job, &share.solution, &lease_job.share_target).unwrap();
                    versions.insert(share.solution.version);
                    shares += 1;
                }
            }
            assert!(mask != 0 || versions.len() == 1, "{versions:08x?}");
        }
    })
    .await;
    assert_eq!((last.rejected, last.last_rejection), (0, None));
}

#[tokio::test]
async fn a_small_miner_in_a_large_lease_shows_its_hashrate_and_only_the_leases_shares_come_out() {
    let mut served = serve(FarmConfig { easiest_share: 10_000, ..FarmConfig::default() }).await;
    let lease_job = job(A, 12, work(200_000));
    served.farm.set_job(lease_job.clone()).unwrap();
    mine_beside(&mut served, "x,d=0.000001", async |served, id| {
        served.assign(id, Some(A));
        let busy = served.session(|session| session.accepted >= 20 && session.hashrate > 0).await;
        assert!(busy.rejected.is_empty(), "{:?}", busy.rejected);
        assert!(busy.work < u128::from(busy.accepted) * 200_000, "{busy:?}: easier shares than the lease's");
        for _ in 0..3 {
            let share = served.share().await;
            share::check(&lease_job.job, &share.solution, &lease_job.share_target).unwrap();
        }
    })
    .await;
}
