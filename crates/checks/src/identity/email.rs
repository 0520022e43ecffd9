//! Determines whether an e-mail address used as a user name must be verified.

use super::cel::{Expr, Op};
use super::claims::unwrap;

/// Whether a verified e-mail address is required.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verified {
    /// Not mentioned.
    Silent,
    /// In an unsupported way.
    Unclear,
    /// Tokens without `email_verified` are accepted.
    WherePresent,
    /// Always.
    Demanded,
}

/// Returns whether an expression that must be true requires `email_verified`.
pub(super) fn verified(rule: &Expr) -> Verified {
    const CLAIM: &str = "email_verified";
    let is_claim = |e: &Expr| unwrap(e).claim() == Some(CLAIM);
    let is_has = |e: &Expr| {
        matches!(e, Expr::Call { target: None, name, arguments }
            if name == "has" && matches!(arguments.as_slice(), [inner] if inner.claim() == Some(CLAIM)))
    };
    let with_default = |e: &Expr| match unwrap(e).claim_or() {
        Some((CLAIM, Expr::Bool(true))) => Some(Verified::WherePresent),
        Some((CLAIM, Expr::Bool(false))) => Some(Verified::Demanded),
        _ => None,
    };
    let found = match rule {
        Expr::Binary(Op::And, left, right) => Some(verified(left).max(verified(right))),
        Expr::Binary(Op::Eq, left, right) => {
            let is_true = |e: &Expr| {
                matches!(e, Expr::Bool(true)) || matches!(e, Expr::Text(text) if text == "true")
            };
            let of = |claim: &Expr, value: &Expr| match with_default(claim) {
                _ if !is_true(value) => None,
                None => is_claim(claim).then_some(Verified::Demanded),
                found => found,
            };
            of(left, right).or_else(|| of(right, left))
        }
        Expr::Binary(Op::Or, left, right) => {
            let absent = |e: &Expr| matches!(e, Expr::Not(inner) if is_has(inner));
            let either = |a: &Expr, b: &Expr| {
                (absent(a) && verified(b) == Verified::Demanded).then_some(Verified::WherePresent)
            };
            either(left, right).or_else(|| either(right, left))
        }
        Expr::Choice(parts) => match &**parts {
            [condition, yes, Expr::Bool(false)] => Some(verified(condition).max(verified(yes))),
            [condition, yes, Expr::Bool(true)]
                if is_has(condition) && verified(yes) == Verified::Demanded =>
            {
                Some(Verified::WherePresent)
            }
            _ => None,
        },
        e if is_claim(e) => Some(Verified::Demanded),
        e if is_has(e) => Some(Verified::Silent),
        e => with_default(e),
    };
    let mentioned = || if rule.mentions(CLAIM) { Verified::Unclear } else { Verified::Silent };
    found.unwrap_or_else(mentioned)
}

/// Returns the weakest condition under which an expression for the user name uses the e-mail
/// address. `None` if it never does.
pub(super) fn email_as_name(name: &Expr) -> Option<Verified> {
    if let Expr::Choice(parts) = name {
        let [condition, yes, no] = &**parts;
        let guarded = email_as_name(yes).map(|inner| inner.max(verified(condition)));
        return match (guarded, email_as_name(no)) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (one, other) => one.or(other),
        };
    }
    if !name.mentions("email") {
        return None;
    }
    Some(if name.mentions("email_verified") { Verified::Unclear } else { Verified::Silent })
}

#[cfg(test)]
mod tests {
    use super::super::cel::parse;
    use super::{Verified, email_as_name, verified};

    #[test]
    fn a_verified_address_is_demanded_or_not() {
        for (text, expected) in [
            ("claims.email_verified", Verified::Demanded),
            ("claims.email_verified == true", Verified::Demanded),
            ("has(claims.email_verified) && claims.email_verified", Verified::Demanded),
            ("claims.?email_verified.orValue(false)", Verified::Demanded),
            ("claims.?email_verified.orValue(true) == true", Verified::WherePresent),
            ("!has(claims.email_verified) || claims.email_verified", Verified::WherePresent),
            ("has(claims.email_verified) ? claims.email_verified : true", Verified::WherePresent),
            ("has(claims.email_verified)", Verified::Silent),
            ("claims.sub != ''", Verified::Silent),
            ("claims.email_verified == false", Verified::Unclear),
            ("!claims.email_verified", Verified::Unclear),
            ("claims.email_verified || true", Verified::Unclear),
        ] {
            assert_eq!(verified(&parse(text).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn the_address_as_a_name() {
        for (text, expected) in [
            ("claims.sub", None),
            ("claims.email", Some(Verified::Silent)),
            ("'x:' + claims['email']", Some(Verified::Silent)),
            ("claims.email_verified ? claims.email : claims.sub", Some(Verified::Demanded)),
            ("claims.email_verified ? claims.sub : claims.email", Some(Verified::Silent)),
            ("claims.a ? claims.email : claims.sub", Some(Verified::Silent)),
        ] {
            assert_eq!(email_as_name(&parse(text).unwrap()), expected, "{text}");
        }
    }
}
