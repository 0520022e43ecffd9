//! What is known of an image beside its packages: its configuration, files that matter for its
//! security, and secrets in it.
//!
//! Values of secrets are not kept: only what each is, its name and its place.

use std::sync::Arc;

use pavisade_model::Confidence;

/// What an image holds beside its packages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inspection {
    /// How its containers are started; `None` where there is no configuration: a root file system.
    pub configuration: Option<Configuration>,
    /// Files of the root file system that matter, in the order of their paths.
    pub files: Vec<NotableFile>,
    /// Secrets in layers and in the configuration.
    pub secrets: Vec<Secret>,
    /// Why something may be missing: sentence parts.
    pub gaps: Vec<String>,
}

/// How containers of an image are started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Configuration {
    /// The user and the group as the image names them; empty where it names none.
    pub user: String,
    /// The number of the user, where it is a number or `/etc/passwd` has it.
    pub user_id: Option<u32>,
    /// `80/tcp`.
    pub ports: Vec<String>,
    /// Names of environment variables.
    pub environment: Vec<String>,
    /// Names of labels.
    pub labels: Vec<String>,
    /// The program and its arguments, secrets masked.
    pub entrypoint: Vec<String>,
    /// Further arguments, or the program where there is no entrypoint; secrets masked.
    pub command: Vec<String>,
    /// Fields of which nothing is known, since they are not of their type: `User`, `Env`.
    pub odd: Vec<String>,
}

impl Configuration {
    /// Whether a container runs as root; nothing where that is not known.
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

/// A file or folder of the root file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotableFile {
    /// The path, without a leading slash.
    pub path: Arc<str>,
    /// The place of the newest layer that has it; none where it is not known.
    pub layer: Option<u32>,
    /// Why it matters.
    pub why: Notable,
    /// How many files below it are the same; 0 for a file.
    pub below: u32,
}

/// Why a file matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Notable {
    /// It runs with the rights of its owner.
    SetUser,
    /// It runs with the rights of its group.
    SetGroup,
    /// Everybody may write it.
    WorldWritable,
    /// A shell.
    Shell,
    /// A program that installs packages.
    PackageManager,
}

impl Notable {
    /// All of them, with the words of files.
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
    /// What it is, with its article: `a private key`.
    pub what: Arc<str>,
    /// The name of the setting that holds it; empty where its form alone tells it.
    pub name: String,
    /// Where it is.
    pub place: SecretPlace,
    /// How sure it is.
    pub confidence: Confidence,
}

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretPlace {
    /// In a file of a layer.
    File {
        /// The path, without a leading slash.
        path: Arc<str>,
        /// The lowest layer that has it.
        layer: Option<u32>,
        /// The line, from 1.
        line: u32,
        /// Whether no file of the root file system has it any more.
        removed: bool,
    },
    /// In an environment variable.
    Environment,
    /// In a label.
    Label,
    /// In the entrypoint or its arguments.
    Command,
    /// In a step of the build.
    History {
        /// The step, from 1.
        step: u32,
        /// The layer that it made; none where it made none.
        layer: Option<u32>,
    },
}

impl Inspection {
    /// Files that matter for a reason.
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
            // What is not known is not the user that it looks like.
            let odd = Configuration { odd: vec!["User".into()], ..configuration };
            assert_eq!(odd.runs_as_root(), None, "{user}");
        }
    }
}
