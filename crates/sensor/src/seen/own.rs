//! Paths that lead to what belongs to a process itself.

/// Whether a path leads to what belongs to the process itself: the same leaf below its number in
/// `/proc`, or a device by its descriptor. `/proc/self/root/…` and `/proc/self/cwd/…` are other files.
pub(super) fn is_own(given: &[u8], real: &[u8]) -> bool {
    let thread = given.strip_prefix(b"/proc/thread-self/");
    let below = thread.or_else(|| given.strip_prefix(b"/proc/self/"));
    let leaf = real.strip_prefix(b"/proc/").and_then(|real| {
        let mut parts = real.splitn(if thread.is_some() { 4 } else { 2 }, |byte| *byte == b'/');
        let number = parts.next()?;
        number.iter().all(u8::is_ascii_digit).then_some(parts.last())?
    });
    let descriptor = given.strip_prefix(b"/dev/fd/").or_else(|| below?.strip_prefix(b"fd/"));
    let device = given.starts_with(b"/dev/std")
        || descriptor.is_some_and(|number| number.iter().all(u8::is_ascii_digit));
    (below.is_some() && below == leaf) || (device && real.starts_with(b"/dev/"))
}
