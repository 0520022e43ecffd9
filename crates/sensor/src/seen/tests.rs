use super::*;
use crate::calls::CALLS;
use crate::decode::tests::event;

#[test]
fn only_what_belongs_to_the_process_itself_is_exempt() {
    for (given, real, own) in [
        ("/proc/self/mem", "/proc/17/mem", true),
        ("/proc/self/task/18/mem", "/proc/17/task/18/mem", true),
        ("/proc/thread-self/mem", "/proc/17/task/18/mem", true),
        ("/dev/stdin", "/dev/pts/0", true),
        ("/dev/fd/3", "/dev/null", true),
        ("/proc/self/fd/3", "/dev/null", true),
        ("/proc/self/root/etc/shadow", "/etc/shadow", false),
        ("/proc/self/cwd/shadow", "/etc/shadow", false),
        ("/proc/thread-self/root/etc/shadow", "/etc/shadow", false),
        ("/proc/self/root/proc/1/mem", "/proc/1/mem", false),
        ("/proc/self/root/dev/sda", "/dev/sda", false),
        ("/proc/self/fd/3", "/etc/shadow", false),
        ("/dev/fd/3/sda", "/dev/sda", false),
        ("/dev/stdin", "/etc/shadow", false),
        ("/proc/selfish", "/etc/shadow", false),
    ] {
        assert_eq!(is_own(given.as_bytes(), real.as_bytes()), own, "{given} {real}");
    }
}

#[test]
fn the_kernel_knows_the_other_end_of_a_connection() {
    let call = CALLS.iter().find(|call| call.name == "connect").unwrap();
    let mut ends = [0; 48];
    ends[..2].copy_from_slice(&2u16.to_ne_bytes());
    let written = [&2u16.to_ne_bytes()[..], &[0, 53, 10, 0, 0, 9]].concat();
    let remote = |ends: &[u8], result: i64| {
        let mut bytes = event(4, 0, &[(tag::SOCKET_OF, ends), (tag::ADDRESS + 1, &written)]);
        bytes[64..72].copy_from_slice(&result.to_ne_bytes());
        descriptor(&Raw::read(&bytes).unwrap(), call).unwrap().remote.unwrap().1
    };
    // One that failed has no other end in the kernel.
    assert_eq!(remote(&ends, -111), 53);
    ends[6..8].copy_from_slice(&443u16.to_be_bytes());
    ends[32..36].copy_from_slice(&[10, 0, 0, 1]);
    assert_eq!(remote(&ends, 0), 443);
    assert_eq!(remote(&ends, -115), 443);
    // The attempt to reach another end than before.
    assert_eq!(remote(&ends, -1), 53);
}

#[test]
fn a_container_begins_where_the_mounts_of_the_runtime_end() {
    let container = Container { id: "ab".repeat(32), ..Container::default() };
    let mut processes = Processes::new(10);
    let mut start = |pid: u32, parent: u32, name: &str, container: u64, mounts: u64| {
        let mut credentials = [0; 48];
        credentials[40..].copy_from_slice(&mounts.to_ne_bytes());
        let mut bytes = event(1, 0, &[(tag::CREDENTIALS, &credentials)]);
        bytes[24..28].copy_from_slice(&pid.to_ne_bytes());
        bytes[32..36].copy_from_slice(&parent.to_ne_bytes());
        bytes[120..136].fill(0);
        bytes[120..120 + name.len()].copy_from_slice(name.as_bytes());
        processes.take(&Raw::read(&bytes).unwrap(), container);
        bytes
    };
    const FIRST: u32 = 4_000_000_001;
    let inner = container.number();
    start(FIRST, FIRST - 1, "containerd-shim", 0, 1);
    // In the control group already, with the mounts of the runtime.
    start(FIRST + 1, FIRST, "runc:[1:CHILD]", inner, 1);
    start(FIRST + 2, FIRST + 1, "runc-build", inner, 2);
    // Another container, entered by a process of this one.
    start(FIRST + 3, FIRST + 2, "other", inner + 1, 3);
    // The container made its own mount namespace.
    let last = start(FIRST + 4, FIRST + 2, "runc", inner, 4);
    let raw = Raw::read(&last).unwrap();
    let seen = Seen {
        raw,
        number: 1,
        time: 0,
        node: "n",
        call: None,
        process: processes.get(raw.pid).unwrap(),
        processes: &processes,
        place: Place::Container(&container),
        descriptor: None,
        question: None,
        names: &[],
        pods: &Pods::default(),
    };
    let is_inside = seen.insiders();
    let found = |pid| is_inside(processes.get(pid).unwrap());
    let all: Vec<_> = (FIRST..FIRST + 5).map(found).collect();
    assert_eq!(all, [false, false, true, false, true]);
    let host = Seen { place: Place::Host, ..seen.clone() };
    assert!(!host.insiders()(processes.get(FIRST).unwrap()));
}
