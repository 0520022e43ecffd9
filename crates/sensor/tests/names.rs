//! The names that real resolvers ask for, and the addresses that they get.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use pavisade_sensor::decode::{Kind, Raw, tag};
use pavisade_sensor::{answer, question};

/// An address of the loopback device that nothing else uses.
const SERVER: &str = "127.53.0.53:53";

/// What every name has.
const ADDRESS: [u8; 4] = [127, 53, 0, 9];

/// The response to a query: for a name that begins with `long`, over UDP, that it does not fit.
fn respond(query: &[u8], over_tcp: bool) -> Option<Vec<u8>> {
    // The name, its type and its class.
    let end = 12 + query.get(12..)?.iter().position(|byte| *byte == 0)? + 5;
    let mut response = query.get(..end)?.to_vec();
    let wants_v4 = response[end - 4..end - 2] == [0, 1];
    let cut = !over_tcp && response[13..].starts_with(b"long");
    response[2] = 0x81 | if cut { 2 } else { 0 };
    response[3] = 0x80;
    // No other records: a query of today also has one for its options.
    response[6..12].fill(0);
    if wants_v4 && !cut {
        response[7] = 1;
        response.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        response.extend(ADDRESS);
    }
    Some(response)
}

/// Answers until the test ends; false if this machine does not allow it.
fn serve() -> bool {
    let (Ok(datagrams), Ok(streams)) = (UdpSocket::bind(SERVER), TcpListener::bind(SERVER)) else {
        return false;
    };
    std::thread::spawn(move || {
        let mut query = [0; 1500];
        while let Ok((length, from)) = datagrams.recv_from(&mut query) {
            let _ = respond(&query[..length], false).map(|bytes| datagrams.send_to(&bytes, from));
        }
    });
    std::thread::spawn(move || {
        for mut stream in streams.incoming().flatten() {
            std::thread::spawn(move || {
                let mut length = [0; 2];
                while stream.read_exact(&mut length).is_ok() {
                    let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
                    stream.read_exact(&mut query).unwrap();
                    let response = respond(&query, true).unwrap();
                    let length = u16::try_from(response.len()).unwrap().to_be_bytes();
                    stream.write_all(&[&length[..], &response].concat()).unwrap();
                }
            });
        }
    });
    true
}

/// A resolver: what it is, and a program that is given a name.
struct Resolver {
    name: String,
    command: Vec<String>,
    /// Whether it can ask over TCP.
    over_tcp: bool,
}

/// The resolvers that this machine has; prints which it has not.
fn resolvers(folder: &Path) -> Vec<Resolver> {
    let mut all = Vec::new();
    let mut add = |name: &str, command: &[&str], over_tcp| {
        let command = command.iter().map(|&word| word.to_owned()).collect();
        all.push(Resolver { name: name.to_owned(), command, over_tcp });
    };
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/resolve.c");
    for (name, compiler, options) in [("glibc", "cc", ""), ("musl", "musl-gcc", "-static")] {
        let path = folder.join(name);
        let mut compile = Command::new(compiler);
        compile.args(options.split_whitespace()).arg("-o").arg(&path).arg(&source);
        match compile.output() {
            Ok(output) => {
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                let program = path.to_str().unwrap();
                // musl asks over TCP from 1.2.4 on, which not every system has.
                add(name, &[program], name == "glibc");
                add("parts", &[program, SERVER.trim_end_matches(":53")], true);
            }
            Err(error) => eprintln!("skipped: {name}: {compiler}: {error}"),
        }
    }
    match Command::new("busybox").output() {
        Ok(_) => add("busybox", &["busybox", "nslookup"], false),
        Err(error) => eprintln!("skipped: busybox: {error}"),
    }
    // Others to try, as `NAME=PROGRAM`.
    let others = std::env::var("PAVISADE_RESOLVERS").unwrap_or_default();
    for (name, program) in others.split_whitespace().filter_map(|other| other.split_once('=')) {
        add(name, &[program], true);
    }
    all
}

/// Runs a resolver with a name server of the test, which it finds in a mount namespace.
fn resolve(resolver: &Resolver, configuration: &Path, name: &str) -> String {
    let script = "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"";
    let mut unshare = Command::new("unshare");
    unshare.args(["-m", "sh", "-c", script]).arg(configuration).args(&resolver.command).arg(name);
    let output = unshare.output().unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// The questions and the answers about names of the test.
#[derive(Default)]
struct Seen(BTreeMap<String, (usize, usize)>);

impl Seen {
    fn take(&mut self, bytes: &[u8]) {
        let raw = Raw::read(bytes).unwrap();
        let Some(message) = raw.item(tag::MESSAGE) else { return };
        match raw.kind {
            Kind::Asked => {
                let Some(asked) = question(message) else { return };
                self.0.entry(asked.name).or_default().0 += 1;
            }
            Kind::Answered => {
                let Some((asked, addresses)) = answer(message) else { return };
                if addresses == [std::net::IpAddr::from(ADDRESS)] {
                    self.0.entry(asked.name).or_default().1 += 1;
                }
            }
            _ => {}
        }
    }
}

#[test]
fn the_names_of_real_resolvers_are_seen_and_their_answers() {
    let Some(mut kernel) = crate::kernel() else { return };
    kernel.observe_names().unwrap();
    if !serve() {
        eprintln!("skipped: port 53 of the loopback device cannot be used");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let configuration: PathBuf = folder.path().join("resolv.conf");
    let server = SERVER.trim_end_matches(":53");
    let mut wrong = Vec::new();
    for resolver in resolvers(folder.path()) {
        for (kind, options) in [("short", ""), ("long", ""), ("stream", "use-vc")] {
            let text = format!("nameserver {server}\noptions attempts:1 {options}\n");
            fs::write(&configuration, text).unwrap();
            let name = format!("{kind}-{}.{}.test", std::process::id(), resolver.name);
            let told = resolve(&resolver, &configuration, &format!("{name}."));
            let mut seen = Seen::default();
            let start = Instant::now();
            // What is over is in the buffer.
            while kernel.next(|bytes| seen.take(bytes)) && start.elapsed() < Duration::from_secs(60)
            {
            }
            let found = seen.0.get(&name).copied().unwrap_or_default();
            let is_answered = told.contains("127.53.0.9");
            let expected = kind != "long" || resolver.over_tcp;
            if found.0 == 0 || is_answered != expected || (found.1 > 0) != expected {
                wrong.push(format!("{name}: {found:?}: {told}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}, {} events were lost", kernel.counts().lost());
}
