//! Facts about what an etcd database stores (`pavisade storage etcd --format json`).

use pavisade_model::kinds;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;

use crate::{Verdict, View};

pub(super) fn number(value: Value<'_>, field: &str) -> Option<i64> {
    value.get(field).and_then(Value::as_i64).filter(|number| *number >= 0)
}

/// Returns the number of values in a list of forms that are neither plain text nor encrypted.
pub(super) fn unclear(resource: Value<'_>, field: &str) -> i64 {
    let is_known = |form: &Value<'_>| {
        form.get("provider").is_some()
            || form.str("form").is_some_and(|form| form.starts_with("plain text"))
    };
    let forms = resource.list(field).filter(|form| !is_known(form));
    forms.fold(0, |sum, form| sum.saturating_add(number(form, "values").unwrap_or(1)))
}

/// Whether a resource must be encrypted.
pub(super) fn is_required(resource: Value<'_>, more: &[String]) -> bool {
    let name = resource.str("resource").unwrap_or_default();
    let writer = resource.str("writer").unwrap_or_default();
    name == "secrets"
        || more.iter().any(|other| other == name)
        || ["aes", "secretbox", "kms"].iter().any(|provider| writer.starts_with(provider))
}

/// Whether the whole database was read.
pub(super) fn readable(etcd: &Object) -> Verdict<'_> {
    if etcd.at(&["complete"]).and_then(Value::as_bool) == Some(true) {
        return Verdict::NotApplicable;
    }
    let count = etcd.at(&["damage", "count"]).and_then(Value::as_i64).unwrap_or(0);
    let why = format!("the database could not be read completely ({count} damaged places)");
    Verdict::unknown(etcd.at(&["complete"]).unwrap_or(etcd.value()), why)
}

/// What is proven about Secrets by all databases of a world. `None` without any.
pub(super) fn secrets_proven(view: &View<'_>) -> Option<Proof> {
    proven(view.list(kinds::ETCD_FACTS).objects.into_iter())
}

/// What is proven about Secrets by these databases. `None` without any.
pub(crate) fn proven<'a>(all: impl Iterator<Item = &'a Object>) -> Option<Proof> {
    let (mut databases, mut proven, mut plain) = (0, 0, 0);
    for etcd in all {
        databases += 1;
        let whole = etcd.at(&["complete"]).and_then(Value::as_bool) == Some(true);
        let resources = etcd.at(&["resources"]).into_iter().flat_map(Value::items);
        for one in resources.filter(|one| one.str("resource") == Some("secrets")) {
            let (total, encrypted) = (number(one, "objects")?, number(one, "encrypted")?);
            plain += number(one, "plaintext")?;
            if whole && total > 0 && encrypted == total {
                proven += 1;
            }
        }
    }
    Some(match (plain, proven) {
        _ if databases == 0 => return None,
        (0, proven) if proven == databases => Proof::Encrypted,
        (0, _) => Proof::Nothing,
        (plain, _) => Proof::Plain(plain),
    })
}

/// What is proven about Secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// All are encrypted.
    Encrypted,
    /// This number of values is in plain text.
    Plain(i64),
    /// The databases could not be read completely, or contain no Secrets.
    Nothing,
}
