//! The kernel and the mounts of a node: sysctls, security modules, swap, encrypted devices.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use serde_json::{Value, json};

use crate::root::Root;

/// The kernel settings that are reported.
const SYSCTLS: [&str; 16] = [
    "fs.protected_hardlinks",
    "fs.protected_symlinks",
    "fs.suid_dumpable",
    "kernel.dmesg_restrict",
    "kernel.keys.root_maxbytes",
    "kernel.keys.root_maxkeys",
    "kernel.kptr_restrict",
    "kernel.panic",
    "kernel.panic_on_oops",
    "kernel.randomize_va_space",
    "kernel.unprivileged_bpf_disabled",
    "kernel.yama.ptrace_scope",
    "net.ipv4.ip_forward",
    "user.max_user_namespaces",
    "vm.overcommit_memory",
    "vm.panic_on_oom",
];

/// The mounts that are reported in addition to those of pods.
const MOUNTS: [&str; 8] = [
    "/",
    "/tmp",
    "/var",
    "/var/lib",
    "/var/lib/containerd",
    "/var/lib/etcd",
    "/var/lib/kubelet",
    "/var/log",
];
const MAX_VOLUMES: usize = 5000;
const MAX_SOCKETS: usize = 5000;

pub(crate) fn facts(root: &Root) -> Value {
    let line = |path: &str| root.text(path).ok().map(|text| text.trim().to_owned());
    let swaps = line("/proc/swaps").map(|text| text.lines().count().saturating_sub(1));
    json!({
        "kernel": line("/proc/sys/kernel/osrelease"),
        "securityModules": line("/sys/kernel/security/lsm")
            .map(|text| text.split(',').map(str::to_owned).collect::<Vec<_>>()),
        "seccomp": root.is_dir("/proc/sys/kernel")
            .then(|| root.exists("/proc/sys/kernel/seccomp/actions_avail")),
        "cgroup2": root.exists("/sys/fs/cgroup/cgroup.controllers"),
        "swapDevices": swaps,
        "sysctls": sysctls(root),
        "mounts": mounts(root),
        "listening": sockets(root),
        "runtimes": runtimes(root),
        "directories": directories(root),
    })
}

/// Returns the kernel settings: those that the kernel does not have are left out, and those that cannot
/// be read have an error. `null` if none is visible.
fn sysctls(root: &Root) -> Value {
    if !root.is_dir("/proc/sys/kernel") {
        return Value::Null;
    }
    let one =
        |name: &&'static str| match root.text(&format!("/proc/sys/{}", name.replace('.', "/"))) {
            Ok(text) => Some((*name, json!(text.trim()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => Some((*name, json!({ "error": error.to_string() }))),
        };
    json!(SYSCTLS.iter().filter_map(one).collect::<BTreeMap<_, _>>())
}

/// Returns reported mounts with their options, and whether each is on an encrypted device. `null` if
/// they cannot be read.
fn mounts(root: &Root) -> Value {
    let text = root.text("/proc/1/mountinfo").or_else(|_| root.text("/proc/self/mountinfo"));
    let Ok(text) = text else { return Value::Null };
    let mut found = Vec::new();
    for line in text.lines() {
        let mut fields = line.split(' ');
        let (device, place) = (fields.nth(2), fields.nth(1));
        let Some((device, place)) = device.zip(place) else { continue };
        let options = fields.next().unwrap_or_default();
        let mut rest = fields.skip_while(|field| *field != "-").skip(1);
        let (kind, source) = (rest.next().unwrap_or_default(), rest.next().unwrap_or_default());
        let volume = place.starts_with("/var/lib/kubelet/pods/") && place.contains("/volumes/");
        if !(volume || MOUNTS.contains(&place)) || found.len() >= MAX_VOLUMES {
            continue;
        }
        found.push(json!({
            "place": place,
            "type": kind,
            "source": source,
            "device": device,
            "options": options.split(',').collect::<Vec<_>>(),
            "encrypted": encrypted(root, device, 8),
        }));
    }
    json!(found)
}

/// The types of dm-crypt devices in their UUID (libcryptsetup's `CRYPT-TYPE-…`) that encrypt. `VERITY` and
/// `INTEGRITY` store plain text.
const ENCRYPTED: [&str; 7] = ["LUKS1", "LUKS2", "PLAIN", "TCRYPT", "LOOPAES", "BITLK", "FVAULT2"];

/// Whether the UUID of a device-mapper device is one of dm-crypt.
fn is_crypt(uuid: &str) -> bool {
    let kind = uuid.strip_prefix("CRYPT-").and_then(|rest| rest.split_once('-'));
    kind.is_some_and(|(kind, _)| ENCRYPTED.contains(&kind))
}

/// Whether a block device is dm-crypt, or is only on such devices. `None` if that is not visible: a
/// file system in memory or on the network, or `/sys` that cannot be read.
fn encrypted(root: &Root, device: &str, depth: usize) -> Option<bool> {
    let (major, minor) = device.split_once(':')?;
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(major) || !plain(minor) || major == "0" || depth == 0 {
        return None;
    }
    let base = format!("/sys/dev/block/{device}");
    if !root.is_dir(&base) {
        return None;
    }
    if root.text(&format!("{base}/dm/uuid")).is_ok_and(|uuid| is_crypt(&uuid)) {
        return Some(true);
    }
    let below = root.names_in(&format!("{base}/slaves")).ok()?;
    let numbers = below.iter().map(|name| root.text(&format!("{base}/slaves/{name}/dev")));
    let below: Vec<_> =
        numbers.map(|number| encrypted(root, number.ok()?.trim(), depth - 1)).collect();
    if below.is_empty() {
        // A partition has no slaves, but the disk that it is on may have.
        let disk = root.text(&format!("{base}/../dev")).ok();
        return match disk {
            Some(disk) if root.exists(&format!("{base}/partition")) => {
                encrypted(root, disk.trim(), depth - 1)
            }
            _ => Some(false),
        };
    }
    match below.iter().all(|one| *one == Some(true)) {
        true => Some(true),
        false if below.contains(&None) => None,
        false => Some(false),
    }
}

/// Returns listening TCP sockets with their processes, where those can be read. `null` if the sockets
/// cannot be read.
fn sockets(root: &Root) -> Value {
    let mut listening: BTreeMap<String, (String, u16)> = BTreeMap::new();
    let mut is_cut = false;
    for file in ["/proc/1/net/tcp", "/proc/1/net/tcp6"] {
        let text = match root.text(file) {
            Ok(text) => text,
            // Without IPv6 there is no second file.
            Err(error) if error.kind() == io::ErrorKind::NotFound && file.ends_with('6') => {
                continue;
            }
            Err(_) => return Value::Null,
        };
        for line in text.lines().skip(1) {
            let fields: Vec<_> = line.split_whitespace().collect();
            let (Some(local), Some(state), Some(inode)) =
                (fields.get(1), fields.get(3), fields.get(9))
            else {
                continue;
            };
            let parts = local.split_once(':');
            let port = parts.and_then(|(_, port)| u16::from_str_radix(port, 16).ok());
            if let (Some((address, _)), Some(port), "0A") = (parts, port, *state) {
                if listening.len() >= MAX_SOCKETS {
                    is_cut = true;
                    continue;
                }
                listening.insert((*inode).to_owned(), (scope(address).to_owned(), port));
            }
        }
    }
    if listening.is_empty() {
        return json!([]);
    }
    // A socket may have several owners: systemd keeps those that it opens for a service.
    let mut owners: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for pid in root.names_in("/proc").unwrap_or_default() {
        if !pid.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let folder = format!("/proc/{pid}/fd");
        for name in root.names_in(&folder).unwrap_or_default() {
            let link = root.resolve(&folder).map(|folder| folder.join(&name));
            let target = link.and_then(std::fs::read_link);
            let target = target.ok().and_then(|target| target.to_str().map(str::to_owned));
            let inode = target.as_deref().and_then(|text| text.strip_prefix("socket:["));
            let inode = inode.and_then(|text| text.strip_suffix(']'));
            if let Some(inode) = inode.filter(|inode| listening.contains_key(*inode)) {
                let name = root.text(&format!("/proc/{pid}/comm")).unwrap_or_default();
                owners.entry(inode.to_owned()).or_default().insert(name.trim().to_owned());
            }
        }
    }
    let all = listening.iter().map(|(inode, (scope, port))| {
        let owners = owners.get(inode);
        let mut one =
            json!({ "port": port, "scope": scope, "process": owners.and_then(BTreeSet::first) });
        if let Some(owners) = owners.filter(|owners| owners.len() > 1) {
            one["processes"] = json!(owners);
        }
        one
    });
    let mut all: Vec<_> = all.collect();
    all.sort_by_key(|one| one.get("port").and_then(Value::as_u64));
    if is_cut {
        let why = format!("more than {MAX_SOCKETS} sockets listen, and the others were not read");
        all.push(json!({ "error": why }));
    }
    json!(all)
}

/// Returns whether an address in `/proc/net/tcp` is that of the machine alone.
fn scope(address: &str) -> &'static str {
    match address {
        "00000000" | "00000000000000000000000000000000" => "all addresses",
        local if local.len() == 8 && local.ends_with("7F") => "loopback",
        "00000000000000000000000001000000" => "loopback",
        // An IPv4 address in an IPv6 socket.
        "0000000000000000FFFF000000000000" => "all addresses",
        mapped if mapped.starts_with("0000000000000000FFFF0000") && mapped.ends_with("7F") => {
            "loopback"
        }
        _ => "one address",
    }
}

fn runtimes(root: &Root) -> Value {
    let files = [
        "/etc/containerd/config.toml",
        "/etc/crio/crio.conf",
        "/etc/docker/daemon.json",
        "/run/containerd/containerd.sock",
        "/run/crio/crio.sock",
        "/run/docker.sock",
    ];
    accesses(root, "/run", &files)
}

/// Returns the access to those of the paths that exist. If `top` is not visible, it is an entry with the
/// reason: what is in it is not known.
fn accesses(root: &Root, top: &str, paths: &[&str]) -> Value {
    let hidden = (!root.is_dir(top))
        .then(|| json!({ "path": top, "error": "the directory is not visible here" }));
    let found = paths.iter().filter_map(|path| root.access(path));
    json!(found.chain(hidden).collect::<Vec<_>>())
}

/// Returns the access to directories with data of pods.
fn directories(root: &Root) -> Value {
    let folders = [
        "/var/lib/containerd",
        "/var/lib/kubelet",
        "/var/lib/kubelet/pods",
        "/var/log/containers",
        "/var/log/pods",
    ];
    accesses(root, "/var/log", &folders)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;

    fn listening(folder: &Path, lines: usize) -> Vec<Value> {
        let lines: String = (0..lines)
            .map(|n| format!("{n}: 00000000:0947 00000000:0000 0A 0:0 0:0 0 0 0 {n} 1\n"))
            .collect();
        fs::create_dir_all(folder.join("proc/1/net")).unwrap();
        fs::write(folder.join("proc/1/net/tcp"), format!("head\n{lines}")).unwrap();
        sockets(&Root::new(folder).unwrap()).as_array().unwrap().clone()
    }

    #[test]
    fn a_socket_of_systemd_and_of_its_service_has_two_owners() {
        let folder = tempfile::tempdir().unwrap();
        for (pid, name) in [("1", "systemd\n"), ("20", "dockerd\n")] {
            let process = folder.path().join("proc").join(pid);
            fs::create_dir_all(process.join("fd")).unwrap();
            fs::write(process.join("comm"), name).unwrap();
            symlink("socket:[0]", process.join("fd/3")).unwrap();
        }
        let all = listening(folder.path(), 1);
        assert_eq!(all[0]["port"], 2375);
        assert_eq!(all[0]["processes"], json!(["dockerd", "systemd"]));
    }

    /// Block devices as `/sys` of Debian's kernel 6.1 shows them: name, number, UUID of device-mapper and
    /// the devices below.
    const DEVICES: [(&str, &str, Option<&str>, &[&str]); 12] = [
        ("loop0", "7:0", None, &[]),
        ("loop1", "7:1", None, &[]),
        ("dm-0", "254:0", Some("CRYPT-LUKS2-a95bd4c81a0a4cbf93eb0197b5e330fc-etcd"), &["loop0"]),
        ("dm-1", "254:1", Some(""), &["dm-0"]),
        ("dm-2", "254:2", Some(""), &["loop1"]),
        ("dm-3", "254:3", Some("CRYPT-PLAIN-vol"), &["loop1"]),
        ("dm-4", "254:4", Some("LVM-x"), &["dm-0", "dm-3"]),
        ("dm-5", "254:5", Some("LVM-y"), &["dm-0", "loop1"]),
        ("dm-6", "254:6", Some("CRYPT-VERITY-0d3c-root"), &["loop0", "loop1"]),
        ("dm-7", "254:7", Some("CRYPT-INTEGRITY-plain"), &["loop1"]),
        // Authenticated encryption is dm-crypt above dm-integrity.
        ("dm-8", "254:8", Some("CRYPT-LUKS2-a95b-both"), &["dm-7"]),
        ("dm-9", "254:9", Some("CRYPT-VERITY-1f-on-luks"), &["dm-0"]),
    ];

    #[test]
    fn a_volume_is_encrypted_if_all_devices_below_are() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join("sys").join(path);
        fs::create_dir_all(at("dev/block")).unwrap();
        for (name, number, uuid, below) in DEVICES {
            let device = at(&format!("devices/virtual/block/{name}"));
            fs::create_dir_all(device.join("slaves")).unwrap();
            fs::write(device.join("dev"), format!("{number}\n")).unwrap();
            if let Some(uuid) = uuid {
                fs::create_dir(device.join("dm")).unwrap();
                fs::write(device.join("dm/uuid"), format!("{uuid}\n")).unwrap();
            }
            for other in below {
                symlink(format!("../../{other}"), device.join("slaves").join(other)).unwrap();
            }
            let link = format!("../../devices/virtual/block/{name}");
            symlink(link, at(&format!("dev/block/{number}"))).unwrap();
        }
        // A partition is in the folder of its disk.
        fs::create_dir_all(at("devices/pci/vda/vda1")).unwrap();
        fs::write(at("devices/pci/vda/dev"), "254:16\n").unwrap();
        fs::write(at("devices/pci/vda/vda1/partition"), "1\n").unwrap();
        symlink("../../devices/pci/vda", at("dev/block/254:16")).unwrap();
        symlink("../../devices/pci/vda/vda1", at("dev/block/254:17")).unwrap();
        let root = Root::new(folder.path()).unwrap();
        for (device, expect) in [
            ("254:0", Some(true)),
            ("254:1", Some(true)),
            ("254:2", Some(false)),
            ("254:3", Some(true)),
            ("254:4", Some(true)),
            ("254:5", Some(false)),
            ("254:6", Some(false)),
            ("254:7", Some(false)),
            ("254:8", Some(true)),
            ("254:9", Some(true)),
            ("7:0", Some(false)),
            ("254:17", Some(false)),
            ("0:22", None),
            ("254:99", None),
            ("../x:1", None),
        ] {
            assert_eq!(encrypted(&root, device, 8), expect, "{device}");
        }
    }

    #[test]
    fn sockets_that_are_not_read_are_reported() {
        let folder = tempfile::tempdir().unwrap();
        let all = listening(folder.path(), MAX_SOCKETS);
        assert!(all.len() == MAX_SOCKETS && all.iter().all(|one| one["error"].is_null()));
        let all = listening(folder.path(), MAX_SOCKETS + 1);
        assert!(all.last().is_some_and(|one| one["error"].is_string()));
    }

    #[test]
    fn addresses_of_sockets() {
        for (address, expect) in [
            ("00000000", "all addresses"),
            ("0100007F", "loopback"),
            ("3500007F", "loopback"),
            ("0200000A", "one address"),
            ("00000000000000000000000000000000", "all addresses"),
            ("00000000000000000000000001000000", "loopback"),
            ("0000000000000000FFFF00000100007F", "loopback"),
            ("0000000000000000FFFF00000200000A", "one address"),
            ("0000000000000000FFFF000000000000", "all addresses"),
            ("000080FE00000000FF005450B8A4017F", "one address"),
        ] {
            assert_eq!(scope(address), expect, "{address}");
        }
    }
}
