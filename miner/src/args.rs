//! The command line.

use std::fs::File;
use std::io::Read;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::{Parser, Subcommand, ValueEnum};
use hashlease_miner::client::{Config, PoolUrl, Timeouts};
use hashlease_miner::worker::{Load, Pinning, Threads};

/// Longest password in bytes; pools' options fit many times.
const MAX_PASSWORD_BYTES: u64 = 1_024;

const EXAMPLES: &str = "\
Examples:
  Mine on all cores for the Hashlease node on this machine:
    hashlease-miner --url stratum+tcp://127.0.0.1:3333 --user rig1

  Mine for a pool on two cores, with a password that pools often read options from:
    echo d=1 > pass && hashlease-miner --url stratum+tcp://pool.example:3333 --user ADDRESS.rig1 --pass-file pass --threads 2

  Mine beside other work: half of each core's time, and only what other programs leave of it:
    hashlease-miner --url stratum+tcp://127.0.0.1:3333 --user rig1 --cpu 50% --low-priority

  Feed another program with a line of JSON every ten seconds:
    hashlease-miner --url stratum+tcp://127.0.0.1:3333 --user rig1 --json

  See what this machine can do:
    hashlease-miner bench

On the terminal: hashrate over the last ten seconds, the hashrate that accepted shares stand for since the start with its \
standard error, shares accepted and rejected, stale shares (found too late, never sent), the highest difficulty of an \
accepted share, and the difficulty that the pool asks for.

The miner reconnects by itself for as long as it takes. Ctrl-C or SIGTERM ends it with a summary, a second one at once. \
RUST_LOG=debug says more, RUST_LOG=warn less.";

const ABOUT_BENCH: &str = "\
Each way to compute hashes (kernel) that this machine supports is measured, first on one thread and then on all of them, \
and drawn as a bar chart. Nothing is mined and no network is used. Run it on a quiet machine: other programs take their \
part of what is measured.";

/// Mines SHA-256d with CPU threads for a Stratum V1 pool.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, arg_required_else_help = true)]
pub(crate) struct Args {
    /// Something else than mining.
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    mine: Option<MineArgs>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows what this machine can do, as a bar chart of every kernel that it supports
    #[command(long_about = ABOUT_BENCH)]
    Bench(BenchArgs),
    /// Mines; what happens without a command.
    #[command(skip)]
    Mine(MineArgs),
}

/// How to mine.
#[derive(Debug, clap::Args)]
pub(crate) struct MineArgs {
    /// The pool, as stratum+tcp://HOST:PORT (an IPv6 address in brackets)
    #[arg(long, value_name = "URL")]
    url: PoolUrl,

    /// The worker's name at the pool; often an address, a dot and a name of your choice
    #[arg(long, value_name = "USER")]
    user: String,

    /// A file whose first line is the password; without it the password is "x", which most pools take
    ///
    /// A password on the command line would show in every process list.
    #[arg(long, value_name = "FILE")]
    pass_file: Option<PathBuf>,

    /// Mining threads; one for each core unless said otherwise
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Cap on the load: how much of its time each thread works
    ///
    /// Work and rest alternate within hundredths of a second, so that the machine stays responsive.
    #[arg(long, value_name = "PERCENT", default_value_t = Load::FULL)]
    cpu: Load,

    /// Take only what other programs leave (nice 19)
    #[arg(long)]
    low_priority: bool,

    /// Keep each thread on a core of its own
    ///
    /// By itself the miner does so where it runs one thread for each core that it may use; with fewer threads the system
    /// places them well as a rule.
    #[arg(long, value_name = "WHEN", num_args = 0..=1, require_equals = true)]
    #[arg(default_value = "auto", default_missing_value = "always")]
    pin: Pin,

    /// Print statistics as a line of JSON every ten seconds, on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

/// When threads are pinned to cores.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Pin {
    /// Where there is one thread for each core
    Auto,
    /// Always; as many threads as there are cores at most
    Always,
    /// Never
    Never,
}

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct BenchArgs {
    /// Length of each measurement in seconds; there are two for each kernel
    #[arg(long = "seconds", value_name = "N", default_value = "1", value_parser = parse_seconds)]
    pub(crate) time: Duration,

    /// Threads of the second measurement; one for each core unless said otherwise
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Print the figures as one line of JSON instead
    #[arg(long)]
    pub(crate) json: bool,
}

impl Args {
    /// What is to be done.
    pub(crate) fn into_command(self) -> anyhow::Result<Command> {
        let mine = self.mine.map(Command::Mine);
        self.command.or(mine).context("nothing to do: say where to mine with --url and --user")
    }
}

impl BenchArgs {
    /// Threads of the second measurement.
    pub(crate) fn threads(&self) -> NonZeroUsize {
        self.threads.unwrap_or_else(cores)
    }
}

impl MineArgs {
    /// The client's configuration.
    pub(crate) fn config(self) -> anyhow::Result<Config> {
        let password = match &self.pass_file {
            Some(path) => {
                read_password(path).with_context(|| format!("can't take the password from {}", path.display()))?
            }
            None => "x".to_owned(),
        };
        let threads = Threads {
            count: self.threads.unwrap_or_else(cores),
            pinning: self.pin.into(),
            low_priority: self.low_priority,
            load: self.cpu,
        };
        Ok(Config { url: self.url, user: self.user, password, threads, timeouts: Timeouts::default() })
    }
}

impl From<Pin> for Pinning {
    fn from(pin: Pin) -> Self {
        match pin {
            Pin::Auto => Self::Auto,
            Pin::Always => Self::Always,
            Pin::Never => Self::Never,
        }
    }
}

/// A time from a hundredth of a second to ten minutes.
fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.01..=600.0).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| "write a number from 0.01 to 600".to_owned())
}

/// Cores that this process may use, as its affinity and its control group say.
fn cores() -> NonZeroUsize {
    available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

fn read_password(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_PASSWORD_BYTES + 1).read_to_string(&mut text)?;
    let password = text.lines().next().unwrap_or_default();
    ensure!(text.len() as u64 <= MAX_PASSWORD_BYTES, "the file is over {MAX_PASSWORD_BYTES} bytes");
    ensure!(!password.is_empty(), "its first line is empty");
    Ok(password.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, error::ErrorKind};

    use super::*;

    fn parse(arguments: &[&str]) -> Result<Args, clap::Error> {
        Args::try_parse_from(["hashlease-miner"].iter().chain(arguments).copied())
    }

    fn config(extra: &[&str]) -> anyhow::Result<Config> {
        let base = ["--url", "stratum+tcp://127.0.0.1:3333", "--user", "rig1"];
        match parse(&[&base, extra].concat())?.into_command()? {
            Command::Mine(mine) => mine.config(),
            Command::Bench(_) => anyhow::bail!("bench"),
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn defaults_are_any_password_every_core_and_full_load() {
        let config = config(&[]).unwrap();
        assert_eq!(config.password, "x");
        let threads = Threads { pinning: Pinning::Auto, ..Threads::new(available_parallelism().unwrap()) };
        assert_eq!(config.threads, threads);
    }

    #[test]
    fn the_threads_manners_are_chosen_one_by_one() {
        let threads = config(&["--threads", "3", "--cpu", "50%", "--low-priority", "--pin"]).unwrap().threads;
        let expected = Threads {
            count: NonZeroUsize::new(3).unwrap(),
            pinning: Pinning::Always,
            low_priority: true,
            load: "50%".parse().unwrap(),
        };
        assert_eq!(threads, expected);
        for (pin, pinning) in
            [("--pin=auto", Pinning::Auto), ("--pin=always", Pinning::Always), ("--pin=never", Pinning::Never)]
        {
            assert_eq!(config(&[pin]).unwrap().threads.pinning, pinning);
        }
    }

    #[test]
    fn the_password_is_the_first_line_of_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pass");
        let arguments = ["--pass-file", path.to_str().unwrap()];
        assert!(config(&arguments).is_err(), "the file doesn't exist");
        std::fs::write(&path, "d=1 x\r\nsecond\n").unwrap();
        assert_eq!(config(&arguments).unwrap().password, "d=1 x");
        for unusable in [String::new(), "\nx".to_owned(), "x".repeat(1_025)] {
            std::fs::write(&path, unusable).unwrap();
            assert!(config(&arguments).is_err());
        }
    }

    #[test]
    fn wrong_arguments_are_refused_with_what_to_write() {
        for (wrong, hint) in [
            (["--threads", "0"], "--threads"),
            (["--cpu", "0%"], "from 1% to 100%"),
            (["--cpu", "150%"], "such as 50%"),
            (["--pin=sometimes", "--json"], "always"),
            (["--pass", "x"], "--pass-file"),
        ] {
            let error = config(&wrong).unwrap_err().to_string();
            assert!(error.contains(hint), "{error}");
        }
        assert!(parse(&["--url", "stratum+ssl://h:1", "--user", "u"]).is_err());
    }

    #[test]
    fn a_pool_without_a_user_is_refused_and_nothing_at_all_gets_help() {
        let missing = parse(&["--url", "stratum+tcp://h:1"]).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::MissingRequiredArgument);
        assert!(missing.to_string().contains("--user"));
        let nothing = parse(&[]).unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand);
        assert!(parse(&["--json"]).is_err());
    }

    #[test]
    fn bench_needs_no_pool_and_takes_none() {
        for (arguments, seconds) in [(vec!["bench"], 1.0), (vec!["bench", "--seconds", "0.5", "--json"], 0.5)] {
            let Command::Bench(bench) = parse(&arguments).unwrap().into_command().unwrap() else { panic!("mines") };
            assert_eq!((bench.time.as_secs_f64(), bench.threads()), (seconds, cores()));
        }
        for wrong in [vec!["bench", "--seconds", "0"], vec!["--json", "bench"], vec!["bench", "--url", "x"]] {
            assert!(parse(&wrong).is_err(), "{wrong:?}");
        }
    }
}
