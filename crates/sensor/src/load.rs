//! Errors of loading, and the maps of loaded programs.

use aya::Ebpf;
use aya::maps::Map;

/// Why nothing can be observed.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// The programs were not compiled.
    #[error("this pavisade-agent has no eBPF programs: {0}")]
    NotBuilt(&'static str),
    /// The kernel does not describe its types.
    #[error(
        "reading the types of the kernel (/sys/kernel/btf/vmlinux; a kernel with CONFIG_DEBUG_INFO_BTF is needed): {0}"
    )]
    Types(String),
    /// The kernel does not take the maps.
    #[error(
        "loading eBPF (root, or the capabilities BPF and PERFMON are needed, before Linux 5.11 also SYS_RESOURCE): {0}"
    )]
    Load(String),
    /// The processes of the node are not visible.
    #[error("the processes of the node are not visible: in a pod, the agent needs `hostPID: true`")]
    Alone,
    /// A policy cannot be enforced.
    #[error("{0}")]
    Policy(String),
    /// No program can be used.
    #[error("{0}: {1}")]
    Program(&'static str, String),
}

pub(crate) fn map<T, E: std::error::Error>(
    programs: &mut Ebpf,
    name: &'static str,
    from: impl FnOnce(Map) -> Result<T, E>,
) -> Result<T, KernelError> {
    let map = programs.take_map(name).ok_or_else(|| no_map(name))?;
    from(map).map_err(|error| KernelError::Load(chain(&error)))
}

pub(crate) fn map_mut<'p, T>(programs: &'p mut Ebpf, name: &'static str) -> Result<T, KernelError>
where
    T: TryFrom<&'p mut Map>,
    T::Error: std::error::Error,
{
    let map = programs.map_mut(name).ok_or_else(|| no_map(name))?;
    T::try_from(map).map_err(|error| KernelError::Load(chain(&error)))
}

fn no_map(name: &str) -> KernelError {
    KernelError::Load(format!("the map {name} is missing"))
}

/// An error with its causes on one line; of the verifier's log only the end, which has the reason.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    // Without a log the error still announces one.
    let text = text.strip_suffix(" Verifier output: ").unwrap_or(&text);
    let is_reason = |line: &&str| {
        let line = line.trim();
        let is_statistic = ["processed ", "stack depth", "verification time", "mark_precise"];
        !line.is_empty() && !is_statistic.iter().any(|start| line.starts_with(start))
    };
    let lines: Vec<&str> = text.lines().filter(is_reason).collect();
    match &lines[..] {
        [first, .., last] if lines.len() > 2 => format!("{first} … {last}"),
        lines => lines.join("; "),
    }
}
