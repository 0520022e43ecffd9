use super::*;
use crate::decode;

#[test]
fn times() {
    for text in ["1970-01-01T00:00:00Z", "2024-02-29T23:59:59Z", "2026-12-01T06:00:00Z"] {
        let want: Timestamp = text.parse().unwrap();
        assert_eq!(seconds(text), Some(want.as_second()), "{text}");
    }
    assert_eq!(seconds("2026-12-01T06:00:00.123456Z"), seconds("2026-12-01T06:00:00Z"));
    for text in ["", "2026", "2026-13-01T06:00:00Z", "2026-12-01T06:00:00+01:00", "é026-12-01T"] {
        assert_eq!(seconds(text), None, "{text}");
    }
}

/// `VERB URI [group=G] [resource=R] …` as an event of `ann`.
fn event(verb: &str, uri: &str, object: &str, code: u16, more: &str) -> String {
    let object = match object {
        "" => String::new(),
        object => format!(r#","objectRef":{object}"#),
    };
    format!(
        r#"{{"kind":"Event","stage":"ResponseComplete","verb":"{verb}","requestURI":"{uri}","user":{{"username":"ann","groups":["devs"]}}{object},"responseStatus":{{"code":{code}}},"requestReceivedTimestamp":"2030-01-01T00:00:00Z"{more}}}"#
    )
}

fn asks(lines: &[String]) -> Vec<String> {
    let mut tally = Tally::new(Limits { names: 2, ..Limits::default() });
    for line in lines {
        let read = decode(line, &mut |event| tally.take(event));
        assert_eq!((read.events, read.error), (1, None), "{line}");
    }
    let usage = tally.finish();
    let words = usage.uses.iter().map(|one| {
        let flag = match (one.decision, one.implied) {
            (Decision::Allowed, false) => "",
            (Decision::Allowed, true) => " implied",
            (Decision::Denied, _) => " denied",
            (Decision::Unknown, _) => " unknown",
        };
        format!("{}: {}{flag}", one.user, one.ask)
    });
    words.collect()
}

#[test]
fn what_the_authorizer_was_asked() {
    let pods = r#"{"resource":"pods","namespace":"shop","name":"web"}"#;
    let uri = "/api/v1/namespaces/shop/pods";
    let one = |verb, uri, object, code| asks(&[event(verb, uri, object, code, "")]);
    assert_eq!(one("get", uri, pods, 200), ["ann: get pods named web in namespace shop"]);
    // The name of a new object is not asked for; that of a subresource is.
    assert_eq!(one("create", uri, pods, 201), ["ann: create pods in namespace shop"]);
    let exec = r#"{"resource":"pods","namespace":"shop","name":"web","subresource":"exec"}"#;
    let asked = "create pods/exec named web in namespace shop";
    assert_eq!(one("create", uri, exec, 101), [format!("ann: {asked}")]);
    let both = [
        format!("ann: {asked} implied"),
        "ann: get pods/exec named web in namespace shop".to_owned(),
    ];
    assert_eq!(one("get", uri, exec, 101), both);
    // A namespace in the body of a new object that is in none.
    let node = r#"{"resource":"nodes","namespace":"shop","name":"n"}"#;
    assert_eq!(one("create", "/api/v1/nodes", node, 201), ["ann: create nodes"]);
    // Server-side apply that created the object.
    let map = r#"{"resource":"configmaps","namespace":"shop","name":"a"}"#;
    let both = [
        "ann: create configmaps named a in namespace shop implied",
        "ann: patch configmaps named a in namespace shop",
    ];
    assert_eq!(one("patch", uri, map, 201), both);
    assert_eq!(one("patch", uri, map, 200).len(), 1);
    assert_eq!(one("get", "/healthz?verbose", "", 200), ["ann: get /healthz"]);
}

#[test]
fn decisions_are_those_of_the_log_or_not_known() {
    let pods = r#"{"resource":"pods","namespace":"shop"}"#;
    let note =
        |text: &str| format!(r#","annotations":{{"authorization.k8s.io/decision":"{text}"}}"#);
    for (code, more, want) in [
        (200, String::new(), ""),
        (403, note("forbid"), " denied"),
        // A quota refused what the authorizer allowed.
        (403, note("allow"), ""),
        (403, String::new(), " unknown"),
        (404, String::new(), ""),
        (429, String::new(), " unknown"),
        (429, note("allow"), ""),
        (500, String::new(), " unknown"),
        (0, String::new(), " unknown"),
    ] {
        let line = event("list", "/api/v1/namespaces/shop/pods", pods, code, &more);
        let want = format!("ann: list pods in namespace shop{want}");
        assert_eq!(asks(&[line]), [want], "{code} {more}");
    }
    let line = event("list", "/api/v1/namespaces/shop/pods", pods, 401, "");
    assert!(asks(&[line]).is_empty());
}

#[test]
fn impersonation_is_used_by_one_and_the_rest_by_the_other() {
    let pods = r#"{"resource":"pods","namespace":"shop"}"#;
    let more = r#","impersonatedUser":{"username":"bob","groups":["ops","system:authenticated"]}"#;
    let line = event("list", "/api/v1/namespaces/shop/pods", pods, 200, more);
    let want = [
        "ann: impersonate groups named ops implied",
        "ann: impersonate users named bob implied",
        "bob: list pods in namespace shop",
    ];
    assert_eq!(asks(&[line]), want);
    let more = r#","impersonatedUser":{"username":"system:anonymous","uid":"u1","groups":["system:unauthenticated"],"extra":{"scopes":["a","b"],"none":null}}"#;
    let line = event("list", "/api/v1/namespaces/shop/pods", pods, 200, more);
    let want = [
        "ann: impersonate users named system:anonymous implied",
        "ann: impersonate uids.authentication.k8s.io named u1 implied",
        "ann: impersonate userextras/scopes.authentication.k8s.io named a implied",
        "ann: impersonate userextras/scopes.authentication.k8s.io named b implied",
        "system:anonymous: list pods in namespace shop",
    ];
    assert_eq!(asks(&[line]), want);
    let more = r#","impersonatedUser":{"username":"system:serviceaccount:ci:x","groups":["system:serviceaccounts","system:serviceaccounts:ci"]}"#;
    let line = event("list", "/api/v1/namespaces/shop/pods", pods, 200, more);
    assert_eq!(
        asks(&[line])[0],
        "ann: impersonate serviceaccounts named x in namespace ci implied"
    );
}

#[test]
fn too_many_names_become_none() {
    let line = |name: &str| {
        let pod = format!(r#"{{"resource":"pods","namespace":"shop","name":"{name}"}}"#);
        event("get", "/api/v1/namespaces/shop/pods/x", &pod, 200, "")
    };
    assert_eq!(asks(&[line("a"), line("b"), line("a")]).len(), 2);
    let all = [line("a"), line("b"), line("c"), line("a")];
    assert_eq!(asks(&all), ["ann: get pods in namespace shop"]);
}

#[test]
fn paths_are_never_folded() {
    let all: Vec<_> =
        (0..40).map(|n| event("get", &format!("/x/{n:02}?a=b"), "", 200, "")).collect();
    let found = asks(&all);
    assert_eq!(found.len(), 40);
    assert_eq!(found[39], "ann: get /x/39");
}

#[test]
fn merging_is_counting_together() {
    let line = |name: &str| {
        let pod = format!(r#"{{"resource":"pods","namespace":"shop","name":"{name}"}}"#);
        event("get", "/api/v1/namespaces/shop/pods/x", &pod, 200, "")
    };
    let count = |names: &[&str]| {
        let mut tally = Tally::new(Limits { names: 2, ..Limits::default() });
        for name in names {
            decode(&line(name), &mut |event| tally.take(event));
        }
        tally
    };
    for (left, right) in
        [(&["a"][..], &["b"][..]), (&["a", "b"], &["c"]), (&["a", "b", "c"], &["a"])]
    {
        let mut merged = count(left);
        merged.merge(count(right));
        let whole = count(&[left, right].concat());
        let (merged, whole) = (merged.finish(), whole.finish());
        assert_eq!((merged.uses, merged.users), (whole.uses, whole.users));
    }
}

#[test]
fn more_than_the_limits_is_counted_and_said() {
    let limits = Limits { uses: 2, ..Limits::default() };
    let mut tally = Tally::new(limits);
    for verb in ["get", "list", "watch", "watch"] {
        let line = event(verb, "/x", r#"{"resource":"pods"}"#, 200, "");
        decode(&line, &mut |event| tally.take(event));
    }
    let usage = tally.finish();
    assert_eq!((usage.uses.len(), usage.dropped, usage.events), (2, 2, 4));
}

#[test]
fn users_groups_and_bytes_beyond_the_limits_are_said() {
    let line = event("get", "/x", r#"{"resource":"pods","name":"a"}"#, 200, "");
    let dropped = |limits: Limits| {
        let mut tally = Tally::new(limits);
        decode(&line, &mut |event| tally.take(event));
        tally.finish().dropped
    };
    let limits = Limits::default();
    assert_eq!(dropped(limits), 0);
    // Once for an event, whatever of it is not kept.
    assert_eq!(dropped(Limits { users: 0, ..limits }), 1);
    assert_eq!(dropped(Limits { groups: 0, ..limits }), 1);
    for bytes in [0, 200, 300, 400] {
        assert_eq!(dropped(Limits { bytes, ..limits }), 1, "{bytes}");
    }
    // Names that became none leave their space to others.
    let mut tally = Tally::new(Limits { names: 1, ..limits });
    let named = |name: &str| {
        let pod = format!(r#"{{"resource":"pods","name":"{name}"}}"#);
        event("get", "/x", &pod, 200, "")
    };
    decode(&named("a"), &mut |event| tally.take(event));
    let one = tally.bytes;
    decode(&named("b"), &mut |event| tally.take(event));
    assert_eq!(tally.bytes, one - PER_TEXT - 1);
}
