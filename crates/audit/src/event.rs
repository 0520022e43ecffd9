//! Reading audit events (`audit.k8s.io/v1`), in every form in which they are stored.
//!
//! - one event per line, as the API server writes them;
//! - an `EventList`, as it sends them to webhooks;
//! - CloudWatch, where Amazon EKS stores them: the event is a text in `message`, in the answers of
//!   `filter-log-events`, in subscriptions (`logEvents`), and in exports, where a time precedes it.
//!
//! Only the needed fields are read, and borrowed from the text; contents of objects are skipped.

use crate::quick;
use crate::stored::{ObjectRef, Stored, Text};

/// One event, as far as permissions are concerned.
#[derive(Debug, Clone, Copy)]
pub struct Event<'e> {
    /// `RequestReceived`, `ResponseStarted`, `ResponseComplete`, `Panic`.
    pub stage: &'e str,
    /// The verb; for a path that is not a resource, the HTTP method in lower case.
    pub verb: &'e str,
    /// The path and query.
    pub uri: &'e str,
    /// Who sent the request.
    pub user: &'e str,
    /// Their groups.
    pub groups: &'e [Text<'e>],
    /// The name and groups of the user that they impersonated, if any.
    pub impersonated: Option<(&'e str, &'e [Text<'e>])>,
    /// The UID that they named with it.
    pub impersonated_uid: &'e str,
    /// The other attributes that they named with it, each with its values.
    pub impersonated_extra: &'e [(Text<'e>, Vec<Text<'e>>)],
    /// The resource, if it is one.
    pub object: Option<&'e ObjectRef<'e>>,
    /// The status of the response; 0 if there is none.
    pub code: u16,
    /// When the request arrived.
    pub time: &'e str,
    /// `allow` or `forbid`; empty if the log does not say it.
    pub decision: &'e str,
}

/// What was in a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decoded {
    /// Audit events.
    pub events: u64,
    /// Other JSON, such as other logs in the same place.
    pub others: u64,
    /// Why the rest of the text could not be read, if so.
    pub error: Option<String>,
}

/// Reads the JSON values in a text, one behind the other, and passes each audit event to `take`.
pub fn decode(text: &str, take: &mut dyn FnMut(&Event<'_>)) -> Decoded {
    let mut decoded = Decoded::default();
    values(text, 0, &mut decoded, take);
    decoded
}

fn values(text: &str, depth: u8, decoded: &mut Decoded, take: &mut dyn FnMut(&Event<'_>)) {
    let text = match without_time(text) {
        Some(text) => text,
        None => {
            decoded.others += u64::from(!text.trim().is_empty());
            return;
        }
    };
    if let Some(stored) = quick::event(text) {
        return one(&stored, depth, decoded, take);
    }
    for value in serde_json::Deserializer::from_str(text).into_iter::<Stored<'_>>() {
        match value {
            Ok(stored) => one(&stored, depth, decoded, take),
            Err(error) => {
                decoded.error.get_or_insert_with(|| error.to_string());
                return;
            }
        }
    }
}

/// Cuts off the time that exports of CloudWatch put before an event. `None` if there is no JSON.
fn without_time(text: &str) -> Option<&str> {
    let start = text.trim_start();
    if start.starts_with('{') {
        return Some(start);
    }
    let (time, rest) = start.split_once(' ')?;
    let is_time = time.len() <= 40 && time.starts_with(|c: char| c.is_ascii_digit());
    let rest = rest.trim_start();
    (is_time && rest.starts_with('{')).then_some(rest)
}

fn one(stored: &Stored<'_>, depth: u8, decoded: &mut Decoded, take: &mut dyn FnMut(&Event<'_>)) {
    if let Some(items) = &stored.items {
        for item in &items.0 {
            one(item, depth, decoded, take);
        }
        return;
    }
    let messages = stored.events.iter().chain(&stored.log_events).flat_map(|list| &list.0);
    let mut inside = messages.map(|one| &*one.message).peekable();
    let own = (!stored.message.is_empty() && stored.verb.is_empty()).then_some(&*stored.message);
    if depth < 2 && (inside.peek().is_some() || own.is_some()) {
        for message in inside.chain(own) {
            values(message, depth + 1, decoded, take);
        }
        return;
    }
    let empty = stored.kind.is_empty() || &*stored.kind == "Event";
    let (true, Some(user), false) = (empty, &stored.user, stored.verb.is_empty()) else {
        // A list without events is an answer as well.
        decoded.others += u64::from(stored.events.is_none() && stored.log_events.is_none());
        return;
    };
    decoded.events += 1;
    let code = stored.response_status.as_ref().and_then(|status| status.code);
    let object = stored.object_ref.as_ref().filter(|object| !object.resource.is_empty());
    let impersonated = stored.impersonated_user.as_ref();
    take(&Event {
        stage: &stored.stage,
        verb: &stored.verb,
        uri: &stored.uri,
        user: &user.username,
        groups: user.groups.as_deref().unwrap_or_default(),
        impersonated: impersonated
            .map(|who| (&*who.username, who.groups.as_deref().unwrap_or_default())),
        impersonated_uid: impersonated.map_or("", |who| &who.uid),
        impersonated_extra: impersonated
            .and_then(|who| who.extra.as_ref())
            .map_or(&[], |extra| extra.0.as_slice()),
        object,
        code: code.and_then(|code| u16::try_from(code).ok()).unwrap_or(0),
        time: &stored.request_received_timestamp,
        decision: stored.annotations.as_ref().map_or("", |notes| &notes.decision),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"1","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/shop/pods/web?x=1","verb":"get","user":{"username":"ann","groups":["devs","system:authenticated"],"extra":{"a":["b"]}},"objectRef":{"resource":"pods","namespace":"shop","name":"web","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":200},"requestReceivedTimestamp":"2030-01-01T00:00:00.000000Z","annotations":{"authorization.k8s.io/decision":"allow"}}"#;

    fn read(text: &str) -> (Vec<String>, Decoded) {
        let mut events = Vec::new();
        let decoded = decode(text, &mut |event| {
            let object = event.object.map(|o| format!("{}/{}", &*o.resource, &*o.name));
            events.push(format!(
                "{} {} {} {} {}",
                event.user,
                event.verb,
                object.unwrap_or_default(),
                event.code,
                event.decision
            ));
        });
        (events, decoded)
    }

    #[test]
    fn every_form_of_the_same_event() {
        let quoted = serde_json::to_string(EVENT).unwrap();
        for text in [
            EVENT.to_owned(),
            format!("  {EVENT}\n"),
            format!(r#"{{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[{EVENT}]}}"#),
            format!(
                r#"{{"events":[{{"logStreamName":"kube-apiserver-audit-1","timestamp":1,"message":{quoted}}}],"searchedLogStreams":[]}}"#
            ),
            format!(
                r#"{{"messageType":"DATA_MESSAGE","logEvents":[{{"id":"1","message":{quoted}}}]}}"#
            ),
            format!("2030-01-01T00:00:00.000Z {EVENT}"),
            format!(r#"{{"timestamp":"1","message":{quoted}}}"#),
        ] {
            let (events, decoded) = read(&text);
            assert_eq!(events, ["ann get pods/web 200 allow"], "{text}");
            assert_eq!((decoded.events, decoded.others, decoded.error), (1, 0, None), "{text}");
        }
        // Subscriptions write one behind the other, without a line end.
        assert_eq!(read(&format!("{EVENT}{EVENT}")).0.len(), 2);
    }

    #[test]
    fn other_json_is_counted_and_invalid_json_is_an_error() {
        for (text, others) in [
            (r#"{"kind":"Pod","metadata":{}}"#, 1),
            (r#"{"message":"I1201 06:00:00 1 controller.go] starting"}"#, 1),
            (r#"{"items":"text","events":{"a":1}}"#, 0),
            ("plain text", 1),
            ("", 0),
        ] {
            let (events, decoded) = read(text);
            assert_eq!((events.len(), decoded.others), (0, others), "{text}");
            assert_eq!(decoded.error, None, "{text}");
        }
        for text in [&EVENT[..200], r#"{"kind":5}"#, r#"{"user":{"username":["a"]}}"#] {
            assert!(read(text).1.error.is_some(), "{text}");
        }
        // What precedes a broken value counts.
        let (events, decoded) = read(&format!("{EVENT}{}", &EVENT[..100]));
        assert!(events.len() == 1 && decoded.error.is_some());
    }

    #[test]
    fn messages_in_messages_end() {
        let mut text = EVENT.to_owned();
        for _ in 0..5 {
            text = format!(r#"{{"message":{}}}"#, serde_json::to_string(&text).unwrap());
        }
        let (events, decoded) = read(&text);
        assert_eq!((events.len(), decoded.others), (0, 1));
    }

    #[test]
    fn escapes_are_decoded() {
        let text = EVENT.replace("\"ann\"", r#""an\u006e\n""#);
        assert_eq!(read(&text).0, ["ann\n get pods/web 200 allow"]);
    }
}
