//! `bid`: what the buyer wants, shown in plain words, signed by the wallet, handed to the buyer's node.

use alloy_primitives::{Address, B256, U256, keccak256};
use hashlease_domain::{Bid, Domain, order::check_bid, pay::locks, tags::Tags, units};

use super::{
    Context,
    amount::parse_price,
    args::BidArgs,
    error::Error,
    output::{Field, View, unit},
    send::check_unit,
    terminal::agreed,
};
use crate::{
    api::types::{BidRequest, Status, Time},
    clock,
    config::Config,
    settlement::Contracts,
};

/// Shortest proof window by default, seconds (section 3.2).
const MIN_PROOF_WINDOW_S: u32 = 30 * 60;

/// Returns the proof window that a lease of `duration_s` has by default: an eighth of it, half an hour at least (section 3.2).
pub(super) fn default_proof_window_s(duration_s: u32) -> u32 {
    (duration_s / 8).max(MIN_PROOF_WINDOW_S)
}

pub(super) async fn bid(context: &Context, args: BidArgs) -> Result<View, Error> {
    let config = &context.config;
    let domain = config.chain.domain;
    let (token, max_price) = parse_price(config, &args.price)?;
    let status = context.client.status().await?;
    check_node(&status, domain)?;
    let evm = context.evm().await?;
    check_unit(&evm, token).await?;
    let wallet = context.wallet(&args.wallet.wallet, &args.wallet.passphrase)?;
    let now = clock::now_s();
    let maker = Maker {
        buyer: wallet.address(),
        epoch: evm.epoch(wallet.address()).await?,
        salt: rand::random::<[u8; 32]>().into(),
    };
    let bid = build(&args, token.address, max_price, &maker, &status, now);
    check_bid(&bid, now).map_err(Error::Order)?;
    let most = most_locked_up(&bid).ok_or(Error::Order(hashlease_domain::order::OrderFault::LockTooLarge))?;
    let free = evm.escrow_balance(bid.buyer, bid.token).await?;
    if free < U256::from(most) {
        let amount = |amount: U256| Field::amount(amount, bid.token, config).to_string();
        return Err(Error::Uncovered { needs: amount(U256::from(most)), has: amount(free) });
    }
    agreed(&explain(&bid, most, config), "Sign this bid?", args.yes)?;
    let signed = wallet.bid(&domain, bid)?;
    let request = BidRequest { bid: signed.order, signature: signed.signature, details: status.details };
    let placed = context.client.place_bid(&request).await?;
    Ok(View::One(vec![
        ("id", Field::text(placed.id)),
        ("salt", Field::text(request.bid.salt)),
        ("locksAtMost", Field::amount(U256::from(most), request.bid.token, config)),
        ("expiresAt", Field::text(Time(request.bid.expiry))),
    ]))
}

/// Checks that the node serves the chain and escrow that the wallet signs for.
pub(super) fn check_node(status: &Status, domain: Domain) -> Result<(), Error> {
    if (status.chain_id, status.escrow) == (domain.chain_id, domain.escrow) {
        return Ok(());
    }
    let text = |chain_id, escrow| format!("chain {chain_id}, escrow {escrow}");
    let node = text(status.chain_id, status.escrow);
    Err(Error::AnotherNode { node, configured: text(domain.chain_id, domain.escrow) })
}

/// What the chain and chance say of the bid's maker.
struct Maker {
    buyer: Address,
    epoch: u64,
    salt: B256,
}

fn build(args: &BidArgs, token: Address, max_price: u128, maker: &Maker, status: &Status, now: u64) -> Bid {
    Bid {
        buyer: maker.buyer,
        agent: status.address,
        token,
        max_price,
        hashrate: args.hashrate,
        min_hashrate: args.min_hashrate.unwrap_or(args.hashrate),
        duration: args.duration,
        min_sla_bps: args.min_sla,
        min_bond_bps: args.min_bond,
        max_proof_bps: args.max_proof,
        max_cancel_notice: args.max_cancel_notice,
        max_proof_window: args.max_proof_window.unwrap_or_else(|| default_proof_window_s(args.duration)),
        min_proof_shares: args.min_proof_shares,
        required_tags: args.tags.0,
        seller: args.seller.unwrap_or_default(),
        matcher: status.address,
        matcher_fee_bps: 0,
        details: keccak256(&status.details),
        expiry: now.saturating_add(args.expires.into()),
        epoch: maker.epoch,
        salt: maker.salt,
    }
}

/// Returns the most that all leases of a bid can lock, token base units: each lease beyond the first rounds lock and fee up
/// once more.
fn most_locked_up(bid: &Bid) -> Option<u128> {
    let more_leases = u128::from(bid.hashrate / bid.min_hashrate.max(1)).saturating_sub(1);
    let lock = locks(bid.max_price, bid.hashrate, bid.duration.into(), 0, 0)?.lock.checked_add(more_leases)?;
    let fee = lock.checked_mul(bid.matcher_fee_bps.into())?.div_ceil(10_000).checked_add(more_leases)?;
    lock.checked_add(if bid.matcher_fee_bps == 0 { 0 } else { fee })
}

/// Says in plain words what is signed, field by field, and the most that it locks.
fn explain(bid: &Bid, most: u128, config: &Config) -> String {
    let Domain { chain_id, escrow } = config.chain.domain;
    let symbol = unit(config, bid.token).map_or("token", |unit| unit.symbol);
    let seller = if bid.seller.is_zero() { "any".to_owned() } else { bid.seller.to_string() };
    let tags = if bid.required_tags.is_zero() { "nothing".to_owned() } else { Tags(bid.required_tags).to_string() };
    let lines = [
        ("buyer", format!("{} (this wallet)", bid.buyer)),
        ("agent", format!("{} (your node) signs jobs and receipts for you", bid.agent)),
        ("matcher", format!("{} (your node) alone may open leases", bid.matcher)),
        ("matcher's fee", format!("{} of what is earned", units::format_percent(bid.matcher_fee_bps))),
        ("token", format!("{symbol} at {}", bid.token)),
        ("price", format!("at most {}", Field::price(bid.max_price, bid.token, config))),
        (
            "hashrate",
            format!(
                "{}, no lease below {}",
                units::format_hashrate(bid.hashrate),
                units::format_hashrate(bid.min_hashrate)
            ),
        ),
        ("duration", units::format_duration(bid.duration)),
        ("service level", format!("at least {}", units::format_percent(bid.min_sla_bps))),
        ("seller's bond", format!("at least {} of the lock", units::format_percent(bid.min_bond_bps))),
        ("proven work", format!("paid with at most {} of the price", units::format_percent(bid.max_proof_bps))),
        ("proof shares", format!("at least {}", bid.min_proof_shares)),
        ("cancel notice", format!("at most {}", units::format_duration(bid.max_cancel_notice))),
        ("proof window", format!("at most {} after the end", units::format_duration(bid.max_proof_window))),
        ("seller", seller),
        ("declared", tags),
        ("details", format!("{} (your node's address)", bid.details)),
        ("expires", Time(bid.expiry).to_string()),
        ("epoch", bid.epoch.to_string()),
        ("salt", bid.salt.to_string()),
    ];
    let mut text = format!("You sign a bid for the escrow {escrow} on chain {chain_id}:\n\n");
    for (name, value) in lines {
        text.push_str(&format!("  {name:<15}{value}\n"));
    }
    let most = Field::amount(U256::from(most), bid.token, config);
    text.push_str(&format!(
        "\nIt locks at most {most} of your balance in the escrow; what is not earned by work comes back.\n"
    ));
    text
}

#[cfg(test)]
mod tests {
    use alloy_primitives::address;
    use clap::Parser;

    use super::*;
    use crate::cli::{
        args::{Cli, Command, NodeCommand},
        testing::{config, status},
    };

    fn args(more: &[&str]) -> BidArgs {
        let words = [
            "hashlease",
            "bid",
            "--wallet",
            "alice",
            "--hashrate",
            "12 PH/s",
            "--price",
            "0.05 USDC/PH/day",
            "--duration",
            "6h",
        ];
        match Cli::try_parse_from(words.iter().chain(more)).unwrap().command {
            Command::Node(NodeCommand::Bid(args)) => args,
            other => panic!("{other:?}"),
        }
    }

    fn bid_of(more: &[&str]) -> Bid {
        let maker = Maker {
            buyer: address!("3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"),
            epoch: 3,
            salt: B256::repeat_byte(0x5a),
        };
        build(&args(more), config().token("USDC").unwrap().1.address, 50_000, &maker, &status(), 1_790_000_000)
    }

    #[test]
    fn the_buyer_reads_every_field_before_signing() {
        let bid = bid_of(&["--min-hashrate", "5 PH/s", "--tags", "leased,hydro"]);
        let expected = "\
You sign a bid for the escrow 0x5FbDB2315678afecb367f032d93F642f64180aa3 on chain 31337:

  buyer          0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC (this wallet)
  agent          0x90F79bf6EB2c4f870365E785982E1f101E93b906 (your node) signs jobs and receipts for you
  matcher        0x90F79bf6EB2c4f870365E785982E1f101E93b906 (your node) alone may open leases
  matcher's fee  0% of what is earned
  token          USDC at 0x00000000000000000000000000000000000000A1
  price          at most 0.05 USDC/PH/day
  hashrate       12 PH/s, no lease below 5 PH/s
  duration       6h
  service level  at least 85%
  seller's bond  at least 20% of the lock
  proven work    paid with at most 90% of the price
  proof shares   at least 256
  cancel notice  at most 10m
  proof window   at most 45m after the end
  seller         any
  declared       leased,hydro
  details        0x0e18ee14b024a9dd0164a9895289b642fe18c1fee8aae01088ddfe25353266e1 (your node's address)
  expires        2026-09-21T15:13:20Z
  epoch          3
  salt           0x5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a

It locks at most 0.150001 USDC of your balance in the escrow; what is not earned by work comes back.
";
        assert_eq!(explain(&bid, most_locked_up(&bid).unwrap(), &config()), expected);
    }

    #[test]
    fn what_all_leases_of_a_bid_lock_stays_below_what_was_shown() {
        for (price, fee_bps) in [(50_001, 0), (333_333, 0), (1, 1), (777_777, 250), (50_001, 9_999)] {
            let mut bid = bid_of(&["--min-hashrate", "1 PH/s"]);
            (bid.max_price, bid.matcher_fee_bps) = (price, fee_bps);
            let one = locks(price, bid.min_hashrate, bid.duration.into(), fee_bps, 0).unwrap();
            let all = 12 * (one.lock + one.fee);
            let most = most_locked_up(&bid).unwrap();
            assert!(most >= all && most - all <= 36, "{price}: {most} {all}");
        }
    }

    #[test]
    fn the_proof_window_is_an_eighth_of_the_lease_and_half_an_hour_at_least() {
        assert_eq!(bid_of(&[]).max_proof_window, 2_700);
        assert_eq!(default_proof_window_s(600), 1_800);
        assert_eq!(bid_of(&["--max-proof-window", "2h"]).max_proof_window, 7_200);
    }

    #[test]
    fn a_node_of_another_chain_is_refused() {
        let other = Status { chain_id: 1, ..status() };
        let error = check_node(&other, config().chain.domain).unwrap_err().to_string();
        assert!(error.contains("chain 1,") && error.contains("chain 31337,") && error.contains("--api"), "{error}");
    }
}
