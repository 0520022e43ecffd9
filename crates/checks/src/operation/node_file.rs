//! Access to files of a node.

use pavisade_snapshot::Object;
use pavisade_yaml::Value;

use crate::{Claim, Verdict};

/// Who must own a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Root,
    /// The user `etcd`.
    Etcd,
}

/// A class of files in the facts about a node, and the access that they may have.
pub(super) struct Class {
    pub(super) name: &'static str,
    /// The bits that a mode may have.
    pub(super) mode: Option<u32>,
    pub(super) owner: Option<Owner>,
}

impl Class {
    /// Judges all files of the class. A node without such a file is not judged.
    pub(super) fn judge(self, node: &Object) -> Verdict<'_> {
        let files = node.at(&["files", self.name]).into_iter().flat_map(Value::items);
        self.judge_files(node, files)
    }

    /// Judges files that the configuration of the kubelet names. If it was not read and none is known,
    /// the result is unknown.
    pub(super) fn judge_of_kubelet(self, node: &Object) -> Verdict<'_> {
        let notes = node.at(&["notes"]).into_iter().flat_map(Value::items);
        let mut unread = notes.filter(|note| {
            let of_kubelet = |of: Value<'_>| of.as_str() == Some("KubeletConfiguration");
            note.str("kind") == Some("unread") && note.list("of").any(of_kubelet)
        });
        match (self.judge(node), unread.next()) {
            (Verdict::NotApplicable, Some(note)) => {
                let why = note.str("message").unwrap_or("a configuration was not read");
                Verdict::unknown(note, why.to_owned())
            }
            (verdict, _) => verdict,
        }
    }

    /// Judges files of a node that are not in a class.
    pub(super) fn judge_files<'a>(
        self,
        node: &'a Object,
        files: impl Iterator<Item = Value<'a>>,
    ) -> Verdict<'a> {
        let etcd_user = node.at(&["etcdUser"]).and_then(Value::as_bool) == Some(true);
        let mut files = files.peekable();
        if files.peek().is_none() {
            return Verdict::NotApplicable;
        }
        Verdict::from_claims(
            files.flat_map(|file| {
                [self.mode(file), self.owned(file, etcd_user)].into_iter().flatten()
            }),
        )
    }

    fn mode<'a>(&self, file: Value<'a>) -> Option<Claim<'a>> {
        let allowed = self.mode?;
        let path = file.str("path").unwrap_or_default();
        let text = file.str("mode");
        let Some(mode) = text.and_then(|text| u32::from_str_radix(text, 8).ok()) else {
            return Some(unread(file, path, "mode"));
        };
        if mode & !allowed == 0 {
            return None;
        }
        let message = format!("`{path}` has mode {mode:04o}, which is not within {allowed:04o}");
        // Only bits are removed: a stricter mode stays.
        let fixed = mode & allowed;
        let advice = format!("Run `chmod {fixed:o} {}`.", quoted(path));
        Some(
            Claim::fails(file, message)
                .advice(advice)
                .part("mode")
                .instance(format!("{path} mode")),
        )
    }

    fn owned<'a>(&self, file: Value<'a>, etcd_user: bool) -> Option<Claim<'a>> {
        let owner = self.owner?;
        let path = file.str("path").unwrap_or_default();
        let id = |field: &str| file.get(field).and_then(Value::as_i64);
        let (Some(uid), Some(gid)) = (id("uid"), id("gid")) else {
            // The mode, which is unknown for the same reason, says so.
            return self.mode.is_none().then(|| unread(file, path, "owner"));
        };
        let name =
            |field: &str, id: i64| file.str(field).map_or_else(|| id.to_string(), str::to_owned);
        let (user, group) = (name("owner", uid), name("group", gid));
        let (good, who) = match owner {
            Owner::Root => (uid == 0 && gid == 0, "root:root"),
            Owner::Etcd => (user == "etcd" && group == "etcd", "etcd:etcd"),
        };
        if good {
            return None;
        }
        let message = format!("`{path}` is owned by {user}:{group} instead of {who}");
        let command = format!("chown {who} {}", quoted(path));
        let advice = match owner {
            Owner::Etcd if !etcd_user => format!(
                "etcd has no separate user: run `useradd --system etcd`, then \
                 `{command}`, and start etcd as that user."
            ),
            _ => format!("Run `{command}`."),
        };
        Some(
            Claim::fails(file, message)
                .advice(advice)
                .part("owner")
                .instance(format!("{path} owner")),
        )
    }
}

fn unread<'a>(file: Value<'a>, path: &str, what: &str) -> Claim<'a> {
    let why = file.str("error").unwrap_or("it is not in the facts");
    Claim::unknown(file, format!("the {what} of `{path}` cannot be read: {why}"))
        .instance(format!("{path} {what}"))
}

/// A word for a command line.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(&byte);
    match !word.is_empty() && word.bytes().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}
