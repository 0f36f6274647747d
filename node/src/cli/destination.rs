//! `destination test`: a look at a pool or a Bitcoin node from this machine. No running node is needed.

use super::{
    args::{DestinationCommand, DestinationTestArgs},
    error::Error,
    output::{Field, Record, View},
    terminal::hidden,
    view::named,
};
use crate::{
    api::types::DestinationReport,
    config::{Config, ProbeArgs, datadir::read_secret},
    destination::{DestinationUrl, Password},
};

pub(super) async fn destination(config: &Config, command: DestinationCommand) -> Result<View, Error> {
    let DestinationCommand::Test(args) = command;
    let report = test(config, args).await?;
    Ok(View::Verdict(record(&report), report.usable))
}

async fn test(config: &Config, args: DestinationTestArgs) -> Result<DestinationReport, Error> {
    let DestinationTestArgs { url, user, password_file, payout } = args;
    let url: DestinationUrl = url.parse()?;
    let password = match (password_file, &url, &user) {
        (Some(file), _, _) => Some(read_secret(&file)?),
        (None, DestinationUrl::Bitcoin(_), Some(user)) => {
            Some(hidden(&format!("Password of {user}: "), "--password-file")?)
        }
        _ => None,
    };
    let password = password.map(|password| Password::new(password.to_string()));
    let probe = config.probe(url.clone(), ProbeArgs { user, password, payout })?;
    Ok(DestinationReport::new(&url, probe.look().await?))
}

fn record(report: &DestinationReport) -> Record {
    let text = |value: Option<&String>| Field::optional(value.map(Field::text));
    let flag = |value: Option<bool>| Field::optional(value.map(Field::flag));
    let number = |value: Option<u64>| Field::optional(value.map(Field::number));
    vec![
        ("url", Field::text(&report.url)),
        ("kind", named(&report.kind)),
        ("usable", Field::flag(report.usable)),
        ("problem", text(report.problem.as_ref())),
        ("reachable", Field::flag(report.reachable)),
        ("address", text(report.address.as_ref())),
        ("authorized", flag(report.authorized)),
        ("extranonceSize", number(report.extranonce_size.map(u64::from))),
        ("difficulty", Field::optional(report.difficulty.map(Field::decimal))),
        ("versionMask", text(report.version_mask.as_ref())),
        ("jobAgeS", number(report.job_age_s)),
        ("chain", text(report.chain.as_ref())),
        ("height", number(report.height.map(u64::from))),
        ("payoutValid", flag(report.payout_valid)),
        ("longPolling", flag(report.long_polling)),
    ]
}
