use super::*;
use crate::decode::tests::event;

// Numbers that no process of this machine has.
const NONE: u32 = 4_000_000_000;

fn with(kind: u16, pid: u32, start: u64, ppid: u32, items: &[(u16, &[u8])]) -> Vec<u8> {
    let mut bytes = event(kind, 0, items);
    bytes[24..28].copy_from_slice(&pid.to_ne_bytes());
    bytes[32..36].copy_from_slice(&ppid.to_ne_bytes());
    bytes[56..64].copy_from_slice(&start.to_ne_bytes());
    bytes
}

fn forked(parent: u32, pid: u32, start: u64) -> Vec<u8> {
    let mut bytes = with(2, parent, 1, NONE, &[]);
    bytes[64..72].copy_from_slice(&i64::from(pid).to_ne_bytes());
    bytes[72..80].copy_from_slice(&start.to_ne_bytes());
    bytes
}

const A: u32 = 4_000_000_001;
const B: u32 = A + 1;
const C: u32 = A + 2;

#[test]
fn a_child_runs_what_its_parent_runs_until_it_starts_something() {
    let mut all = Processes::new(100);
    let shell = with(1, A, 1, NONE, &[(70, b"\x01sh\0bin\0"), (71, b"sh\0-c\0x\0")]);
    all.take(&Raw::read(&shell).unwrap(), 0);
    all.take(&Raw::read(&forked(A, B, 50)).unwrap(), 0);
    assert_eq!(all.get(B).unwrap().program.path, b"/bin/sh");
    assert_eq!(all.get(B).unwrap().program.joined(), b"-c x");
    let cat = with(1, B, 50, A, &[(70, b"\x01cat\0bin\0"), (71, b"cat\0")]);
    all.take(&Raw::read(&cat).unwrap(), 0);
    let cat = all.get(B).unwrap();
    assert_eq!((cat.program.path.as_slice(), cat.parent), (&b"/bin/cat"[..], A));
    assert_eq!(all.get(A).unwrap().program.path, b"/bin/sh");
    let names: Vec<_> = all.ancestors(cat).map(|process| process.pid).collect();
    assert_eq!(names, [A]);
}

#[test]
fn a_number_that_is_used_again_is_another_process() {
    let mut all = Processes::new(100);
    let first = with(1, A, 10_000_000_000, NONE, &[(70, b"\x01sh\0")]);
    all.take(&Raw::read(&first).unwrap(), 0);
    let second = with(4, A, 20_000_000_000, NONE, &[]);
    all.take(&Raw::read(&second).unwrap(), 0);
    assert_eq!(all.get(A).unwrap().program.path, b"");
    // A parent that is younger than its child is not its parent.
    let child = with(1, B, 15_000_000_000, A, &[]);
    all.take(&Raw::read(&child).unwrap(), 0);
    assert_eq!(all.ancestors(all.get(B).unwrap()).count(), 0);
}

#[test]
fn the_table_has_a_limit() {
    let mut all = Processes::new(2);
    for pid in [A, B, C] {
        all.take(&Raw::read(&with(1, pid, 1, NONE, &[])).unwrap(), 0);
    }
    // The process of an event is always known.
    assert_eq!((all.len(), all.refused), (2, 1));
    assert!(all.get(C).is_some());
    all.take(&Raw::read(&forked(C, NONE - 1, 5)).unwrap(), 0);
    assert!(all.get(C).is_some() && all.get(NONE - 1).is_some());
    let mut all = Processes::new(2);
    for pid in [A, B] {
        all.take(&Raw::read(&with(1, pid, 1, NONE, &[])).unwrap(), 0);
    }
    all.take(&Raw::read(&with(3, A, 1, NONE, &[])).unwrap(), 0);
    assert!(all.get(A).unwrap().ended);
    all.take(&Raw::read(&with(1, C, 1, NONE, &[])).unwrap(), 0);
    assert!(all.get(A).is_none() && all.get(C).is_some());
}

#[test]
fn a_long_program_is_shortened() {
    let long = || vec![b'x'; 4000];
    let stdio = Some(Stdio { kind: "file", name: long() });
    let mut program = Program {
        exe: long(),
        path: long(),
        cwd: long(),
        stdio: [None, None, stdio],
        ..Program::default()
    };
    program.shorten();
    let stdio = program.stdio[2].as_ref().unwrap();
    for text in [&program.exe, &program.path, &program.cwd, &stdio.name] {
        assert_eq!(text.len(), CROWDED_BYTES);
    }
}

#[test]
fn names_with_parentheses_are_read() {
    let text = b"7 (a) b) S 3 7 7 34816 9 4194304 1 0 0 0 1 1 0 0 20 0 1 0 500 1 1";
    assert_eq!(stat(text), Some((b"a) b".to_vec(), 3, 34816, 5_000_000_000)));
    assert_eq!(stat(b"7 (a"), None);
    let own = from_proc(std::process::id()).unwrap();
    assert!(own.start > 0 && !own.program.path.is_empty());
}
