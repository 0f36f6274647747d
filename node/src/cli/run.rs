//! `hashlease run`: the daemon.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use super::{
    Error,
    args::{LogFormat, RunArgs},
    output::{Field, View},
    variables,
};
use crate::{
    app,
    config::{Config, DataDir, Overrides},
};

/// Runs the node until it is told to stop.
pub(super) async fn run(datadir: DataDir, args: RunArgs) -> Result<View, Error> {
    let RunArgs { mine, api_addr, log_format } = args;
    log_as(log_format);
    let config = Config::load(datadir, variables(), Overrides { mine, api_addr })?;
    app::run(config).await?;
    Ok(View::One(vec![("node", Field::text("stopped"))]))
}

/// Sends log lines to standard error; `RUST_LOG` chooses which.
fn log_as(format: Option<LogFormat>) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let terminal = io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(terminal);
    match format.unwrap_or(if terminal { LogFormat::Human } else { LogFormat::Json }) {
        LogFormat::Human => lines.init(),
        LogFormat::Json => lines.json().init(),
    }
}
