//! The Go programs that we test with and are compared with: pinned in
//! `tests/tools/*/go.mod`, built on first use, kept in the user's cache.
//!
//! Nothing is downloaded but Go modules, whose sums stand in `go.sum`. One tool is
//! one `go build`, which may give several programs.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, bail};
use sha2::{Digest as _, Sha256};

mod versions;

pub use versions::{built_kubernetes, kubernetes};

/// What one `go build` makes.
pub struct Tool {
    /// How it is asked for, and what its folder in the cache is called.
    pub name: &'static str,
    /// Folder under `tests/tools` that holds the module.
    module: &'static str,
    /// The packages, each beside the name that its program gets.
    programs: &'static [(&'static str, &'static str)],
    /// The version that the programs must be told when they are linked; some know
    /// it by themselves.
    stamp: Option<Stamp>,
    /// Build tags, for a program that is linked with C libraries.
    cgo: Option<&'static str>,
    /// The Go that its module asks for, where that is newer than ours may be.
    toolchain: Option<&'static str>,
}

/// The module whose version counts, and the variable that takes it.
#[derive(Clone, Copy)]
struct Stamp {
    module: &'static str,
    variable: &'static str,
}

/// Kubernetes also wants its major and minor version beside the whole.
const KUBERNETES: Stamp =
    Stamp { module: "k8s.io/kubernetes", variable: "k8s.io/component-base/version.gitVersion" };

/// Programs of the cluster that come from Kubernetes' own module.
const CONTROL_PLANE: &[(&str, &str)] = &[
    ("go.etcd.io/etcd/server/v3", "etcd"),
    ("k8s.io/kubernetes/cmd/kube-apiserver", "kube-apiserver"),
    ("k8s.io/kubernetes/cmd/kube-controller-manager", "kube-controller-manager"),
    ("k8s.io/kubernetes/cmd/kube-proxy", "kube-proxy"),
    ("k8s.io/kubernetes/cmd/kube-scheduler", "kube-scheduler"),
    ("k8s.io/kubernetes/cmd/kubelet", "kubelet"),
];

/// Every tool there is.
pub const TOOLS: &[Tool] = &[
    Tool {
        name: "kubectl",
        module: "kubectl",
        programs: &[("k8s.io/kubernetes/cmd/kubectl", "kubectl")],
        stamp: Some(KUBERNETES),
        cgo: None,
        toolchain: None,
    },
    Tool {
        name: "helm",
        module: "kubectl",
        programs: &[("helm.sh/helm/v4/cmd/helm", "helm")],
        stamp: Some(Stamp {
            module: "helm.sh/helm/v4",
            variable: "helm.sh/helm/v4/internal/version.version",
        }),
        cgo: None,
        toolchain: None,
    },
    Tool {
        name: "kustomize",
        module: "kubectl",
        programs: &[("sigs.k8s.io/kustomize/kustomize/v5", "kustomize")],
        stamp: None,
        cgo: None,
        toolchain: None,
    },
    Tool {
        name: "kube-score",
        module: "kube-score",
        programs: &[("github.com/zegl/kube-score/cmd/kube-score", "kube-score")],
        stamp: Some(Stamp { module: "github.com/zegl/kube-score", variable: "main.version" }),
        cgo: None,
        toolchain: None,
    },
    Tool {
        name: "control-plane",
        module: "control-plane",
        programs: CONTROL_PLANE,
        stamp: Some(KUBERNETES),
        cgo: None,
        toolchain: None,
    },
    Tool {
        name: "node",
        module: "node",
        programs: &[
            ("github.com/containerd/containerd/v2/cmd/containerd", "containerd"),
            (
                "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
                "containerd-shim-runc-v2",
            ),
            ("github.com/containerd/containerd/v2/cmd/ctr", "ctr"),
            ("github.com/containernetworking/plugins/plugins/ipam/host-local", "host-local"),
            ("github.com/containernetworking/plugins/plugins/main/bridge", "bridge"),
            ("github.com/containernetworking/plugins/plugins/main/loopback", "loopback"),
            ("github.com/containernetworking/plugins/plugins/meta/portmap", "portmap"),
        ],
        stamp: None,
        cgo: None,
        toolchain: None,
    },
    Tool {
        name: "runc",
        module: "node",
        programs: &[("github.com/opencontainers/runc", "runc")],
        stamp: None,
        cgo: Some("seccomp"),
        toolchain: None,
    },
    // Kubernetes' own authorizers and authenticators, without a server.
    Tool {
        name: "authorizer",
        module: "authorizer",
        programs: &[("pavisade.dev/tests/tools/authorizer", "authorizer")],
        stamp: None,
        cgo: None,
        toolchain: None,
    },
    Tool {
        name: "cosign",
        module: "cosign",
        programs: &[("github.com/sigstore/cosign/v3/cmd/cosign", "cosign")],
        stamp: None,
        cgo: None,
        toolchain: None,
    },
    Tool {
        name: "registry",
        module: "registry",
        programs: &[("pavisade.dev/tests/tools/registry", "registry")],
        stamp: None,
        cgo: None,
        toolchain: None,
    },
    Tool {
        name: "testbed",
        module: "testbed",
        programs: &[("pavisade.dev/tests/tools/testbed", "testbed")],
        stamp: None,
        cgo: None,
        toolchain: None,
    },
    Tool {
        name: "osv-scanner",
        module: "osv-scanner",
        programs: &[("github.com/google/osv-scanner/v2/cmd/osv-scanner", "osv-scanner")],
        stamp: None,
        cgo: None,
        toolchain: Some("go1.27.0"),
    },
];

/// The tool's folder of programs, which is built first where the cache has none of
/// exactly these sources, this Go version and these versions of modules.
pub fn folder(name: &str) -> anyhow::Result<PathBuf> {
    let Some(tool) = find(name) else {
        let known: Vec<_> = TOOLS.iter().map(|tool| tool.name).collect();
        bail!("no tool is called {name}; there are {}", known.join(", "));
    };
    let place = Place::of(tool)?;
    if !place.home.exists() {
        build(tool, &place)?;
    }
    Ok(place.home)
}

/// The paths of all programs of a tool, which is built first where need be.
pub fn programs(name: &str) -> anyhow::Result<Vec<PathBuf>> {
    let home = folder(name)?;
    let names = find(name).map(|tool| tool.programs).unwrap_or_default();
    Ok(names.iter().map(|(_, name)| home.join(name)).collect())
}

/// The path of a tool that is one program of its own name.
pub fn tool(name: &str) -> anyhow::Result<PathBuf> {
    Ok(folder(name)?.join(name))
}

/// The path of such a tool that is built already; tests download and build nothing.
pub fn built(name: &str) -> Option<PathBuf> {
    Some(built_folder(name)?.join(name))
}

/// The folder of a tool that is built already.
pub fn built_folder(name: &str) -> Option<PathBuf> {
    let place = Place::of(find(name)?).ok()?;
    place.home.exists().then_some(place.home)
}

/// The version of Kubernetes that is pinned, with its `v`.
pub fn pinned_version() -> anyhow::Result<String> {
    let module = modules().join("control-plane");
    let go_mod = read(&module.join("go.mod"))?;
    let version = pinned(&go_mod, KUBERNETES.module);
    Ok(version.context("tests/tools/control-plane/go.mod pins no k8s.io/kubernetes")?.to_owned())
}

/// The user's cache, where programs and clusters are kept.
pub fn cache() -> anyhow::Result<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|path: &OsString| !path.is_empty());
    if let Some(cache) = folder("XDG_CACHE_HOME") {
        return Ok(Path::new(&cache).join("pavisade"));
    }
    let home = folder("HOME").context("neither XDG_CACHE_HOME nor HOME is set")?;
    Ok(Path::new(&home).join(".cache/pavisade"))
}

/// The first 16 hex digits.
pub fn hex16(bytes: &[u8]) -> String {
    bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn find(name: &str) -> Option<&'static Tool> {
    TOOLS.iter().find(|tool| tool.name == name)
}

fn modules() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).join("tools")
}

/// Where a tool is built from, and where to.
struct Place {
    module: PathBuf,
    go_mod: String,
    home: PathBuf,
}

impl Place {
    fn of(tool: &Tool) -> anyhow::Result<Self> {
        let module = modules().join(tool.module);
        let go_mod = read(&module.join("go.mod"))?;
        let mut key = Sha256::new();
        key.update(&go_mod);
        for file in sources(&module)? {
            key.update(read(&file)?);
        }
        key.update(go_version(tool.name)?);
        let home = cache()?.join("tools").join(format!("{}-{}", tool.name, hex16(&key.finalize())));
        Ok(Self { module, go_mod, home })
    }
}

/// The sums, which a module without dependencies has not, and our own Go files.
fn sources(module: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let listed = || fs::read_dir(module)?.map(|entry| Ok(entry?.path())).collect();
    let paths: std::io::Result<Vec<PathBuf>> = listed();
    let paths = paths.with_context(|| format!("listing {}", module.display()))?;
    let ours = |path: &PathBuf| {
        path.extension().is_some_and(|end| end == "go") || path.ends_with("go.sum")
    };
    let mut paths: Vec<PathBuf> = paths.into_iter().filter(ours).collect();
    paths.sort();
    Ok(paths)
}

fn build(tool: &Tool, place: &Place) -> anyhow::Result<()> {
    compile(&Job {
        name: tool.name,
        module: &place.module,
        programs: tool.programs,
        ldflags: &ldflags(tool.stamp, &place.go_mod)?,
        cgo: tool.cgo,
        toolchain: tool.toolchain,
        home: &place.home,
    })
}

/// One `go build`.
struct Job<'a> {
    name: &'a str,
    module: &'a Path,
    programs: &'a [(&'a str, &'a str)],
    ldflags: &'a str,
    cgo: Option<&'a str>,
    toolchain: Option<&'a str>,
    home: &'a Path,
}

/// Builds into a folder beside the final one and renames it, so that nobody
/// ever sees half a program, and of two builders the first one wins.
fn compile(job: &Job<'_>) -> anyhow::Result<()> {
    let Job { name, module, home, .. } = job;
    eprintln!("building {name} (once; the first build of a module takes minutes) …");
    let start = Instant::now();
    let cache = home.parent().unwrap_or(home);
    fs::create_dir_all(cache).with_context(|| format!("creating {}", cache.display()))?;
    let beside = tempfile::Builder::new().prefix(".building-").tempdir_in(cache)?;
    let mut go = Command::new("go");
    go.args(["build", "-trimpath", "-buildvcs=false", "-ldflags", job.ldflags]);
    match job.cgo {
        Some(tags) => go.env("CGO_ENABLED", "1").args(["-tags", tags]),
        None => go.env("CGO_ENABLED", "0"),
    };
    if let Some(toolchain) = job.toolchain {
        // Go fetches it as a module, whose sum it knows.
        go.env("GOTOOLCHAIN", format!("{toolchain}+auto"));
    }
    // A folder, even for one program: then Go names each by its package.
    let status = go
        .arg("-o")
        .arg(beside.path().join(""))
        .args(job.programs.iter().map(|(package, _)| package))
        .current_dir(module)
        .env("GOWORK", "off")
        .status()
        .with_context(|| format!("building {name}"))?;
    if !status.success() {
        let hint = match job.cgo {
            Some(_) => " (it needs a C compiler, pkg-config and Debian's libseccomp-dev)",
            None => "",
        };
        bail!("building {name} in {}: go build ended with {status}{hint}", module.display());
    }
    for (package, program) in job.programs {
        let built = beside.path().join(base(package));
        fs::rename(&built, beside.path().join(program))
            .with_context(|| format!("renaming {} to {program}", built.display()))?;
    }
    if let Err(error) = fs::rename(beside.path(), home)
        && !home.exists()
    {
        return Err(error).with_context(|| format!("moving {name} to {}", home.display()));
    }
    eprintln!("built {name} in {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}

fn ldflags(stamp: Option<Stamp>, go_mod: &str) -> anyhow::Result<String> {
    let mut ldflags = "-s -w".to_owned();
    let Some(Stamp { module, variable }) = stamp else { return Ok(ldflags) };
    let version = pinned(go_mod, module).with_context(|| format!("go.mod pins no {module}"))?;
    ldflags.push_str(&format!(" -X {variable}={version}"));
    if let Some(package) = variable.strip_suffix(".gitVersion") {
        let mut numbers = version.trim_start_matches('v').split('.');
        for part in ["gitMajor", "gitMinor"] {
            let number =
                numbers.next().with_context(|| format!("{module} {version}: no number"))?;
            ldflags.push_str(&format!(" -X {package}.{part}={number}"));
        }
    }
    Ok(ldflags)
}

/// What Go calls a package's program: the last part that is no major version.
fn base(package: &str) -> &str {
    let major = |part: &str| {
        part.strip_prefix('v').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    package.rsplit('/').find(|part| !major(part)).unwrap_or(package)
}

/// The version that a `go.mod` requires of a module.
fn pinned<'a>(go_mod: &'a str, module: &str) -> Option<&'a str> {
    go_mod.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip_while(|word| *word == "require");
        (words.next()? == module).then(|| words.next())?.filter(|word| word.starts_with('v'))
    })
}

fn go_version(name: &str) -> anyhow::Result<String> {
    match Command::new("go").arg("version").output() {
        Ok(output) if output.status.success() => Ok(String::from_utf8(output.stdout)?),
        Ok(output) => bail!("go version: {}", String::from_utf8_lossy(&output.stderr).trim()),
        Err(error) if error.kind() == ErrorKind::NotFound => bail!(
            "{name} is built from Go modules and `go` is not on the PATH: \
             install Go 1.26 or newer (https://go.dev/dl)"
        ),
        Err(error) => Err(error).context("running go version"),
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_is_declared_and_its_version_pinned() {
        for tool in TOOLS {
            let go_mod = read(&modules().join(tool.module).join("go.mod")).unwrap();
            for (package, _) in tool.programs {
                assert!(go_mod.contains(package), "{}: {package}", tool.module);
            }
            if let Some(Stamp { module, .. }) = tool.stamp {
                assert!(pinned(&go_mod, module).is_some(), "{module}");
            }
        }
    }

    #[test]
    fn a_pinned_version_is_a_require_not_a_tool_or_replace() {
        let go_mod = "tool a.io/b\nrequire (\n\ta.io/b v1.2.3 // indirect\n)\nrequire c v2.0.0\n\
                      replace d => d v3.0.0\n";
        assert_eq!(pinned(go_mod, "a.io/b"), Some("v1.2.3"));
        assert_eq!(pinned(go_mod, "c"), Some("v2.0.0"));
        assert_eq!(pinned(go_mod, "d"), None);
    }

    #[test]
    fn kubernetes_is_told_its_numbers_too() {
        let flags = ldflags(Some(KUBERNETES), "require k8s.io/kubernetes v1.37.2\n").unwrap();
        let package = "k8s.io/component-base/version";
        assert_eq!(
            flags,
            format!(
                "-s -w -X {package}.gitVersion=v1.37.2 -X {package}.gitMajor=1 \
                 -X {package}.gitMinor=37"
            )
        );
    }

    #[test]
    fn a_program_is_called_by_its_package() {
        assert_eq!(base("go.etcd.io/etcd/server/v3"), "server");
        assert_eq!(base("sigs.k8s.io/kustomize/kustomize/v5"), "kustomize");
        assert_eq!(base("helm.sh/helm/v4/cmd/helm"), "helm");
    }

    #[test]
    fn an_unknown_tool_names_the_known_ones() {
        let error = tool("kubectx").unwrap_err().to_string();
        assert!(error.contains("kubectl, helm, kustomize, kube-score"), "{error}");
    }
}
