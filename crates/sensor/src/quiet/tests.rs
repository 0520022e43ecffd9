use pavisade_rules::{OURS, Options, RuleFile, load};

use super::*;
use crate::calls::CALLS;
use crate::decode::tests::event;
use crate::decode::{Raw, tag};
use crate::pods::Pods;
use crate::processes::Processes;
use crate::seen::{Place, descriptor};

fn rules(conditions: &[&str]) -> RuleSet {
    let rule = |condition: &&str| {
        let name = condition.replace('"', "");
        format!(
            "- {{rule: \"{name}\", desc: d, output: o, priority: INFO, condition: '{condition}'}}\n"
        )
    };
    let text: String = conditions.iter().map(rule).collect();
    let loaded = load(&[RuleFile { name: "r", text: &text }], &Options::default());
    assert_eq!(loaded.errors, []);
    RuleSet::new(&loaded.rules, "syscall")
}

/// How often an opening is silenced, of three that look the same.
fn silenced(rules: &RuleSet, given: &str, names: &[u8], flags: u64) -> usize {
    let call = CALLS.iter().find(|call| call.name == "openat").unwrap();
    let number = u32::try_from(call.number.unwrap()).unwrap();
    let items: &[(u16, &[u8])] =
        &[(tag::STRING, given.as_bytes()), (tag::FILE_RESULT, names), (tag::OPENING, &[7; 128])];
    let mut bytes = event(4, number, items);
    bytes[64..72].copy_from_slice(&3i64.to_ne_bytes());
    bytes[88..96].copy_from_slice(&flags.to_ne_bytes());
    let raw = Raw::read(&bytes).unwrap();
    let mut processes = Processes::new(4);
    processes.take(&raw, 0);
    let mut quiet = Quiet::default();
    let mut silenced = 0;
    for _ in 0..3 {
        let seen = Seen {
            raw,
            number: 1,
            time: 0,
            node: "n",
            call: Some(call),
            process: processes.get(raw.pid).unwrap(),
            processes: &processes,
            place: Place::Host,
            descriptor: descriptor(&raw, call),
            question: None,
            names: &[],
            pods: &Pods::default(),
        };
        quiet.take(rules, &seen);
        silenced += quiet.news().len();
    }
    silenced
}

const LIBRARY: (&str, &[u8]) = ("/lib/libc.so", b"\x01libc.so\0lib\0");

fn is_quiet(conditions: &[&str]) -> bool {
    silenced(&rules(conditions), LIBRARY.0, LIBRARY.1, 0) == 1
}

#[test]
fn what_no_rule_can_match_is_silenced_once() {
    assert!(is_quiet(&[]));
    assert!(is_quiet(&["evt.type = openat and fd.name = /etc/shadow and proc.name = cat"]));
    assert!(is_quiet(&["evt.type = openat and fd.num >= 0 and evt.is_open_write = true"]));
    assert!(is_quiet(&["evt.type = openat and not fd.filename endswith .so and proc.name = cat"]));
    assert!(is_quiet(&["evt.type = open and proc.name = cat"]));
    // A rule that matches any process.
    assert!(!is_quiet(&["evt.type = openat and fd.name startswith /lib"]));
    // Another process, container or descriptor may match.
    for other in [
        "evt.type = openat and proc.name = nothing",
        "evt.type = openat and not proc.name = cat",
        "evt.type = openat and container.id != host",
        "evt.type = openat and fd.num = 17",
        "evt.type = openat and fd.num > 17",
        "evt.type = openat and evt.arg.mode contains S_ISUID",
        "evt.type = openat and (fd.name = /etc/shadow or proc.pname = sshd)",
        "evt.type = openat and fd.name = val(proc.exepath)",
        "evt.type = openat and evt.num = 99",
    ] {
        assert!(!is_quiet(&["evt.type = openat and fd.name = /etc/shadow", other]), "{other}");
    }
}

#[test]
fn the_file_behind_a_link_counts() {
    let rules = rules(&["evt.type = openat and fd.name = /etc/shadow and proc.name = cat"]);
    assert_eq!(silenced(&rules, "/tmp/link", b"\x01shadow\0etc\0", 0), 0);
    assert_eq!(silenced(&rules, "/tmp/link", b"\x01passwd\0etc\0", 0), 1);
    assert_eq!(silenced(&rules, "/etc/shadow", b"\x01other\0", 0), 0);
}

#[test]
fn libraries_are_of_no_interest_to_our_rules_and_secrets_are() {
    let loaded = load(OURS, &Options::default());
    let rules = RuleSet::new(&loaded.rules, "syscall");
    assert_eq!(silenced(&rules, LIBRARY.0, LIBRARY.1, 0o200_0000), 1);
    assert_eq!(silenced(&rules, "/usr/include/stdio.h", b"\x01stdio.h\0include\0usr\0", 0), 1);
    for (given, names) in [
        ("/etc/shadow", &b"\x01shadow\0etc\0"[..]),
        ("/root/.ssh/id_rsa", b"\x01id_rsa\0.ssh\0root\0"),
        ("/root/.aws/credentials", b"\x01credentials\0.aws\0root\0"),
    ] {
        assert_eq!(silenced(&rules, given, names, 0), 0, "{given}");
    }
}
