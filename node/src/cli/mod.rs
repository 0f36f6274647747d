//! The command line of `hashlease`.
//!
//! The daemon's key belongs to the daemon: what needs it goes through the REST API. A buyer's key is used only here, see
//! `wallet`.

mod amount;
mod args;
mod ask;
mod bid;
mod cancel;
mod client;
mod destination;
mod error;
mod funds;
mod keys;
mod output;
mod run;
mod send;
mod terminal;
mod view;
mod wallet;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::{env, io::Write, net::IpAddr, process::ExitCode, time::Duration};

use alloy_primitives::Address;
use clap::Parser;

use crate::{
    config::{self, Config, DataDir, Init, Overrides, datadir::read_secret},
    settlement::Evm,
};
use args::{Cli, Command, ConfigCommand, InitArgs, NodeCommand, PassphraseArgs};
use client::Client;
pub use client::ClientError;
pub use error::Error;
use output::{Field, View};
pub use send::SendError;
use terminal::{key_file, passphrase};
use wallet::Wallet;
pub use wallet::WalletError;

/// Longest wait for an answer of the chain's server.
const RPC_TIMEOUT: Duration = Duration::from_secs(20);

/// Runs the command line that the process was started with and returns its exit code: 0 done, 1 error, 2 usage,
/// 75 another node runs on the folder, 78 the configuration or a file that it names.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let as_json = cli.json;
    let runtime = match cli.command {
        Command::Run(_) => tokio::runtime::Builder::new_multi_thread().enable_all().build(),
        _ => tokio::runtime::Builder::new_current_thread().enable_all().build(),
    };
    let outcome = runtime.map_err(Error::Terminal).and_then(|runtime| runtime.block_on(perform(cli)));
    match outcome {
        Ok(view) => {
            let exit_code = ExitCode::from(u8::from(!view.is_good()));
            // A reader that went away (`| head`) is no error.
            let _ = writeln!(std::io::stdout(), "{}", view.render(as_json));
            exit_code
        }
        Err(error) => {
            eprintln!("{}", error.chain());
            ExitCode::from(error.exit_code())
        }
    }
}

async fn perform(cli: Cli) -> Result<View, Error> {
    let datadir = DataDir::locate(cli.datadir, |name| env::var_os(name))?;
    let command = match cli.command {
        Command::Init(args) => return init(&datadir, args),
        Command::Keys(command) => return keys::keys(&datadir, command),
        Command::Run(args) => return run::run(datadir, args).await,
        Command::Config(command) => return Ok(show(&load(datadir)?, &command)),
        Command::Destination(command) => return destination::destination(&load(datadir)?, command).await,
        Command::Node(command) => command,
    };
    let context = Context::new(load(datadir)?, cli.api)?;
    match command {
        NodeCommand::Ask(args) => ask::ask(&context, args).await,
        NodeCommand::Bid(args) => bid::bid(&context, args).await,
        NodeCommand::Deposit(args) => funds::deposit(&context, args).await,
        NodeCommand::Withdraw(args) => funds::withdraw(&context, args).await,
        NodeCommand::Cancel(command) => cancel::cancel(&context, command).await,
        NodeCommand::Close { id } => Ok(funds::called(context.client.close_lease(id).await?)),
        NodeCommand::Balance(args) => funds::balance(&context, args).await,
        NodeCommand::Book => view::book(&context).await,
        NodeCommand::Leases => view::leases(&context).await,
        NodeCommand::Lease { id } => view::lease(&context, id).await,
        NodeCommand::Orders => view::orders(&context).await,
        NodeCommand::Status => view::status(&context).await,
        NodeCommand::Miners => view::miners(&context).await,
    }
}

fn load(datadir: DataDir) -> Result<Config, Error> {
    Ok(Config::load(datadir, variables(), Overrides::default())?)
}

/// The variables of the environment that are text.
fn variables() -> impl Iterator<Item = (String, String)> {
    env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

fn init(datadir: &DataDir, args: InitArgs) -> Result<View, Error> {
    let InitArgs { rpc, chain_id, escrow, from_block, tokens } = args;
    let address = config::init(datadir, &Init { rpc, chain_id, escrow, from_block, tokens })?;
    Ok(View::One(vec![
        ("folder", Field::text(datadir.root().display())),
        ("nodeAddress", Field::text(address)),
        (
            "next",
            Field::text(format!("read and complete {}, then send {address} coins for gas", datadir.config().display())),
        ),
    ]))
}

fn show(config: &Config, command: &ConfigCommand) -> View {
    match command {
        ConfigCommand::Check => View::One(vec![("configuration", Field::text("holds"))]),
        ConfigCommand::Show => View::Document(config.redacted()),
    }
}

/// What most commands need.
pub(crate) struct Context {
    config: Config,
    client: Client,
}

impl Context {
    /// Takes the API's address from the flag, else from the configuration, and the token from the data directory.
    fn new(config: Config, api: Option<String>) -> Result<Self, Error> {
        let token = read_secret(&config.datadir.api_token())?;
        let client = Client::new(&api.unwrap_or_else(|| local_api(&config)), token)?;
        Ok(Self { config, client })
    }

    /// Returns the chain, once its server serves the configured chain and escrow.
    async fn evm(&self) -> Result<Evm, Error> {
        let evm = Evm::new(self.config.chain.rpc.as_str(), self.config.chain.domain, RPC_TIMEOUT)?;
        evm.identity().await?;
        Ok(evm)
    }

    /// Opens a wallet by name or path.
    fn wallet(&self, wallet: &str, args: &PassphraseArgs) -> Result<Wallet, Error> {
        let path = key_file(&self.config.datadir, wallet);
        Ok(Wallet::open(&path, &passphrase(args, &path)?)?)
    }

    /// Returns the address of a wallet without opening it.
    fn declared_address(&self, wallet: &str) -> Result<Address, Error> {
        keys::declared_address(&key_file(&self.config.datadir, wallet))
    }
}

/// Where the API is reached from this machine: what listens on every address is called on the loopback one.
fn local_api(config: &Config) -> String {
    let mut addr = config.api.addr;
    if addr.ip().is_unspecified() {
        addr.set_ip(match addr.ip() {
            IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{addr}")
}
