//! Doubles on loopback that are nearly open: none of them is reported as open.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::clusters::Ended;
use super::{verdicts, with};
use crate::started::{command, folder, run};

/// Answers every connection with the response to its path.
pub(super) fn serve(listener: TcpListener, answer: fn(&str) -> String) {
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = respond(stream, answer);
        }
    });
}

fn respond(mut stream: TcpStream, answer: fn(&str) -> String) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    let mut request = Vec::new();
    let mut chunk = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut chunk)? {
            0 => return Ok(()),
            count => request.extend_from_slice(&chunk[..count]),
        }
        if !request.is_ascii() {
            // A TLS handshake.
            return Ok(());
        }
    }
    stream.write_all(answer(&String::from_utf8_lossy(&request)).as_bytes())
}

pub(super) fn http(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
}

const PODS: &str = r#"{"kind":"PodList","apiVersion":"v1","items":[{}]}"#;
const METRICS: &str = "# TYPE kubeproxy_x gauge\nkubeproxy_x 1\n";

/// The components whose probes use plain HTTP.
const PLAIN: [&str; 9] = [
    "kubelet-read-only",
    "insecure-api",
    "kubectl-proxy",
    "kube-proxy",
    "kubelet-health",
    "docker",
    "registry",
    "prometheus",
    "etcd-metrics",
];

/// A header that is longer than what is read.
fn long() -> String {
    format!("X: {}\r\n", "x".repeat(200_000))
}

#[test]
fn plain_http_with_a_long_head_is_not_closed() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let scope = format!("kubelet@{}", listener.local_addr().unwrap());
    serve(listener, |_| http("200 OK", &long(), PODS));
    let folder = folder(&[]);
    let args = ["probe", "--scope", &scope, "--only", "PV-P038", "--journals", "."];
    let done = run(folder.path(), &[&args[..], &["--evidence", "e.json", "-q"]].concat());
    let unknown = with(&verdicts(&folder.path().join("e.json")), "unknown");
    assert_eq!((done.code, unknown.len()), (3, 1), "{}", done.out);
}

/// Returns the lines of the journals in a folder.
fn journal(folder: &Path) -> String {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let files = files.filter(|path| path.extension().is_some_and(|ending| ending == "jsonl"));
    files.map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

#[test]
fn hosts_without_a_selected_probe_receive_nothing() {
    let other = TcpListener::bind(("127.0.0.2", 0)).unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let other_scope = format!("tls@{}", other.local_addr().unwrap());
    let scope = format!("kubelet@{}", listener.local_addr().unwrap());
    serve(listener, |_| http("200 OK", "", ""));
    let folder = folder(&[]);
    let args = ["probe", "--scope", &scope, "--scope", &other_scope, "--only", "PV-P038", "-q"];
    run(folder.path(), &[&args[..], &["--journals", "."]].concat());
    other.set_nonblocking(true).unwrap();
    assert!(other.accept().is_err(), "it was contacted");
    let sent = journal(folder.path());
    assert!(sent.contains("127.0.0.1:") && !sent.contains("127.0.0.2"), "{sent}");
}

#[test]
fn an_interrupted_run_reports_what_it_has_and_signs_its_journal() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let scope = format!("kubelet@{}", silent.local_addr().unwrap());
    let folder = folder(&[]);
    let args = ["probe", "--scope", &scope, "--journals", "j", "--evidence", "e.json", "-q"];
    let mut child = command(folder.path(), &args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let journals = folder.path().join("j");
    while !journal(&journals).contains("\"kind\":\"tls\"") {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(Duration::from_millis(5));
    }
    let id = child.id().to_string();
    Command::new("kill").args(["-TERM", &id]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(3));
    let all = verdicts(&folder.path().join("e.json"));
    assert_eq!(with(&all, "unknown").len(), all.len(), "{all:?}");
    assert!(all.values().any(|(_, why)| why.contains("the run was interrupted")), "{all:?}");
    let files = std::fs::read_dir(&journals).unwrap().flatten();
    let signed = files.filter(|entry| entry.path().to_string_lossy().ends_with(".pub")).count();
    assert_eq!(signed, 1);
}

#[test]
fn near_misses_are_not_open() {
    type Double = (&'static str, fn(&str) -> String, &'static [&'static str]);
    let doubles: [Double; 11] = [
        ("403", |_| http("403 Forbidden", "", PODS), &["closed"]),
        ("401", |_| http("401 Unauthorized", "", PODS), &["closed"]),
        ("404", |_| http("404 Not Found", "", ""), &["closed"]),
        ("redirect", |_| http("302 Found", "Location: /login\r\n", PODS), &["closed"]),
        ("empty", |_| http("200 OK", "", ""), &["closed"]),
        ("no content", |_| http("204 No Content", "", ""), &["closed"]),
        ("a page", |_| http("200 OK", "", "<html>Welcome</html>"), &["closed"]),
        // A honeypot that answers 200 to all with the right form.
        ("honeypot", |_| http("200 OK", "", PODS), &["closed", "unknown"]),
        ("error", |_| http("503 Service Unavailable", "", ""), &["unknown"]),
        ("a long head", |_| http("200 OK", &long(), PODS), &["unknown"]),
        ("not HTTP", |_| "SSH-2.0-OpenSSH_9.2\r\n".to_owned(), &["not applicable"]),
    ];
    for (name, answer, expect) in doubles {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        serve(listener, answer);
        let folder = folder(&[]);
        for component in PLAIN {
            let scope = format!("{component}@127.0.0.1:{port}");
            let args =
                ["probe", "--scope", &scope, "--journals", ".", "--evidence", "e.json", "-q"];
            let done = run(folder.path(), &args);
            let all = verdicts(&folder.path().join("e.json"));
            assert!(!all.is_empty());
            for ((probe, _), (word, reason)) in &all {
                let fits = expect.contains(&word.as_str());
                assert!(fits, "{name}: {component} {probe}: {word}, {reason}\n{}", done.out);
            }
        }
    }
}

#[test]
fn what_is_open_is_open() {
    fn answer(request: &str) -> String {
        let path = request.split(' ').nth(1).unwrap_or_default();
        match path {
            "/pods" => http("200 OK", "", PODS),
            "/metrics" => http("200 OK", "", METRICS),
            "/configz" => http("200 OK", "", r#"{"kubeproxy.config.k8s.io":{}}"#),
            "/debug/pprof/" => http("200 OK", "", "/debug/pprof/ goroutine heap"),
            "/version" => http("200 OK", "", r#"{"ApiVersion":"1.44","GitCommit":"x"}"#),
            "/v2/_catalog" => http("200 OK", "", r#"{"repositories":["a"]}"#),
            "/api" => http("200 OK", "", r#"{"kind":"APIVersions","versions":["v1"]}"#),
            "/api/v1/status/buildinfo" => {
                http("200 OK", "", r#"{"status":"success","data":{"goVersion":"go1.27"}}"#)
            }
            "/healthz" => http("200 OK", "", "ok"),
            _ => http("404 Not Found", "", "404 page not found"),
        }
    }
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    serve(listener, answer);
    for (component, expect) in [
        ("kubelet-read-only", &["PV-P065"][..]),
        ("kube-proxy", &["PV-P088", "PV-P089", "PV-P090"]),
        ("docker", &["PV-P091"]),
        ("registry", &["PV-P093"]),
        ("prometheus", &["PV-P094"]),
        ("insecure-api", &["PV-P018"]),
        ("kubectl-proxy", &["PV-P019"]),
        ("kubelet-health", &["PV-P066"]),
        ("node-port", &["PV-P095"]),
        // Plain HTTP where TLS belongs.
        ("kubelet", &["PV-P038"]),
    ] {
        let folder = folder(&[]);
        let scope = format!("{component}@127.0.0.1:{port}");
        let args = ["probe", "--scope", &scope, "--journals", ".", "--evidence", "e.json", "-q"];
        let done = run(folder.path(), &args);
        assert_eq!(done.code, 1, "{component}: {}", done.err);
        let found = with(&verdicts(&folder.path().join("e.json")), "open");
        assert_eq!(found.into_iter().collect::<Vec<_>>(), expect, "{component}");
    }
}

/// A server with TLS that answers 200 to all is not a component: only its certificate is judged.
#[test]
fn a_honeypot_with_tls_is_not_open() {
    let folder = folder(&[]);
    let made = rcgen::generate_simple_self_signed(vec!["honeypot".to_owned()]).unwrap();
    std::fs::write(folder.path().join("c"), made.cert.pem()).unwrap();
    std::fs::write(folder.path().join("k"), made.signing_key.serialize_pem()).unwrap();
    let [port] = testbed::free_ports().unwrap();
    let address = format!("127.0.0.1:{port}");
    let mut command = std::process::Command::new("openssl");
    command.args(["s_server", "-accept", &address, "-cert", "c", "-key", "k", "-www", "-quiet"]);
    command.current_dir(folder.path()).stdin(std::process::Stdio::null());
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let Ok(server) = command.spawn() else { return println!("skipped: openssl is missing") };
    let _server = Ended(server);
    for _ in 0..200 {
        if TcpStream::connect(&address).is_ok() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    for component in [
        "kube-apiserver",
        "kubelet",
        "etcd",
        "etcd-peer",
        "kube-controller-manager",
        "kube-scheduler",
        "docker-tls",
    ] {
        let scope = format!("{component}@{address}");
        let args = ["probe", "--scope", &scope, "--journals", ".", "--evidence", "e.json", "-q"];
        run(folder.path(), &args);
        let all = verdicts(&folder.path().join("e.json"));
        let open = with(&all, "open");
        // The certificate is self-signed and does not name the address.
        let of_certificate = ["PV-P035", "PV-P036"].map(str::to_owned);
        assert_eq!(open, of_certificate.into(), "{component}: {all:#?}");
        assert_eq!(all[&("PV-P041".to_owned(), format!("{component} {address}"))].0, "closed");
    }
    compared(folder.path(), &address, &made.cert.pem());
}

/// Compares the certificate of a server with files: its own, a renewed one, and other authorities.
fn compared(folder: &Path, address: &str, own: &str) {
    let mut renewed = rcgen::CertificateParams::new(vec!["honeypot".to_owned()]).unwrap();
    renewed.not_before = rcgen::date_time_ymd(2026, 1, 1);
    let renewed = renewed.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem();
    let secret = |pem: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\ntype: kubernetes.io/tls\n\
             stringData:\n  tls.crt: |\n    {}\n",
            pem.trim().replace('\n', "\n    ")
        )
    };
    let kubeconfig = |file: &str| {
        format!(
            "apiVersion: v1\nkind: Config\nclusters:\n- name: c\n  cluster: {{server: \
             'https://{address}', certificate-authority: {file}}}\n"
        )
    };
    std::fs::write(folder.join("new"), &renewed).unwrap();
    for (secret, kubeconfig, expect) in [
        (secret(own), kubeconfig("c"), &[][..]),
        (secret(&renewed), kubeconfig("c"), &["PV-P039"]),
        (secret(own), kubeconfig("new"), &["PV-P040"]),
        (secret(&renewed), kubeconfig("new"), &["PV-P039", "PV-P040"]),
    ] {
        std::fs::write(folder.join("secret.yaml"), secret).unwrap();
        std::fs::write(folder.join("kubeconfig"), kubeconfig).unwrap();
        let scope = format!("tls@{address}");
        let args = ["probe", "--scope", &scope, "--journals", ".", "--evidence", "e.json", "-q"];
        let facts = ["--facts", "secret.yaml", "--facts", "kubeconfig"];
        let done = run(folder, &[&args[..], &facts].concat());
        let all = verdicts(&folder.join("e.json"));
        let open = with(&all, "open").into_iter().collect::<Vec<_>>();
        assert_eq!(open, expect, "{}{all:#?}", done.err);
        for id in ["PV-P039", "PV-P040"] {
            assert!(open.contains(&id.to_owned()) || with(&all, "closed").contains(id), "{all:#?}");
        }
    }
    // A file that cannot be read is reported.
    std::fs::write(folder.join("kubeconfig"), kubeconfig("missing")).unwrap();
    let scope = format!("tls@{address}");
    let args = ["probe", "--scope", &scope, "--journals", ".", "--only", "PV-P039", "-q"];
    let done =
        run(folder, &[&args[..], &["--facts", "secret.yaml", "--facts", "kubeconfig"]].concat());
    assert!(done.out.contains("the authorities of cluster c"), "{}{}", done.out, done.err);
}

/// The TLS library does not verify signatures of short keys, which must not hide the certificate.
#[test]
fn a_short_rsa_key_is_found() {
    for (bits, expect) in [("1024", "open"), ("2048", "closed")] {
        let folder = folder(&[]);
        let key = format!("rsa:{bits}");
        let make = [
            "req", "-x509", "-newkey", &key, "-nodes", "-keyout", "k", "-out", "c", "-subj",
            "/CN=a",
        ];
        let [port] = testbed::free_ports().unwrap();
        let address = format!("127.0.0.1:{port}");
        let openssl = |args: &[&str]| {
            let mut command = std::process::Command::new("openssl");
            command.args(args).current_dir(folder.path());
            command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::null());
            command.stderr(std::process::Stdio::null()).spawn()
        };
        let Ok(mut made) = openssl(&make) else { return println!("skipped: openssl is missing") };
        assert!(made.wait().unwrap().success());
        let serve = ["s_server", "-accept", &address, "-cert", "c", "-key", "k", "-quiet"];
        let _server =
            Ended(openssl(&[&serve[..], &["-cipher", "DEFAULT@SECLEVEL=0"]].concat()).unwrap());
        for _ in 0..200 {
            if TcpStream::connect(&address).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let scope = format!("kubelet@{address}");
        let args = ["probe", "--scope", &scope, "--only", "PV-P034", "--evidence", "e.json"];
        run(folder.path(), &[&args[..], &["--journals", "."]].concat());
        let all = verdicts(&folder.path().join("e.json"));
        assert_eq!(all.values().next().unwrap().0, expect, "{bits}: {all:?}");
    }
}
