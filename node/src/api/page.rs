//! Lists in pages: `limit` entries after `cursor`.

use serde::Deserialize;

use super::types::Page;

/// Entries of a page where no limit is given.
const DEFAULT_LIMIT: usize = 100;
/// Most entries of a page.
const MAX_LIMIT: usize = 1000;

/// Query of a list.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Paging {
    limit: Option<usize>,
    cursor: Option<String>,
}

impl Paging {
    /// Cuts a page out of `items`, which stand in the list's order; `key` names an entry for good.
    pub(super) fn cut<T>(&self, items: Vec<T>, key: impl Fn(&T) -> String) -> Page<T> {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
        let start = match &self.cursor {
            Some(cursor) => items.iter().position(|item| key(item) == *cursor).map_or(items.len(), |found| found + 1),
            None => 0,
        };
        let more = items.len() > start + limit;
        let items: Vec<T> = items.into_iter().skip(start).take(limit).collect();
        let next_cursor = items.last().filter(|_| more).map(key);
        Page { items, next_cursor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_without_gap_or_overlap() {
        let mut seen = Vec::new();
        let mut paging = Paging { limit: Some(3), cursor: None };
        loop {
            let page = paging.cut((0..8).collect(), ToString::to_string);
            seen.extend(page.items);
            match page.next_cursor {
                Some(cursor) => paging.cursor = Some(cursor),
                None => break,
            }
        }
        assert_eq!(seen, (0..8).collect::<Vec<_>>());
    }
}
