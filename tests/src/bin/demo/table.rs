//! The table at the end: a column for each lease, and where each figure comes from.

use alloy_primitives::U256;
use comfy_table::{CellAlignment, Table, presets};

use crate::{acts::Figures, tokens};

type Row<'a> = (&'static str, &'a dyn Fn(&Figures) -> String, &'static str);

pub(crate) fn table(acts: &[Figures; 3]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header([
        "",
        "1: goes well",
        "2: buyer vanishes",
        "3: seller vanishes",
        "source",
    ]);
    let rows: [Row<'_>; 19] = [
        ("length, s", &|act| (act.course.end - act.course.opened.start).to_string(), "chain: LeaseOpened, Cancelled"),
        ("contracted work, hashes", &|act| act.course.opened.contracted(act.course.end).to_string(), "the same"),
        ("work accepted, hashes", &|act| act.accepted.to_string(), "seller's API"),
        ("work of the last receipt", &|act| act.receipted.to_string(), "buyer's API"),
        ("  the same", &|act| act.course.receipted().to_string(), "chain: Settled"),
        ("standby without an answer", &|act| act.standby.to_string(), "seller's API"),
        ("proof shares expected of it", &expected, "seller's API, LeaseOpened"),
        ("proof shares counted", &|act| act.course.count().to_string(), "chain: Proven"),
        ("work paid in full", &|act| act.course.closed.work.to_string(), "chain: Closed"),
        ("work paid as proven, at 90 %", &|act| act.course.closed.proven_work.to_string(), "chain: Closed"),
        ("locked by the buyer", &|act| tokens(act.course.opened.lock()), "chain: LeaseOpened"),
        ("earned by the seller", &|act| tokens(act.course.closed.earned), "chain: Closed"),
        ("refunded to the buyer", &|act| tokens(act.course.closed.refund), "chain: Closed"),
        ("bond", &|act| tokens(act.course.opened.bond), "chain: LeaseOpened"),
        ("  of it to the buyer", &|act| tokens(act.course.closed.penalty), "chain: Closed"),
        ("blocks found", &|act| act.blocks.to_string(), "buyer's API"),
        ("  in the best chain", &|act| act.best.to_string(), "Bitcoin node"),
        ("gas of open", &|act| gas(act, "open"), "chain: receipts"),
        (
            "gas of the other calls",
            &|act| act.gas.iter().skip(1).map(|(call, gas)| format!("{call} {gas}")).collect::<Vec<_>>().join("\n"),
            "the same",
        ),
    ];
    for (name, figure, source) in rows {
        let [one, two, three] = acts.each_ref().map(figure);
        table.add_row([name, &one, &two, &three, source]);
    }
    for column in 1..=3 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Proof shares that the unsigned work should hold, with their standard error.
fn expected(act: &Figures) -> String {
    if act.standby.is_zero() {
        return "0".to_owned();
    }
    let unsigned = act.accepted.saturating_sub(act.course.receipted()) + act.standby;
    let count: u64 = (unsigned / act.course.opened.proof_work()).to();
    format!("{count} ± {}", U256::from(count).root(2))
}

fn gas(act: &Figures, call: &str) -> String {
    act.gas.iter().filter(|(name, _)| *name == call).map(|(_, gas)| gas.to_string()).collect::<Vec<_>>().join(", ")
}
