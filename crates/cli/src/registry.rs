//! Registries for commands that read images: parses image arguments and finds credentials.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Context as _;
use pavisade_images::reference::Reference;
use pavisade_oci::{
    Access, CredentialFiles, LayerCache, Limits, Registries, Remote, Store, Wanted,
};

use crate::args;

/// What an image argument refers to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meant {
    /// A file, a directory or standard input, even if it does not exist.
    Path,
    /// An image in a registry.
    Remote(Remote),
    /// Neither, with the reason.
    Wrong(String),
}

/// The prefix that selects a registry even if there is a file of that name.
const REGISTRY: &str = "docker://";

/// Returns the argument for a reference in its registry.
pub(crate) fn path(reference: &str) -> PathBuf {
    format!("{REGISTRY}{reference}").into()
}

/// Returns whether an argument has the registry prefix.
pub(crate) fn is_remote(path: &Path) -> bool {
    path.to_str().is_some_and(|text| text.starts_with(REGISTRY))
}

impl Meant {
    /// Parses an argument. An existing path is a path; so is anything that looks like one, so that
    /// a typo does not query a registry.
    pub(crate) fn of(path: &Path) -> Self {
        const FILES: [&str; 11] = [
            ".tar", ".tgz", ".tzst", ".gz", ".zst", ".xz", ".bz2", ".zip", ".json", ".yaml", ".yml",
        ];
        let Some(text) = path.to_str() else { return Self::Path };
        if let Some(reference) = text.strip_prefix(REGISTRY) {
            return match remote(reference) {
                Some(remote) => Self::Remote(remote),
                None => Self::Wrong(format!("`{reference}` is not a valid image reference")),
            };
        }
        let is_named = text.contains(['@', ':']);
        let is_file = !is_named && FILES.iter().any(|end| text.ends_with(end))
            || text.starts_with(['/', '.', '~', '-'])
            || text.contains('\\');
        if is_file || fs::symlink_metadata(path).is_ok() {
            return Self::Path;
        }
        match remote(text) {
            Some(remote) => Self::Remote(remote),
            None => Self::Wrong(format!(
                "there is no file `{text}`, and it is not a valid image reference \
                 (registry.example/team/app:1.2)"
            )),
        }
    }
}

/// Parses an image reference.
pub(crate) fn remote(reference: &str) -> Option<Remote> {
    let reference = Reference::parse(reference)?;
    let wanted = match reference.digest {
        Some(digest) => Wanted::Digest(digest.parse().ok()?),
        None => Wanted::Tag(reference.effective_tag().to_owned()),
    };
    Some(Remote { registry: reference.registry(), repository: reference.repository(), wanted })
}

/// The registries and the layer cache.
#[derive(Debug, Clone)]
pub(crate) struct Remotes {
    registries: Registries,
    cache: Option<Arc<LayerCache>>,
}

impl Remotes {
    /// Creates the client without sending a request.
    ///
    /// # Errors
    /// A file of certificate authorities cannot be read.
    pub(crate) fn new(args: &args::Registry) -> anyhow::Result<Self> {
        let cache = if args.no_cache { None } else { cache() };
        Ok(Self { registries: registries(args)?, cache })
    }

    pub(crate) fn store(&self, remote: Remote) -> Store {
        Store::fetch(&self.registries, remote, Limits::default()).with_cache(self.cache.clone())
    }

    pub(crate) fn registries(&self) -> &Registries {
        &self.registries
    }

    /// Returns why nothing is cached, if that is so.
    pub(crate) fn problem(&self) -> Option<&str> {
        self.cache.as_ref()?.problem()
    }
}

/// Returns Pavisade's directory in the user's cache.
pub(crate) fn cache_folder() -> Option<PathBuf> {
    let of = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || of("HOME").filter(|home| home.is_absolute());
    let folder = of("XDG_CACHE_HOME").filter(|folder| folder.is_absolute());
    let folder = folder.or_else(|| match env::consts::OS {
        "windows" => of("LOCALAPPDATA"),
        "macos" => Some(home()?.join("Library/Caches")),
        _ => Some(home()?.join(".cache")),
    })?;
    Some(folder.join("pavisade"))
}

/// Returns the layer cache, if there is a cache directory.
fn cache() -> Option<Arc<LayerCache>> {
    const LIMIT: u64 = 1 << 30;
    let folder = cache_folder()?;
    // Do not use results of another version of the program. A digest would be more precise, but
    // takes longer to compute than reading most images.
    let program = env::current_exe().and_then(fs::metadata).ok()?;
    let since = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).ok();
    let made = since(program.modified().ok()?)?.as_nanos();
    let program = format!("{} {} {made}", env!("CARGO_PKG_VERSION"), program.len());
    Some(Arc::new(LayerCache::new(folder.join("layers"), LIMIT, &program)))
}

/// Returns a client for registries.
///
/// # Errors
/// A file of certificate authorities cannot be read.
pub(crate) fn registries(args: &args::Registry) -> anyhow::Result<Registries> {
    let mut authorities = Vec::new();
    for file in &args.authorities {
        let text = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
        authorities.extend(text);
        authorities.push(b'\n');
    }
    let plain = |host: &String| {
        let host = host.strip_prefix("http://").unwrap_or(host).trim_end_matches('/');
        host.to_ascii_lowercase()
    };
    Ok(Registries::new(Access {
        authorities,
        plain: args.plain.iter().map(plain).collect(),
        mirrors: args.mirrors.clone(),
        credentials: CredentialFiles {
            files: files(|name| env::var_os(name).filter(|value| !value.is_empty())),
            programs: env::var_os("PATH"),
        },
        ..Access::default()
    }))
}

/// Returns the credential files in the order of containers-auth.json(5). If `REGISTRY_AUTH_FILE` is
/// set, only that file is used.
fn files(of: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    if let Some(file) = of("REGISTRY_AUTH_FILE") {
        return vec![file.into()];
    }
    let home = of("HOME").or_else(|| of("USERPROFILE")).map(PathBuf::from);
    let below = |folder: Option<PathBuf>, rest: &str| folder.map(|folder| folder.join(rest));
    let config = of("XDG_CONFIG_HOME").map(PathBuf::from).or(below(home.clone(), ".config"));
    let docker = of("DOCKER_CONFIG").map(PathBuf::from).or(below(home, ".docker"));
    let files = [
        below(runtime(&of), "auth.json"),
        below(config, "containers/auth.json"),
        below(docker, "config.json"),
    ];
    files.into_iter().flatten().collect()
}

/// Returns the directory where `podman login` keeps credentials until reboot.
fn runtime(of: &impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    if let Some(folder) = of("XDG_RUNTIME_DIR") {
        return Some(PathBuf::from(folder).join("containers"));
    }
    #[cfg(target_os = "linux")]
    return Some(format!("/run/containers/{}", rustix::process::getuid().as_raw()).into());
    #[cfg(not(target_os = "linux"))]
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(text: &str) -> Meant {
        Meant::of(Path::new(text))
    }

    #[test]
    fn a_registry_is_asked_only_for_what_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().join("nginx");
        fs::write(&there, "").unwrap();
        let there = there.display().to_string();
        for path in [
            &*there,
            "-",
            "./web",
            "../web",
            "/no/web",
            "~/web",
            "web.tar",
            "a/b.tar.gz",
            "web.json",
            "web.yaml",
            "web.tar.zst",
            r"C:\web",
        ] {
            assert_eq!(meant(path), Meant::Path, "{path}");
        }
        let digest = format!("sha256:{}", "0".repeat(64));
        let by_digest = format!("r.example:5000/a@{digest}");
        for (text, expect) in [
            ("nginx", "docker.io/library/nginx:latest"),
            ("docker://nginx:1.29", "docker.io/library/nginx:1.29"),
            ("docker://web.tar", "docker.io/library/web.tar:latest"),
            ("r.example/web.tar:1", "r.example/web.tar:1"),
            (&by_digest, &by_digest),
        ] {
            let Meant::Remote(remote) = meant(text) else { panic!("{text}") };
            assert_eq!(remote.to_string(), expect);
        }
        for text in ["Web", "a b", "docker:///web", "https://r.example/web", "web:"] {
            assert!(matches!(meant(text), Meant::Wrong(_)), "{text}");
        }
    }

    #[test]
    fn files_of_credentials_are_those_of_other_programs() {
        let found = |set: &[(&str, &str)]| {
            let of = |name: &str| {
                let found = set.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| OsString::from(value))
            };
            files(of).iter().map(|file| file.display().to_string()).collect::<Vec<_>>()
        };
        let home = ("HOME", "/h");
        let run = ("XDG_RUNTIME_DIR", "/r");
        assert_eq!(
            found(&[home, run]),
            [
                "/r/containers/auth.json",
                "/h/.config/containers/auth.json",
                "/h/.docker/config.json"
            ]
        );
        assert_eq!(found(&[home, run, ("DOCKER_CONFIG", "/d")])[2], "/d/config.json");
        assert_eq!(found(&[home, run, ("REGISTRY_AUTH_FILE", "/a")]), ["/a"]);
    }
}
