//! Judging responses: which prove that something is open, and which that it is closed.
//!
//! A status alone proves nothing. Something is open only if the body has the form that the component
//! sends. A server that sends that form for a path that does not exist too is not the component.

use serde_json::Value;

use crate::probe::Seen;
use crate::{Answer, Ask, Closed, Exchange, HttpAsk, Page, Verdict};

/// A path that no component serves.
pub(crate) const CONTROL: &str = "/pavisade-control-path";

/// Judges whether the first request returned what `shape` recognizes.
pub(crate) fn readable(
    seen: &Seen<'_>,
    message: &str,
    shape: impl Fn(&Page) -> Option<String>,
) -> Verdict {
    match seen.exchanges.first() {
        Some(exchange) => one(seen, exchange, message, &shape),
        None => Verdict::Unknown("nothing was sent".to_owned()),
    }
}

/// Judges whether any request returned what `shape` recognizes. Unknown has priority over closed.
pub(crate) fn any_readable(
    seen: &Seen<'_>,
    message: &str,
    shape: impl Fn(&Page) -> Option<String>,
) -> Verdict {
    let all = seen.exchanges.iter().map(|exchange| one(seen, exchange, message, &shape));
    worst(all)
}

/// Returns the beginning of a text for a message, without control characters.
pub(crate) fn short(text: &str, most: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(most).collect()
}

/// Returns the most serious verdict.
pub(crate) fn worst(all: impl Iterator<Item = Verdict>) -> Verdict {
    let rank = |verdict: &Verdict| match verdict {
        Verdict::Open { .. } => 0,
        Verdict::Unknown(_) => 1,
        Verdict::Closed(..) => 2,
        Verdict::NotApplicable(_) => 3,
    };
    let none = || Verdict::Unknown("nothing was sent".to_owned());
    all.min_by_key(rank).unwrap_or_else(none)
}

fn one(
    seen: &Seen<'_>,
    exchange: &Exchange,
    message: &str,
    shape: &impl Fn(&Page) -> Option<String>,
) -> Verdict {
    let plain = matches!(&exchange.ask, Ask::Http(ask) if !ask.tls);
    if plain && seen.target.component.uses_tls() && matches!(exchange.answer, Answer::NotHttp(_)) {
        return Verdict::Closed(Closed::Good, "plain HTTP is not answered".to_owned());
    }
    let Answer::Http(page) = &exchange.answer else { return closed(&exchange.answer) };
    if !page.is_success() {
        return closed(&exchange.answer);
    }
    let Some(proof) = shape(page) else {
        if page.cut {
            return Verdict::Unknown(
                "the response is longer than what is read, or broke off: its form is unknown"
                    .to_owned(),
            );
        }
        let what = if page.body.is_empty() { "an empty body" } else { "another body" };
        return Verdict::Closed(
            Closed::NotServed,
            format!("status {} with {what} than the component sends", page.status),
        );
    };
    let control = seen.control.as_ref().map(|control| &control.answer);
    if let Some(Answer::Http(other)) = control
        && other.is_success()
        && shape(other).is_some()
    {
        return Verdict::Unknown(
            "the same response is sent for a path that does not exist: it is not the component"
                .to_owned(),
        );
    }
    if let Some(why) = control.and_then(uncontrolled) {
        return Verdict::Unknown(why);
    }
    let Some(request) = http(exchange) else { return Verdict::Unknown("no request".to_owned()) };
    Verdict::Open {
        message: message.to_owned(),
        proof: format!("{} {}: {}, {proof}", request.method, request.path, page.status),
    }
}

/// Returns why the request for a path that does not exist tells nothing.
pub(crate) fn uncontrolled(control: &Answer) -> Option<String> {
    let why = match control {
        Answer::Withheld(why) => format!("not sent: {why}"),
        Answer::Failed(why) => why.clone(),
        Answer::Refused | Answer::Filtered => "no connection".to_owned(),
        _ => return None,
    };
    Some(format!("the request for a path that does not exist got no response: {why}"))
}

fn http(exchange: &Exchange) -> Option<&HttpAsk> {
    match &exchange.ask {
        Ask::Http(ask) => Some(ask),
        _ => None,
    }
}

/// Judges a response that does not prove access.
pub(crate) fn closed(answer: &Answer) -> Verdict {
    match answer {
        Answer::Refused => Verdict::Closed(Closed::Refused, "connection refused".to_owned()),
        Answer::Filtered => Verdict::Closed(
            Closed::Filtered,
            "no response, although the host responds at other ports".to_owned(),
        ),
        Answer::Failed(why) => Verdict::Unknown(why.clone()),
        Answer::Withheld(why) => Verdict::Unknown(format!("not sent: {why}")),
        Answer::TlsRefused(why) if is_certificate_alert(why) => Verdict::Closed(
            Closed::ClientCertificate,
            format!("the server ends the connection: {why}"),
        ),
        Answer::TlsRefused(why) => Verdict::Unknown(format!("the TLS handshake failed: {why}")),
        Answer::NotTls => Verdict::NotApplicable("the server does not use TLS".to_owned()),
        Answer::NotHttp(why) => Verdict::NotApplicable(format!("the response is not HTTP: {why}")),
        Answer::Connected | Answer::Tls(_) | Answer::Names(_) | Answer::Settings(_) => {
            Verdict::Unknown("the request was not answered".to_owned())
        }
        Answer::Http(page) => by_status(page),
    }
}

/// Whether an alert asks for a client certificate (RFC 8446, 6.2).
pub(crate) fn is_certificate_alert(why: &str) -> bool {
    why.contains("CertificateRequired") || why.contains("BadCertificate")
}

fn by_status(page: &Page) -> Verdict {
    let status = page.status;
    match status {
        401 => Verdict::Closed(Closed::Authentication, "status 401".to_owned()),
        403 => Verdict::Closed(Closed::Authorization, format!("status 403{}", said(page))),
        300..=399 => {
            let to = short(page.header("location").unwrap_or("elsewhere"), 80);
            Verdict::Closed(Closed::NotServed, format!("status {status}, redirected to {to}"))
        }
        404 | 405 | 410 | 501 => {
            Verdict::Closed(Closed::NotServed, format!("status {status}{}", said(page)))
        }
        400 if page.text().contains("HTTP request to an HTTPS server") => {
            Verdict::Closed(Closed::NotServed, "status 400: TLS is required".to_owned())
        }
        200..=299 => Verdict::Closed(Closed::NotServed, format!("status {status}")),
        _ => Verdict::Unknown(format!("status {status}{}", said(page))),
    }
}

/// Returns the message of a `Status`, or the first line of a short text.
fn said(page: &Page) -> String {
    let message = json(page).and_then(|body| Some(body.get("message")?.as_str()?.to_owned()));
    let text = message.unwrap_or_else(|| {
        let text = page.text();
        let line = text.lines().next().unwrap_or_default();
        if line.starts_with(['<', '{']) { String::new() } else { line.to_owned() }
    });
    let text = short(&text, 160);
    if text.is_empty() { text } else { format!(": {text}") }
}

/// Returns the first response if an API server sent it, whatever its status is, and else the verdict.
pub(crate) fn api_server<'s>(seen: &'s Seen<'_>) -> Result<&'s Page, Verdict> {
    match seen.exchanges.first().map(|exchange| &exchange.answer) {
        Some(Answer::Http(page)) if is_api_server(page) => Ok(page),
        Some(Answer::Http(page)) => Err(Verdict::NotApplicable(format!(
            "status {}, and the body is not one of an API server",
            page.status
        ))),
        Some(other) => Err(closed(other)),
        None => Err(Verdict::Unknown("nothing was sent".to_owned())),
    }
}

/// Whether a body is one of an API server: a `Status`, the list of versions, or the version.
fn is_api_server(page: &Page) -> bool {
    let Some(body) = json(page) else { return false };
    let kind = body.get("kind").and_then(Value::as_str);
    matches!(kind, Some("Status" | "APIVersions")) || body.get("gitVersion").is_some()
}

/// Returns the body as JSON.
pub(crate) fn json(page: &Page) -> Option<Value> {
    serde_json::from_slice(&page.body).ok()
}

/// Recognizes a list of an API, such as `PodList`. A body that was cut off begins with its kind.
pub(crate) fn list<'k>(kind: &'k str) -> impl Fn(&Page) -> Option<String> + 'k {
    move |page| {
        if let Some(body) = json(page) {
            (body.get("kind")?.as_str()? == kind).then_some(())?;
            body.get("apiVersion")?.as_str()?;
            let count = body.get("items").and_then(Value::as_array).map_or(0, Vec::len);
            return Some(format!("{kind} with {count} items"));
        }
        let text = page.text();
        let start = text.get(..200.min(text.len())).unwrap_or(&text);
        let named = start.contains(&format!("\"kind\":\"{kind}\""));
        (page.cut && named && start.contains("\"apiVersion\"")).then(|| format!("a long {kind}"))
    }
}

/// Recognizes the versions of the core API, which `/api` serves.
pub(crate) fn versions(page: &Page) -> Option<String> {
    let body = json(page)?;
    let is = body.get("kind")?.as_str()? == "APIVersions" && body.get("versions").is_some();
    is.then(|| "APIVersions".to_owned())
}

/// Recognizes metrics that contain one with that prefix.
pub(crate) fn metrics<'p>(prefixes: &'p [&'p str]) -> impl Fn(&Page) -> Option<String> + 'p {
    move |page| {
        let text = page.text();
        let found = text.lines().find(|line| {
            !line.starts_with('#')
                && prefixes.iter().any(|prefix| line.starts_with(prefix))
                && line.rsplit(' ').next().is_some_and(|value| value.parse::<f64>().is_ok())
        })?;
        let name = found.split(['{', ' ']).next()?;
        text.contains("# TYPE ").then(|| format!("metrics such as {name}"))
    }
}

/// Recognizes the index of Go's profiler.
pub(crate) fn profiler(page: &Page) -> Option<String> {
    let text = page.text();
    let is = text.contains("/debug/pprof") && text.contains("goroutine") && text.contains("heap");
    is.then(|| "the index of the profiler".to_owned())
}

/// Recognizes a JSON object with all of these fields.
pub(crate) fn object<'f>(fields: &'f [&'f str]) -> impl Fn(&Page) -> Option<String> + 'f {
    move |page| {
        let body = json(page)?;
        fields.iter().all(|field| body.get(field).is_some()).then_some(())?;
        Some(format!("an object with {}", fields.join(", ")))
    }
}

/// Recognizes the listing of a directory by Go's file server.
pub(crate) fn directory(page: &Page) -> Option<String> {
    let text = page.text();
    let is = text.contains("<pre>") && text.contains("<a href=\"");
    is.then(|| "the listing of a directory".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Component, Target};

    fn page(status: u16, body: &str) -> Answer {
        Answer::Http(Page { status, body: body.as_bytes().to_vec(), ..Page::default() })
    }

    fn judged(answer: Answer, control: Answer) -> Verdict {
        let address = "10.0.0.7:10250".parse().unwrap();
        let target = Target { component: Component::Kubelet, address };
        let exchange =
            |path: &str, answer| Arc::new(Exchange { ask: Ask::get(&target, path), answer });
        let exchanges = vec![exchange("/pods", answer)];
        let control = Some(exchange(CONTROL, control));
        let known = &crate::Known::default();
        let seen = Seen { target: &target, exchanges, control, known, now: 0 };
        readable(&seen, "open", list("PodList"))
    }

    const PODS: &str = r#"{"kind":"PodList","apiVersion":"v1","items":[{},{}]}"#;

    #[test]
    fn only_the_components_own_form_is_open() {
        let missing = || page(404, "404 page not found");
        let open = judged(page(200, PODS), missing());
        assert_eq!(open.word(), "open");
        assert_eq!(open.reason(), "GET /pods: 200, PodList with 2 items");
        for (answer, closed) in [
            (page(401, "Unauthorized"), Closed::Authentication),
            (page(403, "Forbidden (user=system:anonymous)"), Closed::Authorization),
            // A 403 with the form of a list is a refusal.
            (page(403, PODS), Closed::Authorization),
            (page(404, ""), Closed::NotServed),
            (page(302, ""), Closed::NotServed),
            (page(200, ""), Closed::NotServed),
            (page(204, ""), Closed::NotServed),
            (page(200, "<html>It works</html>"), Closed::NotServed),
            (page(200, r#"{"kind":"Status","apiVersion":"v1"}"#), Closed::NotServed),
            (Answer::Refused, Closed::Refused),
            (Answer::Filtered, Closed::Filtered),
            (
                Answer::TlsRefused("received fatal alert: CertificateRequired".to_owned()),
                Closed::ClientCertificate,
            ),
        ] {
            match judged(answer.clone(), missing()) {
                Verdict::Closed(how, _) => assert_eq!(how, closed, "{answer:?}"),
                other => panic!("{answer:?}: {other:?}"),
            }
        }
        for answer in [
            page(500, ""),
            page(429, ""),
            Answer::Withheld("the limit".to_owned()),
            Answer::Failed("reset".to_owned()),
        ] {
            assert_eq!(judged(answer, missing()).word(), "unknown");
        }
        // Without the control request, nothing is proven.
        for control in [Answer::Withheld("limit".to_owned()), Answer::Failed("reset".to_owned())] {
            assert_eq!(judged(page(200, PODS), control).word(), "unknown");
        }
        // What was cut off may have the form, or not.
        let text = "x".repeat(1000).into_bytes();
        let cut = Answer::Http(Page { status: 200, body: text, cut: true, ..Page::default() });
        assert_eq!(judged(cut, missing()).word(), "unknown");
        // A honeypot that sends a list of pods for every path.
        assert_eq!(judged(page(200, PODS), page(200, PODS)).word(), "unknown");
        // One that sends a page for every path.
        let html = || page(200, "<html>welcome</html>");
        assert_eq!(judged(html(), html()).word(), "closed");
        assert_eq!(judged(Answer::NotTls, Answer::NotTls).word(), "not applicable");
    }

    #[test]
    fn metrics_need_the_components_name_and_the_format() {
        let of =
            |text: &str| metrics(&["kubelet_"])(&Page { body: text.into(), ..Page::default() });
        assert!(of("# TYPE kubelet_node_name gauge\nkubelet_node_name{node=\"a\"} 1\n").is_some());
        assert!(of("# TYPE go_info gauge\ngo_info 1\n").is_none());
        assert!(of("kubelet_ is a word\n").is_none());
        assert!(of("kubelet_x 1\n").is_none());
    }
}
