//! Child processes that log to files and never outlive their owner.

use std::{
    future::Future,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

/// A running program.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program with its output in `log`.
    ///
    /// # Errors
    /// Where the program or the file cannot be used.
    pub fn start(name: &str, mut command: Command, log: &Path) -> Result<Self> {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(log)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).kill_on_drop(true);
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name: name.to_owned(), child, log: log.to_owned() })
    }

    /// Returns the process id.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits until the log holds `pattern` and returns the rest of that line.
    ///
    /// # Errors
    /// Where the program ends first, or a minute passes.
    pub async fn says(&mut self, pattern: &str) -> Result<String> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let log = std::fs::read_to_string(&self.log)?;
            if let Some(rest) = log.lines().find_map(|line| line.split_once(pattern)).map(|(_, rest)| rest.to_owned()) {
                return Ok(rest);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status}:\n{}", self.name, tail(&log));
            }
            ensure!(Instant::now() < deadline, "{} never said {pattern:?}:\n{}", self.name, tail(&log));
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Makes the program hang, as a machine does that is out of memory, or go on.
    ///
    /// # Errors
    /// Where it does not run.
    pub async fn hang(&self, hangs: bool) -> Result<()> {
        let id = self.id().context("the program has ended")?.to_string();
        let sent = Command::new("kill").args([if hangs { "-STOP" } else { "-CONT" }, &id]).status().await?;
        ensure!(sent.success(), "{} cannot be signalled", self.name);
        Ok(())
    }

    /// Ends the program at once, as a power cut does.
    ///
    /// # Errors
    /// Where it is gone already.
    pub async fn kill(&mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Asks the program to stop, and waits until it did so without an error.
    ///
    /// # Errors
    /// Where it does not within half a minute, or says that something failed.
    pub async fn stop(&mut self) -> Result<()> {
        let id = self.child.id().with_context(|| format!("{} is gone already", self.name))?;
        let asked = Command::new("kill").arg("-TERM").arg(id.to_string()).status().await?;
        ensure!(asked.success(), "cannot signal {}", self.name);
        let ended = timeout(Duration::from_secs(30), self.child.wait()).await;
        let status = ended.with_context(|| format!("{} does not stop", self.name))??;
        ensure!(status.success(), "{} stopped with {status}:\n{}", self.name, self.tail());
        Ok(())
    }

    /// Returns the end of the log.
    pub fn tail(&self) -> String {
        tail(&std::fs::read_to_string(&self.log).unwrap_or_default())
    }
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(25)..].join("\n")
}

/// Looks again and again until `look` finds something, or `seconds` pass.
///
/// # Errors
/// Where the time passes, with what was waited for and the last failure.
pub async fn until<T, F: Future<Output = Result<Option<T>>>>(
    what: &str,
    seconds: u64,
    mut look: impl FnMut() -> F,
) -> Result<T> {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    let mut last = None;
    while Instant::now() < deadline {
        match look().await {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => last = None,
            Err(error) => last = Some(error),
        }
        sleep(Duration::from_millis(100)).await;
    }
    match last {
        Some(error) => Err(error.context(format!("waited {seconds} s for {what}"))),
        None => bail!("waited {seconds} s for {what}"),
    }
}
