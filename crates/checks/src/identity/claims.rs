//! Determines whether claim validation rules require a second factor.

use super::cel::{Expr, Op};

/// Whether a rule requires a second factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Demand {
    /// Required for every token.
    Met,
    /// Requires something weaker. Contains its description.
    TooWeak(String),
    /// Does not refer to it.
    Silent,
    /// Refers to it in an unsupported way.
    Unclear,
}

impl Demand {
    /// Combines two rules that must both be true.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Met, _) | (_, Self::Met) => Self::Met,
            (Self::Unclear, _) | (_, Self::Unclear) => Self::Unclear,
            (Self::TooWeak(what), _) | (_, Self::TooWeak(what)) => Self::TooWeak(what),
            (Self::Silent, Self::Silent) => Self::Silent,
        }
    }

    /// Combines two alternatives that both refer to it.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Met, Self::Met) => Self::Met,
            (Self::Silent, Self::Silent) => Self::Silent,
            (Self::TooWeak(what), Self::Met | Self::TooWeak(_))
            | (Self::Met, Self::TooWeak(what)) => Self::TooWeak(what),
            _ => Self::Unclear,
        }
    }
}

/// Methods in `amr` that say that there were several factors: `mfa` of RFC 8176, and `ngcmfa` of Entra
/// ID. All others (`otp`, `hwk`, `fpt`, …) name one factor, which may have been the only one.
const SECOND_FACTORS: [&str; 2] = ["mfa", "ngcmfa"];

/// Classes in `acr` that are defined to be more than one factor, or a phishing-resistant login:
/// NIST SP 800-63B, OpenID Connect EAP, REFEDS, PAPE.
const SECOND_FACTOR_CLASSES: [&str; 9] = [
    "aal2",
    "aal3",
    "http://idmanagement.gov/ns/assurance/aal/2",
    "http://idmanagement.gov/ns/assurance/aal/3",
    "http://schemas.openid.net/pape/policies/2007/06/multi-factor",
    "https://refeds.org/profile/mfa",
    "mfa",
    "phr",
    "phrh",
];

/// Methods of RFC 8176 that do not prove a second factor.
const FIRST_FACTORS: [&str; 10] =
    ["geo", "kba", "password", "pin", "pop", "pwd", "rba", "rsa", "user", "wia"];

/// Returns whether a method in `amr` is a second factor.
pub(super) fn grade_method(method: &str) -> Demand {
    let lower = method.to_ascii_lowercase();
    if SECOND_FACTORS.contains(&lower.as_str()) {
        Demand::Met
    } else if FIRST_FACTORS.contains(&lower.as_str()) || lower.is_empty() {
        Demand::TooWeak(format!("`amr` {method:?}"))
    } else {
        Demand::Unclear
    }
}

/// Whether a class in `acr` represents more than a password. OpenID Connect leaves the names to the
/// issuer; `0` is the one that it defines (no assurance at all). What a name stands for that is in no
/// list is not known.
pub(super) fn grade_class(class: &str) -> Demand {
    // Possible names for a login with one factor.
    const ONE: [&str; 7] = ["1fa", "no-mfa", "no_mfa", "nomfa", "none", "sfa", "single"];
    let lower = class.to_ascii_lowercase();
    let says = |word: &str| lower.contains(word);
    match lower.as_str() {
        "" | "0" | "loa0" => Demand::TooWeak(format!("`acr` {class:?}")),
        // Only the password in Keycloak and others, but that depends on the issuer.
        "1" | "loa1" | "aal1" | "level1" => Demand::Unclear,
        method if FIRST_FACTORS.contains(&method) => Demand::TooWeak(format!("`acr` {class:?}")),
        _ if ONE.into_iter().any(says) => Demand::TooWeak(format!("`acr` {class:?}")),
        _ if says("password") && says("mfa") => Demand::Unclear,
        _ if says("password") => Demand::TooWeak(format!("`acr` {class:?}")),
        known if SECOND_FACTOR_CLASSES.contains(&known) => Demand::Met,
        // Names that say it: `urn:example:mfa`, `urn:okta:loa:2fa:any`.
        _ if ends_with_word(&lower, "mfa") || lower.contains(":2fa:") => Demand::Met,
        _ => Demand::Unclear,
    }
}

/// Whether the last part of a name is that word: of `urn:example:mfa`, not of `mfa-optional` or `halfmfa`.
fn ends_with_word(name: &str, word: &str) -> bool {
    name.strip_suffix(word).is_some_and(|before| before.is_empty() || before.ends_with([':', '/']))
}

/// Whether an expression that must be true demands a second factor.
pub(super) fn second_factor(rule: &Expr) -> Demand {
    let not_understood = || {
        // The factors of an authentication context of Entra ID (`acrs`) are only defined in the
        // tenant.
        let speaks = ["amr", "acr", "acrs"].iter().any(|claim| rule.mentions(claim));
        if speaks { Demand::Unclear } else { Demand::Silent }
    };
    match rule {
        Expr::Binary(Op::And, left, right) => second_factor(left).and(second_factor(right)),
        Expr::Binary(Op::Or, left, right) => match (&**left, &**right) {
            (Expr::Bool(false), other) | (other, Expr::Bool(false)) => second_factor(other),
            _ if not_understood() == Demand::Silent => Demand::Silent,
            // An alternative that does not refer to it lets a token pass for another reason.
            (left, right) => second_factor(left).or(second_factor(right)),
        },
        Expr::Choice(parts) => match &**parts {
            [condition, yes, Expr::Bool(false)] => second_factor(condition).and(second_factor(yes)),
            // Both branches must require it.
            [_, yes, no] => match second_factor(yes).or(second_factor(no)) {
                Demand::Silent => not_understood(),
                demand => demand,
            },
        },
        Expr::Binary(Op::In, needle, list) => match (&**needle, &**list) {
            // `'amr' in claims` only requires that the claim exists.
            (Expr::Text(_), Expr::Ident(claims)) if claims == "claims" => Demand::Silent,
            (Expr::Text(method), list) if is_claim(list, "amr") => grade_method(method),
            (claim, Expr::List(values)) => match class_or_method(claim) {
                Some(grade) => every(values, grade),
                None => not_understood(),
            },
            _ => not_understood(),
        },
        Expr::Binary(Op::Eq, left, right) => match (&**left, &**right) {
            (claim, Expr::Text(value)) | (Expr::Text(value), claim) => {
                class_or_method(claim).map_or_else(not_understood, |grade| grade(value))
            }
            (claim, Expr::List(values)) | (Expr::List(values), claim) if is_claim(claim, "amr") => {
                some(values)
            }
            _ => not_understood(),
        },
        Expr::Call { target: None, name, .. } if name == "has" => Demand::Silent,
        Expr::Call { target: Some(target), name, arguments } => {
            match (&**target, name.as_str(), arguments.as_slice()) {
                (list, "exists" | "exists_one", [Expr::Ident(variable), test])
                    if is_claim(list, "amr") =>
                {
                    member(test, variable)
                }
                // Part of a string: short names are parts of many.
                (list, "contains", [Expr::Text(method)]) if is_claim(list, "amr") => {
                    if method == "mfa" { Demand::Met } else { Demand::Unclear }
                }
                (Expr::Ident(sets), "contains", [list, Expr::List(values)])
                    if sets == "sets" && is_claim(list, "amr") =>
                {
                    some(values)
                }
                (Expr::Ident(sets), "intersects", [Expr::List(values), list])
                | (Expr::Ident(sets), "intersects", [list, Expr::List(values)])
                    if sets == "sets" && is_claim(list, "amr") =>
                {
                    every(values, grade_method)
                }
                _ => not_understood(),
            }
        }
        _ => not_understood(),
    }
}

/// Returns what the test of `claims.amr.exists(variable, test)` requires of a method.
fn member(test: &Expr, variable: &str) -> Demand {
    let is_variable = |e: &Expr| matches!(e, Expr::Ident(name) if name == variable);
    match test {
        Expr::Binary(Op::And, left, right) => member(left, variable).and(member(right, variable)),
        Expr::Binary(Op::Or, left, right) => member(left, variable).or(member(right, variable)),
        Expr::Binary(Op::Eq, left, right) => match (&**left, &**right) {
            (e, Expr::Text(method)) | (Expr::Text(method), e) if is_variable(e) => {
                grade_method(method)
            }
            _ => Demand::Unclear,
        },
        Expr::Binary(Op::In, needle, list) => match (&**needle, &**list) {
            (e, Expr::List(values)) if is_variable(e) => every(values, grade_method),
            _ => Demand::Unclear,
        },
        _ => Demand::Unclear,
    }
}

/// Combines alternatives, each of which is sufficient.
fn every(values: &[Expr], grade: fn(&str) -> Demand) -> Demand {
    let grades = values.iter().map(|value| match value {
        Expr::Text(text) => grade(text),
        _ => Demand::Unclear,
    });
    grades.reduce(Demand::or).unwrap_or(Demand::Unclear)
}

/// Combines requirements, all of which must be met.
fn some(methods: &[Expr]) -> Demand {
    let grades = methods.iter().map(|value| match value {
        Expr::Text(text) => grade_method(text),
        _ => Demand::Unclear,
    });
    grades.reduce(Demand::and).unwrap_or(Demand::Unclear)
}

fn class_or_method(claim: &Expr) -> Option<fn(&str) -> Demand> {
    if is_claim(claim, "acr") {
        Some(grade_class)
    } else if is_claim(claim, "amr") {
        Some(grade_method)
    } else {
        None
    }
}

/// Whether the expression is the claim itself, converted, or with an empty default.
fn is_claim(expr: &Expr, name: &str) -> bool {
    let expr = unwrap(expr);
    if let Some((claim, default)) = expr.claim_or() {
        let empty = match default {
            Expr::List(items) => items.is_empty(),
            Expr::Text(text) => text.is_empty(),
            _ => false,
        };
        return claim == name && empty;
    }
    // Pinniped passes upstream claims in an object.
    if let Expr::Select { of, field, optional: false } = expr
        && field == name
        && of.claim() == Some("additionalClaims")
    {
        return true;
    }
    expr.claim() == Some(name)
}

/// Removes conversions.
pub(super) fn unwrap(mut expr: &Expr) -> &Expr {
    const CONVERSIONS: [&str; 6] = ["dyn", "double", "int", "string", "timestamp", "uint"];
    while let Expr::Call { target: None, name, arguments } = expr {
        match arguments.as_slice() {
            [inner] if CONVERSIONS.contains(&name.as_str()) => expr = inner,
            _ => break,
        }
    }
    expr
}

#[cfg(test)]
mod tests {
    use super::super::cel::parse;
    use super::{Demand, second_factor};

    fn factor(text: &str) -> Demand {
        second_factor(&parse(text).unwrap_or_else(|| panic!("{text}")))
    }

    #[test]
    fn a_second_factor_is_demanded() {
        for text in [
            "'mfa' in claims.amr",
            "\"mfa\" in claims['amr']",
            "has(claims.amr) && claims.amr.exists(m, m == 'mfa')",
            "has(claims.amr) && type(claims.amr) == list && dyn(claims.amr).exists(m, m == 'mfa')",
            "has(claims.additionalClaims.amr) && dyn(claims.additionalClaims.amr).exists(m, m == 'mfa')",
            "claims.amr.exists(m, 'ngcmfa' == m)",
            "claims.amr.exists(m, m in ['mfa', 'ngcmfa'])",
            "claims.amr.exists(x, x == 'mfa' || x == 'ngcmfa')",
            "'mfa' in claims.amr || 'ngcmfa' in claims.amr",
            "'mfa' in claims.amr && 'otp' in claims.amr",
            "'mfa' in claims.?amr.orValue([])",
            "claims.acr == 'phr'",
            "claims.acr in ['phr', 'phrh']",
            "'urn:example:mfa' == string(claims.acr)",
            "claims.acr == 'https://refeds.org/profile/mfa'",
            "claims.acr in ['urn:okta:loa:2fa:any', 'aal2']",
            "claims.amr == ['pwd', 'mfa']",
            "sets.contains(claims.amr, ['pwd', 'mfa'])",
            "sets.intersects(claims.amr, ['ngcmfa', 'mfa'])",
            "has(claims.amr) ? 'mfa' in claims.amr : false",
            "('mfa' in claims.amr) // || true",
            "claims.sub != '' && ('mfa' in claims.amr && claims.x == 'a || b')",
        ] {
            assert_eq!(factor(text), Demand::Met, "{text}");
        }
    }

    #[test]
    fn nothing_is_demanded() {
        for text in [
            "claims.hd == 'example.com'",
            "has(claims.amr)",
            "'amr' in claims",
            "true",
            "claims.note == \"'mfa' in claims.amr\"",
            "claims.a == 'x' || claims.b == 'y'",
            "!claims.disabled",
            "claims.sub == 'a' // 'mfa' in claims.amr",
            "claims.a ? true : false",
            "has(claims.amr) || true",
        ] {
            assert_eq!(factor(text), Demand::Silent, "{text}");
        }
    }

    #[test]
    fn what_may_be_passed_in_another_way_is_unclear() {
        for text in [
            "!('mfa' in claims.amr)",
            "!!('mfa' in claims.amr)",
            "'mfa' in claims.amr || true",
            "'mfa' in claims.amr ? claims.x : claims.y",
            "claims.acr == '0' ? false : true",
            "!has(claims.amr) || 'mfa' in claims.amr",
            "claims.sub == 'robot' || 'mfa' in claims.amr",
            "claims.robot ? true : 'mfa' in claims.amr",
            "claims.amr.exists(m, m.startsWith('m'))",
            "claims.amr.exists(m, !(m == 'mfa'))",
            "claims.amr.all(m, m == 'mfa')",
            "claims.amr.size() > 1",
            "'own-method' in claims.amr",
            "claims.acr != '0'",
            "has(claims.acrs) && dyn(claims.acrs).exists(m, m == 'c1')",
            "claims.acr == '1'",
            // What these stand for is said at the issuer alone.
            "claims.acr == '2'",
            "claims.acr == 'gold'",
            "claims.acr == 'urn:example:mfa-optional'",
            "claims.acr == 'mfa/skip'",
            "claims.acr in ['phr', 'silver']",
            // One factor, which may have been the only one.
            "'otp' in claims.amr",
            "'hwk' in claims.amr",
            "claims.amr.exists(m, m in ['mfa', 'sms'])",
            "sets.intersects(claims.amr, ['hwk', 'mfa'])",
            "claims.acr == 'passwordless-mfa'",
            "claims.amr.contains('sc')",
            "claims.acr.matches('.*')",
            "'mfa' in claims.?amr.orValue(['mfa'])",
            "claims.acr in []",
            "('mfa' in claims.amr) == false",
            "other.amr == 'mfa'",
            "'mfa' in user.extra['example.com/amr'] || claims.amr == x",
        ] {
            assert_eq!(factor(text), Demand::Unclear, "{text}");
        }
    }

    #[test]
    fn a_first_factor_is_too_weak() {
        for text in [
            "'pwd' in claims.amr",
            "claims.acr == '0'",
            "claims.acr == 'no-mfa'",
            "claims.acr == 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport'",
            "claims.amr.exists(m, m == 'mfa' || m == 'pwd')",
            "claims.amr.exists(m, m in ['pwd', 'mfa'])",
        ] {
            assert!(matches!(factor(text), Demand::TooWeak(_)), "{text}");
        }
    }
}
