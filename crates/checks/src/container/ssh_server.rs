//! PV-C059.

use pavisade_macros::check;
use pavisade_snapshot::Container;
use schemars::JsonSchema;
use serde::Deserialize;

use super::entry_point::{is_shell, program, runs, words};
use super::field::{WrongType, integer, list, named, text};
use crate::{Check, Claim, Cx, OnContainer, Verdict};

/// SSH server in a container
///
/// ## Why
/// An SSH server is an entry point with its own keys and passwords that bypasses the API server:
/// logins are not in the audit log, and RBAC cannot revoke access. For a Git server, SSH is the
/// intended service.
///
/// ## Fix
/// Use `kubectl exec` and `kubectl debug`, which the API server authorizes and audits.
#[check(id = "PV-C059", severity = Low, confidence = Medium, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SshServer {}

impl Check for SshServer {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let mut claims = Vec::new();
        for part in [of_command(container), of_ports(container)] {
            match part {
                Ok(found) => claims.extend(found),
                Err(wrong) => claims.push(wrong.into()),
            }
        }
        claims.truncate(1);
        Verdict::from_claims(claims)
    }
}

fn of_command(container: Container<'_>) -> Result<Option<Claim<'_>>, WrongType<'_>> {
    let words = words(container)?;
    let first = words.all.first().map_or("", |(word, _)| word);
    let found = words.all.iter().enumerate().find(|(index, (word, _))| {
        *index == 0 && is_server(word)
            || *index > 0 && is_shell(first) && ["sshd", "dropbear"].iter().any(|s| runs(word, s))
    });
    Ok(found.map(|(_, (_, place))| {
        Claim::fails(*place, format!("{} starts an SSH server", named(container)))
    }))
}

fn is_server(word: &str) -> bool {
    matches!(program(word), "sshd" | "dropbear")
}

fn of_ports(container: Container<'_>) -> Result<Option<Claim<'_>>, WrongType<'_>> {
    for port in list(container.value(), &["ports"])? {
        let Some((number, place)) = integer(port, &["containerPort"])? else { continue };
        let name = text(port, &["name"])?.map_or("", |(name, _)| name);
        if number == 22 || number == 2222 && is_named(name) {
            let message = format!("{} exposes port {number}, the SSH port", named(container));
            return Ok(Some(Claim::fails(place, message)));
        }
    }
    Ok(None)
}

fn is_named(name: &str) -> bool {
    name.split('-').any(|word| matches!(word, "ssh" | "sshd" | "sftp"))
}
