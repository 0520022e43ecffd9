//! Calico selectors (docs.tigera.io, *Selectors*): `app == 'web' && has(tier)`.

use pavisade_snapshot::{Label, Selects};

/// Whether a selector matches these labels. `None` if it is invalid. An empty selector matches
/// everything. `global()`, for resources without a namespace, matches no pod.
pub(super) fn matches<'a>(text: &str, label: &dyn Fn(&str) -> Label<'a>) -> Option<Selects> {
    if text.trim().is_empty() {
        return Some(Selects::Yes);
    }
    let mut reader = Reader { rest: text, label, depth: 0 };
    let found = reader.any()?;
    reader.rest.trim_start().is_empty().then_some(found)
}

/// Maximum nesting depth of parentheses and negations.
const DEEPEST: usize = 32;

struct Reader<'t, 'f, 'a> {
    rest: &'t str,
    label: &'f dyn Fn(&str) -> Label<'a>,
    depth: usize,
}

impl<'t> Reader<'t, '_, '_> {
    /// `a || b`.
    fn any(&mut self) -> Option<Selects> {
        let mut found = self.all()?;
        while self.takes("||") {
            found = found.negated().and(self.all()?.negated()).negated();
        }
        Some(found)
    }

    /// `a && b`.
    fn all(&mut self) -> Option<Selects> {
        let mut found = self.one()?;
        while self.takes("&&") {
            found = found.and(self.one()?);
        }
        Some(found)
    }

    fn one(&mut self) -> Option<Selects> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let found = if self.takes("(") {
            let found = self.any()?;
            self.takes(")").then_some(found)?
        } else if self.takes("!") {
            self.one()?.negated()
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Some(found)
    }

    fn comparison(&mut self) -> Option<Selects> {
        let word = self.word()?;
        if self.takes("(") {
            let found = match word {
                "all" => Selects::Yes,
                "global" => Selects::No,
                "has" => match (self.label)(self.word()?) {
                    Label::Is(_) => Selects::Yes,
                    Label::Absent => Selects::No,
                    Label::Unknown => Selects::Maybe,
                },
                _ => return None,
            };
            return self.takes(")").then_some(found);
        }
        let label = (self.label)(word);
        if self.takes("==") {
            let wanted = self.text()?;
            return Some(is(label, |own| own == wanted));
        }
        if self.takes("!=") {
            let wanted = self.text()?;
            return Some(is(label, |own| own == wanted).negated());
        }
        let operator = self.word()?;
        Some(match operator {
            "in" => {
                let wanted = self.set()?;
                is(label, |own| wanted.contains(&own))
            }
            "not" if self.word()? == "in" => {
                let wanted = self.set()?;
                is(label, |own| wanted.contains(&own)).negated()
            }
            "contains" => {
                let wanted = self.text()?;
                is(label, |own| own.contains(wanted))
            }
            "starts" | "ends" if self.word()? == "with" => {
                let wanted = self.text()?;
                let starts = operator == "starts";
                is(
                    label,
                    |own| if starts { own.starts_with(wanted) } else { own.ends_with(wanted) },
                )
            }
            _ => return None,
        })
    }

    fn takes(&mut self, token: &str) -> bool {
        match self.rest.trim_start().strip_prefix(token) {
            // `!=` is not `!`.
            Some(rest) if token != "!" || !rest.starts_with('=') => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn word(&mut self) -> Option<&'t str> {
        let rest = self.rest.trim_start();
        let is_part = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (word, rest) = rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    fn text(&mut self) -> Option<&'t str> {
        let rest = self.rest.trim_start();
        let quote = rest.chars().next().filter(|c| ['\'', '"'].contains(c))?;
        let (text, rest) = rest[1..].split_once(quote)?;
        self.rest = rest;
        Some(text)
    }

    fn set(&mut self) -> Option<Vec<&'t str>> {
        let mut values = Vec::new();
        self.takes("{").then_some(())?;
        while !self.takes("}") {
            values.push(self.text()?);
            if !self.takes(",") {
                return self.takes("}").then_some(values);
            }
        }
        Some(values)
    }
}

/// Whether the label is present with a matching value.
fn is(label: Label<'_>, wanted: impl Fn(&str) -> bool) -> Selects {
    match label {
        Label::Is(own) if wanted(own) => Selects::Yes,
        Label::Is(_) | Label::Absent => Selects::No,
        Label::Unknown => Selects::Maybe,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(key: &str) -> Label<'static> {
        match key {
            "app" => Label::Is("web"),
            "a.b/c-d" => Label::Is("x"),
            "maybe" => Label::Unknown,
            _ => Label::Absent,
        }
    }

    #[test]
    fn selectors() {
        use Selects::{Maybe, No, Yes};
        for (text, expected) in [
            ("", Some(Yes)),
            ("all()", Some(Yes)),
            (" all( ) ", Some(Yes)),
            ("!all()", Some(No)),
            ("global()", Some(No)),
            ("app == 'web'", Some(Yes)),
            ("app==\"web\"", Some(Yes)),
            ("app == 'bank'", Some(No)),
            ("app != 'web'", Some(No)),
            ("none != 'web'", Some(Yes)),
            ("none == 'web'", Some(No)),
            ("a.b/c-d == 'x'", Some(Yes)),
            ("has(app)", Some(Yes)),
            ("!has(app)", Some(No)),
            ("has(none)", Some(No)),
            ("app in { 'bank', 'web' }", Some(Yes)),
            ("app in {'bank'}", Some(No)),
            ("app in {}", Some(No)),
            ("app not in {'bank'}", Some(Yes)),
            ("none not in {'bank'}", Some(Yes)),
            ("none in {'bank'}", Some(No)),
            ("app contains 'e'", Some(Yes)),
            ("app starts with 'w'", Some(Yes)),
            ("app ends with 'w'", Some(No)),
            ("app == 'web' && has(none)", Some(No)),
            ("app == 'web' || has(none)", Some(Yes)),
            ("has(none) && has(none) || has(app)", Some(Yes)),
            ("has(none) && (has(none) || has(app))", Some(No)),
            ("!(app == 'web' && has(none))", Some(Yes)),
            ("!!has(app)", Some(Yes)),
            ("has(maybe)", Some(Maybe)),
            ("has(maybe) && has(none)", Some(No)),
            ("has(maybe) || has(app)", Some(Yes)),
            ("!has(maybe)", Some(Maybe)),
            ("maybe != 'x'", Some(Maybe)),
            ("app", None),
            ("app == web", None),
            ("app == 'web", None),
            ("app = 'web'", None),
            ("(app == 'web'", None),
            ("app == 'web')", None),
            ("app == 'web' &&", None),
            ("all", None),
            ("some()", None),
            ("app not 'web'", None),
        ] {
            assert_eq!(matches(text, &label), expected, "{text}");
        }
        assert_eq!(matches(&"!".repeat(40), &label), None);
    }
}
