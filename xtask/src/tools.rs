//! The Go programs that we are compared with: pinned in `tests/tools/*/go.mod`,
//! built on first use, kept in the user's cache.
//!
//! Nothing is downloaded but Go modules, whose sums stand in `go.sum`.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, bail};
use sha2::{Digest as _, Sha256};

use crate::shared::{hex16, root};

/// Arguments of `cargo xtask tools`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Tools to build; all when none is named.
    names: Vec<String>,
}

struct Tool {
    name: &'static str,
    /// Folder under `tests/tools` that holds the module.
    module: &'static str,
    package: &'static str,
    /// The module whose version the program must be told when it is linked, and
    /// the variable that takes it; some know it by themselves.
    version: Option<(&'static str, &'static str)>,
}

const TOOLS: &[Tool] = &[
    Tool {
        name: "kubectl",
        module: "kubectl",
        package: "k8s.io/kubernetes/cmd/kubectl",
        version: Some(("k8s.io/kubernetes", "k8s.io/component-base/version.gitVersion")),
    },
    Tool {
        name: "helm",
        module: "kubectl",
        package: "helm.sh/helm/v4/cmd/helm",
        version: Some(("helm.sh/helm/v4", "helm.sh/helm/v4/internal/version.version")),
    },
    Tool {
        name: "kustomize",
        module: "kubectl",
        package: "sigs.k8s.io/kustomize/kustomize/v5",
        version: None,
    },
    Tool {
        name: "kube-score",
        module: "kube-score",
        package: "github.com/zegl/kube-score/cmd/kube-score",
        version: Some(("github.com/zegl/kube-score", "main.version")),
    },
];

/// Builds what was named and prints the paths.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let all = TOOLS.iter().map(|tool| tool.name);
    let named = args.names.iter().map(String::as_str);
    let names: Vec<&str> = if args.names.is_empty() { all.collect() } else { named.collect() };
    for name in names {
        println!("{}", tool(name)?.display());
    }
    Ok(())
}

/// The path of a tool, which is built first where the cache has none of exactly
/// this `go.mod`, `go.sum` and Go version.
pub(crate) fn tool(name: &str) -> anyhow::Result<PathBuf> {
    let Some(tool) = TOOLS.iter().find(|tool| tool.name == name) else {
        let known: Vec<_> = TOOLS.iter().map(|tool| tool.name).collect();
        bail!("no tool is called {name}; there are {}", known.join(", "));
    };
    let place = Place::of(tool)?;
    if !place.program.exists() {
        build(tool, &place)?;
    }
    Ok(place.program)
}

/// The path of a tool that is built already; tests download and build nothing.
#[cfg(test)]
pub(crate) fn built(name: &str) -> Option<PathBuf> {
    let place = Place::of(TOOLS.iter().find(|tool| tool.name == name)?).ok()?;
    place.program.exists().then_some(place.program)
}

/// Where a tool is built from, and where to.
struct Place {
    module: PathBuf,
    go_mod: String,
    cache: PathBuf,
    home: PathBuf,
    program: PathBuf,
}

impl Place {
    fn of(tool: &Tool) -> anyhow::Result<Self> {
        let module = root().join("tests/tools").join(tool.module);
        let go_mod = read(&module.join("go.mod"))?;
        let go_sum = read(&module.join("go.sum"))?;
        let mut key = Sha256::new();
        for part in [&go_mod, &go_sum, &go_version(tool.name)?] {
            key.update(part);
        }
        let cache = cache()?.join("pavisade/tools");
        let home = cache.join(format!("{}-{}", tool.name, hex16(&key.finalize())));
        let program = home.join(tool.name);
        Ok(Self { module, go_mod, cache, home, program })
    }
}

/// Builds into a folder beside the final one and renames it, so that nobody
/// ever sees half a program, and of two builders the first one wins.
fn build(tool: &Tool, place: &Place) -> anyhow::Result<()> {
    let Place { module, go_mod, cache, home, program } = place;
    let name = tool.name;
    let mut ldflags = "-s -w".to_owned();
    if let Some((module, variable)) = tool.version {
        let version = pinned(go_mod, module).with_context(|| format!("go.mod pins no {module}"))?;
        ldflags.push_str(&format!(" -X {variable}={version}"));
    }
    eprintln!("building {name} (once; the first build of a module takes minutes) …");
    let start = Instant::now();
    fs::create_dir_all(cache).with_context(|| format!("creating {}", cache.display()))?;
    let beside = tempfile::Builder::new().prefix(".building-").tempdir_in(cache)?;
    let status = Command::new("go")
        .args(["build", "-trimpath", "-buildvcs=false", "-ldflags", &ldflags, "-o"])
        .arg(beside.path().join(name))
        .arg(tool.package)
        .current_dir(module)
        .env("CGO_ENABLED", "0")
        .env("GOWORK", "off")
        .status()
        .with_context(|| format!("building {name}"))?;
    if !status.success() {
        bail!("building {name} in {}: go build ended with {status}", module.display());
    }
    if let Err(error) = fs::rename(beside.path(), home)
        && !program.exists()
    {
        return Err(error).with_context(|| format!("moving {name} to {}", home.display()));
    }
    eprintln!("built {name} in {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
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

fn cache() -> anyhow::Result<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|path: &OsString| !path.is_empty());
    if let Some(cache) = folder("XDG_CACHE_HOME") {
        return Ok(cache.into());
    }
    let home = folder("HOME").context("neither XDG_CACHE_HOME nor HOME is set")?;
    Ok(Path::new(&home).join(".cache"))
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_is_declared_and_its_version_pinned() {
        for tool in TOOLS {
            let go_mod = read(&root().join("tests/tools").join(tool.module).join("go.mod"));
            let go_mod = go_mod.unwrap();
            assert!(go_mod.contains(tool.package), "{}: {}", tool.module, tool.package);
            if let Some((module, _)) = tool.version {
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
    fn an_unknown_tool_names_the_known_ones() {
        let error = tool("kubectx").unwrap_err().to_string();
        assert!(error.contains("kubectl, helm, kustomize, kube-score"), "{error}");
    }
}
