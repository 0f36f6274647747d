//! The three acts.

use alloy_primitives::U256;
use anyhow::{Context, Result, ensure};
use hashlease_tests::{Course, LeaseTerms, Node, Opened, Process, Stage, measured_hashrate, until};
use serde_json::Value;

/// What an act leaves for the table.
pub(crate) struct Figures {
    /// From the chain.
    pub(crate) course: Course,
    /// From the seller's API: work in its ledger, receipts included, hashes.
    pub(crate) accepted: U256,
    /// From the seller's API before the end of its proof window: hashes of standby shares that nobody credited.
    pub(crate) standby: U256,
    /// From the buyer's API: work of the last receipt, hashes.
    pub(crate) receipted: U256,
    /// From the buyer's API: blocks found.
    pub(crate) blocks: usize,
    /// From the Bitcoin node: those of them in its best chain.
    pub(crate) best: usize,
    /// From the chain: gas by call.
    pub(crate) gas: Vec<(&'static str, u64)>,
}

/// A lease that both sides sign to its end.
pub(crate) async fn honest(stage: &Stage, say: &impl Fn(&str)) -> Result<Figures> {
    let opened = open(stage, 40, 60, say).await?;
    watch(stage, &opened, say).await?;
    let agreement = stage.agreement(opened.clone(), 120).await?;
    agreement.check()?;
    agreement.check_blocks()?;
    say("closed: the last receipt, both nodes, the Bitcoin node and the chain agree to the last unit");
    figures(stage, opened, U256::ZERO).await
}

/// A lease whose buyer's node dies: the seller proves what nobody signs.
pub(crate) async fn buyer_vanishes(stage: &mut Stage, say: &impl Fn(&str)) -> Result<Figures> {
    let opened = open(stage, 45, 40, say).await?;
    let signed = |lease: &Value| number(&lease["work"]["receipted"]) > U256::ZERO;
    stage.seller_shows(&opened, "a first receipt", signed).await?;
    let middle = opened.start + 15;
    until("the middle of the lease", 60, || async { Ok((stage.chain.now().await? >= middle).then_some(())) }).await?;
    stage.buyer.kill().await?;
    say("killed the buyer's node: nobody signs receipts any more");
    stage.seller_shows(&opened, "standby", |lease| lease["work"]["onStandby"] == true).await?;
    say(
        "the seller's miners have gone over to standby: headers that carry the lease's id, which the contract can check",
    );
    let settled = |lease: &Value| lease["stage"] == "ended" && lease["work"]["settled"] == lease["work"]["receipted"];
    let ended = stage.seller_shows(&opened, "the last receipt to be settled", settled).await?;
    say(&format!(
        "the lease has ended, its last receipt is settled; the seller keeps {} proof shares for the rest",
        ended["work"]["proofShares"]
    ));
    until("the proof", 60, || async { Ok(stage.chain.proven(stage.escrow, opened.id).await?.pop()) }).await?;
    say("the seller has shown its proof shares to the contract");
    let course = stage.course(&opened, 60).await?;
    course.check()?;
    let standby = number(&ended["work"]["standby"]);
    let ledger = number(&ended["work"]["accepted"]) - number(&ended["work"]["settled"]) + standby;
    course.check_luck(ledger)?;
    ensure!(course.closed.penalty.is_zero(), "the bond came back: {course:?}");
    say(
        "closed: paid for what is proven, bond returned; the count lies within five standard errors of the seller's ledger",
    );
    stage.buyer.start().await?;
    until("the buyer's node to see the end", 30, || async {
        Ok((stage.buyer.get(&format!("leases/{}", opened.id)).await?["stage"] == "closed").then_some(()))
    })
    .await?;
    figures(stage, opened, standby).await
}

/// A lease whose seller stops at once: a stranger closes it, the buyer gets refund and penalty.
pub(crate) async fn seller_vanishes(
    stage: &mut Stage,
    miner: &mut Process,
    stranger: &Node,
    say: &impl Fn(&str),
) -> Result<Figures> {
    let opened = open(stage, 60, 20, say).await?;
    miner.kill().await?;
    say("killed the seller's miner");
    let end = until("the agent to cancel", 60, || async {
        let end = stage.chain.end(stage.escrow, &opened).await?;
        Ok((end < opened.end).then_some(end))
    })
    .await?;
    say(&format!(
        "no share came: the buyer's node has cancelled by itself, the lease ends {} s early",
        opened.end - end
    ));
    stage.seller.kill().await?;
    stage.buyer.kill().await?;
    say("killed both nodes: nobody is left to close the lease");
    let over = end + opened.proof_window;
    until("the proof window to pass", 90, || async { Ok((stage.chain.now().await? >= over).then_some(())) }).await?;
    stranger.cli(&["close", &opened.id.to_string()]).await?;
    let course = stage.course(&opened, 10).await?;
    course.check()?;
    ensure!(course.closed.penalty > U256::ZERO, "the buyer gets a part of the bond: {course:?}");
    say("a stranger has closed it: refund and penalty are the buyer's, exact to the unit");
    stage.seller.start().await?;
    stage.buyer.start().await?;
    figures(stage, opened, U256::ZERO).await
}

async fn open(stage: &Stage, duration_s: u64, proof_window_s: u64, say: &impl Fn(&str)) -> Result<Opened> {
    let hashrate = measured_hashrate()? / 2;
    end_asks(stage).await?;
    let known = stage.chain.opened(stage.escrow).await?.len();
    stage.place_orders(&LeaseTerms { hashrate, duration_s, proof_window_s }).await?;
    let opened = stage.opened(known).await?;
    say(&format!(
        "ask and bid crossed: lease {} of {}/s for {duration_s} s is open on chain",
        opened.id,
        mega(hashrate)
    ));
    Ok(opened)
}

/// Ends the seller's asks of earlier acts: what their leases no longer need, they offer again.
async fn end_asks(stage: &Stage) -> Result<()> {
    let orders = stage.seller.get("orders").await?;
    for order in orders["items"].as_array().context("items")? {
        if order["side"] == "ask" && order["state"] != "cancelled" {
            stage.seller.cli(&["cancel", "order", order["salt"].as_str().context("salt")?]).await?;
        }
    }
    Ok(())
}

/// Tells how the lease goes on until its end.
async fn watch(stage: &Stage, opened: &Opened, say: &impl Fn(&str)) -> Result<()> {
    let mut tell_at = opened.start + 10;
    let path = format!("leases/{}", opened.id);
    loop {
        let now = stage.chain.now().await?;
        if now > opened.end {
            say("the lease has ended: the last receipt is signed, then it is settled");
            return Ok(());
        }
        if now >= tell_at {
            tell_at = now + 10;
            let (seller, buyer) = (stage.seller.get(&path).await?, stage.buyer.get(&path).await?);
            let work = |figure: &str| mega(number(&seller["work"][figure]).to());
            say(&format!(
                "{:>3} s left: {} hashes accepted, {} receipted, {} settled; {} blocks found",
                opened.end - now,
                work("accepted"),
                work("receipted"),
                work("settled"),
                buyer["blocks"].as_array().map_or(0, Vec::len),
            ));
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
}

async fn figures(stage: &Stage, opened: Opened, standby: U256) -> Result<Figures> {
    let course = stage.course(&opened, 1).await?;
    let path = format!("leases/{}", opened.id);
    let (seller, buyer) = (stage.seller.get(&path).await?, stage.buyer.get(&path).await?);
    let blocks: Vec<&str> =
        buyer["blocks"].as_array().context("blocks")?.iter().filter_map(|block| block["hash"].as_str()).collect();
    let best = stage.paying_blocks().await?;
    let mut gas = vec![("open", stage.chain.gas_used(opened.transaction).await?)];
    let own = |transaction| transaction != course.closed.transaction;
    for settlement in course.settled.iter().filter(|settlement| own(settlement.transaction)) {
        gas.push(("settle", stage.chain.gas_used(settlement.transaction).await?));
    }
    for proof in &course.proven {
        gas.push(("prove", stage.chain.gas_used(proof.transaction).await?));
    }
    let with_receipt = course.settled.iter().any(|settlement| !own(settlement.transaction));
    let last = if with_receipt { "settleAndClose" } else { "close" };
    gas.push((last, stage.chain.gas_used(course.closed.transaction).await?));
    Ok(Figures {
        accepted: number(&seller["work"]["accepted"]),
        receipted: number(&buyer["work"]["receipted"]),
        best: blocks.iter().filter(|block| best.iter().any(|hash| hash == *block)).count(),
        blocks: blocks.len(),
        course,
        standby,
        gas,
    })
}

/// Reads a decimal string of the API.
fn number(value: &Value) -> U256 {
    value.as_str().and_then(|digits| digits.parse().ok()).unwrap_or_default()
}

/// A count of hashes in millions.
fn mega(hashes: u64) -> String {
    format!("{}.{:02} MH", hashes / 1_000_000, hashes / 10_000 % 100)
}
