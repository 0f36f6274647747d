//! All the honest miners, on one thread.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_local;
use tokio::time::{Instant, interval, sleep};

use crate::machine;
use crate::miner::{Ear, Heard, Miner};
use crate::spread::{Spread, nanos};

/// Miners behind one address: an address has about 28,000 ports, some of which still rest.
const MINERS_PER_ADDRESS: usize = 5_000;
/// Handshakes at a time.
const HANDSHAKES: usize = 64;
/// Time after which something that didn't come is missing.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pause between two looks whether it came.
const LOOK: Duration = Duration::from_millis(2);
/// Time between two handfuls of shares.
const TICK: Duration = Duration::from_millis(1);

/// What became of shares.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// Shares that were submitted.
    pub(crate) sent: u64,
    /// Shares that the farm accepted.
    pub(crate) accepted: u64,
    /// Shares that it refused, by its words.
    pub(crate) refused: BTreeMap<String, u64>,
    /// Connections that it closed.
    pub(crate) closed: u64,
    /// Time from submit to answer.
    pub(crate) latency: Spread,
    /// Time from the first submit to the last answer, in nanoseconds.
    pub(crate) took: u64,
    /// Time for which the generator had a core, in nanoseconds.
    pub(crate) cpu: u64,
}

/// The miners and what they hear.
pub(crate) struct Fleet {
    farm: SocketAddr,
    miners: Vec<Rc<Miner>>,
    notes: Rc<Notes>,
}

#[derive(Default)]
struct Notes {
    watched: Cell<Option<u32>>,
    /// When the watched job arrived at the socket, by miner.
    arrivals: RefCell<Vec<Option<u64>>>,
    latencies: RefCell<Vec<u64>>,
    refused: RefCell<BTreeMap<String, u64>>,
    closed: Cell<u64>,
}

impl Fleet {
    /// No miners yet.
    pub(crate) fn new(farm: SocketAddr) -> Self {
        Self { farm, miners: Vec::new(), notes: Rc::default() }
    }

    /// Connects miners and gives how many of them have a job.
    pub(crate) async fn connect(&mut self, miners: usize) -> io::Result<usize> {
        let farm = self.farm;
        let connected = stream::iter(0..miners).map(|number| Miner::connect(farm, address_of(number), number));
        let connected: Vec<_> = connected.buffered(HANDSHAKES).try_collect().await?;
        for (number, (miner, ear)) in connected.into_iter().enumerate() {
            let miner = Rc::new(miner);
            self.miners.push(Rc::clone(&miner));
            spawn_local(listen(number, miner, ear, Rc::clone(&self.notes)));
        }
        self.until(|fleet| fleet.miners.iter().all(|miner| miner.is_ready())).await;
        Ok(self.miners.iter().filter(|miner| miner.is_ready()).count())
    }

    /// Watches for the job of this nTime.
    pub(crate) fn watch(&self, time: u32) {
        *self.notes.arrivals.borrow_mut() = vec![None; self.miners.len()];
        self.notes.watched.set(Some(time));
    }

    /// Gives when the watched job arrived, once it did everywhere.
    pub(crate) async fn arrivals(&self) -> Vec<u64> {
        self.until(|fleet| fleet.notes.arrivals.borrow().iter().all(Option::is_some)).await;
        self.notes.watched.set(None);
        self.notes.arrivals.borrow().iter().flatten().copied().collect()
    }

    /// Submits shares, each by the next miner, as evenly as a millisecond allows.
    pub(crate) async fn submit(&self, per_second: u32, seconds: u32) -> io::Result<Tally> {
        self.notes.latencies.take();
        self.notes.refused.take();
        let (began, cpu) = (machine::now_ns(), machine::cpu_time());
        let mut miners = self.miners.iter().cycle();
        let mut sent = 0;
        let mut ticks = interval(TICK);
        for tick in 1..=u64::from(seconds) * 1_000 {
            ticks.tick().await;
            while sent < tick * u64::from(per_second) / 1_000 {
                miners.next().ok_or_else(|| io::Error::other("there are no miners"))?.submit()?;
                sent += 1;
            }
        }
        self.until(|fleet| fleet.miners.iter().all(|miner| miner.unanswered() == 0)).await;
        let (latencies, refused) = (self.notes.latencies.take(), self.notes.refused.take());
        Ok(Tally {
            sent,
            accepted: u64::try_from(latencies.len()).unwrap_or(u64::MAX) - refused.values().sum::<u64>(),
            refused,
            closed: self.notes.closed.get(),
            latency: Spread::of(latencies),
            took: machine::now_ns() - began,
            cpu: nanos(machine::cpu_time() - cpu),
        })
    }

    async fn until(&self, is_so: impl Fn(&Self) -> bool) {
        let given_up = Instant::now() + PATIENCE;
        while !is_so(self) && Instant::now() < given_up {
            sleep(LOOK).await;
        }
    }
}

/// Listens until the connection ends.
async fn listen(number: usize, miner: Rc<Miner>, mut ear: Ear, notes: Rc<Notes>) {
    loop {
        match miner.listen(&mut ear).await {
            Ok(Heard::Job { time, at }) if notes.watched.get() == Some(time) => {
                notes.arrivals.borrow_mut()[number].get_or_insert(at);
            }
            Ok(Heard::Answer { after, refusal }) => {
                notes.latencies.borrow_mut().push(after);
                if let Some(refusal) = refusal {
                    *notes.refused.borrow_mut().entry(refusal).or_default() += 1;
                }
            }
            Ok(Heard::Job { .. } | Heard::Other) => {}
            Err(error) => {
                eprintln!("miner {number}: {error}");
                return notes.closed.set(notes.closed.get() + 1);
            }
        }
    }
}

fn address_of(miner: usize) -> Ipv4Addr {
    let block = u8::try_from(miner / MINERS_PER_ADDRESS).unwrap_or(u8::MAX);
    Ipv4Addr::new(127, 0, 1, block.saturating_add(1))
}
