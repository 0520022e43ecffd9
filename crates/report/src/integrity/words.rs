//! Sentences about changes.

use std::fmt::Write as _;

use pavisade_integrity::{
    Aspect, Basis, Change, ChangeKind, Content, Entry, Explained, Explanation, Signed, Verdict,
    escaped,
};

use super::Source;

/// Returns what was compared, and with what.
pub(super) fn source<'a>(of: &Source<'a>) -> (&'a str, String) {
    let (version, signed, is_newest) = match of {
        Source::Baseline { version, signed, is_newest } => (version, signed, is_newest),
        Source::Image { name, digest, root, .. } => {
            let digest = digest.map(|digest| format!(", digest {digest}")).unwrap_or_default();
            return (root, format!("compared with the image {name}{digest}"));
        }
    };
    let (header, digest) = (&version.header, version.digest);
    let proof = match (signed, &version.key) {
        (Signed::ByKey, Some(key)) if *is_newest => {
            format!("signed by {key}, with the expected digest {digest}")
        }
        (Signed::ByKey, Some(key)) => format!("signed by {key}, digest {digest}"),
        (Signed::NotVerified, _) => format!("not verified, digest {digest}"),
        _ => format!("with the expected digest {digest}"),
    };
    let node = if header.node.name.is_empty() { "this node" } else { &header.node.name };
    (node, format!("baseline version {} of {}, {proof}", header.version, header.made))
}

/// Returns the lines below a change.
pub(super) fn lines(change: &Change, explained: &Explained, strict: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let (was, is) = (change.was.as_ref(), change.is.as_ref());
    match (change.kind, was, is) {
        (ChangeKind::Added, _, Some(is)) => lines.push(properties(is)),
        (ChangeKind::Removed, Some(was), _) => lines.push(format!("was a {}", properties(was))),
        (_, Some(was), Some(is)) => {
            if change.kind == ChangeKind::Renamed {
                lines.push(format!("from {}", escaped(&was.path)));
            }
            let all = change.aspects.iter().map(|aspect| difference(aspect, was, is));
            lines.extend(all);
        }
        _ => {}
    }
    lines.extend(signs(change));
    if let Some(found) = &explained.explanation {
        lines.push(explanation(found) + weakness(explained, strict));
    }
    if !explained.rest.is_empty() {
        let rest: Vec<_> = explained.rest.iter().map(Aspect::name).collect();
        lines.push(format!("this does not explain: {}", rest.join(", ")));
    }
    lines
}

/// Returns what makes a change suspicious by itself.
pub(super) fn signs(change: &Change) -> Vec<String> {
    let mut signs = Vec::new();
    if change.has_forged_time() {
        signs.push("the content changed, but its modification time was set back".to_owned());
    }
    if change.is_silent() {
        signs.push(
            "the content changed without any change of its times: the disk returned other bytes, or \
             something wrote below the file system"
                .to_owned(),
        );
    }
    if change.gains_rights() {
        signs.push(
            "it gained rights: setuid, setgid, capabilities, or writing by everyone".to_owned(),
        );
    }
    signs
}

/// Returns what explains a change, the same text for all files of one package.
pub(super) fn group(explained: &Explained) -> String {
    let text = explained.explanation.as_ref().map(explanation).unwrap_or_default();
    text + weakness(explained, false)
}

/// Returns why an explanation is not a proof.
fn weakness(explained: &Explained, strict: bool) -> &'static str {
    if explained.verdict != Verdict::Expected(Basis::NodeRecords) {
        return "";
    }
    match (&explained.explanation, strict) {
        (Some(Explanation::MountPoint), true) => "; --strict reports it",
        (Some(Explanation::MountPoint), false) => "",
        (Some(Explanation::Certificate { .. } | Explanation::Key { .. }), true) => {
            "; the key of its issuer seems to be on the node, where root can use it (--strict)"
        }
        (Some(Explanation::Certificate { .. } | Explanation::Key { .. }), false) => {
            " (the key of its issuer seems to be on this node)"
        }
        (_, true) => "; these records are on the node, where root can change them (--strict)",
        (_, false) => " (by the records of this node)",
    }
}

pub(super) fn explanation(of: &Explanation) -> String {
    match of {
        Explanation::Package { name, version, was: Some(was) } => {
            let before = was.split_once(' ').map_or(was.as_str(), |(_, version)| version);
            format!(
                "the package {name} was upgraded from {before} to {version}, and the checksum agrees"
            )
        }
        Explanation::Package { name, version, was: None } => {
            format!("the package {name} {version} was installed, and the checksum agrees")
        }
        Explanation::PackageWithout { was, now: None } => format!("the package {was} was removed"),
        Explanation::PackageWithout { was, now: Some(now) } => {
            format!("the package {was} was upgraded to {now}, which does not contain it")
        }
        Explanation::SameVersion { name, version } => format!(
            "the checksum of the package {name} agrees, but its version {version} did not change: \
             the file was repaired, or the checksum was changed too"
        ),
        Explanation::OtherChecksum { name, version } => {
            format!("the package {name} {version} has another checksum")
        }
        Explanation::List { name, list } => format!("its digest is that of {name} in {list}"),
        Explanation::Certificate { subject, by } => format!(
            "the certificate of {subject} was renewed; it is issued by the unchanged {}",
            escaped(by)
        ),
        Explanation::UnprovenCertificate { subject } => format!(
            "the certificate of {subject} is newer and has the same names, but no unchanged \
             certificate in the baseline issued it"
        ),
        Explanation::Key { certificate } => {
            format!("it is the key of the renewed certificate in {}", escaped(certificate))
        }
        Explanation::Reference => "the same file is in the reference".to_owned(),
        Explanation::MountPoint => "empty, as runtimes make mount points".to_owned(),
    }
}

fn difference(aspect: &Aspect, was: &Entry, is: &Entry) -> String {
    let from = |before: String, after: String| format!("{}: {before} → {after}", aspect.name());
    match aspect {
        Aspect::Type => from(was.kind.name().to_owned(), is.kind.name().to_owned()),
        Aspect::Mode => from(format!("{:04o}", was.mode), format!("{:04o}", is.mode)),
        Aspect::Owner => from(was.uid.to_string(), is.uid.to_string()),
        Aspect::Group => from(was.gid.to_string(), is.gid.to_string()),
        Aspect::Links => from(number(was.links), number(is.links)),
        Aspect::Flags => from(flags(was), flags(is)),
        Aspect::Content | Aspect::Target | Aspect::Device => from(content(was), content(is)),
        Aspect::Capabilities => {
            from(value(was, "security.capability"), value(is, "security.capability"))
        }
        Aspect::Acl => {
            let both = ["system.posix_acl_access", "system.posix_acl_default"];
            let text = |of: &Entry| both.map(|name| value(of, name)).join(", ");
            from(text(was), text(is))
        }
        Aspect::Attribute(name) => from(value(was, name), value(is, name)),
    }
}

fn number(of: Option<u32>) -> String {
    of.map_or_else(|| "unknown".to_owned(), |count| count.to_string())
}

fn flags(of: &Entry) -> String {
    match of.flags {
        (false, false) => "none",
        (true, false) => "immutable",
        (false, true) => "append-only",
        (true, true) => "immutable and append-only",
    }
    .to_owned()
}

fn content(of: &Entry) -> String {
    match &of.content {
        Content::Digest(digest) => {
            let hex = digest.hex();
            format!("{}… ({})", hex.get(..16).unwrap_or(&hex), size(of))
        }
        Content::Target(target) => escaped(target),
        Content::Device(major, minor) => format!("{major}:{minor}"),
        Content::Nothing => "nothing".to_owned(),
        Content::Unread(_) => format!("unknown ({})", size(of)),
    }
}

fn size(of: &Entry) -> String {
    format!("{} {}", of.size, if of.size == 1 { "byte" } else { "bytes" })
}

fn properties(of: &Entry) -> String {
    let mut text = format!("{}, mode {:04o}, owner {}:{}", of.kind.name(), of.mode, of.uid, of.gid);
    match &of.content {
        Content::Target(target) => {
            let _ = write!(text, ", to {}", escaped(target));
        }
        Content::Digest(_) => {
            let _ = write!(text, ", {}", size(of));
        }
        _ => {}
    }
    text
}

fn value(of: &Entry, name: &str) -> String {
    let Ok(all) = &of.attributes else { return "unknown".to_owned() };
    let found = all.iter().find(|(other, _)| &**other == name);
    found.map_or_else(|| "none".to_owned(), |(name, value)| attribute(name, value))
}

/// Returns the value of an extended attribute as text.
pub(super) fn attribute(name: &str, value: &[u8]) -> String {
    let known = match name {
        "security.capability" => capabilities(value),
        "system.posix_acl_access" | "system.posix_acl_default" => acl(value),
        _ => None,
    };
    known.unwrap_or_else(|| {
        let is_text = value.iter().all(|byte| (0x20..0x7f).contains(byte));
        match std::str::from_utf8(value.strip_suffix(b"\0").unwrap_or(value)) {
            Ok(text) if is_text || value.ends_with(b"\0") => text.to_owned(),
            _ => value.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    })
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// Returns file capabilities in the notation of `getcap`; `struct vfs_ns_cap_data` of Linux.
fn capabilities(value: &[u8]) -> Option<String> {
    const NAMES: [&str; 41] = [
        "chown",
        "dac_override",
        "dac_read_search",
        "fowner",
        "fsetid",
        "kill",
        "setgid",
        "setuid",
        "setpcap",
        "linux_immutable",
        "net_bind_service",
        "net_broadcast",
        "net_admin",
        "net_raw",
        "ipc_lock",
        "ipc_owner",
        "sys_module",
        "sys_rawio",
        "sys_chroot",
        "sys_ptrace",
        "sys_pacct",
        "sys_admin",
        "sys_boot",
        "sys_nice",
        "sys_resource",
        "sys_time",
        "sys_tty_config",
        "mknod",
        "lease",
        "audit_write",
        "audit_control",
        "setfcap",
        "mac_override",
        "mac_admin",
        "syslog",
        "wake_alarm",
        "block_suspend",
        "audit_read",
        "perfmon",
        "bpf",
        "checkpoint_restore",
    ];
    let magic = word(value, 0)?;
    let (permitted, inheritable) = (
        u64::from(word(value, 4)?) | u64::from(word(value, 12)?) << 32,
        u64::from(word(value, 8)?) | u64::from(word(value, 16)?) << 32,
    );
    let mut parts = Vec::new();
    for bit in 0..64 {
        let is_in = |set: u64| set >> bit & 1 == 1;
        let letters = match (is_in(permitted), is_in(inheritable)) {
            (false, false) => continue,
            (true, false) => "p",
            (false, true) => "i",
            (true, true) => "ip",
        };
        let name = NAMES.get(bit).map_or_else(|| bit.to_string(), |name| format!("cap_{name}"));
        let effective = if magic & 1 == 1 { "e" } else { "" };
        parts.push(format!("{name}={effective}{letters}"));
    }
    Some(parts.join(" "))
}

/// Returns an access control list in the notation of `getfacl`; `posix_acl_xattr_header` of Linux.
fn acl(value: &[u8]) -> Option<String> {
    let entries = value.get(4..)?.chunks_exact(8).map(|entry| {
        let (tag, rights) = (entry[0], entry[2]);
        let id = word(entry, 4).unwrap_or_default();
        let who = match tag {
            0x01 => "user:".to_owned(),
            0x02 => format!("user:{id}"),
            0x04 => "group:".to_owned(),
            0x08 => format!("group:{id}"),
            0x10 => "mask:".to_owned(),
            0x20 => "other:".to_owned(),
            tag => format!("{tag}:"),
        };
        let right = |bit, letter| if rights & bit == 0 { '-' } else { letter };
        format!("{who}:{}{}{}", right(4, 'r'), right(2, 'w'), right(1, 'x'))
    });
    Some(entries.collect::<Vec<_>>().join(" "))
}
