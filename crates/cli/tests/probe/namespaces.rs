//! In a network namespace without a default route: metadata services are doubles, and addresses out
//! of scope receive no packet.

use std::net::TcpListener;
use std::process::Command;
use std::time::Instant;

use super::doubles::{http, serve};
use super::{verdicts, with};
use crate::started::{folder, run};

/// How a server responds, and what is found.
type Double = (fn(&str) -> String, &'static [&'static str]);

/// Set where the test runs in its own namespace.
const INSIDE: &str = "PAVISADE_PROBE_NAMESPACE";

/// Runs a test of this file again in a new network namespace, after a script. Returns whether this
/// is it.
fn inside(name: &str, script: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let program = std::env::current_exe().unwrap();
    let script = format!("set -e\nip link set lo up\n{script}\nexec \"$0\" \"$@\"");
    let output = Command::new("unshare")
        .args(["--net", "sh", "-c", &script])
        .arg(program)
        .args(["--exact", &format!("probe::namespaces::{name}"), "--nocapture"])
        .env(INSIDE, "1")
        .output();
    match output {
        Ok(output) if output.status.success() => {
            print!("{}", String::from_utf8_lossy(&output.stdout));
        }
        Ok(output) => {
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let own = text.contains("panicked") || told.contains("panicked");
            assert!(!own, "{text}{told}");
            println!("skipped: no network namespace: {}", told.trim());
        }
        Err(error) => println!("skipped: no network namespace: {error}"),
    }
    false
}

const ADDRESS: &str = "ip address add 169.254.169.254/32 dev lo";

#[test]
fn metadata_services_are_told_apart() {
    if !inside("metadata_services_are_told_apart", ADDRESS) {
        return;
    }
    /// AWS with version 2 only, and Azure.
    fn hardened(request: &str) -> String {
        let first = request.lines().next().unwrap_or_default();
        match first {
            _ if first.starts_with("PUT /latest/api/token")
                && request
                    .to_ascii_lowercase()
                    .contains("x-aws-ec2-metadata-token-ttl-seconds") =>
            {
                http("200 OK", "", "AQAEAHc5bGtqc2FkZmxramFzZGxmamtsYXNkZg==")
            }
            _ if first.contains("/latest/meta-data") => http("401 Unauthorized", "", ""),
            _ if first.contains("/metadata/instance")
                && request.to_ascii_lowercase().contains("metadata: true") =>
            {
                http("200 OK", "", r#"{"compute":{},"network":{}}"#)
            }
            _ => http("404 Not Found", "", ""),
        }
    }
    /// Version 1 of AWS.
    fn open(request: &str) -> String {
        match request.split(' ').nth(1).unwrap_or_default() {
            "/latest/meta-data/" => http("200 OK", "", "ami-id\ninstance-id\niam/\n"),
            "/latest/meta-data/iam/security-credentials/" => http("200 OK", "", "node-role"),
            _ => http("404 Not Found", "", ""),
        }
    }
    /// Google, which requires a header.
    fn google(request: &str) -> String {
        let has = request.to_ascii_lowercase().contains("metadata-flavor: google");
        match request.split(' ').nth(1).unwrap_or_default() {
            "/computeMetadata/v1/instance/id" if has => {
                http("200 OK", "Metadata-Flavor: Google\r\n", "8087716956832600000")
            }
            _ => http("403 Forbidden", "Metadata-Flavor: Google\r\n", ""),
        }
    }
    // A portal that answers everything.
    fn portal(_: &str) -> String {
        http("200 OK", "", "<html>Please log in</html>")
    }
    let doubles: [Double; 4] = [
        (hardened, &["PV-P101", "PV-P103"]),
        (open, &["PV-P100", "PV-P104"]),
        (google, &["PV-P102"]),
        (portal, &[]),
    ];
    for (index, (answer, expect)) in doubles.into_iter().enumerate() {
        // One port for each, since a listener stays until the test ends.
        let port = 8000 + index as u16;
        let listener = TcpListener::bind(("169.254.169.254", port)).unwrap();
        serve(listener, answer);
        let folder = folder(&[]);
        let scope = format!("metadata@169.254.169.254:{port}");
        let args = ["probe", "--scope", &scope, "--journals", ".", "--evidence", "e.json", "-q"];
        run(folder.path(), &args);
        let evidence = folder.path().join("e.json");
        let found = with(&verdicts(&evidence), "open");
        assert_eq!(found.into_iter().collect::<Vec<_>>(), expect, "{index}");
        // The token is in no output.
        let text = std::fs::read_to_string(evidence).unwrap();
        assert!(!text.contains("AQAEAHc5"), "{text}");
    }
}

/// 10.9.0.0/16 is this machine, which drops packets to one part of it and counts those that are out
/// of scope.
const WATCHED: &str = "\
ip route add local 10.9.0.0/16 dev lo
nft -f - <<END
table inet watch {
  counter outside {}
  counter host {}
  chain out {
    type filter hook output priority 0;
    ip daddr 10.9.1.1 tcp dport 10250 drop
    ip daddr 10.9.1.1 tcp flags syn / syn,ack counter name host
    ip saddr 10.9.1.1 return
    ip daddr 10.9.2.0/24 drop
    ip daddr 10.9.1.0/28 accept
    ip daddr 127.0.0.0/8 accept
    counter name outside
  }
}
END";

fn counter(name: &str) -> u64 {
    let output = Command::new("nft").args(["list", "counter", "inet", "watch", name]).output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    let count = text.split("packets ").nth(1).and_then(|rest| rest.split(' ').next());
    count.unwrap().parse().unwrap()
}

#[test]
fn what_is_out_of_scope_receives_no_packet() {
    if Command::new("nft").arg("--version").output().is_err() {
        return println!("skipped: packets cannot be watched without `nft` (nftables)");
    }
    if !inside("what_is_out_of_scope_receives_no_packet", WATCHED) {
        return;
    }
    let folder = folder(&[]);
    // An API server that redirects elsewhere, which is not followed.
    let listener = TcpListener::bind(("10.9.1.1", 8080)).unwrap();
    serve(listener, |_| http("302 Found", "Location: http://10.9.77.1:8080/\r\n", ""));
    let args = ["probe", "--scope", "10.9.1.0/28", "--journals", ".", "--evidence", "e.json"];
    let done = run(folder.path(), &args);
    assert!(done.err.contains("1 port accepts connections: 10.9.1.1:8080"), "{}", done.err);
    assert_eq!(counter("outside"), 0, "{}", done.err);
    // A port without a response on a host that responds, and ports where nothing listens.
    let all = verdicts(&folder.path().join("e.json"));
    let of = |probe: &str, at: &str| all[&(probe.to_owned(), at.to_owned())].clone();
    let (word, why) = of("PV-P050", "kubelet 10.9.1.1:10250");
    assert!(word == "closed" && why.contains("no response, although"), "{word} {why}");
    let (word, why) = of("PV-P065", "kubelet-read-only 10.9.1.1:10255");
    assert_eq!((&*word, &*why), ("closed", "connection refused"));
    assert!(with(&all, "open").is_empty(), "{all:#?}");
    // The limit for a host holds, whatever the probes want.
    let limits = "addresses: [10.9.1.1]\nlimits: {perHost: 30}\n";
    std::fs::write(folder.path().join("scope.yaml"), limits).unwrap();
    let before = counter("host");
    let args = ["probe", "--scope-file", "scope.yaml", "--journals", ".", "-q"];
    run(folder.path(), &args);
    let sent = counter("host") - before;
    assert!((20..=30).contains(&sent), "{sent}");
    // Addresses that do not respond.
    let start = Instant::now();
    let done = run(folder.path(), &["probe", "--scope", "10.9.2.0/27", "--journals", "."]);
    println!("30 silent addresses, 22 ports: {:?}", start.elapsed());
    assert!(done.out.contains("30 addresses gave no response"), "{}{}", done.out, done.err);
    assert_eq!(counter("outside"), 0);
}
