//! Three leases on real parts, from order to payout: run by `scripts/demo`.

mod acts;
mod table;

use std::{process::ExitCode, time::Instant};

use alloy_primitives::U256;
use anyhow::{Result, bail, ensure};
use hashlease_tests::{Course, Node, Process, Stage};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nthe demo failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let keep = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--keep") => true,
        Some(other) => bail!("unknown argument {other}: only --keep is known"),
    };
    let began = Instant::now();
    let say = |line: &str| println!("[{:>5.1} s] {line}", began.elapsed().as_secs_f64());
    println!("Hashlease demo: leased hashpower mines Bitcoin blocks for its buyer, an escrow pays for proven work.\n");
    let mut stage = Stage::set(0, say).await?;
    let stranger = stage.stranger().await?;
    stage.deposit_seller("100 HLT").await?;
    stage.deposit_buyer("500 HLT").await?;
    say("seller and buyer have deposited: 100 HLT for bonds, 500 HLT to lease with");
    let mut miner = stage.start_miner("miner", 1)?;
    let id = miner.id().unwrap_or(0);
    say(&format!("hashlease-miner runs (process {id}) and mines at the seller's Stratum server"));

    println!("\nAct 1: a lease that goes well");
    let honest = acts::honest(&stage, &say).await?;
    println!("\nAct 2: the buyer's node dies in the middle");
    let proven = acts::buyer_vanishes(&mut stage, &say).await?;
    println!("\nAct 3: the seller's miners stop at once, and then both nodes are gone");
    let undelivered = acts::seller_vanishes(&mut stage, &mut miner, &stranger, &say).await?;

    println!();
    let figures = [honest, proven, undelivered];
    let courses: Vec<Course> = figures.iter().map(|figures| figures.course.clone()).collect();
    stage.check_balances(&courses).await?;
    say("the escrow owes both parties what the three leases left, to the unit");
    if !keep {
        withdraw(&stage).await?;
        say("seller and buyer have withdrawn all that was theirs: the escrow is empty");
    }
    println!("\n{}", table::table(&figures));
    println!("\nEach figure comes from the source named beside it. The demo took {} s.", began.elapsed().as_secs());
    if keep {
        let miner = stage.start_miner("miner", 1)?;
        leave_running(stage, stranger, miner)?;
    }
    Ok(())
}

/// Takes everything out of the escrow, and checks that nothing stays.
async fn withdraw(stage: &Stage) -> Result<()> {
    let seller = stage.chain.escrow_balance(stage.escrow, stage.seller.address, stage.token).await?;
    let buyer = stage.chain.escrow_balance(stage.escrow, stage.wallet, stage.token).await?;
    stage.seller.cli(&["withdraw", "--node", &tokens(seller)]).await?;
    let amount = tokens(buyer);
    let mut arguments = vec!["withdraw"];
    arguments.extend(stage.wallet_arguments()?);
    arguments.push(&amount);
    stage.buyer.cli(&arguments).await?;
    let left = stage.chain.token_balance(stage.token, stage.escrow).await?;
    ensure!(left.is_zero(), "{left} base units stayed in the escrow");
    Ok(())
}

/// Says where everything is and what to try, and lets it run on after this program.
fn leave_running(stage: Stage, stranger: Node, miner: Process) -> Result<()> {
    let program = |node: &Node| format!("{} --datadir {}", node.program().display(), node.datadir.display());
    let (seller, buyer) = (program(&stage.seller), program(&stage.buyer));
    let wallet = stage.wallet_arguments()?.join(" ");
    println!("\nEverything runs on:");
    println!("  chain (anvil)            {}", stage.chain.url);
    println!("  escrow / test token      {} / {}", stage.escrow, stage.token);
    println!("  Bitcoin node (bcoin)     {}", stage.bitcoin.url);
    println!("  seller's API, Stratum    {}, stratum+tcp://{}", stage.seller.api(), stage.stratum);
    println!("  buyer's API              {}", stage.buyer.api());
    println!("  logs                     {}", stage.logs.display());
    println!("\nTry:");
    println!("  {seller} status");
    println!("  {seller} leases");
    println!("  {seller} miners");
    println!(
        "  {seller} ask --hashrate '1 MH/s' --price '5000000000000 HLT/PH/day' --max-duration 2m --min-duration 1m \\"
    );
    println!("    --sla 50% --cancel-notice 5s --proof-window 1m");
    println!("  {buyer} book");
    println!("  {buyer} bid {wallet} --hashrate '1 MH/s' --price '5000000000000 HLT/PH/day' --duration 1m \\");
    println!("    --min-sla 50% --max-proof-window 1m");
    println!("  {buyer} balance --wallet wallet");
    println!(
        "  curl -H \"Authorization: Bearer $(cat {}/api-token)\" {}/v1/leases",
        stage.buyer.datadir.display(),
        stage.buyer.api()
    );
    let nodes = [&stage.seller, &stage.buyer, &stranger].map(Node::id);
    let ids = nodes.into_iter().chain([stage.chain.id(), stage.bitcoin.id(), miner.id()]);
    let ids: Vec<String> = ids.flatten().map(|id| id.to_string()).collect();
    println!("\nTo end it all: kill {}", ids.join(" "));
    // Dropped, they would end with this program.
    std::mem::forget((stage, stranger, miner));
    Ok(())
}

/// Base units as the command line takes them.
fn tokens(amount: U256) -> String {
    let unit = U256::from(10).pow(U256::from(18));
    format!("{}.{:018} HLT", amount / unit, amount % unit)
}
