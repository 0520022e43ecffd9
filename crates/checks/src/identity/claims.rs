//! What the rules for a token's claims demand: a second factor, a short life, a verified e-mail
//! address.

use super::cel::{Expr, Op};

/// What a rule says about one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Demand {
    /// No token passes without it.
    Met,
    /// It asks for this instead, which is not enough.
    TooWeak(String),
    /// It does not speak of it.
    Silent,
    /// It speaks of it in a way that is not understood.
    Unclear,
}

impl Demand {
    /// Both must be true.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Met, _) | (_, Self::Met) => Self::Met,
            (Self::Unclear, _) | (_, Self::Unclear) => Self::Unclear,
            (Self::TooWeak(what), _) | (_, Self::TooWeak(what)) => Self::TooWeak(what),
            (Self::Silent, Self::Silent) => Self::Silent,
        }
    }

    /// One of them suffices, and all of them speak of it.
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

/// Authentication methods that are no knowledge alone (RFC 8176 and what common issuers add).
const SECOND_FACTORS: [&str; 26] = [
    "duo", "eye", "face", "fido", "fido2", "fpt", "hotp", "hwk", "iris", "mca", "mfa", "ngcmfa",
    "otp", "passkey", "phr", "phrh", "retina", "sc", "sms", "swk", "tel", "totp", "u2f", "vbm",
    "webauthn", "x509",
];

/// Methods of RFC 8176 that prove no second factor.
const FIRST_FACTORS: [&str; 10] =
    ["geo", "kba", "password", "pin", "pop", "pwd", "rba", "rsa", "user", "wia"];

/// Whether a method in `amr` is a second factor.
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

/// Whether a class in `acr` stands for more than a password. OpenID Connect leaves the names to
/// the issuer; `0` is the one that it defines (no assurance at all).
pub(super) fn grade_class(class: &str) -> Demand {
    let lower = class.to_ascii_lowercase();
    if lower.contains("mfa") {
        return Demand::Met;
    }
    let first = lower.contains("password") || FIRST_FACTORS.contains(&lower.as_str());
    match lower.as_str() {
        "" | "0" | "loa0" => Demand::TooWeak(format!("`acr` {class:?}")),
        _ if first => Demand::TooWeak(format!("`acr` {class:?}")),
        // The password alone at Keycloak and others, but that is theirs to say.
        "1" | "loa1" | "aal1" | "level1" => Demand::Unclear,
        _ => Demand::Met,
    }
}

/// Whether an expression that must be true demands a second factor.
pub(super) fn second_factor(rule: &Expr) -> Demand {
    let not_understood = || {
        if rule.mentions("amr") || rule.mentions("acr") { Demand::Unclear } else { Demand::Silent }
    };
    match rule {
        Expr::Binary(Op::And, left, right) => second_factor(left).and(second_factor(right)),
        Expr::Binary(Op::Or, left, right) => match (&**left, &**right) {
            (Expr::Bool(false), other) | (other, Expr::Bool(false)) => second_factor(other),
            _ if not_understood() == Demand::Silent => Demand::Silent,
            // Silent beside a demand lets a token pass for another reason.
            (left, right) => second_factor(left).or(second_factor(right)),
        },
        Expr::Choice(parts) => match &**parts {
            [condition, yes, Expr::Bool(false)] => second_factor(condition).and(second_factor(yes)),
            // Whatever the condition is, both ways must demand it.
            [_, yes, no] => match second_factor(yes).or(second_factor(no)) {
                Demand::Silent => not_understood(),
                demand => demand,
            },
        },
        Expr::Binary(Op::In, needle, list) => match (&**needle, &**list) {
            // `'amr' in claims`: only that it is there.
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
                (list, "contains", [Expr::Text(method)]) if is_claim(list, "amr") => {
                    grade_method(method)
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

/// What the test of `claims.amr.exists(variable, test)` demands of the method that is there.
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

/// Each of these alone suffices for the rule.
fn every(values: &[Expr], grade: fn(&str) -> Demand) -> Demand {
    let grades = values.iter().map(|value| match value {
        Expr::Text(text) => grade(text),
        _ => Demand::Unclear,
    });
    grades.reduce(Demand::or).unwrap_or(Demand::Unclear)
}

/// All of these must be there.
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

/// The claim itself, converted, or with a default that is empty.
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
    expr.claim() == Some(name)
}

/// Without conversions.
fn unwrap(mut expr: &Expr) -> &Expr {
    const CONVERSIONS: [&str; 6] = ["dyn", "double", "int", "string", "timestamp", "uint"];
    while let Expr::Call { target: None, name, arguments } = expr {
        match arguments.as_slice() {
            [inner] if CONVERSIONS.contains(&name.as_str()) => expr = inner,
            _ => break,
        }
    }
    expr
}

/// How long a token may live at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lifetime {
    /// Seconds, from a difference of claims.
    AtMost(i64),
    /// Not limited.
    Unlimited,
    /// Speaks of `exp` in a way that is not understood.
    Unclear,
}

impl Lifetime {
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::AtMost(a), Self::AtMost(b)) => Self::AtMost(a.min(b)),
            (Self::AtMost(a), _) | (_, Self::AtMost(a)) => Self::AtMost(a),
            (Self::Unclear, _) | (_, Self::Unclear) => Self::Unclear,
            (Self::Unlimited, Self::Unlimited) => Self::Unlimited,
        }
    }
}

/// The limit that an expression that must be true sets: this CEL has no clock, so it is a
/// difference of claims (`claims.exp - claims.iat <= 3600`).
pub(super) fn lifetime(rule: &Expr) -> Lifetime {
    if let Expr::Binary(Op::And, left, right) = rule {
        return lifetime(left).and(lifetime(right));
    }
    if let Expr::Binary(op @ (Op::Lt | Op::Le | Op::Gt | Op::Ge | Op::Eq), left, right) = rule {
        // left - right ≤ 0, or the other way round.
        let difference = match op {
            Op::Gt | Op::Ge => Linear::of(right).zip(Linear::of(left)),
            _ => Linear::of(left).zip(Linear::of(right)),
        };
        let difference = difference.and_then(|(a, b)| a.minus(&b));
        if let Some(Linear { claims, constant }) = difference {
            let coefficient = |name: &str| {
                claims.iter().find(|(claim, _)| claim == name).map_or(0, |(_, times)| *times)
            };
            let used = claims.iter().filter(|(_, times)| *times != 0).count();
            let from = ["iat", "nbf", "auth_time"].into_iter().map(coefficient).sum::<i64>();
            let expiry = coefficient("exp");
            if used == 2 && expiry == 1 && from == -1 && constant < 0 {
                return Lifetime::AtMost(-constant);
            }
            if *op == Op::Eq && used == 2 && expiry == -1 && from == 1 && constant > 0 {
                return Lifetime::AtMost(constant);
            }
        }
    }
    if matches!(rule, Expr::Call { target: None, name, .. } if name == "has") {
        return Lifetime::Unlimited;
    }
    if rule.mentions("exp") { Lifetime::Unclear } else { Lifetime::Unlimited }
}

/// A sum of claims and a constant.
struct Linear {
    claims: Vec<(String, i64)>,
    constant: i64,
}

impl Linear {
    fn of(expr: &Expr) -> Option<Self> {
        let constant = |constant| Some(Self { claims: Vec::new(), constant });
        match unwrap(expr) {
            Expr::Int(value) => constant(*value),
            Expr::Negative(of) => constant(0)?.minus(&Self::of(of)?),
            Expr::Binary(Op::Sub, left, right) => Self::of(left)?.minus(&Self::of(right)?),
            Expr::Binary(Op::Add, left, right) => {
                let negative = constant(0)?.minus(&Self::of(right)?)?;
                Self::of(left)?.minus(&negative)
            }
            Expr::Binary(Op::Mul, left, right) => {
                let (left, right) = (Self::of(left)?, Self::of(right)?);
                let plain = left.claims.is_empty() && right.claims.is_empty();
                constant(left.constant.checked_mul(right.constant).filter(|_| plain)?)
            }
            Expr::Call { target: None, name, arguments } if name == "duration" => {
                match arguments.as_slice() {
                    [Expr::Text(text)] => constant(seconds(text)?),
                    _ => None,
                }
            }
            other => {
                let claim = other.claim()?;
                Some(Self { claims: vec![(claim.to_owned(), 1)], constant: 0 })
            }
        }
    }

    fn minus(mut self, other: &Self) -> Option<Self> {
        for (claim, times) in &other.claims {
            match self.claims.iter_mut().find(|(own, _)| own == claim) {
                Some((_, own)) => *own -= times,
                None => self.claims.push((claim.clone(), -times)),
            }
        }
        self.constant = self.constant.checked_sub(other.constant)?;
        Some(self)
    }
}

/// A duration as Go writes it, in whole seconds: `1h30m`.
fn seconds(text: &str) -> Option<i64> {
    let (mut total, mut rest) = (0_i64, text);
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let (digits, unit) = rest.split_at(end);
        let factor = match unit.chars().next()? {
            'h' => 3600,
            'm' if !unit.starts_with("ms") => 60,
            's' => 1,
            _ => return None,
        };
        total = total.checked_add(digits.parse::<i64>().ok()?.checked_mul(factor)?)?;
        rest = &unit[1..];
    }
    Some(total)
}

/// Whether a verified e-mail address is demanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verified {
    /// Not spoken of.
    Silent,
    /// In a way that is not understood.
    Unclear,
    /// A token that does not carry `email_verified` passes.
    WherePresent,
    /// Always.
    Demanded,
}

/// Whether an expression that must be true demands `email_verified`.
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

/// The weakest condition under which an expression for the user's name takes the e-mail address;
/// none where it never does.
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
    use super::{Demand, Lifetime, Verified, email_as_name, lifetime, second_factor, verified};

    fn factor(text: &str) -> Demand {
        second_factor(&parse(text).unwrap_or_else(|| panic!("{text}")))
    }

    #[test]
    fn a_second_factor_is_demanded() {
        for text in [
            "'mfa' in claims.amr",
            "\"otp\" in claims['amr']",
            "has(claims.amr) && claims.amr.exists(m, m == 'mfa')",
            "claims.amr.exists(m, 'hwk' == m)",
            "claims.amr.exists(m, m in ['otp', 'fpt'])",
            "claims.amr.exists(x, x == 'otp' || x == 'hwk')",
            "'mfa' in claims.amr || 'hwk' in claims.amr",
            "'mfa' in claims.?amr.orValue([])",
            "claims.acr == 'phr'",
            "claims.acr in ['phr', 'phrh']",
            "'urn:example:mfa' == string(claims.acr)",
            "claims.amr == ['pwd', 'otp']",
            "sets.contains(claims.amr, ['pwd', 'mfa'])",
            "sets.intersects(claims.amr, ['hwk', 'mfa'])",
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
            "claims.acr == '1'",
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
            "claims.acr == 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport'",
            "claims.amr.exists(m, m == 'otp' || m == 'pwd')",
            "claims.amr.exists(m, m in ['pwd', 'mfa'])",
        ] {
            assert!(matches!(factor(text), Demand::TooWeak(_)), "{text}");
        }
    }

    #[test]
    fn a_lifetime_is_a_difference_of_claims() {
        for (text, expected) in [
            ("claims.exp - claims.iat <= 3600", Lifetime::AtMost(3600)),
            ("3600 >= claims.exp - claims.iat", Lifetime::AtMost(3600)),
            ("claims.exp <= claims.iat + 60 * 60", Lifetime::AtMost(3600)),
            ("claims.iat + 3600 > claims.exp", Lifetime::AtMost(3600)),
            ("int(claims.exp) - int(claims.auth_time) < 7200", Lifetime::AtMost(7200)),
            (
                "timestamp(claims.exp) - timestamp(claims.iat) <= duration('1h30m')",
                Lifetime::AtMost(5400),
            ),
            ("claims.exp - claims.nbf == 600", Lifetime::AtMost(600)),
            ("has(claims.iat) && claims.exp - claims.iat <= 9", Lifetime::AtMost(9)),
            ("claims.iat - claims.auth_time <= 43200", Lifetime::Unlimited),
            ("claims.sub != ''", Lifetime::Unlimited),
            ("has(claims.exp)", Lifetime::Unlimited),
            ("claims.exp - claims.iat >= 3600", Lifetime::Unclear),
            ("claims.exp > claims.iat", Lifetime::Unclear),
            ("claims.exp - claims.iat <= 3600 || true", Lifetime::Unclear),
            ("!(claims.exp - claims.iat > 3600)", Lifetime::Unclear),
            ("claims.exp <= 2000000000", Lifetime::Unclear),
        ] {
            assert_eq!(lifetime(&parse(text).unwrap()), expected, "{text}");
        }
    }

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
