//! Network faults and invalid responses of registries.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::registry::Cause;

fn cause(found: &Result<Vec<String>, Refusal>) -> Option<Cause> {
    match found {
        Err(Refusal::Registry(fault)) => Some(fault.cause),
        _ => None,
    }
}

/// Starts a server whose layer response is modified by `layer`.
fn with_layer(
    sample: &Sample,
    layer: impl Fn(&Request, Reply) -> Reply + Send + Sync + 'static,
) -> Server {
    let sample = sample.clone();
    Server::start(move |request| {
        let good = sample.answer(request);
        if request.path == sample.blob_path() { layer(request, good) } else { good }
    })
}

fn ranges(server: &Server) -> Vec<String> {
    let all = server.requests();
    let of_layers = all.iter().filter(|request| request.path == Sample::new().blob_path());
    of_layers.map(|request| request.header("range").to_owned()).collect()
}

#[test]
fn a_cut_connection_goes_on_where_it_was_cut() {
    let sample = Sample::new();
    for cut in [0, 1, 30_000] {
        let server = with_layer(&sample, move |request, good| match request.nth {
            0 => Reply { cut: Some(cut), ..good },
            _ => good,
        });
        assert_eq!(ask(&server).unwrap(), ["left-pad 1.0.0"], "{cut}");
        let last = sample.layer.len() - 1;
        let expect = if cut == 0 { String::new() } else { format!("bytes={cut}-{last}") };
        assert_eq!(ranges(&server), [String::new(), expect]);
    }
}

#[test]
fn a_server_without_ranges_is_asked_for_all_again() {
    let sample = Sample::new();
    let layer = sample.layer.clone();
    let server = with_layer(&sample, move |request, _| {
        let whole = Reply::new(200, layer.clone());
        if request.nth == 0 { Reply { cut: Some(20_000), ..whole } } else { whole }
    });
    assert_eq!(ask(&server).unwrap(), ["left-pad 1.0.0"]);
    assert_eq!(ranges(&server).len(), 2);

    // Some answer that a range is not supported.
    let server = with_layer(&sample, move |request, good| match request.header("range") {
        "" if request.nth == 0 => Reply { cut: Some(20_000), ..good },
        "" => good,
        _ => Reply::new(416, ""),
    });
    assert_eq!(ask(&server).unwrap(), ["left-pad 1.0.0"]);
    let asked = ranges(&server);
    assert!(asked.len() == 3 && asked[1].starts_with("bytes=20000-") && asked[2].is_empty());
    // The same answer to the full request is final.
    let server = with_layer(&sample, |_, _| Reply::new(416, ""));
    assert_eq!(cause(&ask(&server)), Some(Cause::Answer));
    assert_eq!(ranges(&server).len(), 1);
}

#[test]
fn another_part_than_asked_for_is_refused() {
    let sample = Sample::new();
    let server = with_layer(&sample, |request, good| match request.nth {
        0 => Reply { cut: Some(20_000), ..good },
        _ => Reply { headers: vec![("Content-Range".into(), "bytes 5-9/60000".into())], ..good },
    });
    assert_eq!(cause(&ask(&server)), Some(Cause::Answer));
}

#[test]
fn progress_gives_new_attempts_and_none_ends_them() {
    let sample = Sample::new();
    let step = sample.layer.len() / 9 + 1;
    let server = with_layer(&sample, move |_, good| Reply { cut: Some(step), ..good });
    assert_eq!(ask(&server).unwrap(), ["left-pad 1.0.0"]);
    assert_eq!(ranges(&server).len(), 9);

    let server = with_layer(&sample, |_, good| Reply { cut: Some(0), ..good });
    let found = ask(&server);
    assert_eq!(cause(&found), Some(Cause::Unreachable), "{found:?}");
    assert_eq!(ranges(&server).len(), 4);
}

#[test]
fn bytes_that_are_others_are_refused() {
    let (sample, other) = (Sample::new(), Sample::of("6.6.6", 60_000));
    let of_other = other.layer.clone();
    // Valid and of the right length, but different content.
    assert_eq!(sample.layer.len(), other.layer.len());
    let server = with_layer(&sample, move |_, _| Reply::new(200, of_other.clone()));
    let found = ask(&server);
    assert!(matches!(found, Err(Refusal::Digest { .. })), "{found:?}");

    // A manifest with another digest than requested, and one whose registry states another digest.
    let (asked, given) = (text(&sample.manifest), other.manifest.clone());
    let server = Server::start(move |_| Reply::new(200, given.clone()));
    let found = read(access(&[&server]), remote(&server, &asked), "linux/amd64");
    assert!(matches!(found, Err(Refusal::Digest { .. })), "{found:?}");
    let given = other.manifest.clone();
    let server = Server::start(move |_| {
        Reply::new(200, given.clone()).with("Docker-Content-Digest", asked.clone())
    });
    let found = ask(&server);
    assert!(matches!(found, Err(Refusal::Digest { .. })), "{found:?}");
}

#[test]
fn other_lengths_are_refused() {
    let sample = Sample::new();
    let longer = [&*sample.layer, b"more"].concat();
    for length in [Some(longer.len()), None] {
        let longer = longer.clone();
        let server =
            with_layer(&sample, move |_, _| Reply { length, ..Reply::new(200, longer.clone()) });
        let found = ask(&server);
        assert_eq!(cause(&found), Some(Cause::Answer), "{length:?} {found:?}");
    }
    // Truncated without a length: the missing part is requested.
    let server = with_layer(&sample, |request, good| match request.nth {
        0 => Reply { cut: Some(100), length: None, ..good },
        _ => good,
    });
    assert_eq!(ask(&server).unwrap(), ["left-pad 1.0.0"]);
    assert!(ranges(&server)[1].starts_with("bytes=100-"));
}

#[test]
fn busy_registries_are_asked_again_when_they_say() {
    for (status, after, expect) in
        [(429, Some("0"), 2), (429, None, 2), (503, Some("1"), 2), (502, None, 2)]
    {
        let sample = Sample::new();
        let server = Server::start(move |request| match request.nth {
            0 if request.path.ends_with("/1") => {
                let busy = Reply::new(status, "");
                if let Some(after) = after { busy.with("Retry-After", after) } else { busy }
            }
            _ => sample.answer(request),
        });
        assert_eq!(ask(&server).unwrap(), ["left-pad 1.0.0"], "{status} {after:?}");
        let asked = server.requests().iter().filter(|r| r.path.ends_with("/1")).count();
        assert_eq!(asked, expect);
    }
}

#[test]
fn attempts_and_waits_are_bounded() {
    for (reply, expect) in [
        (Reply::new(429, "").with("Retry-After", "3600"), 1),
        (Reply::new(429, ""), 4),
        (Reply::new(500, ""), 4),
        (Reply::new(501, ""), 1),
        (Reply::new(418, ""), 1),
    ] {
        let status = reply.status;
        let server = Server::start(move |_| reply.clone());
        let found = ask(&server);
        assert!(cause(&found).is_some(), "{found:?}");
        assert_eq!(server.requests().len(), expect, "{status}");
    }
}

#[test]
fn what_is_not_there_is_told() {
    let sample = Sample::new();
    let server = Server::start(move |request| sample.answer(request));
    let found = read(access(&[&server]), remote(&server, "2"), "linux/amd64");
    assert_eq!(cause(&found), Some(Cause::Absent));
    assert!(found.unwrap_err().to_string().contains("/team/app has no `2`"));
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_registry_that_is_not_there_is_told_at_once() {
    let server = Server::start(|_| Reply::new(200, ""));
    let (access, remote) = (access(&[&server]), remote(&server, "1"));
    drop(server);
    // The thread of the listener may still be running.
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(cause(&read(access, remote, "linux/amd64")), Some(Cause::Unreachable));
}

#[test]
fn documents_without_end_are_refused() {
    let server = Server::start(|_| Reply { length: None, ..Reply::new(200, vec![b' '; 9 << 20]) });
    let found = ask(&server);
    assert!(matches!(found, Err(Refusal::TooLarge { .. })), "{found:?}");

    let huge = json!({"schemaVersion": 2, "layers": [],
        "config": {"digest": text(b""), "size": 1_u64 << 40}});
    let server = Server::start(move |_| Reply::new(200, huge.to_string()));
    let found = ask(&server);
    assert!(matches!(found, Err(Refusal::TooLarge { .. })), "{found:?}");
    assert_eq!(server.requests().len(), 1);
}

/// The sum of both waits overflows.
#[test]
fn a_registry_that_asks_to_wait_for_ever_is_left() {
    let server = Server::start(|request| {
        let wait = if request.nth == 0 { 1 } else { u64::MAX };
        Reply::new(429, "").with("Retry-After", wait.to_string())
    });
    let found = ask(&server);
    assert_eq!(cause(&found), Some(Cause::Busy), "{found:?}");
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn slow_registries_are_left() {
    let sample = Sample::new();
    let (calls, silent) = (AtomicUsize::new(0), Duration::from_millis(400));
    let server = Server::start(move |request| {
        // Silent once, then normal.
        if calls.fetch_add(1, Ordering::Relaxed) == 0 {
            std::thread::sleep(silent);
        }
        sample.answer(request)
    });
    let mut impatient = access(&[&server]);
    impatient.patience.idle = Duration::from_millis(150);
    assert_eq!(read(impatient, remote(&server, "1"), "linux/amd64").unwrap(), ["left-pad 1.0.0"]);

    let pause = Some(Duration::from_millis(20));
    let server = with_layer(&Sample::new(), move |_, good| Reply { pause, ..good });
    let mut impatient = access(&[&server]);
    impatient.patience.idle = Duration::from_millis(300);
    impatient.patience.least = 1000;
    let found = read(impatient, remote(&server, "1"), "linux/amd64");
    assert_eq!(cause(&found), Some(Cause::Slow), "{found:?}");

    // Skipped bytes count too if the server does not support ranges.
    let layer = Sample::new().layer;
    let server = with_layer(&Sample::new(), move |request, _| {
        let whole = Reply::new(200, layer.clone());
        match request.nth {
            0 => Reply { cut: Some(20_000), ..whole },
            _ => Reply { pause, ..whole },
        }
    });
    let mut impatient = access(&[&server]);
    impatient.patience.idle = Duration::from_millis(300);
    impatient.patience.least = 1000;
    let found = read(impatient, remote(&server, "1"), "linux/amd64");
    assert_eq!(cause(&found), Some(Cause::Slow), "{found:?}");

    // A manifest, one byte at a time.
    let sample = Sample::new();
    let server = Server::start(move |request| Reply { pause, ..sample.answer(request) });
    let mut impatient = access(&[&server]);
    impatient.patience.idle = Duration::from_millis(300);
    impatient.patience.least = 1000;
    impatient.patience.attempts = 2;
    let found = read(impatient, remote(&server, "1"), "linux/amd64");
    assert_eq!(cause(&found), Some(Cause::Unreachable), "{found:?}");
    assert!(found.unwrap_err().to_string().contains(" bytes in 0 s"));
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn connections_that_bring_little_are_not_followed_for_ever() {
    // Each attempt gives one byte.
    let server = with_layer(&Sample::new(), |_, good| Reply { cut: Some(1), ..good });
    let mut short = access(&[&server]);
    short.patience.least = 1000;
    let found = read(short, remote(&server, "1"), "linux/amd64");
    assert_eq!(cause(&found), Some(Cause::Unreachable), "{found:?}");
    assert_eq!(ranges(&server).len(), 4);

    // Each attempt gives enough bytes after a delay.
    let server = with_layer(&Sample::new(), |_, good| {
        std::thread::sleep(Duration::from_millis(60));
        Reply { cut: Some(1000), ..good }
    });
    let mut short = access(&[&server]);
    short.patience.longest = Duration::from_millis(20);
    let found = read(short, remote(&server, "1"), "linux/amd64");
    assert_eq!(cause(&found), Some(Cause::Unreachable), "{found:?}");
    assert!((2..9).contains(&ranges(&server).len()));
}
