//! What packages were compared with, and how old that is.

use pavisade_judgement::Date;

use crate::terminal::Page;
use crate::terminal::style::{DIM, PLAIN, UNKNOWN};
use crate::text::{count, wrap};

/// Days after which data is called old.
const OLD: i32 = 30;

/// What packages were compared with.
#[derive(Debug, Clone, Default)]
pub struct Data {
    /// The database's file.
    pub place: String,
    /// Its advisories.
    pub advisories: usize,
    /// The day on which the newest of them was changed.
    pub newest: Option<Date>,
    /// Its feeds.
    pub feeds: Vec<DataFeed>,
}

/// A feed of the database.
#[derive(Debug, Clone, Default)]
pub struct DataFeed {
    /// Its name.
    pub name: String,
    /// The day of its newest record; nothing where there is none, or it is still to come.
    pub day: Option<Date>,
    /// Whether any of its records is about a package that was compared.
    pub used: bool,
}

fn age(day: Option<Date>, today: Date) -> Option<i32> {
    today.since(day?).ok().map(|span| span.get_days())
}

/// Rows of the head of a page.
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
