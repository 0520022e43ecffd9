//! Access that ends by itself: what a binding says about its end.
//!
//! A grant is an ordinary binding that `pavisade grant create` made. It is recognised by three things
//! that belong together: its name begins with [`PREFIX`], the rest of its name is the value of the
//! label [`LABEL`], and the annotation [`EXPIRES_AT`] says when it ends. A copy under another name, or
//! a binding that somebody annotated by hand, is no grant: nothing removes it.

use jiff::Timestamp;

/// The label of a grant; its value is the end of the grant's name.
pub const LABEL: &str = "pavisade.dev/grant";
/// The annotation with the end, in RFC 3339.
pub const EXPIRES_AT: &str = "pavisade.dev/expires-at";
/// The annotation with the user who asked for it, as the API server authenticated them.
pub const REQUESTED_BY: &str = "pavisade.dev/requested-by";
/// The annotation with the reason.
pub const REASON: &str = "pavisade.dev/reason";
/// What the names of grants begin with.
pub const PREFIX: &str = "pavisade-grant-";

/// What a binding says about its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Nothing: it is permanent.
    None,
    /// It is a grant, and ends then.
    At(Timestamp),
    /// It has the annotation, but is no grant, so nothing removes it.
    Unswept(Timestamp),
    /// It was meant to end, but its end cannot be read, so nothing removes it.
    Broken(String),
}

impl End {
    /// Reads the name, the label [`LABEL`] and the annotation [`EXPIRES_AT`] of a binding.
    pub fn of(name: &str, label: Option<&str>, expires_at: Option<&str>) -> Self {
        let own = label.is_some_and(|id| !id.is_empty() && name.strip_prefix(PREFIX) == Some(id));
        let Some(text) = expires_at else {
            return match own {
                true => Self::Broken(format!("it has no annotation `{EXPIRES_AT}`")),
                false => Self::None,
            };
        };
        match (text.parse(), own) {
            (Ok(end), true) => Self::At(end),
            (Ok(end), false) => Self::Unswept(end),
            (Err(_), _) => {
                let text: String = text.chars().take(64).collect();
                Self::Broken(format!("`{text}` is not a time such as 2030-01-31T12:00:00Z"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_granted_is_a_grant() {
        let end = "2030-01-31T12:00:00Z";
        let at: Timestamp = end.parse().unwrap();
        for (name, label, expires, want) in [
            ("pavisade-grant-a1", Some("a1"), Some(end), End::At(at)),
            ("plain", None, None, End::None),
            // Annotated by hand, copied under another name, a label that is cut off or empty.
            ("plain", None, Some(end), End::Unswept(at)),
            ("copy-of-grant", Some("a1"), Some(end), End::Unswept(at)),
            ("pavisade-grant-a1", Some("a"), Some(end), End::Unswept(at)),
            ("pavisade-grant-", Some(""), Some(end), End::Unswept(at)),
            ("pavisade-grant-a1", None, Some(end), End::Unswept(at)),
            // A label alone, as of a copy without annotations.
            ("copy", Some("a1"), None, End::None),
        ] {
            assert_eq!(End::of(name, label, expires), want, "{name} {label:?} {expires:?}");
        }
        for expires in [None, Some(""), Some("soon"), Some("2030-01-31"), Some("1700000000")] {
            let read = End::of("pavisade-grant-a1", Some("a1"), expires);
            assert!(matches!(read, End::Broken(_)), "{expires:?}: {read:?}");
        }
        // Another offset is the same time.
        let read = End::of("pavisade-grant-a1", Some("a1"), Some("2030-01-31T13:00:00+01:00"));
        assert_eq!(read, End::At(at));
    }
}
