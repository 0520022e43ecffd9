//! Versions of Kubernetes beside the pinned one, built from a `go.mod` that is derived
//! on the fly. Their sums are checked by Go's checksum database alone.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, bail};
use sha2::{Digest as _, Sha256};

use super::{CONTROL_PLANE, Job, KUBERNETES, cache, compile, go_version, hex16, ldflags, read};

/// The folder of the programs of a version (`v1.35.4`), built first where need be.
/// etcd is not among them: the pinned one serves all.
pub fn kubernetes(version: &str) -> anyhow::Result<PathBuf> {
    let home = home(version)?;
    if home.exists() {
        return Ok(home);
    }
    build(version, &home).with_context(|| {
        format!("building Kubernetes {version}, which not every combination of modules allows")
    })?;
    Ok(home)
}

/// The same where it is built already.
pub fn built_kubernetes(version: &str) -> Option<PathBuf> {
    home(version).ok().filter(|home| home.exists())
}

fn home(version: &str) -> anyhow::Result<PathBuf> {
    let mut key = Sha256::new();
    key.update(go_version("kubernetes")?);
    for (package, _) in programs() {
        key.update(package);
    }
    let key = hex16(&key.finalize());
    Ok(cache()?.join("tools").join(format!("kubernetes-{version}-{key}")))
}

fn programs() -> Vec<(&'static str, &'static str)> {
    let ours = |(package, _): &&(&str, &str)| package.starts_with(KUBERNETES.module);
    CONTROL_PLANE.iter().filter(ours).copied().collect()
}

fn build(version: &str, home: &std::path::Path) -> anyhow::Result<()> {
    let module = tempfile::Builder::new().prefix("pavisade-kubernetes-").tempdir()?;
    let go = |args: &[&str]| {
        let mut go = Command::new("go");
        let output = go.args(args).current_dir(module.path()).env("GOWORK", "off").output();
        let output = output.context("running go")?;
        if !output.status.success() {
            let (out, error) = (&output.stdout, &output.stderr);
            let said = if error.is_empty() { out } else { error };
            bail!("go {}: {}", args.join(" "), String::from_utf8_lossy(said).trim());
        }
        Ok(String::from_utf8(output.stdout)?)
    };
    let place = module.path().join("go.mod");
    let write = |text: &str| {
        fs::write(&place, text).with_context(|| format!("writing {}", place.display()))
    };
    write("module pavisade.dev/tests/tools/kubernetes\n")?;
    let wanted = format!("{}@{version}", KUBERNETES.module);
    let told: serde_json::Value =
        serde_json::from_str(&go(&["mod", "download", "-json", &wanted])?)?;
    let theirs = told.get("GoMod").and_then(serde_json::Value::as_str);
    let theirs = read(theirs.context("go mod download names no go.mod")?.as_ref())?;
    let derived = derive(&theirs, version)?;
    write(&derived)?;
    eprintln!("resolving the modules of Kubernetes {version} …");
    go(&["mod", "tidy"])?;
    compile(&Job {
        name: &format!("Kubernetes {version}"),
        module: module.path(),
        programs: &programs(),
        ldflags: &ldflags(Some(KUBERNETES), &derived)?,
        cgo: None,
        toolchain: None,
        home,
    })
}

/// Our `go.mod` from Kubernetes' own: the modules that it replaces by folders of its
/// repository are replaced by their published versions.
fn derive(theirs: &str, version: &str) -> anyhow::Result<String> {
    let minor = version.strip_prefix("v1.").context("a version of Kubernetes 1")?;
    let mut ours = "module pavisade.dev/tests/tools/kubernetes\n\n".to_owned();
    for line in theirs.lines().filter(|line| line.starts_with("go ")) {
        ours.push_str(&format!("{line}\n\n"));
    }
    for (package, _) in programs() {
        ours.push_str(&format!("tool {package}\n"));
    }
    ours.push_str(&format!("\nrequire {} {version}\n\n", KUBERNETES.module));
    let staged = theirs.lines().filter_map(|line| {
        let (module, folder) = line.trim().trim_start_matches("replace ").split_once(" => ")?;
        folder.starts_with("./staging/").then_some(module)
    });
    for module in staged {
        ours.push_str(&format!("replace {module} => {module} v0.{minor}\n"));
    }
    Ok(ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn staged_modules_become_published_ones() {
        let theirs = "module k8s.io/kubernetes\n\ngo 1.24.0\n\nreplace (\n\
                      \tk8s.io/api => ./staging/src/k8s.io/api\n\
                      \tother => example.com/other v1.0.0\n)\n";
        let ours = derive(theirs, "v1.33.13").unwrap();
        assert!(ours.contains("\ngo 1.24.0\n"), "{ours}");
        assert!(ours.contains("replace k8s.io/api => k8s.io/api v0.33.13\n"), "{ours}");
        assert!(ours.contains("require k8s.io/kubernetes v1.33.13\n"), "{ours}");
        assert!(ours.contains("tool k8s.io/kubernetes/cmd/kubelet\n"), "{ours}");
        assert!(!ours.contains("etcd"), "the pinned one serves all: {ours}");
        assert!(!ours.contains("other"), "{ours}");
    }
}
