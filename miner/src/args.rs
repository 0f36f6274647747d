//! The command line.

use std::fs::File;
use std::io::Read;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use anyhow::{Context, ensure};
use clap::Parser;
use hashlease_miner::client::{Config, PoolUrl, Timeouts};

/// Longest password in bytes; pools' options fit many times.
const MAX_PASSWORD_BYTES: u64 = 1_024;

const EXAMPLES: &str = "\
Examples:
  Mine on all cores for the Hashlease node on this machine:
    hashlease-miner --url stratum+tcp://127.0.0.1:3333 --user rig1

  Mine for a pool on two cores, with a password that pools often read options from:
    echo d=1 > pass && hashlease-miner --url stratum+tcp://pool.example:3333 --user ADDRESS.rig1 --pass-file pass --threads 2

  Feed another program with a line of JSON every ten seconds:
    hashlease-miner --url stratum+tcp://127.0.0.1:3333 --user rig1 --json

On the terminal: hashrate over the last ten seconds, shares accepted and rejected, stale shares (found too late, never
sent), the highest difficulty of an accepted share, and the difficulty that the pool asks for. The miner reconnects by
itself for as long as it takes; Ctrl-C or SIGTERM ends it. RUST_LOG=debug says more, RUST_LOG=warn less.";

/// Mines SHA-256d with CPU threads for a Stratum V1 pool.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
pub(crate) struct Args {
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

    /// Print statistics as a line of JSON every ten seconds, on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

impl Args {
    /// The client's configuration.
    pub(crate) fn config(self) -> anyhow::Result<Config> {
        let password = match &self.pass_file {
            Some(path) => {
                read_password(path).with_context(|| format!("can't take the password from {}", path.display()))?
            }
            None => "x".to_owned(),
        };
        let threads = self.threads.or_else(|| available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
        Ok(Config { url: self.url, user: self.user, password, threads, timeouts: Timeouts::default() })
    }
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
    use clap::CommandFactory;

    use super::*;

    fn config(extra: &[&str]) -> anyhow::Result<Config> {
        let base = ["hashlease-miner", "--url", "stratum+tcp://127.0.0.1:3333", "--user", "rig1"];
        Args::try_parse_from(base.iter().chain(extra).copied())?.config()
    }

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn defaults_are_any_password_and_every_core() {
        let config = config(&[]).unwrap();
        assert_eq!(config.password, "x");
        assert_eq!(config.threads, available_parallelism().unwrap());
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
    fn no_threads_and_unknown_schemes_are_refused() {
        assert!(config(&["--threads", "0"]).is_err());
        assert!(Args::try_parse_from(["hashlease-miner", "--url", "stratum+ssl://h:1", "--user", "u"]).is_err());
        assert!(
            Args::try_parse_from(["hashlease-miner", "--url", "stratum+tcp://h:1", "--user", "u", "--pass", "x"])
                .is_err()
        );
    }
}
