//! Facts about an image other than its packages: its configuration, files relevant to security, and
//! secrets.
//!
//! Secret values are not stored: only their type, name and location.

use std::sync::Arc;

use pavisade_model::Confidence;

/// The content of an image other than its packages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inspection {
    /// How its containers are started. `None` if there is no configuration, as for a root file
    /// system.
    pub configuration: Option<Configuration>,
    /// Notable files of the root file system, ordered by path.
    pub files: Vec<NotableFile>,
    /// Secrets in layers and in the configuration.
    pub secrets: Vec<Secret>,
    /// Reasons why something may be missing, as phrases.
    pub gaps: Vec<String>,
}

/// How containers of an image are started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Configuration {
    /// User and group as given in the image. Empty if not set.
    pub user: String,
    /// The user ID, if it is numeric or found in `/etc/passwd`.
    pub user_id: Option<u32>,
    /// Exposed ports: `80/tcp`.
    pub ports: Vec<String>,
    /// Names of environment variables.
    pub environment: Vec<String>,
    /// Names of labels.
    pub labels: Vec<String>,
    /// The program and its arguments, with secrets masked.
    pub entrypoint: Vec<String>,
    /// Further arguments, or the program if there is no entrypoint, with secrets masked.
    pub command: Vec<String>,
    /// Fields that were ignored because of their type: `User`, `Env`.
    pub odd: Vec<String>,
}

impl Configuration {
    /// Whether a container runs as root. `None` if not known.
    pub fn runs_as_root(&self) -> Option<bool> {
        if self.odd.iter().any(|field| field == "User") {
            return None;
        }
        match self.user.split(':').next().unwrap_or("") {
            "" | "root" => Some(true),
            _ => self.user_id.map(|id| id == 0),
        }
    }
}

/// A file or directory of the root file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotableFile {
    /// The path, without a leading slash.
    pub path: Arc<str>,
    /// The index of the topmost layer that contains it. `None` if not known.
    pub layer: Option<u32>,
    /// The reason why it is notable.
    pub why: Notable,
    /// The number of such files below it. 0 for a file.
    pub below: u32,
}

/// The reason why a file is notable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Notable {
    /// It has the setuid bit.
    SetUser,
    /// It has the setgid bit.
    SetGroup,
    /// It is writable by everyone.
    WorldWritable,
    /// A shell.
    Shell,
    /// A package manager.
    PackageManager,
}

impl Notable {
    /// All reasons, with their names in files.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::SetUser, "setuid"),
        (Self::SetGroup, "setgid"),
        (Self::WorldWritable, "world-writable"),
        (Self::Shell, "shell"),
        (Self::PackageManager, "package-manager"),
    ];
}

/// A secret, without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// What it is, with an article: `a private key`.
    pub what: Arc<str>,
    /// The name of the setting that contains it. Empty if it was recognized by its format alone.
    pub name: String,
    /// Its location.
    pub place: SecretPlace,
    /// The confidence that it is a secret.
    pub confidence: Confidence,
}

/// The location of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretPlace {
    /// In a file of a layer.
    File {
        /// The path, without a leading slash.
        path: Arc<str>,
        /// The index of the lowest layer that contains it.
        layer: Option<u32>,
        /// The line, from 1.
        line: u32,
        /// Whether it is no longer in the root file system.
        removed: bool,
    },
    /// In an environment variable.
    Environment,
    /// In a label.
    Label,
    /// In the entrypoint or its arguments.
    Command,
    /// In a build step.
    History {
        /// The step, from 1.
        step: u32,
        /// The index of the layer that the step created, if any.
        layer: Option<u32>,
    },
}

impl Inspection {
    /// Iterates over files that are notable for a reason.
    pub fn notable(&self, why: Notable) -> impl Iterator<Item = &NotableFile> {
        self.files.iter().filter(move |file| file.why == why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_has_many_names() {
        for (user, id, expect) in [
            ("", None, Some(true)),
            ("root", None, Some(true)),
            ("root:staff", None, Some(true)),
            (":staff", None, Some(true)),
            ("0", Some(0), Some(true)),
            ("toor", Some(0), Some(true)),
            ("app", Some(1000), Some(false)),
            ("10001:0", Some(10001), Some(false)),
            ("rooted", None, None),
        ] {
            let configuration =
                Configuration { user: user.into(), user_id: id, ..Configuration::default() };
            assert_eq!(configuration.runs_as_root(), expect, "{user}");
            // An ignored field means that the user is not known.
            let odd = Configuration { odd: vec!["User".into()], ..configuration };
            assert_eq!(odd.runs_as_root(), None, "{user}");
        }
    }
}
