//! What is said about mending a finding.

use pavisade_model::{Finding, Location, Mends, Meta, State};

use crate::place::made_of;

/// What to do (Markdown): the finding's own advice, or its check's.
pub(crate) fn fix(finding: &Finding) -> &str {
    if finding.fix.is_empty() { finding.check.fix } else { &finding.fix }
}

/// That the program can do it, for findings in files that people write.
pub(crate) fn by_program(finding: &Finding) -> Option<&'static str> {
    let written = match &finding.location {
        Location::Text { source, .. } => made_of(source.name()).is_none(),
        Location::Field { .. } | Location::None => false,
    };
    of_check(finding.check).filter(|_| written && finding.state == State::Fails)
}

/// That the program can mend what a check finds, where it says how.
pub(crate) fn of_check(check: &Meta) -> Option<&'static str> {
    match check.mends {
        Mends::Never => None,
        Mends::Safely => Some("`pavisade fix` can do this"),
        Mends::Riskily => Some("`pavisade fix` can do this; look at the difference first"),
    }
}
