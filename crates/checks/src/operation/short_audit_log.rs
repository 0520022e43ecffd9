//! PV-O014.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Component, Cx, OnComponent, Verdict, View};

/// Insufficient audit log retention
///
/// ## Why
/// Attacks are often discovered weeks later, when logs with a short retention are gone. A log that
/// is never deleted fills the disk of the control plane, which stops the cluster.
///
/// ## Fix
/// Set at least `--audit-log-maxage=30`, `--audit-log-maxbackup=10` and `--audit-log-maxsize=100`
/// (megabytes), and send the log to another machine. Before 1.36, nothing is deleted by default; as
/// of 1.36, the defaults are 366 days and 100 files.
#[check(
    id = "PV-O014",
    severity = Low,
    scope = Object,
    programs = [ApiServer],
    parts = ["maxage", "maxbackup", "maxsize"],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ShortAuditLog {}

impl Check for ShortAuditLog {
    type On = OnComponent;

    fn check<'a>(&self, server: Component<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        server.judged("kube-apiserver", |server| judge(server, cx))
    }
}

/// A part, its flag, and the minimum (CIS Kubernetes Benchmark).
const LIMITS: [(&str, &str, i64, &str); 3] = [
    ("maxage", "audit-log-maxage", 30, "days"),
    ("maxbackup", "audit-log-maxbackup", 10, "files"),
    ("maxsize", "audit-log-maxsize", 100, "megabytes per file"),
];

fn judge<'a>(server: Component<'a>, cx: &View<'a>) -> Result<Verdict<'a>, Claim<'a>> {
    let path = server.known("audit-log-path")?.map(|flag| flag.value).unwrap_or_default();
    if matches!(&*path, "" | "-" | "/dev/stdout" | "/dev/stderr" | "/dev/null") {
        // Not a file. PV-O001 checks whether there is a log at all.
        return Ok(Verdict::NotApplicable);
    }
    let claims = LIMITS.into_iter().filter_map(|(part, flag, least, unit)| {
        let claim = claim(server, cx, flag, least, unit).unwrap_or_else(Some)?;
        Some(claim.part(part))
    });
    Ok(Verdict::from_claims(claims))
}

fn claim<'a>(
    server: Component<'a>,
    cx: &View<'a>,
    flag: &'static str,
    least: i64,
    unit: &str,
) -> Result<Option<Claim<'a>>, Claim<'a>> {
    let is_size = flag == "audit-log-maxsize";
    let message = match server.known(flag)? {
        // Without it, files are rotated at 100 megabytes. kubernetes/kubernetes#136478 added
        // defaults for the others, and a meaning for a size of 0.
        None if is_size || cx.kubernetes().at_least(36) => return Ok(None),
        None => format!("`--{flag}` is not set: it does not delete old files"),
        Some(given) => match given.value.parse::<i64>() {
            Ok(0) if is_size && !cx.kubernetes().at_least(36) => return Ok(None),
            Ok(0) if is_size => format!("`--{flag}=0` writes the whole log to one file"),
            Ok(0) => format!("`--{flag}=0`: it does not delete old files"),
            Ok(number) if number >= least => return Ok(None),
            Ok(number) => format!("`--{flag}` retains {number} {unit} of the audit log"),
            Err(_) => {
                let why = format!("`--{flag}={}` is not a number", given.value);
                return Err(Claim::unknown(server.place(flag), why));
            }
        },
    };
    let claim = Claim::fails(server.place(flag), message).instance(flag);
    Ok(Some(claim.changes(server.set_flag(flag, &least.to_string()))))
}
