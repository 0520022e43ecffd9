//! The sensor on the kernel of this machine.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests fail by panics, wait for what is slow, and say why they are skipped"
)]

mod names;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use pavisade_sensor::decode::{Kind, Raw};
use pavisade_sensor::{CALLS, Host, Kernel, Program};

/// The loaded programs, or nothing if this machine does not allow them; printed.
fn kernel() -> Option<Kernel> {
    // Everything else, such as a program that the kernel refuses, is a failure.
    let known = ["has no eBPF programs", "reading the types of the kernel", "not permitted"];
    match Kernel::load(Host::All) {
        Ok(kernel) => Some(kernel),
        Err(error) => {
            let error = error.to_string();
            assert!(known.iter().any(|known| error.contains(known)), "{error}");
            eprintln!("skipped: {error}");
            None
        }
    }
}

#[test]
fn every_call_and_every_start_of_a_program_is_reported() {
    let Some(mut kernel) = kernel() else { return };
    kernel.observe(|_| true).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("calls");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/calls.c");
    let mut compile = Command::new("cc");
    compile.args(["-static", "-O1", "-o"]).arg(&program).arg(source);
    let Ok(output) = compile.output() else {
        eprintln!("skipped: there is no cc");
        return;
    };
    let why = String::from_utf8_lossy(&output.stderr);
    if why.contains("cannot find -lc") {
        eprintln!("skipped: a static program cannot be linked");
        return;
    }
    assert!(output.status.success(), "{why}");
    let mut child = Command::new(&program).arg(folder.path()).spawn().unwrap();
    let (pid, start) = (child.id(), Instant::now());
    let mut calls = BTreeSet::new();
    let mut programs = Vec::new();
    let (mut forks, mut ended) = (BTreeSet::new(), false);
    let mut take = |bytes: &[u8]| {
        let raw = Raw::read(bytes).unwrap();
        let is_child = raw.pid == pid || forks.contains(&raw.pid);
        match raw.kind {
            Kind::Call if is_child => {
                calls.insert(raw.call);
            }
            Kind::Exec if is_child => programs.push((Program::of(&raw), raw.flags)),
            Kind::Fork if raw.pid == pid => {
                forks.insert(u32::try_from(raw.result).unwrap());
            }
            Kind::Exit if raw.pid == pid => ended = true,
            _ => {}
        }
        ended
    };
    let mut done = false;
    while !done && start.elapsed() < Duration::from_secs(60) {
        if !kernel.next(|bytes| done = take(bytes)) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    assert!(child.wait().unwrap().success() && done, "the program did not end");
    let missing = CALLS.iter().filter(|call| {
        let number = call.number.and_then(|number| u32::try_from(number).ok());
        number.is_some_and(|number| !calls.contains(&number))
    });
    let missing: Vec<_> = missing.map(|call| call.name).collect();
    // A machine that is busy with something else may lose some.
    let lost = kernel.counts().lost();
    assert!(missing.is_empty(), "{missing:?} of which {lost} events may have been lost");
    // clone, clone3, and twice fork.
    assert_eq!(forks.len(), 4);
    let path = program.to_str().unwrap().as_bytes();
    let [(first, _), others @ ..] = &programs[..] else { panic!("{programs:?}") };
    assert_eq!((&first.path[..], &first.exe[..]), (path, path));
    assert!(!first.from_memory() && first.credentials.is_some_and(|known| known.mounts != 0));
    let [(one, flags), (two, other_flags)] = others else { panic!("{programs:?}") };
    let (memory, memory_flags, deleted, deleted_flags) = match one.from_memory() {
        true => (one, flags, two, other_flags),
        false => (two, other_flags, one, flags),
    };
    assert_eq!((&memory.path[..], memory.from_memory()), (&b"memfd:memory"[..], true));
    assert!(memory_flags.by_descriptor() && memory_flags.unlinked());
    assert!(deleted_flags.unlinked() && !deleted.from_memory() && !deleted_flags.by_descriptor());
    let folder = folder.path().join("deleted");
    assert_eq!(deleted.path, folder.to_str().unwrap().as_bytes());
    for program in [memory, deleted] {
        assert_eq!((&program.exe[..], &program.arguments[..]), (&b"again"[..], &b"a b\0\0"[..]));
    }
}
