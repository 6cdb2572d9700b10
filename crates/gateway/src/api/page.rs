//! Which part of a list is asked for, and where does the next one begin?
//!
//! Every list takes `limit` and `after`, and answers `next`, which is what to send as `after` to go on;
//! it is absent on the last page. A cursor says where one was, not how far: what comes or goes in
//! between shifts nothing.

use serde::Deserialize;

use super::ApiError;

/// How many items one page has when nothing is said, and at most.
const LIMIT: (u32, u32) = (100, 1_000);

/// The part of a list that is asked for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Page {
    limit: Option<u32>,
    after: Option<String>,
}

impl Page {
    /// How many items, at most.
    pub(super) fn limit(&self) -> u32 {
        self.limit.unwrap_or(LIMIT.0).clamp(1, LIMIT.1)
    }

    /// How many to read: one more than asked for tells whether there is more.
    pub(super) fn to_read(&self) -> u32 {
        self.limit() + 1
    }

    /// The place in a list ordered by a number.
    pub(super) fn after_number(&self) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.after() else { return Ok(None) };
        text.parse().map(Some).map_err(|_| wrong())
    }

    /// The place in a list ordered by a time in milliseconds and an id.
    pub(super) fn after_moment(&self) -> Result<Option<(i64, String)>, ApiError> {
        let Some(text) = self.after() else { return Ok(None) };
        let (ms, id) = text.split_once('.').ok_or_else(wrong)?;
        Ok(Some((ms.parse().map_err(|_| wrong())?, id.to_owned())))
    }

    /// Drops what was read too many; returns the cursor of the next page if there is one.
    pub(super) fn cut<T>(
        &self,
        items: &mut Vec<T>,
        cursor: impl FnOnce(&T) -> String,
    ) -> Option<String> {
        let count = usize::try_from(self.limit()).unwrap_or(usize::MAX);
        if items.len() <= count {
            return None;
        }
        items.truncate(count);
        items.last().map(cursor)
    }

    /// A part of a list that is in memory whole; where it goes on is the id of the last item. It is a long
    /// part when nothing is said.
    pub(super) fn part<T>(
        &self,
        items: Vec<T>,
        id: impl Fn(&T) -> &str,
    ) -> Result<(Vec<T>, Option<String>), ApiError> {
        let page = Self { limit: self.limit.or(Some(LIMIT.1)), after: self.after.clone() };
        let before = match page.after() {
            None => 0,
            Some(last) => 1 + items.iter().position(|it| id(it) == last).ok_or_else(wrong)?,
        };
        let count = usize::try_from(page.to_read()).unwrap_or(usize::MAX);
        let mut part = items.into_iter().skip(before).take(count).collect();
        let next = page.cut(&mut part, |last| id(last).to_owned());
        Ok((part, next))
    }

    fn after(&self) -> Option<&str> {
        self.after.as_deref().filter(|text| !text.is_empty())
    }
}

fn wrong() -> ApiError {
    ApiError::invalid("after: not a `next` of this list")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(limit: Option<u32>, after: &str) -> Page {
        Page { limit, after: Some(after.to_owned()) }
    }

    #[test]
    fn a_page_is_bounded_and_the_last_has_no_next() {
        assert_eq!(Page::default().limit(), 100);
        assert_eq!((page(Some(0), "").limit(), page(Some(5_000), "").limit()), (1, 1_000));
        let two = page(Some(2), "");
        let (mut full, mut last) = (vec![9, 8, 7], vec![7, 6]);
        assert_eq!(two.cut(&mut full, ToString::to_string), Some("8".into()));
        assert_eq!((full, two.cut(&mut last, ToString::to_string)), (vec![9, 8], None));
    }

    #[test]
    fn a_list_in_memory_has_pages_too() {
        let all = || vec!["c", "a", "b"];
        let part = |limit, after| page(limit, after).part(all(), |it| it);
        assert_eq!(part(None, "").ok(), Some((all(), None)));
        assert_eq!(part(Some(2), "").ok(), Some((vec!["c", "a"], Some("a".into()))));
        assert_eq!(part(Some(2), "a").ok(), Some((vec!["b"], None)));
        assert!(part(Some(2), "z").is_err(), "nobody of this list");
    }

    #[test]
    fn a_cursor_is_read_back_and_nonsense_is_refused() {
        let after = page(None, "1783000000123.5511988887777").after_moment().ok().flatten();
        assert_eq!(after, Some((1_783_000_000_123, "5511988887777".to_owned())));
        assert!(page(None, "x").after_moment().is_err() && page(None, "x").after_number().is_err());
        assert!(matches!(page(None, "").after_number(), Ok(None)));
    }
}
