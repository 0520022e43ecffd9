//! PV-C027.

use std::collections::HashSet;

use pavisade_macros::check;
use pavisade_secrets as secrets;
use pavisade_snapshot::Container;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::list;
use crate::{Check, Claim, Cx, OnContainer, Verdict};

/// Secret in a command line
///
/// ## Why
/// Everyone who can read the workload can read the secret, and so can every process that can list
/// the processes of the container. Commands of probes and lifecycle hooks are checked too.
///
/// ## Fix
/// Rotate the secret, store it in a Secret, and let the program read it from a mounted file.
#[check(id = "PV-C027", severity = High, confidence = Medium, scope = Object, at_rest = true, secret = true)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SecretInArgs {}

/// Fields with commands in addition to `command` and `args`.
const COMMANDS: [&[&str]; 5] = [
    &["livenessProbe", "exec", "command"],
    &["readinessProbe", "exec", "command"],
    &["startupProbe", "exec", "command"],
    &["lifecycle", "postStart", "exec", "command"],
    &["lifecycle", "preStop", "exec", "command"],
];

impl Check for SecretInArgs {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let (mut claims, mut said) = (Vec::new(), HashSet::new());
        let value = container.value();
        let mut own: Vec<_> = Vec::new();
        for field in ["command", "args"] {
            match list(value, &[field]) {
                Ok(words) => own.extend(words),
                Err(wrong) => claims.push(wrong.into()),
            }
        }
        look(&own, "the command line", container.name(), &mut said, &mut claims);
        for path in COMMANDS {
            let words: Vec<_> = container.at(path).into_iter().flat_map(Value::items).collect();
            let what = format!("`{}`", path[0]);
            look(&words, &what, container.name(), &mut said, &mut claims);
        }
        Verdict::from_claims(claims)
    }
}

/// Secrets found in a container: location, name, and type.
type Said = HashSet<(String, String, &'static str)>;

fn look<'a>(
    values: &[Value<'a>],
    what: &str,
    container: &str,
    said: &mut Said,
    claims: &mut Vec<Claim<'a>>,
) {
    // kubectl rejects numbers and booleans here. They are not secrets.
    let words: Vec<_> = values.iter().map(|value| value.as_str().unwrap_or("")).collect();
    secrets::find_in_words(&words, &mut |index, name, found| {
        let Some(place) = values.get(index) else { return };
        let named = if name.is_empty() { String::new() } else { format!(" (`{name}`)") };
        let message = format!("{what} of container `{container}` contains {}{named}", found.what());
        if said.insert((what.to_owned(), name.to_owned(), found.what())) {
            let claim = Claim::fails(*place, message).instance(name);
            claims.push(claim.confidence(found.confidence()));
        }
    });
}
