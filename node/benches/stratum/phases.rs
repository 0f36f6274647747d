//! The run: connect, tell all of them a new job, let them submit, and let hostile clients loose on them.

use std::io;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::attack;
use crate::generator::Tally;
use crate::helper::{Answer, Helper, Task, unexpected};
use crate::machine;
use crate::report::Report;
use crate::server::Server;
use crate::spread::Spread;

/// Memory that a connected miner may take, in bytes.
const MEMORY_GOAL: u64 = 25 * 1024;
/// Time in which a new job reaches the sockets of 99 of 100 miners, in nanoseconds.
const JOB_GOAL: u64 = 100_000_000;
/// How long an honest miner may wait beside hostile clients, in percent of its time without: two equal runs differ by as much.
const ATTACK_GOAL: u128 = 125;
/// The part of all submits that come while it is attacked. Still more than miners make: hostile clients take a part of the
/// cores by merely running here, and a machine that has none left shows that and nothing else.
const CALM_PART: u32 = 4;
/// Time in which memory, queues and the scheduler come to rest.
const REST: Duration = Duration::from_secs(2);
/// Time after which a share that didn't come out is lost.
const LOST: Duration = Duration::from_secs(10);

/// How much load, and for how long.
pub(crate) struct Plan {
    miners: usize,
    submits: u32,
    submit_s: u32,
    jobs: usize,
    attacks: usize,
    attack_s: u32,
}

impl Plan {
    /// The full load or a quick one, with other numbers where they are given.
    pub(crate) fn new(is_quick: bool, miners: Option<usize>, submits: Option<u32>) -> Self {
        let full = Self { miners: 10_000, submits: 20_000, submit_s: 30, jobs: 20, attacks: 3, attack_s: 10 };
        let quick = Self { miners: 1_000, submits: 2_000, submit_s: 3, jobs: 5, attacks: 1, attack_s: 3 };
        let plan = if is_quick { quick } else { full };
        Self { miners: miners.unwrap_or(plan.miners), submits: submits.unwrap_or(plan.submits), ..plan }
    }
}

/// A farm and its clients.
struct Bench {
    plan: Plan,
    server: Server,
    miners: Helper,
    hostile: Helper,
    /// Before any miner came.
    memory: Memory,
    report: Report,
}

/// Bytes of memory.
#[derive(Clone, Copy)]
struct Memory {
    /// Of the farm's process.
    farm: u64,
    /// Of the kernel's objects on the whole machine.
    kernel: u64,
    /// In buffers of all sockets.
    sockets: u64,
}

/// Measures everything.
pub(crate) async fn run(plan: Plan, descriptors: u64) -> io::Result<Report> {
    let server = Server::start(plan.miners).await?;
    let (miners, hostile) = (Helper::start(server.address)?, Helper::start(server.address)?);
    sleep(REST).await;
    let report = Report::new(format!("stratum: {} miners, {descriptors} open files a process", plan.miners));
    let mut bench = Bench { plan, server, miners, hostile, memory: Memory::now()?, report };
    bench.report.note("load average before", machine::load_average()?);
    bench.connect().await?;
    bench.tell_jobs().await?;
    bench.submit().await?;
    bench.attack().await?;
    bench.report.note("load average after", machine::load_average()?);
    Ok(bench.report)
}

impl Bench {
    async fn connect(&mut self) -> io::Result<()> {
        let began = Instant::now();
        let connected = match self.miners.ask(Task::Connect { miners: self.plan.miners }).await? {
            Answer::Connected { miners } => miners,
            other => return Err(unexpected(&other)),
        };
        self.report.note("time to connect all", format!("{:.1} s", began.elapsed().as_secs_f64()));
        let goal = self.plan.miners;
        self.report.goal("miners with a job", connected, &goal.to_string(), connected == goal);
        self.weigh("memory of a miner with its first job").await
    }

    /// Notes what a miner takes now.
    async fn weigh(&mut self, what: &str) -> io::Result<()> {
        sleep(REST).await;
        let [now, before] = [Memory::now()?, self.memory];
        let miners = u64::try_from(self.plan.miners).unwrap_or(u64::MAX).max(1);
        let grown = |now: u64, before: u64| now.saturating_sub(before) / miners;
        let farm = grown(now.farm, before.farm);
        self.report.goal(what, kibibytes(farm), "< 25 KiB", farm < MEMORY_GOAL);
        let kernel = [grown(now.kernel, before.kernel), grown(now.sockets, before.sockets)].map(kibibytes);
        self.report.note("  and in the kernel, both ends", format!("{} objects, {} buffers", kernel[0], kernel[1]));
        Ok(())
    }

    async fn tell_jobs(&mut self) -> io::Result<()> {
        let (mut jobs, mut cpu, mut cpu_of_miners) = (Vec::new(), Duration::ZERO, Duration::ZERO);
        for _ in 0..self.plan.jobs {
            self.expect_watching().await?;
            let (began, cpu_before) = (machine::now_ns(), machine::cpu_time());
            self.server.post()?;
            let at = match self.miners.hear().await? {
                Answer::Arrived { at, cpu } => {
                    cpu_of_miners += Duration::from_nanos(cpu);
                    at
                }
                other => return Err(unexpected(&other)),
            };
            cpu += machine::cpu_time() - cpu_before;
            let missing = self.plan.miners - at.len();
            if missing > 0 {
                return Err(io::Error::other(format!("a job didn't reach {missing} miners")));
            }
            jobs.push(Spread::of(at.iter().map(|at| at.saturating_sub(began)).collect()));
            sleep(REST / 4).await;
        }
        let (told, spread) = (self.plan.miners * jobs.len(), middle(jobs.iter().copied()));
        let is_met = spread.p99 < JOB_GOAL;
        self.report.goal("a new job at all miners' sockets, the middle one", spread, "p99 < 100 ms", is_met);
        let slowest = jobs.iter().copied().max_by_key(|job| job.p99).unwrap_or_default();
        self.report.note("  the slowest of them", slowest);
        self.report.note("  the farm's processor time for each", each(cpu, told));
        self.report.note("  the miners' processor time for each", each(cpu_of_miners, told));
        self.report.note("a look of the allocator", self.server.looks());
        Ok(())
    }

    async fn expect_watching(&mut self) -> io::Result<()> {
        match self.miners.ask(Task::Watch { time: self.server.next_time() }).await? {
            Answer::Watching => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    async fn submit(&mut self) -> io::Result<()> {
        let (delivered, accepted, cpu) = (self.server.delivered(), self.server.accepted(), machine::cpu_time());
        let tally = self.submit_for(self.plan.submits, self.plan.submit_s).await?;
        let cpu = machine::cpu_time() - cpu;
        let given_up = Instant::now() + LOST;
        while self.server.delivered() - delivered < tally.sent && Instant::now() < given_up {
            sleep(REST / 100).await;
        }
        let [accepted, delivered] = [self.server.accepted() - accepted, self.server.delivered() - delivered];
        let rate = u128::from(tally.accepted) * 1_000_000_000 / u128::from(tally.took.max(1));
        // What isn't counted is the wait for the last answer.
        let is_met = rate * 100 >= u128::from(self.plan.submits) * 99;
        let goal = format!("{} for {} s", self.plan.submits, self.plan.submit_s);
        self.report.goal("accepted submits a second", rate, &goal, is_met);
        let counts = format!("{} sent, {} answered, {accepted} counted, {delivered} out", tally.sent, tally.accepted);
        let is_whole = [tally.accepted, accepted, delivered] == [tally.sent; 3] && tally.closed == 0;
        self.report.goal("shares", counts, "none lost", is_whole);
        for (words, count) in &tally.refused {
            self.report.note(format!("  refused: {words}"), count);
        }
        let submits = usize::try_from(tally.sent).unwrap_or(usize::MAX);
        self.report.note("time to the answer", tally.latency);
        self.report.note("  the farm's processor time for each", each(cpu, submits));
        self.report.note("  the miners' processor time for each", each(Duration::from_nanos(tally.cpu), submits));
        self.report.note("a look of the allocator", self.server.looks());
        self.weigh("memory of a miner after that").await
    }

    async fn submit_for(&mut self, per_second: u32, seconds: u32) -> io::Result<Tally> {
        match self.miners.ask(Task::Submit { per_second, seconds }).await? {
            Answer::Submitted(tally) => Ok(tally),
            other => Err(unexpected(&other)),
        }
    }

    /// Lets honest miners submit alone and beside hostile clients by turns, and compares.
    async fn attack(&mut self) -> io::Result<()> {
        let (per_second, seconds) = (self.plan.submits / CALM_PART, self.plan.attack_s);
        let (mut alone, mut beside) = (Vec::new(), Vec::new());
        let mut hostile = attack::Tally::default();
        for _ in 0..self.plan.attacks {
            alone.push(self.submit_for(per_second, seconds).await?);
            self.expect_attacking().await?;
            beside.push(self.submit_for(per_second, seconds).await?);
            match self.hostile.ask(Task::Rest).await? {
                Answer::Rested(tally) => hostile.add(tally),
                other => return Err(unexpected(&other)),
            }
            sleep(REST).await;
        }
        let lost: u64 = alone.iter().chain(&beside).map(|tally| tally.sent - tally.accepted + tally.closed).sum();
        let [alone, beside] = [&alone, &beside].map(|tallies| middle(tallies.iter().map(|tally| tally.latency)));
        self.report.note(format!("time to the answer, {per_second} submits a second"), alone);
        self.report.note("time to the answer beside hostile clients", beside);
        let percent = u128::from(beside.p99) * 100 / u128::from(alone.p99.max(1));
        let goal = format!("< {ATTACK_GOAL} %");
        self.report.goal("  p99 of these in p99 of those", format!("{percent} %"), &goal, percent < ATTACK_GOAL);
        self.report.goal("  honest shares lost", lost, "0", lost == 0);
        for (kind, count) in &hostile.attempts {
            self.report.note(format!("  hostile: {kind}"), count);
        }
        self.report
            .note("  hostile: processor time", format!("{:.1} s", Duration::from_nanos(hostile.cpu).as_secs_f64()));
        Ok(())
    }

    async fn expect_attacking(&mut self) -> io::Result<()> {
        match self.hostile.ask(Task::Attack).await? {
            Answer::Attacking => sleep(REST).await,
            other => return Err(unexpected(&other)),
        }
        Ok(())
    }
}

impl Memory {
    fn now() -> io::Result<Self> {
        Ok(Self {
            farm: machine::resident_bytes()?,
            kernel: machine::kernel_bytes()?,
            sockets: machine::socket_bytes()?,
        })
    }
}

/// The middle one of some runs, each figure by itself.
fn middle(runs: impl Iterator<Item = Spread> + Clone) -> Spread {
    let of = |figure: fn(Spread) -> u64| Spread::of(runs.clone().map(figure).collect()).p50;
    Spread { p50: of(|run| run.p50), p99: of(|run| run.p99), max: of(|run| run.max) }
}

fn kibibytes(bytes: u64) -> String {
    format!("{}.{} KiB", bytes / 1_024, bytes % 1_024 * 10 / 1_024)
}

/// A time shared by many.
fn each(time: Duration, count: usize) -> String {
    let count = u32::try_from(count).unwrap_or(u32::MAX).max(1);
    format!("{:.1} µs", (time / count).as_secs_f64() * 1e6)
}
