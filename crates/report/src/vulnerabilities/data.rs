//! The vulnerability data used, and its age.

use pavisade_judgement::Date;

use crate::terminal::Page;
use crate::terminal::style::{DIM, PLAIN, UNKNOWN};
use crate::text::{count, wrap};

/// Number of days after which data is considered old.
const OLD: i32 = 30;

/// The vulnerability data used.
#[derive(Debug, Clone, Default)]
pub struct Data {
    /// The file of the database.
    pub place: String,
    /// The number of its advisories.
    pub advisories: usize,
    /// The date of the most recently modified advisory.
    pub newest: Option<Date>,
    /// The feeds.
    pub feeds: Vec<DataFeed>,
}

/// A feed of the database.
#[derive(Debug, Clone, Default)]
pub struct DataFeed {
    /// The name.
    pub name: String,
    /// The date of its newest record. `None` if there is none, or it is in the future.
    pub day: Option<Date>,
    /// Whether any of its records is about a package that was compared.
    pub used: bool,
}

fn age(day: Option<Date>, today: Date) -> Option<i32> {
    today.since(day?).ok().map(|span| span.get_days())
}

/// Writes the head of a page.
pub(super) fn head(page: &mut Page<'_>, data: &Data, today: Date) {
    let feeds = count(data.feeds.len(), "feed", "feeds");
    let advisories = count(data.advisories, "advisory", "advisories");
    let since = age(data.newest, today).map_or_else(
        || "of unknown age".to_owned(),
        |days| format!("the newest {} old", count(days.unsigned_abs() as usize, "day", "days")),
    );
    page.put(DIM, "data").gap(6);
    let text = format!("{advisories} of {feeds}, {since}; {}", data.place);
    page.wrapped(PLAIN, &text, 10, 10);
    let used: Vec<_> = data.feeds.iter().filter(|feed| feed.used).collect();
    if used.is_empty() {
        return;
    }
    let told = |feed: &&DataFeed| match age(feed.day, today) {
        Some(days) => {
            let days = days.unsigned_abs() as usize;
            format!("{} ({})", feed.name, count(days, "day", "days"))
        }
        None => feed.name.clone(),
    };
    let text = used.iter().map(told).collect::<Vec<_>>().join(", ");
    let room = page.width.saturating_sub(10);
    page.put(DIM, "of it").gap(5);
    for (at, line) in wrap(&text, room, room).iter().enumerate() {
        page.gap(if at == 0 { 0 } else { 10 }).put(PLAIN, line).end();
    }
    let names = |is_meant: &dyn Fn(Option<i32>) -> bool| {
        let meant = used.iter().filter(|feed| is_meant(age(feed.day, today)));
        meant.map(|feed| feed.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let old = names(&|age| age.is_some_and(|days| days > OLD));
    if !old.is_empty() {
        let text =
            format!("older than {OLD} days: {old}. Advisories published since then are missing.");
        page.gap(10).wrapped(UNKNOWN, &text, 10, 10);
    }
    let unknown = names(&|age| age.is_none());
    if !unknown.is_empty() {
        page.gap(10).wrapped(UNKNOWN, &format!("of unknown age: {unknown}"), 10, 10);
    }
}
