//! Determines the maximum lifetime of a token by claim validation rules.

use pavisade_model::duration;

use super::cel::{Expr, Op};
use super::claims::unwrap;

/// The maximum lifetime of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lifetime {
    /// In seconds, from a difference of claims.
    AtMost(i64),
    /// Not limited.
    Unlimited,
    /// Refers to `exp` in an unsupported way.
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

/// Returns the limit set by an expression that must be true. CEL has no clock here, so it is a
/// difference of claims (`claims.exp - claims.iat <= 3600`).
pub(super) fn lifetime(rule: &Expr) -> Lifetime {
    if let Expr::Binary(Op::And, left, right) = rule {
        return lifetime(left).and(lifetime(right));
    }
    if let Expr::Binary(op @ (Op::Lt | Op::Le | Op::Gt | Op::Ge | Op::Eq), left, right) = rule {
        // left - right ≤ 0, or the reverse.
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
                return Lifetime::AtMost(constant.saturating_neg());
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

/// Parses a Go duration of whole seconds: `1h30m`.
pub(super) fn seconds(text: &str) -> Option<i64> {
    const SECOND: i64 = 1_000_000_000;
    duration(text).filter(|duration| duration % SECOND == 0).map(|duration| duration / SECOND)
}

#[cfg(test)]
mod tests {
    use super::super::cel::parse;
    use super::{Lifetime, lifetime};

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
            ("claims.exp - 1 - claims.iat <= 9223372036854775807", Lifetime::AtMost(i64::MAX)),
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
}
