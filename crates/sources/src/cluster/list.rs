//! Paged lists: a kind is read page by page, and each object is trimmed on arrival.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pavisade_model::Cause;
use pavisade_snapshot::{Coverage, Object, stored};
use pavisade_yaml::{Doc, Kind, Origin, Source, Value, read};
use tokio::sync::Mutex;

use super::discovery::Resource;
use super::http::{Failure, Server};
use crate::{ClusterLimits, Progress};

/// Number of objects per page.
const PAGE: usize = 500;
/// The factor by which a page that is too large is reduced.
const SHRINK: usize = 5;
/// Maximum number of objects in a page, regardless of how many were requested.
const MAX_ITEMS: usize = 50_000;
/// Pages from this size in bytes are read one at a time, since their values take several times as
/// much memory.
const LARGE: usize = 4 << 20;
/// Maximum ratio of an object's size in memory to its text, not counting the first 64 KiB. Usually
/// they are about equal.
const MAX_DENSITY: usize = 4;
const FREE_DENSITY: usize = 64 << 10;
/// Approximate memory of an object in addition to its text and values, in bytes.
const OBJECT: usize = 1 << 10;
/// Number of consecutive lists without a connection or response after which the server is
/// considered unavailable.
const GONE: usize = 4;
/// Maximum number of times a list is restarted after its token expired without a new one.
const RESTARTS: usize = 1;
/// Maximum number of expired continue tokens per list.
const MAX_EXPIRED: usize = 100;
/// Maximum number of consecutive pages without objects.
const MAX_EMPTY: usize = 20;
/// The source of an object as shown to users.
const SOURCE: &str = "cluster";

/// The result for a kind.
pub(crate) struct Listed {
    pub objects: Vec<Object>,
    pub coverage: Coverage,
    /// The reason why not all objects were read.
    pub gap: Option<Gap>,
    /// Whether it combines pages of different resource versions.
    pub mixed: bool,
}

/// The reason why a kind is incomplete.
pub(crate) struct Gap {
    pub cause: Cause,
    /// Whether the timeout for the whole cluster expired.
    pub late: bool,
}

impl Gap {
    /// Whether only the permission is missing, which is not a connection failure.
    pub(crate) fn is_forbidden(&self) -> bool {
        matches!(self.cause, Cause::Forbidden { .. })
    }
}

/// State shared by all lists of a cluster.
pub(crate) struct Shared<'a> {
    pub progress: &'a dyn Progress,
    pub name: &'a str,
    pub read: AtomicUsize,
    /// Approximate memory of the objects read so far, in bytes.
    pub bytes: AtomicUsize,
    /// The limits.
    pub limits: ClusterLimits,
    /// The number of consecutive connection failures.
    pub failures: AtomicUsize,
    /// Held while a large page is read.
    pub turn: Mutex<()>,
}

/// Reads all objects of a resource.
pub(crate) async fn list(server: &Server, resource: &Resource, shared: &Shared<'_>) -> Listed {
    let mut listed =
        Listed { objects: Vec::new(), coverage: Coverage::Complete, gap: None, mixed: false };
    let (mut token, mut restarts, mut expired, mut empty) = (String::new(), 0, 0, 0);
    let (mut tokens, mut limit, mut pages) = (HashSet::new(), PAGE, 0);
    loop {
        if shared.failures.load(Ordering::Relaxed) >= GONE {
            return listed.broken("the API server is no longer available".into());
        }
        pages += 1;
        if pages > shared.limits.pages {
            return listed.broken(format!("it has more than {} pages", shared.limits.pages));
        }
        let path = format!("{}?limit={limit}{}", resource.path(), continued(&token));
        let text = match server.get(&path, "application/json").await {
            Ok(text) => text,
            Err(Failure::Status { code: 410, token: next, .. }) if !token.is_empty() => {
                expired += 1;
                if expired > MAX_EXPIRED {
                    return listed.broken("its continue tokens repeatedly expire".into());
                }
                // Continue the list with the current state, or restart it.
                match next {
                    Some(next) => {
                        listed.mixed = true;
                        token = next;
                        continue;
                    }
                    None if restarts < RESTARTS => {
                        restarts += 1;
                        listed.objects.clear();
                        token.clear();
                        tokens.clear();
                        continue;
                    }
                    None => return listed.broken("its continue token expired twice".into()),
                }
            }
            Err(Failure::Status { code: 403, own: true, .. }) => return listed.forbidden(resource),
            // The CustomResourceDefinition was deleted in the meantime.
            Err(Failure::Status { code: 404, own: true, .. }) if token.is_empty() => {
                listed.coverage = Coverage::NotServed;
                return listed;
            }
            Err(Failure::Size(_)) if limit > 1 => {
                limit = limit.div_ceil(SHRINK);
                continue;
            }
            Err(failure @ Failure::Late(_)) => return listed.late(failure.to_string()),
            Err(failure) => {
                let busy = matches!(failure, Failure::Status { code: 429 | 503 | 504, .. });
                if busy || matches!(failure, Failure::Connection(_) | Failure::Time(_)) {
                    shared.failures.fetch_add(1, Ordering::Relaxed);
                }
                return listed.broken(failure.to_string());
            }
        };
        shared.failures.store(0, Ordering::Relaxed);
        let resource_here = resource.clone();
        let turn = if text.len() > LARGE { Some(shared.turn.lock().await) } else { None };
        let page = tokio::task::spawn_blocking(move || page(&text, &resource_here)).await;
        drop(turn);
        let page = match page {
            Ok(Ok(page)) => page,
            Ok(Err(why)) => return listed.broken(why),
            Err(_) => return listed.broken("a page could not be read".into()),
        };
        let all = shared.read.fetch_add(page.objects.len(), Ordering::Relaxed) + page.objects.len();
        empty = if page.objects.is_empty() { empty + 1 } else { 0 };
        listed.objects.extend(page.objects);
        shared.progress.stage(&format!("Reading {}: {all} objects", shared.name));
        let ClusterLimits { objects, bytes, .. } = shared.limits;
        if all > objects {
            return listed.broken(format!("the cluster has more than {objects} objects"));
        }
        if shared.bytes.fetch_add(page.bytes, Ordering::Relaxed) + page.bytes > bytes {
            let why = format!("the objects of the cluster take more than {} MB", bytes >> 20);
            return listed.broken(why);
        }
        if page.token.is_empty() {
            return listed;
        }
        if empty > MAX_EMPTY {
            return listed.broken("the API server repeatedly sends empty pages".into());
        }
        // A server that repeats a token would never end.
        if !tokens.insert(page.token.clone()) {
            return listed.broken("the API server repeats its continue token".into());
        }
        token = page.token;
    }
}

impl Listed {
    fn broken(mut self, why: String) -> Self {
        self.coverage = Coverage::Unread;
        let cause = Cause::BrokeOff { after: self.objects.len(), why };
        self.gap = Some(Gap { cause, late: false });
        self
    }

    fn late(self, why: String) -> Self {
        let broken = self.broken(why);
        Self { gap: broken.gap.map(|gap| Gap { late: true, ..gap }), ..broken }
    }

    fn forbidden(mut self, resource: &Resource) -> Self {
        self.coverage = Coverage::Unread;
        let resource = match &*resource.group {
            "" => resource.resource.clone(),
            group => format!("{}.{group}", resource.resource),
        };
        self.gap = Some(Gap { cause: Cause::Forbidden { resource }, late: false });
        self
    }
}

/// Returns the query for the next page. A token is encoded, since it may contain characters that
/// URLs do not allow.
fn continued(token: &str) -> String {
    if token.is_empty() {
        return String::new();
    }
    let mut out = String::from("&continue=");
    for byte in token.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

struct Page {
    objects: Vec<Object>,
    token: String,
    /// The approximate memory of the objects.
    bytes: usize,
}

fn page(text: &[u8], resource: &Resource) -> Result<Page, String> {
    let broken = |what: &str| format!("the list from the API server is {what}");
    let text = std::str::from_utf8(text).map_err(|_| broken("not valid UTF-8"))?;
    let documents = read(&Source::of(SOURCE, Origin::Object, text));
    let doc = documents.docs.first().ok_or_else(|| broken("not valid JSON"))?;
    if documents.docs.len() > 1 || !documents.notes.is_empty() {
        return Err(broken("not valid JSON"));
    }
    let list = doc.root();
    if list.get("items").is_none() {
        return Err(broken("without `items`"));
    }
    if list.list("items").nth(MAX_ITEMS).is_some() {
        return Err(broken(&format!("too long: more than {MAX_ITEMS} objects in one page")));
    }
    let api_version = resource.api_version();
    let objects: Option<Vec<_>> =
        list.list("items").map(|item| object(item, &api_version, &resource.kind)).collect();
    let objects = objects.ok_or_else(|| broken("not a list of objects"))?;
    let is_dense = |object: &Object| {
        let text = object.doc().source().text().len();
        object.doc().memory() > FREE_DENSITY + MAX_DENSITY * text
    };
    if objects.iter().any(is_dense) {
        return Err(broken("not valid: one of its objects contains only empty values"));
    }
    let token = list.at(&["metadata", "continue"]).and_then(Value::as_str).unwrap_or_default();
    let size =
        |object: &Object| OBJECT + object.doc().source().text().len() + object.doc().memory();
    let bytes = objects.iter().map(size).sum();
    Ok(Page { objects, token: token.to_owned(), bytes })
}

/// Converts an item of a list. Items have no type of their own.
fn object(item: Value<'_>, api_version: &str, kind: &str) -> Option<Object> {
    let text = (item.kind() == Kind::Mapping).then(|| stored::trim(item, api_version, kind))?;
    parsed(text).map(|doc| Object::new(doc.root(), api_version, kind))
}

/// Parses the JSON of one object.
pub(crate) fn parsed(json: String) -> Option<Doc> {
    read(&Source::of(SOURCE, Origin::Object, json)).docs.into_iter().next()
}

/// Lists several resources, four at a time, and returns them in the given order.
pub(crate) async fn all(
    server: &Server,
    resources: Vec<Resource>,
    shared: &Shared<'_>,
) -> Vec<(Resource, Listed)> {
    let resources: Arc<[Resource]> = resources.into();
    let next = AtomicUsize::new(0);
    let worker = async || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(resource) = resources.get(index) else { return done };
            done.push((index, list(server, resource, shared).await));
        }
    };
    let (a, b, c, d) = tokio::join!(worker(), worker(), worker(), worker());
    let mut done: Vec<_> = [a, b, c, d].into_iter().flatten().collect();
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(index, listed)| (resources[index].clone(), listed)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pods() -> Resource {
        Resource {
            group: String::new(),
            version: "v1".into(),
            kind: "Pod".into(),
            resource: "pods".into(),
            namespaced: true,
        }
    }

    #[test]
    fn items_of_a_page_get_their_type_and_lose_what_nobody_reads() {
        let text = r#"{"kind":"PodList","metadata":{"continue":"a+b/c="},"items":[
            {"metadata":{"name":"a","managedFields":[{"x":1}]},"spec":{"containers":[]}}]}"#;
        let page = page(text.as_bytes(), &pods()).unwrap();
        assert_eq!(page.objects.len(), 1);
        let pod = &page.objects[0];
        assert_eq!((pod.kind(), pod.version(), pod.name()), ("Pod", "v1", "a"));
        assert!(pod.at(&["metadata", "managedFields"]).is_none());
        assert_eq!(pod.at(&["kind"]).and_then(Value::as_str), Some("Pod"));
        assert_eq!(continued(&page.token), "&continue=a%2Bb%2Fc%3D");
    }

    #[test]
    fn an_object_that_takes_far_more_memory_than_text_is_refused() {
        let list = |values: usize| {
            let text = format!(r#"{{"items":[{{"x":[{}0]}}]}}"#, "[],".repeat(values));
            page(text.as_bytes(), &pods())
        };
        assert!(list(1_000).is_ok());
        assert!(list(100_000).is_err_and(|why| why.contains("contains only empty values")));
    }

    #[test]
    fn what_is_no_list_is_an_error_and_not_an_empty_list() {
        for text in [
            "",
            "{}",
            "<html>",
            "{\"items\":",
            "\u{0}",
            "{\"items\":[]} {\"items\":[]}",
            "{\"items\":[null]}",
            "{\"items\":[{},7]}",
        ] {
            assert!(page(text.as_bytes(), &pods()).is_err(), "{text}");
        }
        assert!(page(b"\xff", &pods()).is_err());
        assert_eq!(page(b"{\"items\":null}", &pods()).unwrap().objects.len(), 0);
    }
}
