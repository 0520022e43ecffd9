//! The fields of rules that the sensor has values for.

use std::sync::LazyLock;

use pavisade_rules::Fields;

macro_rules! names {
    ($($name:ident = $text:literal,)*) => {
        /// A field.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Name { $($name,)* }

        const NAMES: &[(&str, Name)] = &[$(($text, Name::$name),)*];
    };
}

names! {
    EvtType = "evt.type", EvtNum = "evt.num", EvtTime = "evt.rawtime", EvtClock = "evt.time",
    EvtClockShort = "evt.time.s", EvtIso = "evt.time.iso8601", EvtDate = "evt.datetime",
    EvtDateShort = "evt.datetime.s", EvtDir = "evt.dir",
    EvtSource = "evt.source", Node = "evt.hostname", EvtFailed = "evt.failed",
    EvtRes = "evt.res", EvtRawRes = "evt.rawres", EvtArg = "evt.arg",
    IsOpenRead = "evt.is_open_read", IsOpenWrite = "evt.is_open_write",
    Comm = "proc.name", ProcExe = "proc.exe", ProcExePath = "proc.exepath",
    ProcArgs = "proc.args", ProcCmdline = "proc.cmdline", ProcExeLine = "proc.exeline",
    ProcNargs = "proc.cmdnargs", ProcCwd = "proc.cwd", ProcPid = "proc.pid", ProcPpid = "proc.ppid",
    ThreadTid = "thread.tid", ProcPname = "proc.pname", ProcPexe = "proc.pexe",
    ProcPexePath = "proc.pexepath", ProcPcmdline = "proc.pcmdline", ProcAname = "proc.aname",
    ProcAexe = "proc.aexe", ProcAexePath = "proc.aexepath", ProcApid = "proc.apid",
    ProcAcmdline = "proc.acmdline", ProcTty = "proc.tty", ProcDuration = "proc.duration",
    UpperLayer = "proc.is_exe_upper_layer", LowerLayer = "proc.is_exe_lower_layer",
    FromMemfd = "proc.is_exe_from_memfd", ExeInode = "proc.exe_ino",
    StdinType = "proc.stdin.type", StdoutType = "proc.stdout.type", StderrType = "proc.stderr.type",
    StdinPath = "proc.stdin.name", StdoutPath = "proc.stdout.name", StderrPath = "proc.stderr.name",
    CapEffective = "thread.cap_effective", CapPermitted = "thread.cap_permitted",
    CapInheritable = "thread.cap_inheritable",
    UserUid = "user.uid", User = "user.name", UserLogin = "user.loginuid",
    GroupGid = "group.gid",
    FdNum = "fd.num", FdPath = "fd.name", FdNameRaw = "fd.nameraw", FdDirectory = "fd.directory",
    FdFilename = "fd.filename", FdType = "fd.type", FdTypeChar = "fd.typechar",
    FdL4Proto = "fd.l4proto", FdIp = "fd.ip", FdPort = "fd.port", FdNet = "fd.net",
    FdClientIp = "fd.cip", FdServerIp = "fd.sip", FdClientPort = "fd.cport",
    FdServerPort = "fd.sport", FdLocalIp = "fd.lip", FdRemoteIp = "fd.rip",
    FdLocalPort = "fd.lport", FdRemotePort = "fd.rport", FdClientNet = "fd.cnet",
    FdServerNet = "fd.snet", FdLocalNet = "fd.lnet", FdRemoteNet = "fd.rnet",
    FdServerHost = "fd.sip.name", FdRemoteHost = "fd.rip.name",
    Asked = "dns.name", AskedType = "dns.type",
    FdSockFamily = "fd.sockfamily", FdIsServer = "fd.is_server", FdConnected = "fd.connected",
    ContainerId = "container.id", ContainerFullId = "container.full_id",
    Container = "container.name", ContainerImage = "container.image",
    ContainerRepository = "container.image.repository", ContainerTag = "container.image.tag",
    ContainerDigest = "container.image.digest", ContainerPrivileged = "container.privileged",
    ContainerType = "container.type", Pod = "k8s.pod.name", PodUid = "k8s.pod.uid",
    PodId = "k8s.pod.id", Namespace = "k8s.ns.name",
    PodLabel = "k8s.pod.label", PodLabels = "k8s.pod.labels", ReplicaSet = "k8s.rs.name",
    Deployment = "k8s.deployment.name",
}

static BY_SLOT: LazyLock<Vec<Option<Name>>> = LazyLock::new(|| {
    let mut by_slot = Vec::new();
    for (text, name) in NAMES {
        let Ok((info, _)) = Fields::known().named(text) else { continue };
        let slot = usize::from(info.slot);
        if by_slot.len() <= slot {
            by_slot.resize(slot + 1, None);
        }
        by_slot[slot] = Some(*name);
    }
    // It takes an argument, which `named` wants to see.
    if let Ok((info, _)) = Fields::known().named("evt.arg.flags") {
        let slot = usize::from(info.slot);
        by_slot.resize(by_slot.len().max(slot + 1), None);
        by_slot[slot] = Some(Name::EvtArg);
    }
    by_slot
});

pub(crate) fn name_of(slot: u16) -> Option<Name> {
    BY_SLOT.get(usize::from(slot)).copied().flatten()
}

/// Whether events have values for a field.
pub fn has_field(slot: u16) -> bool {
    name_of(slot).is_some()
}

/// Whether only the API server knows a field.
pub fn is_of_pod(slot: u16) -> bool {
    use Name::{Deployment, PodLabel, PodLabels, ReplicaSet};
    matches!(name_of(slot), Some(PodLabel | PodLabels | ReplicaSet | Deployment))
}

/// Whether a field is known from the answers of name servers.
pub fn is_of_names(slot: u16) -> bool {
    matches!(name_of(slot), Some(Name::FdServerHost | Name::FdRemoteHost))
}

/// Capabilities in the order of their bits (include/uapi/linux/capability.h).
const CAPABILITIES: &[&str] = &[
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// `CAP_CHOWN CAP_KILL`.
pub(crate) fn capabilities(bits: u64) -> String {
    let has = |(bit, _): &(usize, &&str)| bits >> bit & 1 == 1;
    let names = CAPABILITIES.iter().enumerate().filter(has);
    names.map(|(_, name)| format!("CAP_{name}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_fields_are_known_to_the_rules() {
        for (text, name) in NAMES.iter().filter(|(_, name)| *name != Name::EvtArg) {
            let slot = Fields::known().named(text).map(|(info, _)| info.slot);
            assert_eq!(slot.map(name_of), Ok(Some(*name)), "{text}");
        }
        let (info, _) = Fields::known().named("evt.arg.flags").unwrap();
        assert_eq!(name_of(info.slot), Some(Name::EvtArg));
        assert_eq!(capabilities(1 << 21 | 1 << 5), "CAP_KILL CAP_SYS_ADMIN");
    }
}
