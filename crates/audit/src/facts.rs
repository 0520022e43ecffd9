//! Usage as documents of the kind `UsageFacts`, which checks read beside roles and bindings.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use pavisade_rbac::{Ask, ResourceAsk};
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use serde::Serialize;

use crate::tally::{Decision, Usage, Use, User};

/// Returns the document of a name. `unread` is the number of places in the logs that could not be
/// read.
pub fn document<'u>(usage: &'u Usage, name: &'u str, unread: u64) -> impl Serialize + 'u {
    let users = usage.users.iter().map(|(name, user)| OfUser {
        name,
        groups: &user.groups,
        requests: user.requests,
        days: user.days.len(),
        uses: usage.uses_of(name).iter().map(OfUse::of).collect(),
    });
    Document {
        api_version: "pavisade.dev/v1",
        kind: "UsageFacts",
        metadata: Metadata { name },
        first: usage.first.map(|at| at.to_string()),
        last: usage.last.map(|at| at.to_string()),
        days: usage.users.values().flat_map(|user| &user.days).copied().collect(),
        events: usage.events,
        dropped: usage.dropped,
        unread,
        users: users.collect(),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'u> {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata<'u>,
    first: Option<String>,
    last: Option<String>,
    /// Days since 1970 (UTC) with requests.
    days: BTreeSet<u32>,
    events: u64,
    dropped: u64,
    unread: u64,
    users: Vec<OfUser<'u>>,
}

#[derive(Serialize)]
struct Metadata<'u> {
    name: &'u str,
}

#[derive(Serialize)]
struct OfUser<'u> {
    name: &'u str,
    groups: &'u BTreeSet<String>,
    requests: u64,
    days: usize,
    uses: Vec<OfUse<'u>>,
}

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct OfUse<'u> {
    verb: &'u str,
    #[serde(skip_serializing_if = "str::is_empty")]
    path: &'u str,
    #[serde(skip_serializing_if = "str::is_empty")]
    group: &'u str,
    #[serde(skip_serializing_if = "str::is_empty")]
    resource: &'u str,
    #[serde(skip_serializing_if = "str::is_empty")]
    subresource: &'u str,
    #[serde(skip_serializing_if = "str::is_empty")]
    namespace: &'u str,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'u str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    many_names: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    implied: bool,
    decision: &'static str,
    count: u64,
    first: Option<String>,
    last: Option<String>,
}

impl<'u> OfUse<'u> {
    fn of(one: &'u Use) -> Self {
        let own = Self {
            many_names: one.many,
            implied: one.implied,
            decision: one.decision.name(),
            count: one.count,
            first: one.first.map(|at| at.to_string()),
            last: one.last.map(|at| at.to_string()),
            ..Self::default()
        };
        match &one.ask {
            Ask::Path { verb, path } => Self { verb, path, ..own },
            Ask::Resource(ResourceAsk { verb, group, resource, subresource, namespace, name }) => {
                Self { verb, group, resource, subresource, namespace, name, ..own }
            }
        }
    }
}

/// What the documents of a world contain together.
#[derive(Debug, Default)]
pub struct Recorded {
    /// What was used.
    pub usage: Usage,
    /// The spans of time that the logs cover, in order. Days without any request are not covered.
    spans: Vec<(Timestamp, Timestamp)>,
    /// Why something may be missing, if so.
    pub gap: Option<String>,
}

impl Recorded {
    /// The time that the logs cover, from `since`.
    pub fn time(&self, since: Timestamp) -> SignedDuration {
        let own = |(first, last): &(Timestamp, Timestamp)| {
            last.duration_since((*first).max(since)).max(SignedDuration::ZERO)
        };
        self.spans.iter().map(own).sum()
    }
}

/// Reads these documents. `None` without any.
pub fn read<'a>(documents: impl Iterator<Item = &'a Object>) -> Option<Recorded> {
    let (mut all, mut spans, mut any) = (Recorded::default(), Vec::new(), false);
    for document in documents {
        any = true;
        let name = document.name();
        let Some(span) = one(document, &mut all.usage) else {
            let why = format!("`{name}` is not in the form that `rbac audit --facts` writes");
            all.gap.get_or_insert(why);
            continue;
        };
        spans.extend(span);
        let number = |field: &str| document.at(&[field]).and_then(Value::as_i64);
        let lost = number("dropped").zip(number("unread"));
        if lost != Some((0, 0)) {
            let why = format!("`{name}` is from audit logs that could not be read completely");
            all.gap.get_or_insert(why);
        }
    }
    let usage = &mut all.usage;
    usage.uses.sort_by(|a, b| a.user.cmp(&b.user));
    usage.first = spans.iter().map(|span| span.0).min();
    usage.last = spans.iter().map(|span| span.1).max();
    spans.sort_unstable();
    let mut until = Timestamp::MIN;
    for (first, last) in spans {
        all.spans.push((first.max(until), last.max(until)));
        until = until.max(last);
    }
    any.then_some(all)
}

/// Adds one document. Returns the spans of time that it covers.
fn one(document: &Object, usage: &mut Usage) -> Option<Vec<(Timestamp, Timestamp)>> {
    let time = |value: Value<'_>, field: &str| match value.get(field) {
        None => Some(None),
        Some(at) if at.is_null() => Some(None),
        Some(at) => at.as_str()?.parse().ok().map(Some),
    };
    let root = document.value();
    let span: (Option<Timestamp>, Option<Timestamp>) = (time(root, "first")?, time(root, "last")?);
    usage.events += u64::try_from(root.get("events")?.as_i64()?).ok()?;
    for user in root.get("users")?.items() {
        let name = user.str("name")?;
        let own: &mut User = usage.users.entry(name.to_owned()).or_default();
        own.requests += u64::try_from(user.get("requests")?.as_i64()?).ok()?;
        own.groups.extend(user.list("groups").filter_map(Value::as_str).map(str::to_owned));
        for value in user.get("uses")?.items() {
            let text = |field: &str| value.str(field).unwrap_or_default().to_owned();
            let verb = value.str("verb")?.to_owned();
            let ask = match value.str("path") {
                Some(path) => Ask::Path { verb, path: path.to_owned() },
                None => Ask::Resource(ResourceAsk {
                    verb,
                    group: text("group"),
                    resource: value.str("resource")?.to_owned(),
                    subresource: text("subresource"),
                    namespace: text("namespace"),
                    name: text("name"),
                }),
            };
            usage.uses.push(Use {
                user: name.to_owned(),
                ask,
                many: value.bool("manyNames").unwrap_or(false),
                decision: Decision::named(value.str("decision")?)?,
                implied: value.bool("implied").unwrap_or(false),
                count: u64::try_from(value.get("count")?.as_i64()?).ok()?,
                first: time(value, "first")?,
                last: time(value, "last")?,
            });
        }
    }
    let Some((first, last)) = span.0.zip(span.1) else { return Some(Vec::new()) };
    let Some(days) = root.get("days") else { return Some(vec![(first, last)]) };
    let mut spans: Vec<(Timestamp, Timestamp)> = Vec::new();
    for day in days.items() {
        let second = day.as_i64()?.checked_mul(DAY)?;
        let start = Timestamp::from_second(second).ok()?;
        let end = Timestamp::from_second(second.checked_add(DAY)?).ok()?;
        match spans.last_mut() {
            Some((_, until)) if *until == start => *until = end,
            _ => spans.push((start, end)),
        }
    }
    for (start, end) in &mut spans {
        (*start, *end) = ((*start).max(first), (*end).min(last));
    }
    Some(spans)
}

/// Seconds.
const DAY: i64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counted::Limits;
    use crate::tally::Tally;
    use pavisade_yaml::{Source, objects, read as read_yaml};

    fn usage(events: &[(&str, &str, &str, u16)]) -> Usage {
        let mut tally = Tally::new(Limits::default());
        for (user, verb, resource, day) in events {
            let line = format!(
                r#"{{"stage":"ResponseComplete","verb":"{verb}","requestURI":"/apis","user":{{"username":"{user}","groups":["devs"]}},"objectRef":{{"resource":"{resource}","namespace":"shop","name":"a\"\n"}},"responseStatus":{{"code":200}},"requestReceivedTimestamp":"2030-01-{day:02}T00:00:00.000000Z"}}
                {{"stage":"ResponseComplete","verb":"get","requestURI":"/metrics?a=b","user":{{"username":"{user}"}},"responseStatus":{{"code":403}},"requestReceivedTimestamp":"2030-01-{day:02}T00:00:00.000000Z"}}"#
            );
            crate::decode(&line, &mut |event| tally.take(event));
        }
        tally.finish()
    }

    fn again(texts: &[String]) -> Recorded {
        let of = |text: &String| {
            let documents = read_yaml(&Source::new("usage.json", text.clone()));
            let sent = documents.docs.iter().flat_map(|doc| objects(doc.root()).sent);
            sent.map(|one| Object::new(one.value, one.api_version, one.kind)).collect::<Vec<_>>()
        };
        let all: Vec<_> = texts.iter().flat_map(of).collect();
        read(all.iter()).unwrap()
    }

    fn text(usage: &Usage, unread: u64) -> String {
        serde_json::to_string(&document(usage, "audit", unread)).unwrap()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let own = usage(&[
            ("ann", "get", "pods", 1),
            ("ann", "get", "pods", 9),
            ("bob", "create", "secrets", 5),
            ("system:serviceaccount:shop:web", "patch", "pods/exec", 3),
        ]);
        let read = again(&[text(&own, 0)]);
        assert_eq!(read.usage.uses, own.uses);
        assert_eq!((read.usage.first, read.usage.last), (own.first, own.last));
        let groups = |of: &Usage| {
            of.users
                .iter()
                .map(|(n, u)| (n.clone(), u.groups.clone(), u.requests))
                .collect::<Vec<_>>()
        };
        assert_eq!(groups(&read.usage), groups(&own));
        // Nothing was recorded on the days between, and the last one ends with its first request.
        assert_eq!((read.time(Timestamp::MIN).as_hours(), read.gap), (3 * 24, None));
        assert!(super::read(std::iter::empty()).is_none());
    }

    #[test]
    fn documents_are_joined_and_gaps_between_them_do_not_count() {
        let (a, b) = (
            usage(&[("ann", "get", "pods", 1), ("bob", "get", "pods", 3)]),
            usage(&[("ann", "list", "pods", 2), ("ann", "list", "pods", 4)]),
        );
        let c = usage(&[("ann", "list", "pods", 20), ("ann", "list", "pods", 21)]);
        let all = again(&[text(&c, 0), text(&a, 0), text(&b, 0)]);
        assert_eq!(all.time(Timestamp::MIN).as_hours(), 3 * 24);
        let since: Timestamp = "2030-01-02T12:00:00Z".parse().unwrap();
        assert_eq!(all.time(since).as_hours(), 12 + 24);
        assert_eq!(all.usage.uses_of("ann").len(), 2 * 3);
        assert_eq!(all.usage.users["ann"].requests, 2 + 4 + 4);
    }

    #[test]
    fn what_is_missing_is_a_gap() {
        let own = text(&usage(&[("ann", "get", "pods", 1)]), 0);
        for (text, says) in [
            (text(&usage(&[("ann", "get", "pods", 1)]), 2), "completely"),
            (own.replace(r#""dropped":0"#, r#""dropped":7"#), "completely"),
            (own.replace(r#""unread":0,"#, ""), "completely"),
            (own.replace("allowed", "perhaps"), "is not in the form"),
            (own.replace(r#""events":2"#, r#""events":"x""#), "is not in the form"),
            (own.replace("2030-01-01T", "soon"), "is not in the form"),
        ] {
            let gap = again(std::slice::from_ref(&text)).gap;
            assert!(gap.as_ref().is_some_and(|gap| gap.contains(says)), "{gap:?}: {text}");
        }
    }
}
