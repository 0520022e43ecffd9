//! Credential files: Docker's `config.json`, and `auth.json` of Podman, Buildah and Skopeo
//! (containers-auth.json(5)). The first file with an entry for the registry wins.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::helper;

/// Where to look for credentials.
#[derive(Debug, Clone, Default)]
pub struct CredentialFiles {
    /// The files, highest priority first.
    pub files: Vec<PathBuf>,
    /// The `PATH` in which to look for credential helpers.
    pub programs: Option<OsString>,
}

/// A credential for a registry.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Credential {
    /// User name and password.
    Password(String, String),
    /// A refresh token (`identitytoken`).
    Identity(String),
    /// A bearer token for the registry.
    Token(String),
}

/// The result of looking for credentials.
#[derive(Debug, Clone, Default)]
pub(super) struct Looked {
    pub(super) credential: Option<Credential>,
    /// The file that contains the credential.
    pub(super) place: Option<PathBuf>,
    pub(super) problems: Vec<String>,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password(..) => "Password(…)",
            Self::Identity(_) => "Identity(…)",
            Self::Token(_) => "Token(…)",
        })
    }
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    auths: Option<BTreeMap<String, Option<Entry>>>,
    #[serde(default, rename = "credHelpers")]
    helpers: Option<BTreeMap<String, String>>,
    #[serde(default, rename = "credsStore")]
    store: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

/// The output of a credential helper.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Helped {
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: String,
}

impl CredentialFiles {
    /// Returns the credential for a repository of a registry.
    pub(super) fn find(&self, registry: &str, repository: &str) -> Looked {
        let mut looked = Looked::default();
        for file in &self.files {
            let document = match read(file) {
                Ok(Some(document)) => document,
                Ok(None) => continue,
                Err(why) => {
                    looked.problems.push(format!("{}: {why}", file.display()));
                    continue;
                }
            };
            match self.of(&document, registry, repository) {
                Ok(None) => {}
                Ok(credential) => {
                    return Looked { credential, place: Some(file.clone()), ..looked };
                }
                Err(why) => looked.problems.push(format!("{}: {why}", file.display())),
            }
        }
        looked
    }

    fn of(
        &self,
        document: &Document,
        registry: &str,
        repository: &str,
    ) -> Result<Option<Credential>, String> {
        let by_helper = |name: &str| -> Result<Option<Credential>, String> {
            let server = match registry {
                "docker.io" => "https://index.docker.io/v1/",
                other => other,
            };
            let Some(bytes) = helper::get(name, server, self.programs.as_deref())? else {
                return Ok(None);
            };
            let wrong = |_| format!("docker-credential-{name} printed an invalid response");
            let Helped { username, secret } = serde_json::from_slice(&bytes).map_err(wrong)?;
            Ok(match (&*username, &*secret) {
                (_, "") => None,
                ("<token>", _) => Some(Credential::Identity(secret)),
                _ => Some(Credential::Password(username, secret)),
            })
        };
        let helpers = document.helpers.iter().flatten();
        if let Some((_, name)) = helpers.clone().find(|(key, _)| host(key) == registry)
            && let Some(credential) = by_helper(name)?
        {
            return Ok(Some(credential));
        }
        // The longest matching path wins.
        let whole = format!("{registry}/{repository}");
        let entries = document.auths.iter().flatten();
        let mut fitting: Vec<_> = entries
            .filter_map(|(key, entry)| {
                let known = normalized(key);
                let fits = whole == known
                    || whole.strip_prefix(&known).is_some_and(|rest| rest.starts_with('/'));
                fits.then_some((known.len(), entry.as_ref()?))
            })
            .collect();
        fitting.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
        for (_, entry) in fitting {
            if let Some(credential) = entry.credential()? {
                return Ok(Some(credential));
            }
        }
        match document.store.as_deref().filter(|name| !name.is_empty()) {
            Some(name) => by_helper(name),
            None => Ok(None),
        }
    }

    /// Lists the files for a message.
    pub(super) fn places(&self) -> String {
        let place = |file: &PathBuf| {
            let absent = if file.is_file() { "" } else { " (absent)" };
            format!("{}{absent}", file.display())
        };
        self.files.iter().map(place).collect::<Vec<_>>().join(", ")
    }
}

impl Entry {
    fn credential(&self) -> Result<Option<Credential>, String> {
        let set = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(token) = set(&self.registrytoken) {
            return Ok(Some(Credential::Token(token)));
        }
        if let Some(token) = set(&self.identitytoken) {
            return Ok(Some(Credential::Identity(token)));
        }
        if let Some(auth) = set(&self.auth) {
            let wrong = || "an `auth` that is not NAME:PASSWORD in base64".to_owned();
            let bytes = STANDARD.decode(auth.trim()).map_err(|_| wrong())?;
            let text = String::from_utf8(bytes).map_err(|_| wrong())?;
            let (name, password) = text.split_once(':').ok_or_else(wrong)?;
            // Docker writes passwords with a trailing NUL on some systems.
            let password = password.trim_end_matches('\0');
            return Ok(Some(Credential::Password(name.to_owned(), password.to_owned())));
        }
        Ok(match (set(&self.username), set(&self.password)) {
            (Some(name), Some(password)) => Some(Credential::Password(name, password)),
            _ => None,
        })
    }
}

/// Reads a file; `None` if it does not exist.
fn read(file: &PathBuf) -> Result<Option<Document>, String> {
    const MAX_BYTES: u64 = 4 << 20;
    let from = match File::open(file) {
        Ok(from) => from,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let mut bytes = Vec::new();
    from.take(MAX_BYTES).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.trim_ascii().is_empty() {
        return Ok(None);
    }
    // Report the position but not the content, which may be secret.
    let wrong = |error: serde_json::Error| {
        format!(
            "not a valid JSON credentials file (line {}, column {})",
            error.line(),
            error.column()
        )
    };
    serde_json::from_slice(&bytes).map(Some).map_err(wrong)
}

/// Returns the registry or repository of a key: `https://index.docker.io/v1/` means Docker Hub, and
/// `quay.io/team` a part of a registry.
fn normalized(key: &str) -> String {
    if key.starts_with("http://") || key.starts_with("https://") {
        return host(key);
    }
    let (registry, path) = key.trim_end_matches('/').split_once('/').unwrap_or((key, ""));
    match path {
        "" | "v1" | "v2" => host(registry),
        path => format!("{}/{path}", host(registry)),
    }
}

fn host(key: &str) -> String {
    let rest = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://"));
    let host = rest.unwrap_or(key).split('/').next().unwrap_or_default().to_ascii_lowercase();
    match &*host {
        "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" => {
            "docker.io".to_owned()
        }
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn password(name: &str) -> Option<Credential> {
        Some(Credential::Password(name.into(), "p:w".into()))
    }

    fn entry(name: &str) -> serde_json::Value {
        serde_json::json!({"auth": STANDARD.encode(format!("{name}:p:w"))})
    }

    #[test]
    fn the_most_specific_entry_counts() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.json");
        let text = serde_json::json!({"auths": {
            "https://index.docker.io/v1/": entry("hub"),
            "http://plain.example/v2/": entry("plain"),
            "r.example": entry("all"),
            "r.example/team": entry("team"),
            "r.example/team/app": entry("app"),
            "empty.example": {},
            "null.example": null,
            "id.example": {"identitytoken": "t", "auth": entry("a")["auth"]},
        }});
        fs::write(&file, text.to_string()).unwrap();
        let files = CredentialFiles {
            files: vec![folder.path().join("absent.json"), file],
            programs: None,
        };
        for (registry, repository, expect) in [
            ("docker.io", "library/nginx", password("hub")),
            ("plain.example", "a", password("plain")),
            ("r.example", "other", password("all")),
            ("r.example", "teams", password("all")),
            ("r.example", "team/x", password("team")),
            ("r.example", "team/app", password("app")),
            ("r.example", "team/app/b", password("app")),
            ("r.example:5000", "team", None),
            ("r.example.evil.example", "team", None),
            ("empty.example", "a", None),
            ("null.example", "a", None),
            ("id.example", "a", Some(Credential::Identity("t".into()))),
        ] {
            let looked = files.find(registry, repository);
            assert_eq!(looked.credential, expect, "{registry}/{repository}");
            assert!(looked.problems.is_empty(), "{:?}", looked.problems);
        }
        assert!(files.places().contains("absent.json (absent), "), "{}", files.places());
    }

    #[test]
    fn a_broken_file_is_told_without_its_content_and_the_next_counts() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one.json"), folder.path().join("other.json"));
        fs::write(&one, r#"{"auths": {"r.example": {"auth": 12345secret}}}"#).unwrap();
        fs::write(&other, serde_json::json!({"auths": {"r.example": entry("b")}}).to_string())
            .unwrap();
        let looked =
            CredentialFiles { files: vec![one, other], programs: None }.find("r.example", "a");
        assert_eq!(looked.credential, password("b"));
        let [problem] = &*looked.problems else { panic!("{:?}", looked.problems) };
        assert!(problem.contains("one.json") && !problem.contains("secret"), "{problem}");
        assert!(!format!("{looked:?}").contains("p:w"));
    }

    #[cfg(unix)]
    #[test]
    fn helpers_are_asked() {
        use crate::registry::tests::script;

        let folder = tempfile::tempdir().unwrap();
        script(
            folder.path(),
            "docker-credential-one",
            r#"read -r server; echo "{\"ServerURL\":\"x\",\"Username\":\"$server\",\"Secret\":\"p:w\"}""#,
        );
        script(
            folder.path(),
            "docker-credential-two",
            r#"echo '{"Username":"<token>","Secret":"t"}'"#,
        );
        let file = folder.path().join("config.json");
        let text = serde_json::json!({
            "auths": {"r.example": {}},
            "credHelpers": {"h.example": "two", "gone.example": "three"},
            "credsStore": "one",
        });
        fs::write(&file, text.to_string()).unwrap();
        let programs = Some(folder.path().as_os_str().to_owned());
        let files = CredentialFiles { files: vec![file], programs };
        for (registry, expect) in [
            ("r.example", password("r.example")),
            ("docker.io", password("https://index.docker.io/v1/")),
            ("h.example", Some(Credential::Identity("t".into()))),
        ] {
            assert_eq!(files.find(registry, "a").credential, expect, "{registry}");
        }
        let looked = files.find("gone.example", "a");
        assert!(looked.credential.is_none());
        assert!(looked.problems[0].contains("docker-credential-three"), "{looked:?}");
    }
}
