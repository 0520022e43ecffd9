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
