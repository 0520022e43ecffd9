//! The page: what is open first, then whether it was noticed, then everything that was sent.

use std::collections::BTreeMap;
use std::io::{self, Write};

use pavisade_model::Severity;

use super::{Detection, Noticed, ProbeResult, ProbeRun};
use crate::html::prose::{escape, line, markdown};
use crate::text::count;

const STYLE: &str = include_str!("page.css");

/// Writes the report as an HTML page.
///
/// # Errors
/// Writing to `out` fails.
pub fn probe_report(run: &ProbeRun, out: &mut dyn Write) -> io::Result<()> {
    let id = escape(&run.id);
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'\"><title>Penetration test {id}</title>\n\
         <style>{STYLE}</style></head><body>\n<h1>Penetration test</h1>\n\
         <p class=\"muted\">Run <code>{id}</code> · started {} · took {} · {}, at most {} to one \
         host</p>\n",
        escape(&run.started),
        count(run.seconds as usize, "second", "seconds"),
        count(run.requests, "request", "requests"),
        count(run.most, "connection", "connections"),
    )?;
    cards(run, out)?;
    left(run, out)?;
    scope(run, out)?;
    open(run, out)?;
    detection(run, out)?;
    others(run, out)?;
    timeline(run, out)?;
    writeln!(out, "</body></html>")
}

fn of<'r>(run: &'r ProbeRun, verdict: &str) -> Vec<&'r ProbeResult> {
    run.results.iter().filter(|result| result.verdict == verdict).collect()
}

fn card(out: &mut dyn Write, class: &str, number: usize, name: &str) -> io::Result<()> {
    let class = if number == 0 { "none" } else { class };
    write!(out, "<div class=\"{class}\"><strong>{number}</strong><span>{name}</span></div>")
}

fn cards(run: &ProbeRun, out: &mut dyn Write) -> io::Result<()> {
    let open = of(run, "open");
    write!(out, "<div class=\"cards\">")?;
    for severity in [Severity::Critical, Severity::High, Severity::Medium, Severity::Low] {
        let number = open.iter().filter(|result| result.severity == severity).count();
        card(out, severity.name(), number, &format!("open, {}", severity.name()))?;
    }
    card(out, "closed", of(run, "closed").len(), "closed")?;
    card(out, "unknown", of(run, "unknown").len(), "unknown")?;
    card(out, "none", of(run, "not applicable").len(), "not applicable")?;
    writeln!(out, "</div>")
}

fn left(run: &ProbeRun, out: &mut dyn Write) -> io::Result<()> {
    if run.left.is_empty() {
        return writeln!(out, "<p class=\"banner\">Nothing was left behind.</p>");
    }
    writeln!(out, "<div class=\"banner bad\"><p>Left behind:</p><ul>")?;
    for path in &run.left {
        writeln!(out, "<li><code>{}</code></li>", escape(path))?;
    }
    let id = escape(&run.id);
    writeln!(out, "</ul><p>Remove it with <code>pavisade probe revert {id}</code>.</p></div>")
}

fn scope(run: &ProbeRun, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<h2>Scope and consent</h2>\n<dl>")?;
    for (term, values) in &run.scope {
        write!(out, "<dt>{term}</dt><dd><ul>")?;
        for value in values {
            write!(out, "<li>{}</li>", escape(value))?;
        }
        writeln!(out, "</ul></dd>")?;
    }
    let consent = match run.consent.as_str() {
        "" => "Nothing ran that needs consent.",
        consent => consent,
    };
    writeln!(out, "<dt>Consent</dt><dd>{}</dd></dl>", escape(consent))
}

/// What is open, by probe.
fn open(run: &ProbeRun, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<h2>Open</h2>")?;
    let mut groups: BTreeMap<(std::cmp::Reverse<Severity>, &str), Vec<&ProbeResult>> =
        BTreeMap::new();
    for result in of(run, "open") {
        let key = (std::cmp::Reverse(result.severity), result.probe.as_str());
        groups.entry(key).or_default().push(result);
    }
    if groups.is_empty() {
        return writeln!(out, "<p>Nothing is open.</p>");
    }
    for group in groups.values() {
        let Some(first) = group.first() else { continue };
        let severity = first.severity.name();
        let places = count(group.len(), "place", "places");
        writeln!(
            out,
            "<details class=\"group\"><summary><b class=\"{severity}\">{severity}</b>\
             <span><em>{}</em><small>{} {}{}</small></span><span class=\"muted\">{places}</span>\
             </summary>\n<div class=\"body\"><table><tr><th>Where</th><th>What was seen</th></tr>",
            line(&first.title),
            escape(&first.probe),
            escape(&first.name),
            tags(run, first),
        )?;
        for one in group {
            writeln!(
                out,
                "<tr><td>{}</td><td>{}<small>{}</small></td></tr>",
                escape(&one.subject),
                escape(&one.message),
                escape(&one.reason)
            )?;
        }
        writeln!(
            out,
            "</table>\n<div class=\"fix\">{}</div></div></details>",
            markdown(&first.fix)
        )?;
    }
    Ok(())
}

fn tags(run: &ProbeRun, result: &ProbeResult) -> String {
    let mut text = format!(" · OWASP {}", escape(&result.owasp));
    for id in &result.techniques {
        text.push_str(&format!(" · {}", technique(run, id)));
    }
    text
}

fn technique(run: &ProbeRun, id: &str) -> String {
    let name = run.techniques.get(id).map_or("", String::as_str);
    escape(&format!("{id} {name}")).trim_end().to_owned()
}

/// The matrix: a row for each technique, a column for each way it ended.
fn detection(run: &ProbeRun, out: &mut dyn Write) -> io::Result<()> {
    if run.detections.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h2>Was it noticed?</h2>\n<div class=\"cards\">")?;
    for noticed in Noticed::ALL {
        let number = run.detections.iter().filter(|one| one.noticed == noticed).count();
        card(out, class(noticed), number, noticed.name())?;
    }
    // Probes without a technique come last.
    let mut rows: BTreeMap<(bool, &str), BTreeMap<Noticed, usize>> = BTreeMap::new();
    for one in &run.detections {
        let none = one.techniques.is_empty().then_some((true, "others"));
        let own = one.techniques.iter().map(|id| (false, id.as_str()));
        for technique in own.chain(none) {
            *rows.entry(technique).or_default().entry(one.noticed).or_default() += 1;
        }
    }
    write!(out, "</div>\n<div class=\"wide\"><table><tr><th>Technique (MITRE ATT&amp;CK)</th>")?;
    for noticed in Noticed::ALL {
        write!(out, "<th class=\"number\">{}</th>", noticed.name())?;
    }
    writeln!(out, "</tr>")?;
    for ((_, id), cells) in &rows {
        write!(out, "<tr><td>{}</td>", technique(run, id))?;
        for noticed in Noticed::ALL {
            let number = cells.get(&noticed).copied().unwrap_or_default();
            let class = if number == 0 { "zero" } else { class(noticed) };
            write!(out, "<td class=\"number {class}\">{number}</td>")?;
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</table></div>")?;
    let mut seen: Vec<_> = run.detections.iter().filter(|one| one.verdict == "open").collect();
    seen.sort_by_key(|one| (one.noticed, &one.probe));
    if seen.is_empty() {
        return Ok(());
    }
    let told = count(seen.len(), "result that is open", "results that are open");
    writeln!(
        out,
        "<details class=\"more\"{}><summary>The audit events of {told}</summary>\
         <div class=\"wide events\"><table><tr><th>Probe</th><th>Result</th><th>Expected event</th>\
         <th class=\"number\">Events</th><th>Alerts</th></tr>",
        // What was missed must be seen.
        if seen.iter().any(|one| one.noticed == Noticed::Missed) { " open" } else { "" }
    )?;
    seen.iter().try_for_each(|one| event(one, out))?;
    writeln!(out, "</table></div></details>")
}

fn event(one: &Detection, out: &mut dyn Write) -> io::Result<()> {
    let mut alerts = one.alerts.join(", ");
    if one.runtime {
        alerts.push_str(if alerts.is_empty() { "sensor" } else { ", sensor" });
    }
    writeln!(
        out,
        "<tr><td>{} {}<small>{}</small></td><td class=\"{}\">{}</td><td><code>{}</code></td>\
         <td class=\"number\">{}</td><td>{}</td></tr>",
        escape(&one.probe),
        escape(&one.name),
        escape(&one.subject),
        class(one.noticed),
        one.noticed.name(),
        escape(&one.expected),
        one.events,
        escape(&alerts)
    )
}

fn class(noticed: Noticed) -> &'static str {
    match noticed {
        Noticed::NotMeasurable => "muted",
        other => other.name(),
    }
}

/// What is unknown, closed or not applicable.
fn others(run: &ProbeRun, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<h2>Not open</h2>")?;
    if !run.notes.is_empty() {
        writeln!(out, "<div class=\"banner bad\"><p>Not determined:</p><ul>")?;
        for note in &run.notes {
            writeln!(out, "<li>{}</li>", escape(note))?;
        }
        writeln!(out, "</ul></div>")?;
    }
    for (verdict, reason) in
        [("unknown", "Why"), ("closed", "What proves it"), ("not applicable", "Why")]
    {
        let rows = of(run, verdict);
        if rows.is_empty() {
            continue;
        }
        writeln!(
            out,
            "<details class=\"more\"{}><summary>{} {verdict}</summary><div class=\"wide\"><table>\
             <tr><th>Subject</th><th>Probe</th><th>{reason}</th></tr>",
            if verdict == "unknown" { " open" } else { "" },
            rows.len(),
        )?;
        for one in rows {
            writeln!(
                out,
                "<tr><td>{}</td><td>{} {}</td><td>{}</td></tr>",
                escape(&one.subject),
                escape(&one.probe),
                escape(&one.name),
                escape(&one.reason)
            )?;
        }
        writeln!(out, "</table></div></details>")?;
    }
    Ok(())
}

fn timeline(run: &ProbeRun, out: &mut dyn Write) -> io::Result<()> {
    let shown = match run.timeline.len() == run.requests {
        true => count(run.requests, "request", "requests"),
        false => format!("the first {} of {} requests", run.timeline.len(), run.requests),
    };
    writeln!(
        out,
        "<h2>Timeline</h2>\n<details class=\"more timeline\"><summary>{shown}</summary>\
         <div class=\"wide\"><table><tr><th>Time</th><th>Kind</th><th>To</th><th>Request</th></tr>"
    )?;
    for [at, kind, to, what] in &run.timeline {
        writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(at),
            escape(kind),
            escape(to),
            escape(what)
        )?;
    }
    writeln!(out, "</table></div></details>")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(verdict: &'static str, severity: Severity, text: &str) -> ProbeResult {
        ProbeResult {
            probe: "PV-P150".into(),
            name: text.into(),
            title: text.into(),
            severity,
            fix: text.into(),
            techniques: vec![text.into()],
            owasp: text.into(),
            subject: text.into(),
            verdict,
            message: text.into(),
            reason: text.into(),
        }
    }

    fn page(run: &ProbeRun) -> String {
        let mut out = Vec::new();
        probe_report(run, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn hostile_texts_stay_text_and_nothing_left_is_said() {
        let hostile = "<script>alert(1)</script>\"'&";
        let detection = Detection {
            probe: "PV-P150".into(),
            name: hostile.into(),
            subject: hostile.into(),
            techniques: vec![hostile.into()],
            verdict: "open",
            noticed: Noticed::Missed,
            expected: hostile.into(),
            events: 0,
            alerts: vec![hostile.into()],
            runtime: false,
        };
        let mut run = ProbeRun {
            id: hostile.into(),
            started: hostile.into(),
            seconds: 1,
            scope: vec![("Addresses", vec![hostile.into()])],
            consent: hostile.into(),
            timeline: vec![[hostile; 4].map(str::to_owned)],
            requests: 1,
            most: 1,
            results: vec![
                result("closed", Severity::Low, hostile),
                result("open", Severity::High, hostile),
                result("unknown", Severity::Low, hostile),
                result("not applicable", Severity::Low, hostile),
            ],
            detections: vec![detection],
            techniques: BTreeMap::from([(hostile.to_owned(), hostile.to_owned())]),
            notes: vec![hostile.into()],
            left: Vec::new(),
        };
        let text = page(&run);
        assert!(!text.contains("<script") && text.contains("&lt;script&gt;"));
        assert!(text.contains("Nothing was left behind.") && text.contains("open, high"));
        // What was missed is seen at once.
        assert!(
            text.contains("<details class=\"more\" open><summary>The audit events of 1 result")
        );
        run.left = vec!["/api/v1/namespaces/x".into()];
        assert!(page(&run).contains("pavisade probe revert"));
        assert!(!page(&run).contains("Nothing was left behind."));
    }

    #[test]
    fn what_is_most_serious_comes_first() {
        let mut run = ProbeRun { requests: 3, ..ProbeRun::default() };
        assert!(page(&run).contains("Nothing is open."));
        assert!(page(&run).contains("the first 0 of 3 requests"));
        for (severity, text) in
            [(Severity::Low, "small"), (Severity::Critical, "large"), (Severity::Low, "small")]
        {
            run.results.push(result("open", severity, text));
        }
        let text = page(&run);
        assert!(text.find("<em>large</em>").unwrap() < text.find("<em>small</em>").unwrap());
        // Two places of one probe are one group.
        assert_eq!(text.matches("<em>small</em>").count(), 1);
        assert!(text.contains("2 places"));
    }
}
