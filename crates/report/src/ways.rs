//! Output of `pavisade identity`: the authentication methods of an API server, and the result for a
//! token.

use std::io::{self, Write};

use pavisade_judgement::{Mfa, WayIn, WaysIn};
use pavisade_model::Severity;
use serde_json::json;

use crate::terminal::Page;
use crate::terminal::style::{DIM, GOOD, PLAIN, STRONG, UNKNOWN, severity};
use crate::{Layout, Options, guard};

fn word(mfa: Mfa) -> &'static str {
    match mfa {
        Mfa::Proven => "proven",
        Mfa::NotProven => "not proven",
        Mfa::Unknown => "unknown",
        Mfa::Machines => "machines",
    }
}

fn overall(mfa: Mfa) -> &'static str {
    match mfa {
        Mfa::Proven => {
            "MFA is proven: the API server refuses every login of a person without a second factor"
        }
        Mfa::NotProven => "MFA is not proven: there is a login method without a second factor",
        Mfa::Unknown => "whether MFA is proven is unknown",
        Mfa::Machines => "no login method for people was found",
    }
}

/// Writes the authentication methods of the API server of each world.
///
/// # Errors
/// Writing to `out` fails.
pub fn ways_in(
    all: &[WaysIn],
    layout: Layout,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    if matches!(layout, Layout::Json) {
        let one = |of: &WaysIn| {
            let way = |way: &WayIn| {
                json!({
                    "name": way.name,
                    "who": way.who,
                    "mfa": word(way.mfa),
                    "why": way.why,
                    "lifetime": way.life,
                    "revocation": way.revocation,
                    "place": way.place.as_ref().map(|at| json!({"file": at.file, "line": at.line})),
                })
            };
            json!({
                "world": of.world,
                "mfa": word(of.mfa),
                "ways": of.ways.iter().map(way).collect::<Vec<_>>(),
                "unknown": of.doubts,
            })
        };
        let results: Vec<_> = all.iter().map(one).collect();
        return guard::write(
            &json!({"apiVersion": "pavisade.dev/identity/v1", "kind": "WaysIn", "results": results}),
            out,
        );
    }
    let mut page = Page::new(options, out);
    for (i, of) in all.iter().enumerate() {
        if i > 0 {
            page.end();
        }
        let style = match of.mfa {
            Mfa::Proven => GOOD,
            Mfa::NotProven => severity(Severity::High),
            Mfa::Unknown => UNKNOWN,
            Mfa::Machines => PLAIN,
        };
        page.wrapped(style, overall(of.mfa), 0, 2);
        if all.len() > 1 {
            page.gap(2).put(DIM, &of.world).end();
        }
        for way in &of.ways {
            page.end();
            page.put(STRONG, &way.name);
            if let Some(at) = &way.place {
                page.put(DIM, &format!(" {}:{}", at.file, at.line));
            }
            page.end();
            let style = match way.mfa {
                Mfa::Proven => GOOD,
                Mfa::NotProven => severity(Severity::High),
                Mfa::Unknown => UNKNOWN,
                Mfa::Machines => DIM,
            };
            page.gap(2).put(DIM, "MFA      ").put(style, word(way.mfa)).put(PLAIN, ": ");
            page.wrapped(PLAIN, &way.why, 13 + word(way.mfa).len(), 11);
            for (label, text) in
                [("who      ", &way.who), ("lives    ", &way.life), ("revoked  ", &way.revocation)]
            {
                page.gap(2).put(DIM, label);
                page.wrapped(PLAIN, text, 11, 11);
            }
        }
        for doubt in &of.doubts {
            page.end();
            page.put(UNKNOWN, "unknown").put(PLAIN, ": ");
            page.wrapped(PLAIN, doubt, 9, 2);
        }
    }
    if all.is_empty() {
        page.put(PLAIN, "nothing was read").end();
    }
    page.flush()
}

/// The result for a token.
#[derive(Debug, Clone)]
pub struct TokenVerdict {
    /// `accepted`, `refused` or `unknown`.
    pub verdict: &'static str,
    /// The configuration.
    pub configuration: String,
    /// The rule that decides, or the reason.
    pub field: String,
    /// The reason.
    pub why: String,
    /// The resulting username. Empty if refused.
    pub username: String,
    /// The groups.
    pub groups: Vec<String>,
    /// Errors in the configuration itself.
    pub faults: Vec<String>,
}

/// Writes the result for a token.
///
/// # Errors
/// Writing to `out` fails.
pub fn token(
    of: &TokenVerdict,
    layout: Layout,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    if matches!(layout, Layout::Json) {
        let document = json!({
            "apiVersion": "pavisade.dev/identity/v1",
            "kind": "TokenVerdict",
            "verdict": of.verdict,
            "configuration": of.configuration,
            "field": of.field,
            "why": of.why,
            "username": of.username,
            "groups": of.groups,
            "configurationFaults": of.faults,
        });
        return guard::write(&document, out);
    }
    let mut page = Page::new(options, out);
    let style = match of.verdict {
        "accepted" => GOOD,
        "refused" => severity(Severity::High),
        _ => UNKNOWN,
    };
    page.put(style, of.verdict).put(PLAIN, ": ");
    let text = match &*of.username {
        "" => of.why.clone(),
        name => format!("the API server accepts it as {name}"),
    };
    page.wrapped(STRONG, &text, of.verdict.len() + 2, 2);
    let line = |page: &mut Page<'_>, label: &str, text: &str| {
        if !text.is_empty() {
            page.gap(2).put(DIM, label);
            page.wrapped(PLAIN, text, 2 + label.len(), 2 + label.len());
        }
    };
    line(&mut page, "rule    ", &of.field);
    line(&mut page, "in      ", &of.configuration);
    line(&mut page, "groups  ", &of.groups.join(", "));
    for fault in &of.faults {
        line(&mut page, "fault   ", fault);
    }
    page.flush()
}
