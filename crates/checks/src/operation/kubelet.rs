//! Settings of a kubelet, in its configuration file or on its command line.
//!
//! A flag takes precedence over the file. If neither is set, the default applies. It is the same
//! for both, except for settings with their own checks (anonymous requests, authorization, the
//! read-only port).

use std::borrow::Cow;

use pavisade_model::kinds;
use pavisade_snapshot::Object;
use pavisade_yaml::Edit;
use serde_json::Value as Json;

use crate::field::find;
use crate::{Change, Claim, Part, Place, Verdict, View};

/// A setting: its path in the file, and its flag (empty if it has none).
#[derive(Clone, Copy)]
pub(crate) struct Setting {
    pub(crate) path: &'static [&'static str],
    pub(crate) flag: &'static str,
}

impl Setting {
    /// Returns the text, or `None` if the default applies.
    ///
    /// # Errors
    /// A verdict if it is not known, or another part determines it.
    pub(crate) fn text<'a>(
        self,
        part: Part<'a>,
        cx: &View<'a>,
    ) -> Result<Option<Cow<'a, str>>, Verdict<'a>> {
        match part {
            Part::File(file) => {
                let value = find(file.value(), self.path)?;
                let text = value.map(|value| {
                    let why = format!("`{}` is not a single value", self.path.join("."));
                    value.scalar_text().ok_or_else(|| Verdict::unknown(value, why))
                });
                text.transpose()
            }
            Part::Component(kubelet) if kubelet.name() == "kubelet" && !self.flag.is_empty() => {
                if kubelet.flag(self.flag).is_none()
                    && let Some(verdict) = kubelet.kubelet_file(cx)
                {
                    return Err(verdict);
                }
                Ok(kubelet.known(self.flag)?.map(|flag| flag.value))
            }
            Part::Component(_) => Err(Verdict::NotApplicable),
        }
    }

    /// Returns a boolean.
    ///
    /// # Errors
    /// As for [`Setting::text`], and if it is not a boolean.
    pub(crate) fn boolean<'a>(
        self,
        part: Part<'a>,
        cx: &View<'a>,
    ) -> Result<Option<bool>, Verdict<'a>> {
        let Some(text) = self.text(part, cx)? else { return Ok(None) };
        let read = match part {
            Part::File(file) => Ok(crate::field::boolean(file.value(), self.path)?.map(|(b, _)| b)),
            Part::Component(kubelet) => kubelet.known_bool(self.flag, false).map(Some),
        };
        match read {
            Ok(Some(value)) => Ok(Some(value)),
            Ok(None) => Err(self.strange(part, &text, "a boolean")),
            Err(claim) => Err(claim.into()),
        }
    }

    /// Returns an integer.
    ///
    /// # Errors
    /// As for [`Setting::text`], and if it is not an integer.
    pub(crate) fn integer<'a>(
        self,
        part: Part<'a>,
        cx: &View<'a>,
    ) -> Result<Option<i64>, Verdict<'a>> {
        let Some(text) = self.text(part, cx)? else { return Ok(None) };
        if let Part::File(file) = part {
            return Ok(crate::field::integer(file.value(), self.path)?.map(|(number, _)| number));
        }
        text.parse().map(Some).map_err(|_| self.strange(part, &text, "an integer"))
    }

    /// Returns the place where it is or would be set.
    pub(crate) fn place(self, part: Part<'_>) -> Place<'_> {
        match part {
            Part::File(file) => Place::field(file.value(), self.path),
            Part::Component(kubelet) => kubelet.place(self.flag),
        }
    }

    /// Returns its name in the part: the field, or the flag.
    pub(crate) fn name(self, part: Part<'_>) -> String {
        match part {
            Part::File(_) => format!("`{}`", self.path.join(".")),
            Part::Component(_) => format!("`--{}`", self.flag),
        }
    }

    /// Returns a failed claim at its place.
    pub(crate) fn fails<'a>(self, part: Part<'a>, message: impl Into<String>) -> Claim<'a> {
        Claim::fails(self.place(part), message)
    }

    /// Returns the changes that set it.
    pub(crate) fn set<'a>(self, part: Part<'a>, value: impl Into<Json>) -> Vec<Change<'a>> {
        let value = value.into();
        match part {
            Part::File(_) => vec![Change { place: self.place(part), edit: Edit::Set(value) }],
            Part::Component(kubelet) => {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                kubelet.set_flag(self.flag, &text)
            }
        }
    }

    /// Returns the changes that remove it, so that the default applies.
    pub(crate) fn remove(self, part: Part<'_>) -> Vec<Change<'_>> {
        match part {
            Part::File(_) => vec![Change { place: self.place(part), edit: Edit::Remove }],
            Part::Component(kubelet) => kubelet.remove_flag(self.flag),
        }
    }

    fn strange<'a>(self, part: Part<'a>, text: &str, wanted: &str) -> Verdict<'a> {
        let why = format!("{} is `{text}`, which is not {wanted}", self.name(part));
        Verdict::unknown(self.place(part), why)
    }
}

/// A result whose errors are verdicts.
pub(crate) type Judged<'a> = Result<Option<Claim<'a>>, Verdict<'a>>;

/// Converts a result: fails with the claim, holds without one.
pub(crate) fn verdict(judged: Judged<'_>) -> Verdict<'_> {
    match judged {
        Ok(claim) => Verdict::from_claims(claim),
        Err(verdict) => verdict,
    }
}

/// Whether kubeadm reads the file. If so, it sets `rotateCertificates`, `authentication`,
/// `authorization` and others, partly overriding the file (kubeadm's
/// `componentconfigs/kubelet.go`). The check must read kubeadm's kinds.
pub(crate) fn is_read_by_kubeadm(file: &Object, cx: &View<'_>) -> bool {
    let kubeadm = [
        kinds::KUBEADM_CLUSTER_CONFIGURATION,
        kinds::KUBEADM_INIT_CONFIGURATION,
        kinds::KUBEADM_JOIN_CONFIGURATION,
    ];
    let name = file.doc().source().name();
    let mut beside = kubeadm.into_iter().flat_map(|kind| cx.list(kind).objects);
    beside.any(|object| object.doc().source().name() == name)
}
