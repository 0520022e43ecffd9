//! Trims objects for storage: the same rule for reading clusters and for the snapshot file.
//!
//! The text is copied without the dropped parts and never reformatted, so numbers and escapes stay
//! as the API server sent them. Secret values are never kept.

use pavisade_yaml::{Kind, Source, Value, read, to_json};

/// Annotations in which programs store a copy of the object, including the data of a Secret.
const COPIES: [&str; 5] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "kapp.k14s.io/original",
    "objectset.rio.cattle.io/applied",
    "banzaicloud.com/last-applied",
    "kopf.zalando.org/last-handled-configuration",
];

/// Lists nested deeper than this are dropped. No API server nests them at all.
const MAX_LISTS: usize = 8;

/// Returns the trimmed object: one line of JSON with `apiVersion` and `kind` first.
///
/// Dropped are `managedFields`, annotations with a copy of the object, and the parts of `status`
/// that no check reads. The values of a Secret are replaced with `<redacted>`, also in a list of
/// Secrets.
pub fn trim(value: Value<'_>, api_version: &str, kind: &str) -> String {
    if value.doc().is_json() {
        return trimmed(value, api_version, kind);
    }
    let source = value.doc().source();
    let documents = read(&Source::of(source.name(), source.origin().clone(), to_json(value)));
    let root = documents.docs.first().map(|doc| doc.root());
    // A list or scalar is not an object, so nothing is kept.
    root.filter(|root| root.doc().is_json())
        .map_or_else(|| "{}".to_owned(), |root| trimmed(root, api_version, kind))
}

fn trimmed(value: Value<'_>, api_version: &str, kind: &str) -> String {
    let mut out = String::with_capacity(value.span().len() + 64);
    object(&mut out, value, api_version, kind, 0);
    out
}

fn object(out: &mut String, value: Value<'_>, api_version: &str, kind: &str, lists: usize) {
    out.push_str("{\"apiVersion\":");
    push_text(out, api_version);
    out.push_str(",\"kind\":");
    push_text(out, kind);
    let secret = api_version == "v1" && kind == "Secret";
    // kubectl treats an object with `items` as a list, whatever its kind.
    for (key, field) in value.entries() {
        match key {
            "apiVersion" | "kind" => continue,
            "status" if !keeps_status(api_version, kind) => continue,
            _ => {}
        }
        out.push(',');
        push_key(out, field);
        match key {
            "metadata" => metadata(out, field, secret),
            "data" | "stringData" if secret => redacted(out, field),
            "status" => status(out, field, kind),
            "items" if field.kind() == Kind::Sequence => {
                items(out, field, api_version, kind, lists);
            }
            _ => push_raw(out, field),
        }
    }
    out.push('}');
}

fn items(out: &mut String, list: Value<'_>, api_version: &str, kind: &str, lists: usize) {
    let of_items = kind.strip_suffix("List").unwrap_or(kind);
    out.push('[');
    let mut first = true;
    for item in list.items().filter(|item| item.kind() == Kind::Mapping && lists < MAX_LISTS) {
        if !std::mem::take(&mut first) {
            out.push(',');
        }
        let version = item.str("apiVersion").unwrap_or(api_version);
        object(out, item, version, item.str("kind").unwrap_or(of_items), lists + 1);
    }
    out.push(']');
}

/// Writes a map without the fields rejected by `keep`. Other values are copied.
fn map<'d>(
    out: &mut String,
    value: Value<'d>,
    keep: impl Fn(&str) -> bool,
    mut write: impl FnMut(&mut String, &str, Value<'d>),
) {
    if value.kind() != Kind::Mapping {
        return push_raw(out, value);
    }
    out.push('{');
    let mut first = true;
    for (key, field) in value.entries().filter(|(key, _)| keep(key)) {
        if !std::mem::take(&mut first) {
            out.push(',');
        }
        push_key(out, field);
        write(out, key, field);
    }
    out.push('}');
}

fn metadata(out: &mut String, value: Value<'_>, secret: bool) {
    let field = |out: &mut String, key: &str, field| match key {
        "annotations" => annotations(out, field, secret),
        _ => push_raw(out, field),
    };
    map(out, value, |key| key != "managedFields", field);
}

fn annotations(out: &mut String, value: Value<'_>, secret: bool) {
    let field = |out: &mut String, key: &str, field: Value<'_>| match key {
        // Programs copy the data of a Secret into its annotations in many forms. Only this
        // annotation is known to contain a name.
        _ if secret && key != SERVICE_ACCOUNT => out.push_str(REDACTED),
        _ => push_raw(out, field),
    };
    map(out, value, |key| !COPIES.contains(&key), field);
}

/// The ServiceAccount whose token a Secret holds.
const SERVICE_ACCOUNT: &str = "kubernetes.io/service-account.name";

/// The replacement for a value. Not valid base64, so it cannot be mistaken for a value.
const REDACTED: &str = "\"<redacted>\"";

/// Writes the keys of a Secret's data, which some checks need, without the values.
fn redacted(out: &mut String, value: Value<'_>) {
    match value.kind() {
        Kind::Mapping => map(out, value, |_| true, |out, _, _| out.push_str(REDACTED)),
        Kind::Null => out.push_str("null"),
        _ => out.push_str("{}"),
    }
}

fn keeps_status(api_version: &str, kind: &str) -> bool {
    match api_version.rsplit_once('/').map_or("", |(group, _)| group) {
        "" => matches!(kind, "Node" | "Pod" | "Service" | "Namespace"),
        "networking.k8s.io" | "extensions" => kind == "Ingress",
        _ => false,
    }
}

fn status(out: &mut String, value: Value<'_>, kind: &str) {
    let whole = |out: &mut String, _: &str, field| push_raw(out, field);
    match kind {
        "Node" => {
            let dropped = ["images", "volumesInUse", "volumesAttached"];
            map(out, value, |key| !dropped.contains(&key), whole);
        }
        "Pod" => {
            let container = |key: &str| {
                matches!(
                    key,
                    "containerStatuses" | "initContainerStatuses" | "ephemeralContainerStatuses"
                )
            };
            let keep = |key: &str| key == "phase" || container(key);
            map(out, value, keep, |out, key, field| match container(key) {
                true => container_statuses(out, field),
                false => push_raw(out, field),
            });
        }
        "Namespace" => map(out, value, |key| key == "phase", whole),
        _ => map(out, value, |key| key == "loadBalancer", whole),
    }
}

fn container_statuses(out: &mut String, list: Value<'_>) {
    if list.kind() != Kind::Sequence {
        return push_raw(out, list);
    }
    out.push('[');
    let mut first = true;
    for item in list.items() {
        if !std::mem::take(&mut first) {
            out.push(',');
        }
        let keep = |key: &str| matches!(key, "name" | "image" | "imageID" | "state");
        map(out, item, keep, |out, key, field| match key {
            // Since when it runs. The message of a container that ended may contain anything.
            "state" => map(
                out,
                field,
                |_| true,
                |out, key, field| match key {
                    "running" => push_raw(out, field),
                    _ => out.push_str("{}"),
                },
            ),
            _ => push_raw(out, field),
        });
    }
    out.push(']');
}

fn slice<'d>(value: Value<'d>, from: u32, to: u32) -> &'d str {
    value.doc().source().text().get(from as usize..to as usize).unwrap_or("")
}

fn push_key(out: &mut String, value: Value<'_>) {
    let span = value.key_span().unwrap_or(0..0);
    out.push('"');
    out.push_str(slice(value, span.start, span.end));
    out.push_str("\":");
}

/// Writes the source text of a value on one line.
fn push_raw(out: &mut String, value: Value<'_>) {
    let span = value.span();
    push_compact(out, slice(value, span.start, span.end));
}

fn push_compact(out: &mut String, text: &str) {
    // A JSON string cannot contain a line end, so a text without one is copied.
    if memchr::memchr2(b'\n', b'\r', text.as_bytes()).is_none() {
        return out.push_str(text);
    }
    let (mut in_string, mut escaped, mut from) = (false, false, 0);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            b' ' | b'\t' | b'\n' | b'\r' if !in_string => {
                out.push_str(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    out.push_str(&text[from..]);
}

fn push_text(out: &mut String, text: &str) {
    // Formatting a JSON string cannot fail.
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, api_version: &str, kind: &str, expect: &str) {
        let documents = read(&Source::new("t", text));
        assert_eq!(trim(documents.docs[0].root(), api_version, kind), expect, "{text}");
    }

    #[test]
    fn what_nobody_reads_is_dropped() {
        check(
            r#"{"metadata": {"name": "a", "managedFields": [{"x": 1}], "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "b": "c"}}, "spec": {"x": 1.50}, "status": {"x": 1}}"#,
            "apps/v1",
            "Deployment",
            r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a","annotations":{"b":"c"}},"spec":{"x": 1.50}}"#,
        );
        check(
            r#"{"kind":"Pod","apiVersion":"v1","status":{"phase":"Running","podIP":"10.0.0.1","containerStatuses":[{"name":"c","image":"i","imageID":"d","state":{}}]}}"#,
            "v1",
            "Pod",
            r#"{"apiVersion":"v1","kind":"Pod","status":{"phase":"Running","containerStatuses":[{"name":"c","image":"i","imageID":"d","state":{}}]}}"#,
        );
        check(
            r#"{"kind":"Pod","apiVersion":"v1","status":{"containerStatuses":[{"name":"c","ready":true,"state":{"running":{"startedAt":"t"}},"lastState":{"terminated":{}}},{"state":{"terminated":{"message":"password"}}},{"state":null}]}}"#,
            "v1",
            "Pod",
            r#"{"apiVersion":"v1","kind":"Pod","status":{"containerStatuses":[{"name":"c","state":{"running":{"startedAt":"t"}}},{"state":{"terminated":{}}},{"state":null}]}}"#,
        );
        for (version, kind, status, expect) in [
            (
                "v1",
                "Node",
                r#"{"images":[],"volumesInUse":[],"conditions":[]}"#,
                Some(r#"{"conditions":[]}"#),
            ),
            (
                "v1",
                "Service",
                r#"{"loadBalancer":{},"conditions":[]}"#,
                Some(r#"{"loadBalancer":{}}"#),
            ),
            (
                "networking.k8s.io/v1",
                "Ingress",
                r#"{"loadBalancer":{"ingress":[]}}"#,
                Some(r#"{"loadBalancer":{"ingress":[]}}"#),
            ),
            (
                "v1",
                "Namespace",
                r#"{"phase":"Active","conditions":[]}"#,
                Some(r#"{"phase":"Active"}"#),
            ),
            ("v1", "Pod", r#""odd""#, Some(r#""odd""#)),
            ("example.com/v1", "Pod", r#"{"phase":"Running"}"#, None),
            ("serving.knative.dev/v1", "Service", r#"{"loadBalancer":{}}"#, None),
        ] {
            let text = format!(r#"{{"status":{status}}}"#);
            let kept = expect.map(|kept| format!(r#","status":{kept}"#)).unwrap_or_default();
            check(
                &text,
                version,
                kind,
                &format!(r#"{{"apiVersion":"{version}","kind":"{kind}"{kept}}}"#),
            );
        }
    }

    #[test]
    fn a_secret_keeps_no_value_however_it_stands() {
        for text in [
            r#"{"data":{"a":"HIDDEN","b":{"c":"HIDDEN"}},"stringData":{"d":"HIDDEN"},"type":"Opaque"}"#,
            // The first of two equal keys is ignored but still in the text.
            r#"{"data":{"a":"HIDDEN"},"data":{"a":"HIDDEN","a":"HIDDEN"}}"#,
            r#"{"data":"HIDDEN","stringData":["HIDDEN"]}"#,
            r#"{"\u0064ata":{"a":"HIDDEN"}}"#,
            r#"{"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"HIDDEN","x":"{\"data\":\"HIDDEN\"}","y":"H4sIHIDDEN"}}}"#,
            r#"{"metadata":{"managedFields":[{"a":"HIDDEN"}]}}"#,
            r#"{"items":[{"data":{"a":"HIDDEN"}}]}"#,
            "data: {a: HIDDEN}\nstringData: &x\n  b: HIDDEN\n# HIDDEN\n",
        ] {
            let documents = read(&Source::new("t", text));
            let kept = trim(documents.docs[0].root(), "v1", "Secret");
            assert!(!kept.contains("HIDDEN"), "{text} gave {kept}");
            assert_eq!(read(&Source::new("k", &*kept)).docs.len(), 1, "{kept}");
        }
        check(
            r#"{"data":{"a":"HIDDEN"},"type":"Opaque"}"#,
            "v1",
            "Secret",
            r#"{"apiVersion":"v1","kind":"Secret","data":{"a":"<redacted>"},"type":"Opaque"}"#,
        );
    }

    #[test]
    fn a_secret_in_a_list_keeps_no_value() {
        for (kind, item) in [
            ("List", r#"{"apiVersion":"v1","kind":"Secret","data":{"a":"HIDDEN"}}"#),
            ("SecretList", r#"{"data":{"a":"HIDDEN"}}"#),
            ("List", r#"{"kind":"SecretList","items":[{"data":{"a":"HIDDEN"}}]}"#),
        ] {
            let text = format!(r#"{{"items":[{item}]}}"#);
            let documents = read(&Source::new("t", text));
            let kept = trim(documents.docs[0].root(), "v1", kind);
            assert!(kept.contains(r#""a":"<redacted>""#) && !kept.contains("HIDDEN"), "{kept}");
        }
    }

    #[test]
    fn the_result_is_one_line_and_means_the_same() {
        let pretty = "{\n  \"metadata\": {\"name\": \"a b\\\" c\\\\\"},\r\n\t\"spec\": {\n \"x\": [1, 2.0, null, \"\\u000a \"] }\n}\n";
        check(
            pretty,
            "v1",
            "ConfigMap",
            "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a b\\\" c\\\\\"},\"spec\":{\"x\":[1,2.0,null,\"\\u000a \"]}}",
        );
    }
}
