//! What can be typed.

use std::path::PathBuf;

use alloy_primitives::{Address, B256};
use clap::{Args, Parser, Subcommand};
use hashlease_domain::{tags::Tags, units};

/// A market for SHA-256d hashpower, paid by proven work.
#[derive(Debug, Parser)]
#[command(name = "hashlease", version, max_term_width = 100, after_help = FIRST_STEPS)]
pub(super) struct Cli {
    /// Folder of the node [default: $HASHLEASE_DATADIR, $XDG_DATA_HOME/hashlease or ~/.local/share/hashlease].
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) datadir: Option<PathBuf>,
    /// Print JSON for programs: amounts in base units as decimal strings, beside a text for people.
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// REST API of the node [default: api.addr of the configuration].
    #[arg(long, global = true, value_name = "URL")]
    pub(super) api: Option<String>,
    #[command(subcommand)]
    pub(super) command: Command,
}

const FIRST_STEPS: &str = "\
First steps:
  hashlease init --rpc http://127.0.0.1:8545 --chain-id 8453 --escrow 0x… --token USDC=0x…:6
  hashlease config check

To sell:  hashlease deposit --node 20 USDC
          hashlease ask --hashrate '12 PH/s' --price '0.05 USDC/PH/day' --max-duration 1d
To buy:   hashlease keys new alice
          hashlease deposit --wallet alice 100 USDC
          hashlease bid --wallet alice --hashrate '12 PH/s' --price '0.05 USDC/PH/day' --duration 6h
To watch: hashlease book, hashlease leases, hashlease lease ID";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make the data directory: key, API token and a configuration that explains itself. Never overwrites.
    Init(InitArgs),
    /// Read the configuration without starting the node.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Start the node; it runs until it is told to stop.
    #[command(after_help = RUN_EXAMPLE)]
    Run(RunArgs),
    /// Make and look at encrypted keys.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Look at what leased hashpower is to mine for.
    #[command(subcommand)]
    Destination(DestinationCommand),
    #[command(flatten)]
    Node(NodeCommand),
}

/// What needs a configuration and, most of it, a running node.
#[derive(Debug, Subcommand)]
pub(super) enum NodeCommand {
    /// Offer the node's hashpower; the node signs the ask again while it runs, until you cancel it.
    #[command(after_help = ASK_EXAMPLE)]
    Ask(AskArgs),
    /// Sign a bid with your wallet and hand it to your node, which becomes your agent.
    #[command(after_help = BID_EXAMPLE)]
    Bid(BidArgs),
    /// Move tokens into the escrow, from your wallet or the node's account.
    #[command(after_help = "Example: hashlease deposit --wallet alice 100 USDC")]
    Deposit(TransferArgs),
    /// Move free balance out of the escrow, to your wallet or the node's account.
    #[command(after_help = "Example: hashlease withdraw --node 12.5 USDC --to 0x…")]
    Withdraw(WithdrawArgs),
    /// End an order, or bring the end of a lease forward by its notice.
    #[command(subcommand)]
    Cancel(CancelCommand),
    /// Pay out a lease that its parties left open: anyone may, once its proof window is over.
    #[command(after_help = "The node sends the call and pays its gas. A node closes its own leases by itself.")]
    Close {
        /// Lease id.
        id: B256,
    },
    /// Show what an account has in the escrow and outside.
    Balance(BalanceArgs),
    /// Show the live asks and bids that the node knows.
    Book,
    /// Show the node's leases.
    Leases,
    /// Show one lease: work, newest receipt, money, blocks and transactions.
    Lease {
        /// Lease id.
        id: B256,
    },
    /// Show the node's own orders and those posted to it.
    Orders,
    /// Show whether the node runs and what it sees.
    Status,
    /// Show the machines that mine for the node.
    Miners,
}

#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// JSON-RPC server of the chain.
    #[arg(long, value_name = "URL")]
    pub(super) rpc: Option<String>,
    /// EIP-155 id of the chain.
    #[arg(long)]
    pub(super) chain_id: Option<u64>,
    /// Escrow contract.
    #[arg(long, value_name = "ADDRESS")]
    pub(super) escrow: Option<String>,
    /// Block that the escrow was deployed in.
    #[arg(long, value_name = "NUMBER")]
    pub(super) from_block: Option<u64>,
    /// A token that you trade in; may be given several times.
    #[arg(long = "token", value_name = "SYMBOL=ADDRESS:DECIMALS", value_parser = token)]
    pub(super) tokens: Vec<(String, String, u8)>,
}

const RUN_EXAMPLE: &str = "\
Examples:
  hashlease run               serves what the configuration says
  hashlease run --mine 2      sells the work of two of this machine's threads too";

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Threads of this machine that mine for the node's leases; makes the node a seller.
    #[arg(long, value_name = "THREADS")]
    pub(super) mine: Option<u16>,
    /// Where the REST API listens [default: api.addr of the configuration].
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(super) api_addr: Option<std::net::SocketAddr>,
    /// How log lines look: for people on a terminal, for programs elsewhere.
    #[arg(long, value_enum)]
    pub(super) log_format: Option<LogFormat>,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum LogFormat {
    /// For people.
    Human,
    /// A JSON object a line.
    Json,
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Say whether the configuration holds, and what is wrong with it.
    Check,
    /// Print the values in force, secrets left out.
    Show,
}

const DESTINATION_EXAMPLE: &str = "\
Examples:
  hashlease destination test stratum+tcp://pool.example:3333 --user account.worker
  hashlease destination test http://127.0.0.1:8332

The exit code is 0 where the destination can be mined for, and 1 where it can't. What lies in a private network is looked
at only where the configuration file names it: in pool.urls, bitcoin.rpc or destinations.allow_private.";

#[derive(Debug, Subcommand)]
pub(super) enum DestinationCommand {
    /// Look at a pool or a Bitcoin node from this machine: whether it can be mined for, and what to change where it can't.
    #[command(after_help = DESTINATION_EXAMPLE)]
    Test(DestinationTestArgs),
}

#[derive(Debug, Args)]
pub(super) struct DestinationTestArgs {
    /// stratum+tcp://HOST:PORT for a pool, http://HOST:PORT for a Bitcoin node.
    pub(super) url: String,
    /// Account at the pool, or user of the RPC [default: the configured one, for a configured URL].
    #[arg(long)]
    pub(super) user: Option<String>,
    /// File with its password on the first line, readable by you alone [default: x for a pool, asked for a Bitcoin node].
    #[arg(long, value_name = "FILE")]
    pub(super) password_file: Option<PathBuf>,
    /// Bitcoin address that found blocks would pay [default: bitcoin.payout].
    #[arg(long, value_name = "ADDRESS")]
    pub(super) payout: Option<String>,
}

const ASK_EXAMPLE: &str = "\
Example:
  hashlease ask --hashrate '12 PH/s' --min-hashrate '1 PH/s' --price '0.05 USDC/PH/day' --max-duration 1d --bond 20%";

#[derive(Debug, Args)]
pub(super) struct AskArgs {
    /// What you offer, as '12 PH/s'.
    #[arg(long, value_parser = units::parse_hashrate)]
    pub(super) hashrate: u64,
    /// Smallest part of it that you lease out [default: all of it].
    #[arg(long, value_name = "HASHRATE", value_parser = units::parse_hashrate)]
    pub(super) min_hashrate: Option<u64>,
    /// Price, as '0.05 USDC/PH/day'.
    #[arg(long)]
    pub(super) price: String,
    /// Shortest lease.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = units::parse_duration)]
    pub(super) min_duration: u32,
    /// Longest lease.
    #[arg(long, value_name = "DURATION", default_value = "1d", value_parser = units::parse_duration)]
    pub(super) max_duration: u32,
    /// Share of the work below which your bond is at stake.
    #[arg(long, value_name = "PERCENT", default_value = "85%", value_parser = units::parse_percent)]
    pub(super) sla: u16,
    /// Bond, as a share of what the buyer locks.
    #[arg(long, value_name = "PERCENT", default_value = "20%", value_parser = units::parse_percent)]
    pub(super) bond: u16,
    /// Pay for work that you prove instead of having it signed.
    #[arg(long, value_name = "PERCENT", default_value = "90%", value_parser = units::parse_percent)]
    pub(super) proof: u16,
    /// Proof shares in a lease that is fully delivered: more make luck smaller and proofs dearer.
    #[arg(long, value_name = "NUMBER", default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) proof_shares: u16,
    /// Time between a cancellation and the end.
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = units::parse_duration)]
    pub(super) cancel_notice: u32,
    /// Time after the end for receipts, then proofs [default: an eighth of the shortest lease, 30m at least].
    #[arg(long, value_name = "DURATION", value_parser = units::parse_duration)]
    pub(super) proof_window: Option<u32>,
    /// What you declare, as 'leased,hydro'.
    #[arg(long, default_value = "leased")]
    pub(super) tags: Tags,
    /// Where the machines stand, in your words.
    #[arg(long)]
    pub(super) region: Option<String>,
    /// What the machines are, in your words.
    #[arg(long)]
    pub(super) rig: Option<String>,
}

const BID_EXAMPLE: &str = "\
Example:
  hashlease bid --wallet alice --hashrate '12 PH/s' --price '0.05 USDC/PH/day' --duration 6h

You see in plain words what you sign, and the most that it can lock, before you agree.";

#[derive(Debug, Args)]
pub(super) struct BidArgs {
    #[command(flatten)]
    pub(super) wallet: WalletArgs,
    /// What you want, as '12 PH/s'.
    #[arg(long, value_parser = units::parse_hashrate)]
    pub(super) hashrate: u64,
    /// Smallest part of it that one lease may have [default: all of it].
    #[arg(long, value_name = "HASHRATE", value_parser = units::parse_hashrate)]
    pub(super) min_hashrate: Option<u64>,
    /// Highest price, as '0.05 USDC/PH/day'.
    #[arg(long)]
    pub(super) price: String,
    /// Length of the lease, as '6h'.
    #[arg(long, value_parser = units::parse_duration)]
    pub(super) duration: u32,
    /// Lowest service level that you take.
    #[arg(long, value_name = "PERCENT", default_value = "85%", value_parser = units::parse_percent)]
    pub(super) min_sla: u16,
    /// Lowest bond that you take.
    #[arg(long, value_name = "PERCENT", default_value = "20%", value_parser = units::parse_percent)]
    pub(super) min_bond: u16,
    /// Highest pay for proven work that you take.
    #[arg(long, value_name = "PERCENT", default_value = "90%", value_parser = units::parse_percent)]
    pub(super) max_proof: u16,
    /// Longest notice that you take.
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = units::parse_duration)]
    pub(super) max_cancel_notice: u32,
    /// Longest time for receipts and proofs that you take [default: an eighth of the duration, 30m at least].
    #[arg(long, value_name = "DURATION", value_parser = units::parse_duration)]
    pub(super) max_proof_window: Option<u32>,
    /// Fewest proof shares that you take.
    #[arg(long, value_name = "NUMBER", default_value_t = 256)]
    pub(super) min_proof_shares: u16,
    /// What the seller must declare, as 'leased,hydro'.
    #[arg(long, default_value = "")]
    pub(super) tags: Tags,
    /// The only seller that may fill the bid.
    #[arg(long, value_name = "ADDRESS")]
    pub(super) seller: Option<Address>,
    /// How long the bid stands, a day at most: your wallet signs it once.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = units::parse_duration)]
    pub(super) expires: u32,
    /// Sign without asking.
    #[arg(long)]
    pub(super) yes: bool,
}

/// A wallet's key, which is used in this process alone.
#[derive(Debug, Args)]
pub(super) struct WalletArgs {
    /// Your wallet: a name in the keystore, or the path of a key file.
    #[arg(long, value_name = "NAME|FILE")]
    pub(super) wallet: String,
    #[command(flatten)]
    pub(super) passphrase: PassphraseArgs,
}

#[derive(Debug, Args)]
pub(super) struct PassphraseArgs {
    /// File with the passphrase on its first line [default: ask on the terminal].
    #[arg(long, value_name = "FILE")]
    pub(super) passphrase_file: Option<PathBuf>,
}

/// Whose money is meant: the node's, or a wallet's.
#[derive(Debug, Args)]
#[group(required = true, multiple = false, id = "owner", args = ["node", "wallet"])]
pub(super) struct OwnerArgs {
    /// The node's account, whose key the node holds.
    #[arg(long)]
    pub(super) node: bool,
    /// Your wallet: a name in the keystore, or the path of a key file.
    #[arg(long, value_name = "NAME|FILE")]
    pub(super) wallet: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct TransferArgs {
    #[command(flatten)]
    pub(super) owner: OwnerArgs,
    #[command(flatten)]
    pub(super) passphrase: PassphraseArgs,
    /// How much, as 100 USDC.
    #[arg(required = true, num_args = 1..=2)]
    pub(super) amount: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct WithdrawArgs {
    #[command(flatten)]
    pub(super) transfer: TransferArgs,
    /// Who gets it [default: the account itself].
    #[arg(long, value_name = "ADDRESS")]
    pub(super) to: Option<Address>,
}

#[derive(Debug, Subcommand)]
pub(super) enum CancelCommand {
    /// End every version of an order: of the node's own, or with --wallet of yours, for good and on chain.
    Order {
        /// Salt of the order, as `hashlease orders` shows it.
        salt: B256,
        #[command(flatten)]
        signer: SignerArgs,
    },
    /// Bring the end of a lease forward by its notice: by the node as agent, or with --wallet as its buyer.
    Lease {
        /// Lease id.
        id: B256,
        #[command(flatten)]
        signer: SignerArgs,
    },
}

#[derive(Debug, Args)]
pub(super) struct SignerArgs {
    /// Your wallet: a name in the keystore, or the path of a key file [default: the node acts].
    #[arg(long, value_name = "NAME|FILE")]
    pub(super) wallet: Option<String>,
    #[command(flatten)]
    pub(super) passphrase: PassphraseArgs,
}

#[derive(Debug, Args)]
pub(super) struct BalanceArgs {
    /// Your wallet, read from the chain: a name in the keystore, or the path of a key file [default: the node's account].
    #[arg(long, value_name = "NAME|FILE", conflicts_with = "account")]
    pub(super) wallet: Option<String>,
    /// Any account, as the node sees it.
    #[arg(long, value_name = "ADDRESS")]
    pub(super) account: Option<Address>,
}

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Make a key and encrypt it.
    New {
        /// Its name in the keystore.
        name: String,
        #[command(flatten)]
        passphrase: PassphraseArgs,
    },
    /// Encrypt a key that you have: 64 hex digits.
    Import {
        /// Its name in the keystore.
        name: String,
        /// File with the key on its first line, readable by you alone [default: ask on the terminal].
        #[arg(long, value_name = "FILE")]
        key_file: Option<PathBuf>,
        #[command(flatten)]
        passphrase: PassphraseArgs,
    },
    /// Show the keys of the keystore.
    List,
    /// Show the address of a key.
    Address {
        /// A name in the keystore, or the path of a key file.
        #[arg(default_value = "node")]
        key: String,
    },
}

/// Reads `SYMBOL=ADDRESS:DECIMALS`; the configuration checks the parts.
fn token(text: &str) -> Result<(String, String, u8), String> {
    let read = || {
        let (symbol, rest) = text.split_once('=')?;
        let (address, decimals) = rest.split_once(':')?;
        Some((symbol.to_owned(), address.to_owned(), decimals.parse().ok()?))
    };
    read().ok_or_else(|| "write a token as USDC=0xA0b8…eB48:6, with its symbol, address and decimals".to_owned())
}
