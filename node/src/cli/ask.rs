//! `ask`: what the node shall offer. The node signs it with its own key, and again while it stands.

use hashlease_domain::order::{MIN_BONDED_PROOF_BPS, sla_by_luck};

use super::{
    Context,
    amount::parse_price,
    args::AskArgs,
    bid::default_proof_window_s,
    error::Error,
    output::{Field, View},
};
use crate::{api::types::AskRequest, config::Config};

pub(super) async fn ask(context: &Context, args: AskArgs) -> Result<View, Error> {
    let request = request(&context.config, args)?;
    if sla_by_luck(request.sla_bps, request.proof_shares) {
        eprintln!(
            "warning: with so few proof shares you may miss the service level by luck alone: lower --sla or raise --proof-shares"
        );
    }
    let placed = context.client.place_ask(&request).await?;
    Ok(View::One(vec![
        ("id", Field::text(placed.id)),
        ("salt", Field::text(placed.salt)),
        ("price", Field::price(request.price, request.token, &context.config)),
        ("hashrate", Field::hashrate(request.hashrate)),
    ]))
}

fn request(config: &Config, args: AskArgs) -> Result<AskRequest, Error> {
    let (token, price) = parse_price(config, &args.price)?;
    let min_hashrate = args.min_hashrate.unwrap_or(args.hashrate);
    let wrong = |text: &str| Err(Error::Usage(text.to_owned()));
    if args.hashrate == 0 || price == 0 {
        return wrong("hashrate and price must be above zero");
    }
    if min_hashrate > args.hashrate {
        return wrong("--min-hashrate is above --hashrate: lower it");
    }
    if args.min_duration == 0 || args.min_duration > args.max_duration {
        return wrong("--min-duration must be above zero and at most --max-duration");
    }
    if args.bond > 0 && args.proof < MIN_BONDED_PROOF_BPS {
        return wrong("with a bond, --proof must be 70% or more: else a silent buyer gains by your bond");
    }
    Ok(AskRequest {
        token: token.address,
        price,
        hashrate: args.hashrate,
        min_hashrate,
        min_duration_s: args.min_duration,
        max_duration_s: args.max_duration,
        sla_bps: args.sla,
        bond_bps: args.bond,
        proof_bps: args.proof,
        cancel_notice_s: args.cancel_notice,
        // By the shortest lease: a bid for it takes no longer window by default, and so crosses.
        proof_window_s: args.proof_window.unwrap_or_else(|| default_proof_window_s(args.min_duration)),
        proof_shares: args.proof_shares,
        tags: args.tags.0,
        region: args.region,
        rig: args.rig,
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{
        args::{Cli, Command, NodeCommand},
        testing::config,
    };

    fn request_of(more: &[&str]) -> Result<AskRequest, Error> {
        let words = ["hashlease", "ask", "--hashrate", "3.2 PH/s", "--price", "0.05 usdc/TH/day"];
        match Cli::try_parse_from(words.iter().chain(more)).unwrap().command {
            Command::Node(NodeCommand::Ask(args)) => request(&config(), args),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_ask_has_the_defaults_of_the_manual() {
        let request = request_of(&[]).unwrap();
        assert_eq!(
            (request.price, request.hashrate, request.min_hashrate),
            (50_000_000, 3_200_000_000_000_000, 3_200_000_000_000_000)
        );
        assert_eq!(
            (request.sla_bps, request.bond_bps, request.proof_bps, request.proof_shares),
            (8_500, 2_000, 9_000, 256)
        );
        assert_eq!((request.min_duration_s, request.max_duration_s), (3_600, 86_400));
        assert_eq!((request.cancel_notice_s, request.proof_window_s), (600, 1_800));
        assert_eq!(request.tags, alloy_primitives::U256::from(1));
    }

    #[test]
    fn asks_that_cannot_stand_are_refused_before_they_are_sent() {
        let cases =
            [["--min-hashrate", "4 PH/s"], ["--min-duration", "2d"], ["--min-duration", "0s"], ["--proof", "69.99%"]];
        for case in &cases {
            assert!(matches!(request_of(case), Err(Error::Usage(_))), "{case:?}");
        }
        assert!(request_of(&["--bond", "0%", "--proof", "50%"]).is_ok());
    }
}
