//! `pavisade probe list`.

use std::fmt::Write as _;

use pavisade_probe::{Kind, REGISTRY};
use serde_json::json;

use crate::args::probe::ListArgs;
use crate::{Outcome, print};

pub(super) fn run(args: &ListArgs) -> anyhow::Result<Outcome> {
    let mut text = String::new();
    for probe in REGISTRY {
        let rule = &probe.meta.rule;
        let (how, at) = match &probe.kind {
            Kind::Endpoint { at, .. } => {
                let names: Vec<_> = at.iter().map(|component| component.name()).collect();
                ("passive", names.join(", "))
            }
            Kind::Admission { .. } => ("dry run", "admission".to_owned()),
            Kind::Pod { .. } => ("in pod", "container".to_owned()),
            Kind::Active { .. } | Kind::Running(_) | Kind::Segments => {
                ("active", "canaries".to_owned())
            }
        };
        // Writing to a string cannot fail.
        let _ = match args.json {
            true => writeln!(
                text,
                "{}",
                json!({
                    "id": rule.id, "name": rule.name, "title": rule.title,
                    "severity": rule.severity.name(), "how": how, "at": at,
                    "why": rule.why, "fix": rule.advice,
                    "mitre": probe.techniques, "owasp": probe.owasp,
                })
            ),
            false => writeln!(
                text,
                "{}  {:<8}  {:<7}  {:<34}  {}",
                rule.id,
                rule.severity.name(),
                how,
                rule.name,
                rule.title
            ),
        };
    }
    print(text.as_bytes())
}
