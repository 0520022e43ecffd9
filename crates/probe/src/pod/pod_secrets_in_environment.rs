//! PV-P136.

use pavisade_macros::check;

use crate::probe::PodProbe;
use crate::{Closed, PodFacts, Verdict};

/// Container with secrets in its environment
///
/// ## Why
/// Environment variables are in the output of crashes and of `/proc`, and are passed to every
/// child process.
///
/// ## Fix
/// Mount Secrets as files.
#[check(id = "PV-P136", severity = Medium, scope = World)]
pub(crate) struct PodSecretsInEnvironment {}

impl PodProbe for PodSecretsInEnvironment {
    const TECHNIQUES: &'static [&'static str] = &["T1552.007"];
    const OWASP: &'static str = "K03";

    fn judge(facts: &PodFacts) -> Verdict {
        if facts.secrets.is_empty() {
            return Verdict::Closed(Closed::Good, "no variable looks like a secret".to_owned());
        }
        let many = match facts.secrets.len() {
            1 => "1 environment variable is a secret".to_owned(),
            count => format!("{count} environment variables are secrets"),
        };
        Verdict::Open { message: many, proof: facts.secrets.join(", ") }
    }
}
