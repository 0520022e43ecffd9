//! How a component's flag is set or taken away in the text that sets it.
//!
//! Not in scripts of a shell, and not where a flag is repeated: there only a person can tell.

use pavisade_yaml::{Edit, Kind, Value};

use super::{Component, Flags, command, kubeadm_flags, same_name};
use crate::{Claim, Place};

/// One flag on a command line: its element, and that of its value where it stands apart.
struct Written<'a> {
    word: Value<'a>,
    value: Option<Value<'a>>,
}

impl<'a> Component<'a> {
    /// The claim, mended by that value of a flag, where the text shows how.
    pub(crate) fn set_flag(self, claim: Claim<'a>, name: &str, value: &str) -> Claim<'a> {
        match self.flags {
            Flags::Container(container) => {
                let Some(found) = written(container, name) else { return claim };
                let word = format!("--{name}={value}");
                match found {
                    Some(Written { word: at, value: None }) => {
                        claim.change(at, Edit::Set(word.into()))
                    }
                    Some(Written { word: at, value: Some(apart) }) => {
                        claim.change(at, Edit::Set(word.into())).change(apart, Edit::Remove)
                    }
                    None => match ["args", "command"].iter().find_map(|l| container.get(l)) {
                        Some(list) => claim.change(list, Edit::Append(word.into())),
                        None => claim,
                    },
                }
            }
            Flags::Kubeadm(base, path) => {
                let arguments = base.at(path).filter(|found| !found.is_null());
                let own = arguments.map(|a| kubeadm_flags(a, name)).unwrap_or_default();
                let listed = match arguments {
                    Some(arguments) => arguments.kind() == Kind::Sequence,
                    None => matches!(
                        (self.object.group(), self.object.version()),
                        ("kubeadm.k8s.io", "v1beta4") | (_, "v1beta2")
                    ),
                };
                let item = || serde_json::json!({"name": name, "value": value});
                match (own.as_slice(), arguments) {
                    ([flag], _) => claim.change(flag.place, Edit::Set(value.into())),
                    ([], Some(arguments)) if listed => {
                        claim.change(arguments, Edit::Append(item()))
                    }
                    ([], Some(arguments)) => {
                        claim.change(Place::field(arguments, &[name]), Edit::Set(value.into()))
                    }
                    ([], None) => {
                        let all = match listed {
                            true => serde_json::json!([item()]),
                            false => serde_json::json!({name: value}),
                        };
                        claim.change(Place::field(base, path), Edit::Set(all))
                    }
                    _ => claim,
                }
            }
        }
    }

    /// The claim, mended when a flag is taken away, where the text shows how.
    pub(crate) fn remove_flag(self, claim: Claim<'a>, name: &str) -> Claim<'a> {
        match self.flags {
            Flags::Container(container) => match written(container, name).flatten() {
                Some(Written { word, value }) => {
                    let claim = claim.change(word, Edit::Remove);
                    match value {
                        Some(value) => claim.change(value, Edit::Remove),
                        None => claim,
                    }
                }
                None => claim,
            },
            Flags::Kubeadm(base, path) => {
                let own = base.at(path).map(|a| kubeadm_flags(a, name)).unwrap_or_default();
                let [flag] = own.as_slice() else { return claim };
                let item = flag.place.parent().filter(|item| item.get("name").is_some());
                claim.change(item.unwrap_or(flag.place), Edit::Remove)
            }
        }
    }
}

/// Where a plain command line sets a flag, `Some(None)` where it does not, and `None` where it is
/// no plain command line or sets it more than once.
fn written<'a>(container: Value<'a>, name: &str) -> Option<Option<Written<'a>>> {
    let words = command::plain(container)?;
    let mut found = None;
    let mut at = 0;
    while let Some(word) = words.get(at) {
        at += 1;
        let text = word.as_str()?;
        if text == "--" {
            return None;
        }
        let Some(rest) = text.strip_prefix("--").or_else(|| text.strip_prefix('-')) else {
            continue;
        };
        let (flag, joined) = rest.split_once('=').map_or((rest, false), |(flag, _)| (flag, true));
        let value = words
            .get(at)
            .copied()
            .filter(|next| !joined && next.as_str().is_some_and(|next| !next.starts_with('-')));
        if !same_name(flag, name) {
            continue;
        }
        if found.is_some() {
            return None;
        }
        found = Some(Written { word: *word, value });
    }
    Some(found)
}
