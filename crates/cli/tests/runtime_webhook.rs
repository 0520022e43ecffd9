//! `pavisade runtime audit --listen`, as the API server sends events to it.
#![expect(clippy::print_stdout, reason = "a test says what it skips")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};

use crate::runtime::{event, privileged};
use crate::started::{Run, command, finish};

/// The webhook on a free port, and where it listens.
fn listening(folder: &Path, more: &[&str]) -> (Child, String) {
    let args = [&["runtime", "audit", "--listen", "127.0.0.1:0", "-f", "json"], more].concat();
    let mut program = command(folder, &args);
    program.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = program.spawn().unwrap();
    let mut line = String::new();
    // One byte at a time, so that what follows stays in the pipe.
    let stderr = child.stderr.take().unwrap();
    let mut stderr = BufReader::with_capacity(1, stderr);
    stderr.read_line(&mut line).unwrap();
    child.stderr = Some(stderr.into_inner());
    let address = line.trim().rsplit("://").next().unwrap().to_owned();
    (child, address)
}

fn post(address: &str, request: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "{request} / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
    )
    .unwrap();
    stream.write_all(body).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.lines().next().unwrap().to_owned()
}

fn interrupt(child: Child) -> Run {
    let id = child.id().to_string();
    let kill = std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap();
    assert!(kill.success());
    finish(child.wait_with_output().unwrap())
}

#[test]
fn the_webhook_judges_what_the_api_server_sends() {
    let folder = tempfile::tempdir().unwrap();
    let (child, address) = listening(folder.path(), &[]);
    let created = event("create", "pods", &[("requestObject", privileged())]);
    let list = format!(
        r#"{{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[{created},{}]}}"#,
        event("get", "pods", &[])
    );
    assert_eq!(post(&address, "POST", list.as_bytes()), "HTTP/1.1 200 OK");
    assert_eq!(post(&address, "GET", b""), "HTTP/1.1 405 Method Not Allowed");
    let ran = interrupt(child);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert_eq!(ran.out.lines().count(), 1, "{}", ran.out);
    assert!(ran.out.contains("Privileged pod"), "{}", ran.out);
    assert!(ran.err.contains("1 alert in 2 events"), "{}", ran.err);
    // A request without events is answered, so that it is not sent again, and reported.
    let (child, address) = listening(folder.path(), &[]);
    assert_eq!(post(&address, "POST", b"{}"), "HTTP/1.1 200 OK");
    let ran = interrupt(child);
    assert_eq!(ran.code, 3, "{}", ran.err);
    // Events of a request that is refused are lost, so the result is incomplete.
    let (child, address) = listening(folder.path(), &[]);
    assert_eq!(post(&address, "POST", b"\xff"), "HTTP/1.1 400 Bad Request");
    let ran = interrupt(child);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("refused with 400"), "{}", ran.err);
}

#[test]
fn with_tls_only_clients_with_a_certificate_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let authority = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(vec![]).unwrap();
    parameters.distinguished_name.push(rcgen::DnType::CommonName, "an authority");
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root = parameters.self_signed(&authority).unwrap();
    let issuer = rcgen::Issuer::new(parameters, authority);
    let key = rcgen::KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let mut leaf = rcgen::CertificateParams::new(names).unwrap();
    leaf.distinguished_name.push(rcgen::DnType::CommonName, "localhost");
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    for (name, text) in
        [("ca.pem", root.pem()), ("cert.pem", leaf.pem()), ("key.pem", key.serialize_pem())]
    {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let tls = ["--tls-cert", "cert.pem", "--tls-key", "key.pem", "--client-ca", "ca.pem"];
    let (child, address) = listening(folder.path(), &tls);
    let curl = |more: &[&str]| {
        let mut curl = std::process::Command::new("curl");
        curl.current_dir(folder.path()).args(["--silent", "--show-error", "--cacert", "ca.pem"]);
        curl.args(more).args(["--data-binary", &event("list", "secrets", &[])]);
        curl.arg(format!("https://{address}/")).output()
    };
    let Ok(refused) = curl(&[]) else {
        println!("skipped: TLS of the webhook, which needs curl");
        interrupt(child);
        return;
    };
    assert!(!refused.status.success());
    let sent = curl(&["--cert", "cert.pem", "--key", "key.pem", "--fail"]).unwrap();
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    let ran = interrupt(child);
    assert!(ran.err.contains("1 event"), "{}", ran.err);
}
