//! One honest lease, from order to payout: run by `scripts/demo`.

use std::{process::ExitCode, time::Instant};

use alloy_primitives::U256;
use anyhow::{Result, ensure};
use comfy_table::{CellAlignment, Table, presets};
use hashlease_tests::{Agreement, LeaseTerms, Stage, measured_hashrate};

/// Length of the lease, seconds.
const DURATION_S: u64 = 60;
/// Time for receipts and proofs after it, seconds.
const PROOF_WINDOW_S: u64 = 60;

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
    let began = Instant::now();
    let say = |line: &str| println!("[{:>5.1} s] {line}", began.elapsed().as_secs_f64());
    println!("Hashlease demo: leased hashpower mines Bitcoin blocks for its buyer, an escrow pays for signed work.\n");

    let stage = Stage::set(0, say).await?;
    let hashrate = measured_hashrate()? / 2;
    say(&format!("one thread of this machine hashes {}/s now: the lease is for half of it", mega(hashrate * 2)));
    let miner = stage.start_miner("miner", 1)?;
    say(&format!(
        "hashlease-miner runs (process {}) and mines at the seller's Stratum server",
        miner.id().unwrap_or(0)
    ));

    stage.deposit_seller("100 HLT").await?;
    stage.deposit_buyer("500 HLT").await?;
    say("seller and buyer have deposited: 100 HLT for bonds, 500 HLT to lease with");
    let terms = LeaseTerms { hashrate, duration_s: DURATION_S, proof_window_s: PROOF_WINDOW_S };
    stage.place_orders(&terms).await?;
    say("the ask is on gossip, the wallet signed a bid: they cross");
    let opened = stage.opened(0).await?;
    say(&format!("lease {} is open on chain until {}", opened.id, opened.end));

    watch(&stage, &opened, say).await?;
    let agreement = stage.agreement(opened, PROOF_WINDOW_S + 60).await?;
    agreement.check()?;
    agreement.check_blocks()?;
    say("closed: the last receipt, both nodes and the chain agree to the last unit");
    withdraw(&stage, &agreement).await?;
    say("seller and buyer have withdrawn all that was theirs\n");
    println!("{}", table(&agreement));
    println!("\nEach figure comes from the source named beside it. The demo took {} s.", began.elapsed().as_secs());
    Ok(())
}

/// Tells how the lease goes on until its end.
async fn watch(stage: &Stage, opened: &hashlease_tests::Opened, say: impl Fn(&str)) -> Result<()> {
    let mut tell_at = opened.start;
    loop {
        let now = stage.chain.now().await?;
        if now > opened.end {
            say("the lease has ended: the last receipt is signed, then it is settled");
            return Ok(());
        }
        if now >= tell_at {
            tell_at = now + 10;
            let seller = stage.seller.get(&format!("leases/{}", opened.id)).await?;
            let buyer = stage.buyer.get(&format!("leases/{}", opened.id)).await?;
            let work = |value: &serde_json::Value| {
                value.as_str().and_then(|digits| digits.parse::<u64>().ok()).map_or("–".to_owned(), mega)
            };
            say(&format!(
                "{:>3} s left: {} hashes accepted, {} receipted, {} settled; {} blocks found",
                opened.end - now,
                work(&seller["work"]["accepted"]),
                work(&seller["work"]["receipted"]),
                work(&seller["work"]["settled"]),
                buyer["blocks"].as_array().map_or(0, Vec::len),
            ));
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
}

/// Takes everything out of the escrow, and checks that it arrives.
async fn withdraw(stage: &Stage, agreement: &Agreement) -> Result<()> {
    let seller = stage.chain.escrow_balance(stage.escrow, stage.seller.address, stage.token).await?;
    let buyer = stage.chain.escrow_balance(stage.escrow, stage.wallet, stage.token).await?;
    let deposit = |tokens: u64| U256::from(tokens) * U256::from(10).pow(U256::from(18));
    ensure!(seller == deposit(100) + agreement.closed.earned, "the seller's balance is {seller}");
    ensure!(buyer == deposit(500) - agreement.closed.earned, "the buyer's balance is {buyer}");
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

/// Base units as the command line takes them.
fn tokens(amount: U256) -> String {
    let unit = U256::from(10).pow(U256::from(18));
    format!("{}.{:018} HLT", amount / unit, amount % unit)
}

/// A count of hashes in millions.
fn mega(hashes: u64) -> String {
    format!("{}.{:02} MH", hashes / 1_000_000, hashes / 10_000 % 100)
}

fn table(agreement: &Agreement) -> Table {
    let Agreement { opened, closed, seller, buyer, blocks, gas, settled } = agreement;
    let percent = |part: U256, whole: U256| {
        let hundredths: u64 = (part * U256::from(10_000) / whole).to();
        format!("{}.{:02} %", hundredths / 100, hundredths % 100)
    };
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header(["", "figure", "source"]);
    let contracted = agreement.contracted();
    let rows = [
        ("contracted work", format!("{contracted} hashes"), "chain: LeaseOpened"),
        (
            "delivered work, last receipt",
            format!("{} hashes ({})", seller.receipted, percent(seller.receipted, contracted)),
            "seller's API",
        ),
        ("  the same", format!("{} hashes", buyer.receipted), "buyer's API"),
        ("  the same", format!("{} hashes", settled.last().map_or(U256::ZERO, |last| last.work)), "chain: Settled"),
        ("work paid", format!("{} hashes", closed.work), "chain: Closed"),
        ("stale / in-flight shares", format!("{} / {}", seller.stale_shares, seller.in_flight_shares), "seller's API"),
        ("  the same", format!("{} / {}", buyer.stale_shares, buyer.in_flight_shares), "buyer's API"),
        ("locked by the buyer", tokens(agreement.lock()), "chain: LeaseOpened"),
        ("earned by the seller", tokens(closed.earned), "chain: Closed"),
        ("refunded to the buyer", tokens(closed.refund), "chain: Closed"),
        (
            "bond / penalty",
            format!("{} / {}", tokens(opened.bond), tokens(closed.penalty)),
            "chain: LeaseOpened, Closed",
        ),
        ("blocks found by the lease", buyer.blocks.len().to_string(), "buyer's API"),
        ("  of them in the best chain", blocks.len().to_string(), "Bitcoin node"),
    ];
    for (name, figure, source) in rows {
        table.add_row([name, &figure, source]);
    }
    for (name, used) in gas {
        table.add_row([format!("gas of {name}"), used.to_string(), "chain: receipts".to_owned()]);
    }
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
