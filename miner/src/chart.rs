//! A bar chart of hashrates for the terminal.

use std::fmt::Write;

use crate::rate::Si;

/// Fewest cells of the longest bar, however narrow the terminal.
const MIN_CELLS: usize = 10;

/// Parts of a cell, from an eighth to seven of them.
const PARTS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// One bar.
pub(crate) struct Bar {
    /// What it shows.
    pub(crate) label: String,
    /// Hashes per second.
    pub(crate) rate: u64,
    /// Words after the rate.
    pub(crate) note: String,
}

/// Draws bars below each other, the longest as long as a terminal of so many columns has room for.
pub(crate) fn draw(bars: &[Bar], columns: usize) -> String {
    let texts: Vec<String> = bars.iter().map(text).collect();
    let longest = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or(0);
    let labels = longest(&mut bars.iter().map(|bar| bar.label.chars().count()));
    let notes = longest(&mut texts.iter().map(|text| text.chars().count()));
    let cells = columns.saturating_sub(labels + notes + 2).max(MIN_CELLS);
    let most = bars.iter().map(|bar| bar.rate).max().unwrap_or(0).max(1);
    let mut chart = String::new();
    for (Bar { label, rate, .. }, text) in bars.iter().zip(texts) {
        // Writing to a string can't fail.
        let _ = writeln!(chart, "{label:<labels$} {} {text}", blocks(*rate, most, cells));
    }
    chart
}

fn text(bar: &Bar) -> String {
    format!("{}H/s{}{}", Si(bar.rate as f64), if bar.note.is_empty() { "" } else { " " }, bar.note)
}

/// So much of so many cells, to an eighth of a cell; what is more than nothing shows.
fn blocks(part: u64, whole: u64, cells: usize) -> String {
    let eighths = u128::from(part) * 8 * cells as u128 / u128::from(whole);
    let eighths = usize::try_from(eighths).unwrap_or(8 * cells).max(usize::from(part > 0));
    let mut blocks = "█".repeat(eighths / 8);
    blocks.extend((eighths % 8).checked_sub(1).map(|part| PARTS[part]));
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(label: &str, rate: u64, note: &str) -> Bar {
        Bar { label: label.into(), rate, note: note.into() }
    }

    #[test]
    fn the_longest_bar_fills_the_terminal_and_the_others_are_in_proportion() {
        let bars = [bar("one", 5_000_000, ""), bar("both", 10_000_000, "2.00 ×"), bar("none", 0, "")];
        let chart = draw(&bars, 40);
        let lines: Vec<&str> = chart.lines().collect();
        assert_eq!(lines[0], "one  ████████▌ 5.00 MH/s");
        assert_eq!(lines[1], "both █████████████████ 10.00 MH/s 2.00 ×");
        assert_eq!(lines[2], "none  0.00 H/s");
        assert!(lines.iter().all(|line| line.chars().count() <= 40));
    }

    #[test]
    fn bars_are_drawn_to_an_eighth_and_a_little_still_shows() {
        for (part, drawn) in
            [(0, ""), (1, "▏"), (100, "▏"), (1_000, "█"), (1_500, "█▌"), (1_999, "█▉"), (8_000, "████████")]
        {
            assert_eq!(blocks(part, 8_000, 8), drawn, "{part}");
        }
    }

    #[test]
    fn a_terminal_without_room_still_gets_a_chart() {
        assert_eq!(draw(&[bar("a kernel with a long name", 1, "")], 5).matches('█').count(), MIN_CELLS);
        assert_eq!(draw(&[], 80), "");
    }
}
