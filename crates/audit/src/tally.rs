//! Counts events in bounded memory, and gives the permissions that they needed.
//!
//! What a request needed is what the authorizer was asked, which differs from what the event names:
//! - `create` is asked without a name, although the event names the new object;
//! - a `patch` or `update` that created the object (201) also asked for `create`;
//! - since Kubernetes 1.35 exec, attach and port-forward by `get` (WebSocket) also ask for `create`;
//! - impersonation asks for the user's permission to impersonate, and then for the other's.
//!
//! Names are kept up to a number; a resource with more is needed without names, which covers all.
//! Paths are all kept, because nothing but the path itself covers one.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use pavisade_rbac::{Ask, ResourceAsk};

use crate::counted::{Counted, Limits, PER_DAY, PER_TEXT, PER_USE, both, take_bytes};
use crate::event::Event;
use crate::stored::Text;

/// What the authorizer answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decision {
    /// It allowed the request.
    Allowed,
    /// It refused.
    Denied,
    /// The log does not say it, and the response (403, 429, 5xx) may come from before the authorizer
    /// or from behind it.
    Unknown,
}

impl Decision {
    const ALL: [Self; 3] = [Self::Allowed, Self::Denied, Self::Unknown];

    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Unknown => "unknown",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// One use of one permission, by one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// The name of the user.
    pub user: String,
    /// What the authorizer was asked. Its name is empty if there were too many.
    pub ask: Ask,
    /// Whether there were too many names.
    pub many: bool,
    /// The answer.
    pub decision: Decision,
    /// Whether another request implies it, so the log does not show it by itself.
    pub implied: bool,
    /// How often, for all names of the same use.
    pub count: u64,
    /// The first and the last time, for all names of the same use.
    pub first: Option<Timestamp>,
    /// The last time.
    pub last: Option<Timestamp>,
}

/// Who was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct User {
    /// The groups.
    pub groups: BTreeSet<String>,
    /// Requests, whatever the answer.
    pub requests: u64,
    /// Days with requests, since 1970.
    pub days: BTreeSet<u32>,
}

/// The result.
#[derive(Debug, Clone, Default)]
pub struct Usage {
    /// All uses, sorted by user.
    pub uses: Vec<Use>,
    /// Who was seen, by name.
    pub users: BTreeMap<String, User>,
    /// Audit events.
    pub events: u64,
    /// Events of which something was not kept, because there were too many different ones.
    pub dropped: u64,
    /// The first and the last request.
    pub first: Option<Timestamp>,
    /// The last request.
    pub last: Option<Timestamp>,
}

impl Usage {
    /// The uses of one user.
    pub fn uses_of(&self, user: &str) -> &[Use] {
        let start = self.uses.partition_point(|one| one.user.as_str() < user);
        let end = self.uses.partition_point(|one| one.user.as_str() <= user);
        &self.uses[start..end]
    }
}

/// Counts.
#[derive(Debug, Default)]
pub struct Tally {
    limits: Limits,
    uses: HashMap<Box<[u8]>, Counted>,
    users: HashMap<Box<str>, Seen>,
    events: u64,
    dropped: u64,
    /// About what is kept.
    bytes: usize,
    /// The first and last second.
    span: Option<(i64, i64)>,
    key: Vec<u8>,
}

#[derive(Debug, Default)]
struct Seen {
    groups: BTreeSet<Box<str>>,
    requests: u64,
    days: BTreeSet<u32>,
}

impl Seen {
    /// Adds a group. Returns whether there was space for it.
    fn group(&mut self, group: &str, limits: &Limits, bytes: &mut usize) -> bool {
        if self.groups.contains(group) {
            return true;
        }
        let fits = self.groups.len() < limits.groups
            && group.len() <= limits.text
            && take_bytes(bytes, group.len() + PER_TEXT, limits);
        if fits {
            self.groups.insert(group.into());
        }
        fits
    }

    /// Adds a day.
    fn day(&mut self, day: u32, limits: &Limits, bytes: &mut usize) {
        // Twenty years: a clock that jumps must not fill the memory.
        if self.days.len() < 7_300
            && !self.days.contains(&day)
            && take_bytes(bytes, PER_DAY, limits)
        {
            self.days.insert(day);
        }
    }
}

/// One use before it is counted.
struct Found<'u> {
    user: &'u str,
    decision: Decision,
    implied: bool,
    verb: &'u str,
    /// Group, resource, subresource, namespace; `None` for a path.
    resource: Option<[&'u str; 4]>,
    /// The name or the path.
    name: &'u str,
}

impl Tally {
    /// An empty one.
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Counts an event.
    pub fn take(&mut self, event: &Event<'_>) {
        self.events += 1;
        let before = self.dropped;
        self.take_parts(event);
        self.dropped = self.dropped.min(before + 1);
    }

    fn take_parts(&mut self, event: &Event<'_>) {
        // The authorizer is asked after `RequestReceived`.
        let ends = match event.stage {
            "ResponseComplete" | "Panic" => true,
            // A watch that is still open when the log ends has no other event.
            "ResponseStarted" => false,
            _ => return,
        };
        let decision = match (event.decision, event.code) {
            ("allow", _) => Decision::Allowed,
            ("forbid", _) => Decision::Denied,
            // The request was not authenticated.
            (_, 401) => return,
            // What only comes from behind the authorizer.
            (_, 101 | 200..=399 | 404..=406 | 409 | 410 | 412 | 413 | 415 | 422) => {
                Decision::Allowed
            }
            // Such as 403 by admission, 429 before the authorizer, or a server that failed.
            _ => Decision::Unknown,
        };
        let second = seconds(event.time);
        let span = second.map(|second| (second, second));
        self.span = both(self.span, span);
        let (user, groups) = event.impersonated.unwrap_or((event.user, event.groups));
        self.see(user, groups, ends, second);
        let mut count = |found: &Found<'_>| self.count(found, ends, span);
        if event.impersonated.is_some() {
            impersonation(event, &mut count);
        }
        let found = |decision, implied, verb, resource, name| Found {
            user,
            decision,
            implied,
            verb,
            resource,
            name,
        };
        let Some(object) = event.object else {
            let path = event.uri.split(['?', '#']).next().unwrap_or_default();
            if path.is_empty() {
                // No rule can name it.
                self.dropped += 1;
            } else {
                count(&found(decision, false, event.verb, None, path));
            }
            self.see_sender(event, ends, second);
            return;
        };
        let (group, resource, sub) = (&*object.group, &*object.resource, &*object.subresource);
        let collection = event.verb == "create" && sub.is_empty();
        // The event of a new object names it and its namespace, if the path does not.
        let inside = !collection || event.uri.contains("/namespaces/");
        let namespace = if inside { &*object.namespace } else { "" };
        let name = if collection { "" } else { &*object.name };
        let on = Some([group, resource, sub, namespace]);
        count(&found(decision, false, event.verb, on, name));
        if decision == Decision::Allowed {
            let made = event.code == 201 && matches!(event.verb, "patch" | "update");
            let stream = group.is_empty()
                && resource == "pods"
                && matches!(sub, "exec" | "attach" | "portforward")
                && event.verb == "get";
            if made || stream {
                count(&found(decision, true, "create", on, name));
            }
        }
        self.see_sender(event, ends, second);
    }

    /// Of an impersonated request, the one who sent it is seen as well.
    fn see_sender(&mut self, event: &Event<'_>, ends: bool, second: Option<i64>) {
        if event.impersonated.is_some() {
            self.see(event.user, event.groups, ends, second);
        }
    }

    fn see(&mut self, user: &str, groups: &[Text<'_>], ends: bool, second: Option<i64>) {
        let limits = self.limits;
        let fits = self.users.len() < limits.users && user.len() <= limits.text;
        let seen = match self.users.get_mut(user) {
            Some(seen) => seen,
            None if fits && take_bytes(&mut self.bytes, user.len() + PER_USE, &limits) => {
                self.users.entry(user.into()).or_default()
            }
            None => {
                self.dropped += 1;
                return;
            }
        };
        seen.requests += u64::from(ends);
        for group in groups {
            self.dropped += u64::from(!seen.group(group, &limits, &mut self.bytes));
        }
        if let Some(day) = second.and_then(|second| u32::try_from(second / 86_400).ok()) {
            seen.day(day, &limits, &mut self.bytes);
        }
    }

    fn count(&mut self, found: &Found<'_>, ends: bool, span: Option<(i64, i64)>) {
        let key = &mut self.key;
        key.clear();
        key.push(match found.decision {
            Decision::Allowed => b'a',
            Decision::Denied => b'd',
            Decision::Unknown => b'u',
        });
        key.push(if found.implied { b'i' } else { b'-' });
        key.push(if found.resource.is_some() { b'r' } else { b'p' });
        // A path is a part of the key: no rule can stand for too many of them.
        let parts = found.resource.unwrap_or([found.name, "", "", ""]);
        let name = if found.resource.is_some() { found.name } else { "" };
        let all = [found.user, found.verb].into_iter().chain(parts);
        let mut too_long = found.name.len() > self.limits.text;
        for part in all {
            too_long |= part.len() > self.limits.text || part.contains('\0');
            key.extend_from_slice(part.as_bytes());
            key.push(0);
        }
        if too_long {
            self.dropped += 1;
            return;
        }
        let fits = self.uses.len() < self.limits.uses;
        let counted = match self.uses.get_mut(&**key) {
            Some(counted) => counted,
            None if fits && take_bytes(&mut self.bytes, key.len() + PER_USE, &self.limits) => {
                self.uses.entry(key.as_slice().into()).or_default()
            }
            None => {
                self.dropped += 1;
                return;
            }
        };
        counted.count += u64::from(ends);
        counted.span = both(counted.span, span);
        self.dropped += u64::from(!counted.name(name, &self.limits, &mut self.bytes));
    }

    /// Adds what another counted.
    pub fn merge(&mut self, other: Self) {
        self.events += other.events;
        self.dropped += other.dropped;
        self.span = both(self.span, other.span);
        for (key, counted) in other.uses {
            let count = counted.count.max(1);
            let fits = self.uses.contains_key(&key)
                || self.uses.len() < self.limits.uses
                    && take_bytes(&mut self.bytes, key.len() + PER_USE, &self.limits);
            let kept = fits && {
                let own = self.uses.entry(key).or_default();
                own.merge(counted, &self.limits, &mut self.bytes)
            };
            self.dropped += if kept { 0 } else { count };
        }
        for (user, seen) in other.users {
            let fits = self.users.contains_key(&user)
                || self.users.len() < self.limits.users
                    && take_bytes(&mut self.bytes, user.len() + PER_USE, &self.limits);
            if !fits {
                self.dropped += seen.requests.max(1);
                continue;
            }
            let own = self.users.entry(user).or_default();
            own.requests += seen.requests;
            for day in seen.days {
                own.day(day, &self.limits, &mut self.bytes);
            }
            for group in seen.groups {
                self.dropped += u64::from(!own.group(&group, &self.limits, &mut self.bytes));
            }
        }
    }

    /// The result.
    pub fn finish(self) -> Usage {
        let mut uses = Vec::new();
        for (key, counted) in self.uses {
            let Some(of) = read_key(&key) else { continue };
            let names = match counted.many {
                true => vec!["".into()],
                false => counted.names,
            };
            for name in names {
                let mut ask = of.ask.clone();
                if let Ask::Resource(ask) = &mut ask {
                    ask.name = name.into();
                }
                uses.push(Use {
                    user: of.user.clone(),
                    ask,
                    many: counted.many,
                    decision: of.decision,
                    implied: of.implied,
                    count: counted.count,
                    first: counted.span.and_then(|span| Timestamp::from_second(span.0).ok()),
                    last: counted.span.and_then(|span| Timestamp::from_second(span.1).ok()),
                });
            }
        }
        uses.sort_unstable_by(|a, b| order(a).cmp(&order(b)));
        let users = self.users.into_iter().map(|(name, seen)| {
            let groups = seen.groups.into_iter().map(String::from).collect();
            (name.into(), User { groups, requests: seen.requests, days: seen.days })
        });
        Usage {
            uses,
            users: users.collect(),
            events: self.events,
            dropped: self.dropped,
            first: self.span.and_then(|span| Timestamp::from_second(span.0).ok()),
            last: self.span.and_then(|span| Timestamp::from_second(span.1).ok()),
        }
    }
}

/// The order of uses: by user, then by place.
fn order(one: &Use) -> (&str, [&str; 5], &str, Decision, bool) {
    let place = match &one.ask {
        Ask::Resource(ResourceAsk { group, resource, subresource, namespace, name, .. }) => {
            [&**namespace, &**group, &**resource, &**subresource, &**name]
        }
        Ask::Path { path, .. } => ["", "", "", "", &**path],
    };
    (&one.user, place, one.ask.verb(), one.decision, one.implied)
}

/// Seconds since 1970 of a time in UTC, as the API server writes it.
fn seconds(text: &str) -> Option<i64> {
    if !text.ends_with('Z') {
        return None;
    }
    text.parse().ok().map(Timestamp::as_second)
}

/// What impersonation asks for. Which groups the request named is not logged: those that Kubernetes
/// adds by itself are left out.
fn impersonation(event: &Event<'_>, count: &mut impl FnMut(&Found<'_>)) {
    const GROUP: &str = "authentication.k8s.io";
    let Some((other, groups)) = event.impersonated else { return };
    let (user, decision) = (event.user, Decision::Allowed);
    let on = |resource, name| Found {
        user,
        decision,
        implied: true,
        verb: "impersonate",
        resource: Some(resource),
        name,
    };
    let found = |group, resource, namespace, name| on([group, resource, "", namespace], name);
    if !event.impersonated_uid.is_empty() {
        count(&on([GROUP, "uids", "", ""], event.impersonated_uid));
    }
    for (key, values) in event.impersonated_extra {
        for value in values {
            count(&on([GROUP, "userextras", key, ""], value));
        }
    }
    let account =
        other.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'));
    match account {
        Some((namespace, name)) => count(&found("", "serviceaccounts", namespace, name)),
        None => count(&found("", "users", "", other)),
    }
    for group in groups {
        let own = matches!(&**group, "system:authenticated" | "system:unauthenticated")
            || account.is_some() && group.starts_with("system:serviceaccounts");
        if !own {
            count(&found("", "groups", "", group));
        }
    }
}

struct Key {
    user: String,
    ask: Ask,
    decision: Decision,
    implied: bool,
}

fn read_key(key: &[u8]) -> Option<Key> {
    let text = std::str::from_utf8(key).ok()?;
    let (flags, rest) = text.split_at_checked(3)?;
    let mut flags = flags.bytes();
    let decision = match flags.next()? {
        b'a' => Decision::Allowed,
        b'd' => Decision::Denied,
        _ => Decision::Unknown,
    };
    let implied = flags.next()? == b'i';
    let is_resource = flags.next()? == b'r';
    let mut parts = rest.split('\0').map(str::to_owned);
    let (user, verb) = (parts.next()?, parts.next()?);
    let ask = match is_resource {
        true => Ask::Resource(ResourceAsk {
            verb,
            group: parts.next()?,
            resource: parts.next()?,
            subresource: parts.next()?,
            namespace: parts.next()?,
            name: String::new(),
        }),
        false => Ask::Path { verb, path: parts.next()? },
    };
    Some(Key { user, ask, decision, implied })
}

#[cfg(test)]
#[path = "tally_tests.rs"]
mod tests;
