//! What a finding says, in full: its message, and the facts that are data of the finding.

use std::borrow::Cow;

use pavisade_model::Finding;

/// The message with what is known beside it: how many more pods it is about, when an exception
/// ended.
pub fn of(finding: &Finding) -> Cow<'_, str> {
    let detail = finding.detail();
    let mut facts = String::new();
    if let (more @ 1.., Some(owner)) = (detail.more_pods, &finding.owner) {
        let pods = if more == 1 { "pod" } else { "pods" };
        facts += &format!(" (and {more} more {pods} of {})", owner.label());
    }
    if let Some(day) = detail.excepted_until {
        facts += &format!(" (its exception ended on {day})");
    }
    match facts.is_empty() {
        true => Cow::Borrowed(&finding.message),
        false => Cow::Owned(format!("{}{facts}", finding.message)),
    }
}
