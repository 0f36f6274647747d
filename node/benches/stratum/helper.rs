//! The other processes: what they are told on their standard input, and what they answer on their standard output.

use std::io;
use std::net::SocketAddr;
use std::process::Stdio;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::{LocalSet, spawn_blocking};

use crate::attack::{self, Sieges};
use crate::generator::{Fleet, Tally};
use crate::machine;
use crate::spread::nanos;

/// What a process is told.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Task {
    /// Connect so many miners and wait until each has a job.
    Connect { miners: usize },
    /// Note when the job of this nTime reaches each miner. Answered at once, and when it reached all.
    Watch { time: u32 },
    /// Submit so many shares, spread over the miners and the time, and wait for the answers.
    Submit { per_second: u32, seconds: u32 },
    /// Be hostile from now on.
    Attack,
    /// Be hostile no more.
    Rest,
}

/// What it answers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// So many miners have a job.
    Connected { miners: usize },
    /// The next job is watched for.
    Watching,
    /// When the job arrived, in the nanoseconds of the common clock, by miner; and how long the miners had a core meanwhile.
    Arrived { at: Vec<u64>, cpu: u64 },
    /// What became of the shares.
    Submitted(Tally),
    /// The attack goes on.
    Attacking,
    /// What was attempted.
    Rested(attack::Tally),
}

/// A process that helps.
pub(crate) struct Helper {
    tasks: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    /// Killed with this.
    _child: Child,
}

impl Helper {
    /// Starts this program again, to help with a farm.
    pub(crate) fn start(farm: SocketAddr) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--bench", "--farm", &farm.to_string()]).kill_on_drop(true);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (tasks, answers) = pipes.ok_or_else(|| io::Error::other("the process has no pipes"))?;
        Ok(Self { tasks, answers: BufReader::new(answers).lines(), _child: child })
    }

    /// Tells the process what to do, and waits for its answer.
    pub(crate) async fn ask(&mut self, task: Task) -> io::Result<Answer> {
        let line = serde_json::to_string(&task)? + "\n";
        self.tasks.write_all(line.as_bytes()).await?;
        self.hear().await
    }

    /// Waits for an answer.
    pub(crate) async fn hear(&mut self) -> io::Result<Answer> {
        let answer = self.answers.next_line().await?;
        let answer = answer.ok_or_else(|| io::Error::other("the process that helps has ended"))?;
        serde_json::from_str(&answer).map_err(io::Error::other)
    }
}

/// What an answer must not be here.
pub(crate) fn unexpected(answer: &Answer) -> io::Error {
    io::Error::other(format!("unexpected answer: {answer:?}"))
}

/// Does what it is told until its standard input ends. On one thread, so that it takes one core at most, and only as much of it as the
/// farm leaves: elsewhere no miner works on the farm's machine.
pub(crate) fn serve(farm: SocketAddr) -> io::Result<()> {
    machine::give_way()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(LocalSet::new().run_until(async {
        let mut fleet = Fleet::new(farm);
        let mut sieges = Sieges::new(farm);
        while let Some(task) = next_task().await? {
            match task {
                Task::Connect { miners } => say(&Answer::Connected { miners: fleet.connect(miners).await? })?,
                Task::Watch { time } => {
                    fleet.watch(time);
                    say(&Answer::Watching)?;
                    let before = machine::cpu_time();
                    let at = fleet.arrivals().await;
                    say(&Answer::Arrived { at, cpu: nanos(machine::cpu_time() - before) })?;
                }
                Task::Submit { per_second, seconds } => {
                    say(&Answer::Submitted(fleet.submit(per_second, seconds).await?))?;
                }
                Task::Attack => {
                    sieges.begin();
                    say(&Answer::Attacking)?;
                }
                Task::Rest => say(&Answer::Rested(sieges.end()))?,
            }
        }
        Ok(())
    }))
}

async fn next_task() -> io::Result<Option<Task>> {
    let line = spawn_blocking(|| io::stdin().lines().next().transpose()).await.map_err(io::Error::other)??;
    line.map(|line| serde_json::from_str(&line).map_err(io::Error::other)).transpose()
}

fn say(answer: &Answer) -> io::Result<()> {
    println!("{}", serde_json::to_string(answer)?);
    Ok(())
}
