//! A low priority for processor and disk.

use std::io;

/// Gives all threads of this process the lowest priority for the processor. On Linux, the priority for
/// the disk follows it, to the lowest of the best-effort class (`ioprio_set(2)`).
///
/// # Errors
/// The priority cannot be changed.
pub fn be_idle() -> io::Result<()> {
    const LOWEST: i32 = 19;
    // Threads inherit it, and those that exist have an entry each.
    for task in std::fs::read_dir("/proc/self/task")? {
        let name = task?.file_name();
        let id = name
            .to_str()
            .and_then(|name| name.parse().ok())
            .and_then(rustix::process::Pid::from_raw);
        if let Some(id) = id {
            rustix::process::setpriority_process(Some(id), LOWEST)?;
        }
    }
    Ok(())
}
