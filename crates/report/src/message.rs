//! The complete message of a finding, including details that are stored as data.

use std::borrow::Cow;

use pavisade_model::Finding;

/// Returns the message with details: the number of further pods, and when an exception ended.
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pavisade_model::Subject;

    use super::of;
    use crate::fixture;

    #[test]
    fn facts_stand_behind_the_message() {
        let mut finding = fixture::secret("a: b\n", "b").findings.remove(0);
        assert_eq!(of(&finding), "`DB_PASSWORD` holds a secret");
        let Subject::Object { namespace, .. } = &mut finding.subject else { panic!() };
        *namespace = Arc::from("shop");
        finding.owner = Some(Box::new(finding.subject.clone()));
        assert_eq!(of(&finding), "`DB_PASSWORD` holds a secret", "none of them is another pod");
        finding.detail_mut().more_pods = 1;
        assert_eq!(of(&finding), "`DB_PASSWORD` holds a secret (and 1 more pod of Pod shop/web)");
        finding.detail_mut().more_pods = 2;
        finding.detail_mut().excepted_until = Some("2026-01-31".parse().unwrap());
        assert_eq!(
            of(&finding),
            "`DB_PASSWORD` holds a secret (and 2 more pods of Pod shop/web) (its exception ended on \
             2026-01-31)"
        );
    }
}
