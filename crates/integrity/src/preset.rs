//! Sets of paths that matter on a node.

use crate::{Scope, is_in, matches};

/// A named set of paths.
#[derive(Debug, Clone, Copy)]
pub struct Preset {
    /// The name on command lines.
    pub name: &'static str,
    /// What it covers, for help texts.
    pub about: &'static str,
    /// The paths. Those that do not exist are expected to stay absent.
    pub paths: &'static [&'static str],
}

/// All presets. Together they are what a node runs with its own rights.
pub const PRESETS: &[Preset] = &[
    Preset {
        name: "programs",
        about: "programs of the node and CNI plugins",
        paths: &[
            "/bin",
            "/opt/bin",
            "/opt/cni/bin",
            "/sbin",
            "/usr/bin",
            "/usr/libexec",
            "/usr/local/bin",
            "/usr/local/sbin",
            "/usr/sbin",
        ],
    },
    Preset {
        name: "libraries",
        about: "shared libraries of the node",
        paths: &["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64"],
    },
    Preset {
        name: "kubernetes",
        about: "configuration of Kubernetes, with static pods",
        paths: &[
            "/etc/default/kubelet",
            "/etc/kubernetes",
            "/etc/rancher",
            "/etc/sysconfig/kubelet",
            "/var/lib/k0s/manifests",
            "/var/lib/kubelet/config.yaml",
            "/var/lib/kubelet/kubeadm-flags.env",
            "/var/lib/kubelet/kubeconfig",
            "/var/lib/rancher/k3s/server/manifests",
            "/var/lib/rancher/rke2/agent/pod-manifests",
        ],
    },
    Preset {
        name: "runtime",
        about: "configuration of container runtimes and networks",
        paths: &[
            "/etc/cni",
            "/etc/containerd",
            "/etc/containers",
            "/etc/crictl.yaml",
            "/etc/crio",
            "/etc/docker",
            "/etc/nri",
            "/opt/nri",
        ],
    },
    Preset {
        name: "certificates",
        about: "certificates and keys of Kubernetes and of the system",
        paths: &[
            "/etc/etcd",
            "/etc/kubernetes/pki",
            "/etc/pki",
            "/etc/ssl",
            "/usr/local/share/ca-certificates",
            "/var/lib/kubelet/pki",
        ],
    },
    Preset {
        name: "cron",
        about: "scheduled commands",
        paths: &[
            "/etc/anacrontab",
            "/etc/cron.d",
            "/etc/cron.daily",
            "/etc/cron.hourly",
            "/etc/cron.monthly",
            "/etc/cron.weekly",
            "/etc/crontab",
            "/var/spool/at",
            "/var/spool/cron",
        ],
    },
    Preset {
        name: "systemd",
        about: "services of systemd, of the start-up and of network changes",
        paths: &[
            "/etc/NetworkManager/dispatcher.d",
            "/etc/init.d",
            "/etc/network",
            "/etc/networkd-dispatcher",
            "/etc/rc.local",
            "/etc/systemd",
            "/etc/udev",
            "/lib/systemd",
            "/usr/lib/systemd",
            "/usr/local/lib/systemd",
        ],
    },
    Preset {
        name: "packages",
        about: "sources and hooks of package managers",
        paths: &[
            "/etc/apt",
            "/etc/dnf",
            "/etc/dpkg",
            "/etc/yum",
            "/etc/yum.conf",
            "/etc/yum.repos.d",
            "/etc/zypp",
        ],
    },
    Preset {
        name: "loader",
        about: "what the dynamic loader reads, with ld.so.preload",
        paths: &["/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/ld.so.preload"],
    },
    Preset {
        name: "modules",
        about: "kernels, modules, and their configuration",
        paths: &[
            "/boot",
            "/etc/default/grub",
            "/etc/dracut.conf.d",
            "/etc/grub.d",
            "/etc/initramfs-tools",
            "/etc/modprobe.d",
            "/etc/modules",
            "/etc/modules-load.d",
            "/etc/sysctl.conf",
            "/etc/sysctl.d",
            "/lib/modules",
            "/usr/lib/modules",
        ],
    },
    Preset {
        name: "accounts",
        about: "accounts, logins, sudo and profiles",
        paths: &[
            "/etc/bash.bashrc",
            "/etc/environment",
            "/etc/group",
            "/etc/gshadow",
            "/etc/pam.d",
            "/etc/passwd",
            "/etc/polkit-1",
            "/etc/profile",
            "/etc/profile.d",
            "/etc/security",
            "/etc/shadow",
            "/etc/ssh",
            "/etc/sudoers",
            "/etc/sudoers.d",
            "/etc/update-motd.d",
            "/root/.bashrc",
            "/root/.profile",
            "/root/.ssh",
        ],
    },
];

impl Preset {
    /// Returns the preset with this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.name == name)
    }
}

impl Scope {
    /// Returns the presets that are covered: all of their paths, without an exclusion of one or of a part
    /// of one. Only a single file may be excluded.
    pub fn presets(&self) -> impl Iterator<Item = &'static Preset> {
        let covers = |path: &&str| {
            let is_given = self.paths.iter().any(|place| is_in(place, path.as_bytes()));
            is_given && !self.exclude.iter().any(|pattern| opens(pattern, path.as_bytes()))
        };
        PRESETS.iter().filter(move |preset| preset.paths.iter().all(covers))
    }
}

/// Returns whether an exclusion leaves out a path of a preset, or more than one file below it.
fn opens(pattern: &[u8], path: &[u8]) -> bool {
    let names = path.split(|byte| *byte == b'/').count();
    let end = pattern.iter().enumerate().filter(|(_, byte)| **byte == b'/').nth(names - 1);
    match end {
        _ if matches(whole(pattern), path) => true,
        Some((end, _)) => matches(&pattern[..end], path) && !is_one_file(pattern),
        None => false,
    }
}

/// Endings of names that are those of files.
const FILES: [&str; 12] = [
    ".conf", ".crt", ".env", ".json", ".key", ".pem", ".pub", ".service", ".so", ".toml", ".yaml",
    ".yml",
];

/// Returns whether a pattern names exactly one file. A baseline does not record whether an excluded
/// path is a directory, so only what is known to be a file counts as one: a name in a directory of
/// programs, or with the ending of a file.
fn is_one_file(pattern: &[u8]) -> bool {
    let Some(end) = pattern.iter().rposition(|byte| *byte == b'/') else { return false };
    let (folder, name) = (&pattern[..end], &pattern[end + 1..]);
    let is_in_programs = Preset::named("programs")
        .is_some_and(|programs| programs.paths.iter().any(|path| path.as_bytes() == folder))
        && folder != b"/usr/libexec";
    !pattern.contains(&b'*')
        && !name.is_empty()
        && (is_in_programs || FILES.iter().any(|ending| name.ends_with(ending.as_bytes())))
}

/// Returns the pattern of a directory instead of that of everything in it.
fn whole(mut pattern: &[u8]) -> &[u8] {
    while let Some(above) = pattern.strip_suffix(b"/*") {
        pattern = above;
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_covered_only_completely() {
        let all = PRESETS.iter().flat_map(|preset| preset.paths).copied().collect::<Vec<_>>();
        let covered = |paths: &[&str], exclude: &[&str]| {
            let bytes = |list: &[&str]| list.iter().map(|path| path.as_bytes().into()).collect();
            let (paths, exclude) = (bytes(paths), bytes(exclude));
            let scope = Scope { paths, exclude, one_file_system: false };
            scope.presets().map(|preset| preset.name).collect::<Vec<_>>()
        };
        assert_eq!(covered(&all, &[]).len(), PRESETS.len());
        assert_eq!(covered(&["/"], &[]).len(), PRESETS.len());
        // One path is missing, or a part of one is given.
        assert_eq!(covered(&["/etc/ld.so.cache", "/etc/ld.so.conf"], &[]), [""; 0]);
        assert_eq!(covered(&["/etc/cron.d/x", "/usr/bin/a"], &[]), [""; 0]);
        // One file may be left out, and so may what is in no preset.
        let without = |pattern: &str| PRESETS.len() - covered(&all, &[pattern]).len();
        for pattern in ["/usr/bin/motd", "/etc/ssl/openssl.conf", "/home/*", "/usr/share"] {
            assert_eq!(without(pattern), 0, "{pattern}");
        }
        // Below a path, several files may be left out.
        for pattern in [
            "/etc/kubernetes/manifests",
            "/usr/bin/k*",
            "/e*/kubernetes/*.yaml",
            "/etc/systemd/system/kubelet.service.d",
            "/usr/bin/",
            "/usr/bin/k*/x.conf",
        ] {
            assert!(without(pattern) > 0, "{pattern}");
        }
        // A whole path may not.
        for pattern in ["/usr/bin", "/usr/bin/*", "/usr/local/*", "/u*/bin/*/*"] {
            assert!(without(pattern) > 0, "{pattern}");
        }
        assert_eq!(covered(&all, &["/*"]), [""; 0]);
    }
}
