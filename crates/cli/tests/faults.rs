//! What an API server may do to a scan: each fault has a clear message, the right exit code, and
//! hides nothing else. The server here is a stub that misbehaves on purpose; a real one is asked
//! in `cluster.rs`.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// How a path is answered.
enum Reply {
    Status(u16, &'static str, String),
    /// A byte every 50 ms, for ever.
    Drip,
    /// Nothing, for ever.
    Hang,
    /// The connection is closed in the middle of the body.
    Cut,
}

fn ok(body: impl Into<String>) -> Reply {
    Reply::Status(200, "", body.into())
}

fn refused(code: u16, message: &str) -> Reply {
    Reply::Status(code, "", format!(r#"{{"kind":"Status","message":"{message}","code":{code}}}"#))
}

type Answer = dyn Fn(&str, usize) -> Option<Reply> + Send + Sync;

/// A server that answers with `answer`, given a path and how often any path was asked for, and
/// like an empty cluster with a privileged pod where that gives nothing.
fn serve(answer: impl Fn(&str, usize) -> Option<Reply> + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer: Arc<Answer> = Arc::new(answer);
    let count = Arc::new(AtomicUsize::new(0));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (answer, count) = (answer.clone(), count.clone());
            thread::spawn(move || one(stream.unwrap(), &*answer, &count));
        }
    });
    format!("http://{address}")
}

fn one(mut stream: TcpStream, answer: &Answer, count: &AtomicUsize) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let Some(Ok(first)) = lines.next() else { return };
    while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
    let path = first.split(' ').nth(1).unwrap_or_default();
    let reply = answer(path, count.fetch_add(1, Ordering::Relaxed)).unwrap_or_else(|| usual(path));
    let head = |code: u16, more: &str, length: usize| {
        format!(
            "HTTP/1.1 {code} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
             Connection: close\r\n{more}\r\n"
        )
    };
    // The client may be gone already: that is its right.
    let _ = match reply {
        Reply::Status(code, more, body) => {
            stream.write_all((head(code, more, body.len()) + &body).as_bytes())
        }
        Reply::Cut => stream.write_all((head(200, "", 1000) + "{\"items\":[").as_bytes()),
        Reply::Hang => {
            thread::sleep(Duration::from_secs(30));
            Ok(())
        }
        Reply::Drip => {
            let mut sent = stream.write_all(head(200, "", 1_000_000).as_bytes());
            for _ in 0..600 {
                if sent.is_err() {
                    break;
                }
                thread::sleep(Duration::from_millis(50));
                sent = stream.write_all(b" ");
            }
            sent
        }
    };
}

const POD: &str = r#"{"metadata":{"name":"NAME","namespace":"default"},"spec":{"containers":[{"name":"c","image":"a","securityContext":{"privileged":true}}]}}"#;

fn pods(names: &[&str], token: &str) -> String {
    let pods: Vec<_> = names.iter().map(|name| POD.replace("NAME", name)).collect();
    format!(r#"{{"metadata":{{"continue":"{token}"}},"items":[{}]}}"#, pods.join(","))
}

/// Pods and Services in the core group, NetworkPolicies beside them, by the old discovery.
fn usual(path: &str) -> Reply {
    let kind = |name: &str, kind: &str| {
        format!(r#"{{"name":"{name}","kind":"{kind}","namespaced":true,"verbs":["list"]}}"#)
    };
    ok(match path.split('?').next().unwrap() {
        "/version" => r#"{"major":"1","minor":"33","gitVersion":"v1.33.1"}"#.to_owned(),
        "/api" => r#"{"kind":"APIVersions","versions":["v1"]}"#.to_owned(),
        "/apis" => {
            r#"{"kind":"APIGroupList","groups":[{"name":"networking.k8s.io","versions":[{"version":"v1"}],"preferredVersion":{"version":"v1"}}]}"#.to_owned()
        }
        "/api/v1" => format!(
            r#"{{"resources":[{},{},{}]}}"#,
            kind("pods", "Pod"),
            kind("pods/log", "Pod"),
            kind("services", "Service")
        ),
        "/apis/networking.k8s.io/v1" => {
            format!(r#"{{"resources":[{}]}}"#, kind("networkpolicies", "NetworkPolicy"))
        }
        "/api/v1/pods" => pods(&["a"], ""),
        _ => r#"{"items":[]}"#.to_owned(),
    })
}

struct Run {
    code: i32,
    out: String,
    err: String,
}

fn scan(server: &str, more: &[&str]) -> Run {
    scan_all(&[("stub", server)], more)
}

/// The same of several servers, each with a context of its name.
fn scan_all(servers: &[(&str, &str)], more: &[&str]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("config");
    let list = |one: fn((&str, &str)) -> String| {
        servers.iter().map(|server| one(*server)).collect::<Vec<_>>().join(", ")
    };
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: {}\ncontexts: [{}]\nclusters: [{}]\n\
         users: [{{name: u, user: {{token: not-a-secret}}}}]\n",
        servers[0].0,
        list(|(name, _)| format!("{{name: {name}, context: {{cluster: {name}, user: u}}}}")),
        list(|(name, server)| format!("{{name: {name}, cluster: {{server: '{server}'}}}}")),
    );
    fs::write(&kubeconfig, text).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_pavisade"))
        .args(["scan", "--cluster", "--no-probe", "--kubeconfig"])
        .arg(&kubeconfig)
        .args(["--check", "privileged-container,exposed-load-balancer,unrestricted-ingress"])
        .arg("--explain")
        .args(more)
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// The scan ends with `code`, says every one of `says`, and still finds the privileged pod.
#[track_caller]
fn check(run: &Run, code: i32, says: &[&str]) {
    let all = format!("{}\n{}", run.out, run.err);
    let flat = all.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(run.code, code, "{all}");
    for text in says.iter().chain(&["PV-C001"]) {
        assert!(flat.contains(text), "`{text}` is not said:\n{all}");
    }
    assert!(!all.contains("not-a-secret"), "{all}");
}

#[test]
fn a_cluster_without_faults_has_findings_and_the_version_of_its_server() {
    let run = scan(&serve(|_, _| None), &[]);
    check(&run, 1, &["Pod default/a", "Kubernetes 1.33"]);
}

#[test]
fn a_list_that_drips_ends_in_time() {
    let server = serve(|path, _| path.starts_with("/api/v1/services").then_some(Reply::Drip));
    let run = scan(&server, &["--request-timeout", "1"]);
    check(&run, 3, &["services: no complete response within 1 s"]);
}

#[test]
fn a_list_that_hangs_ends_in_time() {
    let server = serve(|path, _| path.contains("networkpolicies").then_some(Reply::Hang));
    let run = scan(&server, &["--request-timeout", "1"]);
    check(&run, 3, &["networkpolicies: no complete response within 1 s"]);
}

#[test]
fn a_list_that_is_forbidden_is_no_failure_of_the_run_and_makes_its_checks_unknown() {
    let server = serve(|path, _| {
        path.starts_with("/api/v1/services").then(|| refused(403, "services is forbidden"))
    });
    let run = scan(&server, &[]);
    check(
        &run,
        1,
        &["unknown[PV-N005]", "permission to list `services` in all namespaces is missing"],
    );
}

#[test]
fn a_connection_that_breaks_in_a_second_page_keeps_the_first() {
    let server = serve(|path, _| match path {
        "/api/v1/pods?limit=500" => Some(ok(pods(&["a", "b"], "next"))),
        path if path.starts_with("/api/v1/pods") => Some(Reply::Cut),
        _ => None,
    });
    let run = scan(&server, &[]);
    check(&run, 3, &["pods: the list was interrupted after 2: the connection", "2 places"]);
}

#[test]
fn an_expired_credential_is_said_to_be_one() {
    let run = scan(&serve(|_, _| Some(refused(401, "Unauthorized"))), &[]);
    assert_eq!(run.code, 3, "{}", run.out);
    assert!(run.out.contains("401") && run.out.contains("Log in again"), "{}", run.out);
    assert!(!run.out.contains("no findings"), "{}", run.out);
}

#[test]
fn a_continue_token_that_expires_is_followed_by_the_next_one() {
    let server = serve(|path, _| match path {
        "/api/v1/pods?limit=500" => Some(ok(pods(&["a"], "old"))),
        "/api/v1/pods?limit=500&continue=old" => Some(Reply::Status(
            410,
            "",
            r#"{"kind":"Status","reason":"Expired","metadata":{"continue":"new"}}"#.into(),
        )),
        "/api/v1/pods?limit=500&continue=new" => Some(ok(pods(&["b"], ""))),
        _ => None,
    });
    check(
        &scan(&server, &["--full"]),
        1,
        &["Pod default/a", "Pod default/b", "from two points in time"],
    );
}

#[test]
fn a_list_whose_token_expires_for_good_begins_again_once() {
    let server = serve(|path, _| match path {
        "/api/v1/pods?limit=500" => Some(ok(pods(&["a"], "old"))),
        path if path.contains("continue=old") => Some(refused(410, "expired")),
        _ => None,
    });
    check_unread(&scan(&server, &[]), "its continue token expired twice");
}

#[test]
fn a_token_that_repeats_ends_the_list() {
    let server =
        serve(|path, _| path.starts_with("/api/v1/pods").then(|| ok(pods(&["a"], "again"))));
    check(&scan(&server, &[]), 3, &["the API server repeats its continue token"]);
}

#[test]
fn tokens_that_alternate_end_the_list() {
    let server = serve(|path, _| {
        let next = if path.contains("continue=a") { "b" } else { "a" };
        path.starts_with("/api/v1/pods").then(|| ok(pods(&["a"], next)))
    });
    check(&scan(&server, &[]), 3, &["the API server repeats its continue token"]);
}

#[test]
fn kinds_that_are_slow_together_end_with_the_time_for_the_cluster() {
    let server = serve(|path, _| match path {
        path if path.starts_with("/api/v1/services") => Some(Reply::Hang),
        path if path.contains("networkpolicies") => Some(Reply::Drip),
        _ => None,
    });
    let run = scan(&server, &["--cluster-timeout", "2"]);
    let late = "the cluster was not read within 2 s: services, networkpolicies were not listed";
    check(&run, 3, &[late, "--cluster-timeout", "unknown[PV-N005]"]);
}

#[test]
fn a_discovery_that_hangs_ends_with_the_time_for_the_cluster() {
    let server = serve(|path, _| (path == "/apis").then_some(Reply::Hang));
    let run = scan(&server, &["--cluster-timeout", "1"]);
    check_unread(&run, "the timeout for the whole cluster (1 s) has expired");
}

#[test]
fn a_page_that_is_too_large_is_asked_for_in_smaller_ones() {
    let server = serve(|path, _| match path {
        "/api/v1/pods?limit=500" | "/api/v1/pods?limit=100" => Some(ok(" ".repeat(33 << 20))),
        "/api/v1/pods?limit=20" => Some(ok(pods(&["a"], "next"))),
        "/api/v1/pods?limit=20&continue=next" => Some(ok(pods(&["b"], ""))),
        _ => None,
    });
    check(&scan(&server, &["--full"]), 1, &["Pod default/a", "Pod default/b"]);
}

#[test]
fn an_object_that_is_too_large_ends_the_list_with_a_note() {
    let server =
        serve(|path, _| path.starts_with("/api/v1/services").then(|| ok(" ".repeat(33 << 20))));
    check(&scan(&server, &[]), 3, &["services: the response has more than 32 MB"]);
}

#[test]
fn a_page_with_more_objects_than_any_server_sends_ends_the_list() {
    let page = format!(r#"{{"items":[{}{{}}]}}"#, "{},".repeat(50_000));
    let server =
        serve(move |path, _| path.starts_with("/api/v1/services").then(|| ok(page.clone())));
    check(&scan(&server, &[]), 3, &["services: the list from the API server is too long"]);
}

#[track_caller]
fn check_unread(run: &Run, why: &str) {
    let flat = run.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(run.code, 3, "{}", run.out);
    assert!(flat.contains(why), "{}", run.out);
}

#[test]
fn a_server_that_asks_for_patience_gets_it() {
    let server = serve(|path, count| {
        let busy = path.starts_with("/api/v1/pods") && count < 12;
        busy.then(|| Reply::Status(429, "Retry-After: 0\r\n", String::new()))
    });
    check(&scan(&server, &[]), 1, &[]);
}

#[test]
fn what_is_no_list_is_not_taken_for_an_empty_one() {
    for text in ["<html>", "{}", "{\"items\":[{]}", ""] {
        let server = serve(move |path, _| path.starts_with("/api/v1/services").then(|| ok(text)));
        check(&scan(&server, &[]), 3, &["services: the list from the API server is"]);
    }
}

#[test]
fn a_server_that_is_none_or_not_there_is_said_to_be_so() {
    for (server, says) in [
        ("http://127.0.0.1:1".to_owned(), "connection refused"),
        (serve(|_, _| Some(ok("<html>login</html>"))), "is not from a Kubernetes API server"),
        (serve(|_, _| Some(Reply::Cut)), "the connection"),
    ] {
        check_unread(&scan(&server, &[]), says);
    }
}

#[test]
fn a_kubeconfig_that_leads_nowhere_is_wrong_usage() {
    let server = serve(|_, _| None);
    let run = scan(&server, &["--context", "production"]);
    assert_eq!(run.code, 2, "{}", run.err);
    assert!(run.err.contains("no context `production`; it contains `stub`"), "{}", run.err);
}

#[test]
fn options_of_a_cluster_want_a_cluster() {
    for (options, says) in [
        (&["--context", "a"][..], "--context requires a live cluster: add --cluster"),
        (&["--secrets"], "--secrets requires a live cluster"),
        (&["--distribution", "eks"], "--distribution requires a live cluster"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_pavisade"))
            .arg("scan")
            .args(options)
            .env_clear()
            .output()
            .unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && error.contains(says), "{error}");
    }
    let role = Command::new(env!("CARGO_BIN_EXE_pavisade"))
        .args(["scan", "--print-rbac", "--secrets", "--check", "long-lived-token"])
        .env_clear()
        .output()
        .unwrap();
    assert!(String::from_utf8(role.stdout).unwrap().contains("- secrets"));
}

#[test]
fn what_a_proxy_says_is_no_answer_of_the_api_server() {
    for code in [404, 403] {
        let server = serve(move |path, _| {
            let body = || Reply::Status(code, "", "<html>nginx</html>".into());
            path.starts_with("/api/v1/services").then(body)
        });
        check(&scan(&server, &[]), 3, &["not in the format of an API server", "unknown[PV-N005]"]);
    }
}

#[test]
fn pages_without_end_end() {
    let empty = serve(|path, count| {
        let page = || ok(format!(r#"{{"metadata":{{"continue":"{count}"}},"items":[]}}"#));
        path.starts_with("/api/v1/services").then(page)
    });
    check(&scan(&empty, &[]), 3, &["repeatedly sends empty pages"]);
    let expired = serve(|path, count| match path {
        "/api/v1/services?limit=500" => Some(ok(r#"{"metadata":{"continue":"a"},"items":[]}"#)),
        path if path.starts_with("/api/v1/services") => Some(Reply::Status(
            410,
            "",
            format!(r#"{{"kind":"Status","metadata":{{"continue":"{count}"}}}}"#),
        )),
        _ => None,
    });
    check(&scan(&expired, &[]), 3, &["repeatedly expire"]);
}

#[test]
fn an_identity_without_any_right_is_no_clean_result() {
    let server =
        serve(|path, _| path.contains("?limit").then(|| refused(403, "everything is forbidden")));
    check_unread(&scan(&server, &[]), "this identity is not allowed to list any of 3 kinds");
}

#[test]
fn of_several_kubeconfigs_those_that_exist_count_and_none_is_no_way_to_another_cluster() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(|_, _| None);
    let config = folder.path().join("config");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: stub\n\
         contexts: [{{name: stub, context: {{cluster: c, user: u}}}}]\n\
         clusters: [{{name: c, cluster: {{server: '{server}'}}}}]\nusers: [{{name: u, user: {{}}}}]\n"
    );
    fs::write(&config, text).unwrap();
    let scan = |kubeconfig: String| {
        let output = Command::new(env!("CARGO_BIN_EXE_pavisade"))
            .args(["scan", "--cluster", "--no-probe", "--check", "privileged-container"])
            .env_clear()
            .env("KUBECONFIG", kubeconfig)
            .env("KUBERNETES_SERVICE_HOST", "127.0.0.1")
            .env("KUBERNETES_SERVICE_PORT", "1")
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(text).unwrap())
    };
    let (code, all) = scan(format!("/nowhere:{}", config.display()));
    assert!(code == 1 && all.contains("PV-C001"), "{all}");
    let (code, all) = scan("/nowhere".into());
    assert!(
        code == 2 && all.contains("KUBECONFIG refers to /nowhere, which does not exist"),
        "{all}"
    );
    fs::write(&config, fs::read_to_string(&config).unwrap().replace("http://", "")).unwrap();
    let (code, all) = scan(config.display().to_string());
    assert!(code == 2 && all.contains("its `server` is not a URL"), "{all}");
}

#[test]
fn a_message_of_the_server_cannot_write_to_the_terminal() {
    let server = serve(|_, _| Some(refused(500, "a\\u001b]0;title\\u0007b")));
    let run = scan(&server, &[]);
    assert!(!run.out.contains('\x1b') && !run.err.contains('\x1b'), "{:?}", run.out);
}

#[test]
fn several_contexts_are_several_clusters() {
    let (one, two) = (serve(|_, _| None), serve(|_, _| None));
    let both = [("prod", &*one), ("stage", &*two)];
    let run = scan_all(&both, &["--context", "prod", "--context", "stage", "--context", "prod"]);
    check(&run, 1, &["cluster prod (", "cluster stage (", "2 worlds"]);
    assert!(run.out.contains("2 critical"), "a pod in each: {}", run.out);
    let current = scan_all(&both, &[]);
    assert!(
        current.out.contains("1 critical") && !current.out.contains("stage"),
        "{}",
        current.out
    );

    // What holds in one version need not hold in another.
    let old = serve(|path, _| {
        let version = r#"{"major":"1","minor":"30","gitVersion":"v1.30.2"}"#;
        path.starts_with("/version").then(|| ok(version))
    });
    let differ = [("prod", &*one), ("old", &*old)];
    let run = scan_all(&differ, &["--context", "prod", "--context", "old"]);
    assert_eq!(run.code, 2, "{}", run.out);
    assert!(run.err.contains("old 1.30, prod 1.33"), "{}", run.err);
    let chosen = ["--context", "prod", "--context", "old", "--kubernetes-version", "1.30"];
    check(&scan_all(&differ, &chosen), 1, &["Kubernetes 1.30"]);

    // Facts of one cluster say nothing about another.
    let folder = tempfile::tempdir().unwrap();
    let facts = folder.path().join("usage.json");
    fs::write(
        &facts,
        r#"{"apiVersion":"pavisade.dev/v1","kind":"UsageFacts","metadata":{"name":"a"}}"#,
    )
    .unwrap();
    let run =
        scan_all(&both, &["--context", "prod", "--context", "stage", facts.to_str().unwrap()]);
    assert!(run.code == 2 && run.err.contains("one by one"), "{} {}", run.code, run.err);
}
