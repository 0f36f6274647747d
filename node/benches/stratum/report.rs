//! The table at the end.

use std::fmt;

use comfy_table::{Cell, Table, presets};

use crate::machine;

/// What was measured, beside its goal.
pub(crate) struct Report {
    title: String,
    rows: Vec<[String; 4]>,
    missed: usize,
}

impl Report {
    /// Begins without rows.
    pub(crate) fn new(title: String) -> Self {
        Self { title, rows: Vec::new(), missed: 0 }
    }

    /// Adds something that has no goal.
    pub(crate) fn note(&mut self, what: impl Into<String>, measured: impl fmt::Display) {
        self.rows.push([what.into(), measured.to_string(), String::new(), String::new()]);
    }

    /// Adds something that has one.
    pub(crate) fn goal(&mut self, what: impl Into<String>, measured: impl fmt::Display, goal: &str, is_met: bool) {
        self.missed += usize::from(!is_met);
        let verdict = if is_met { "ok" } else { "MISS" };
        self.rows.push([what.into(), measured.to_string(), goal.to_owned(), verdict.to_owned()]);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header(["", "measured", "goal", ""]);
        for row in &self.rows {
            table.add_row(row.iter().map(Cell::new));
        }
        let processor = machine::processor().unwrap_or_default();
        writeln!(f, "{}\n{processor}; the miners share the cores with the farm", self.title)?;
        writeln!(f, "{table}")?;
        write!(f, "{} goals missed", self.missed)
    }
}
