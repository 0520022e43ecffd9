//! The page as text, and in a browser if one is installed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use pavisade_judgement::Judgement;
use serde_json::Value;

use super::{SCRIPT, STYLE, hash};
use crate::fixture::{judged, mixed, secret};
use crate::hostile::{hostile, shown};
use crate::{Format, FrameworkStates, Options};

fn page(judgement: &Judgement) -> String {
    let frameworks = [("PV-C001".to_owned(), vec!["cis-1.12/5.2.1".to_owned()])].into();
    let control = |id: &str, state| (id.to_owned(), format!("Title of {id}"), state);
    let compliance = vec![FrameworkStates {
        id: "cis-1.12".to_owned(),
        title: "The benchmark".to_owned(),
        controls: vec![control("5.2.1", "fails"), control("5.2.10", "holds")],
    }];
    let links = Some("./".to_owned());
    let options = Options { frameworks, compliance, links, ..Options::default() };
    shown(Format::Html, judgement, &options)
}

fn data(page: &str) -> Value {
    let start = page.find("id=\"data\">").unwrap() + "id=\"data\">".len();
    let end = start + page[start..].find("</script>").unwrap();
    serde_json::from_str(&page[start..end]).unwrap()
}

/// Returns the page without its own style and script.
fn without_own(page: &str) -> String {
    page.replace(STYLE, "").replace(SCRIPT, "")
}

#[test]
fn nothing_from_outside_becomes_markup() {
    let judgement = hostile();
    let page = page(&judgement);
    let text = without_own(&page);
    assert_eq!(text.matches("<script").count(), 2);
    assert_eq!(text.matches("</script").count(), 2);
    assert_eq!(text.matches("<style").count(), 1);
    assert_eq!(text.matches("<!--").count(), 0);
    for tag in ["<img", "<x/>", "<iframe", "<object", "<link", "<base"] {
        assert!(!text.contains(tag), "{tag}");
    }
    let strings = data(&page)["strings"].to_string();
    assert!(strings.contains("</script><script>alert(1)</script>"), "{strings}");
    // The JSON that a browser extracts from the page is complete.
    assert_eq!(data(&page)["findings"].as_array().unwrap().len(), judgement.findings.len());
}

#[test]
fn the_policy_allows_its_own_style_and_script_alone() {
    let page = page(&mixed());
    for text in [STYLE, SCRIPT] {
        assert!(page.contains(&hash(text)), "{}", hash(text));
        assert!(page.contains(&format!(">{text}</")));
    }
    assert_eq!(
        hash("alert('Hello, world.');"),
        "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='"
    );
    let text = without_own(&page);
    for attribute in [" style=", " onclick=", " onload=", " onerror=", " src=", "javascript:"] {
        assert!(!text.contains(attribute), "{attribute}");
    }
    // The only URL is a link for people.
    let addresses = text.matches("http").count() - text.matches("http-equiv").count();
    assert_eq!(addresses, text.matches(env!("CARGO_PKG_REPOSITORY")).count());
    assert!(
        !SCRIPT.contains("innerHTML") && !SCRIPT.contains("eval(") && !SCRIPT.contains("fetch(")
    );
    assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
}

/// Returns the path of a browser, if any.
fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let folders: Vec<_> = std::env::split_paths(&path).collect();
    let all = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    all.into_iter().find(|file| file.is_file())
}

/// Returns the page's elements after running its script.
fn dom(browser: &Path, file: &Path, fragment: &str, profile: &Path) -> Option<String> {
    let out = profile.join("out");
    let mut child = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-extensions",
            "--no-first-run",
        ])
        .args(["--virtual-time-budget=4000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}{fragment}", file.display()))
        .env("HOME", profile)
        .stdin(Stdio::null())
        .stdout(std::fs::File::create(&out).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    // A timeout of 90 seconds.
    let ended = (0..1800).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        child.try_wait().unwrap().is_some()
    });
    if !ended {
        let _ = child.kill();
        let _ = child.wait();
        return None;
    }
    let text = String::from_utf8(std::fs::read(out).unwrap()).unwrap();
    (!text.trim().is_empty()).then_some(text)
}

/// Returns the content of the list, and the line above it.
fn list(dom: &str) -> (&str, &str) {
    let list = &dom[dom.find("<div id=\"list\">").unwrap()..dom.find("<noscript>").unwrap()];
    let status = &dom[dom.find("id=\"status\"").unwrap()..];
    let status = &status[status.find('>').unwrap() + 1..status.find('<').unwrap()];
    (list, status)
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn the_script_filters_and_groups_in_a_browser() {
    let Some(browser) = browser() else {
        eprintln!("skipped: there is no chromium in PATH to run the page's script in");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.html");
    let see = |judgement: &Judgement, fragment: &str| {
        std::fs::write(&file, page(judgement)).unwrap();
        dom(&browser, &file, fragment, folder.path())
    };
    let mixed = mixed();
    let Some(all) = see(&mixed, "") else {
        eprintln!("skipped: {} shows no page on this machine", browser.display());
        return;
    };
    let (shown, status) = list(&all);
    let groups = shown.matches("<details class=\"group").count();
    assert!(status.ends_with(&format!("in {groups} groups")), "{status}");
    assert!(shown.contains("Privileged container"), "{shown}");

    for (fragment, expect, has, lacks) in [
        ("#severity=critical", "13 of 18 shown, in 2 groups", "Privileged", "StorageClass"),
        ("#q=tenant-7", "1 of 18 shown, in 1 group", "apps/tenant-7/deploy.yaml:13:13", "tenant-8"),
        ("#severity=odd", "0 of 18 shown, in 0 groups", "No finding is like that", "tenant"),
        ("#state=unknown&by=object", "", "odd-too", "tenant"),
        ("#area=container&by=file", "12 of 18 shown, in 12 groups", "apps/tenant-3", "etcd"),
        ("#framework=cis-1.12&by=framework", "12 of 18 shown, in 1 group", "5.2.1", "etcd"),
        (
            "#framework=cis-1.12&control=cis-1.12/5.2.1&by=control",
            "12 of 18 shown, in 1 group",
            "5.2.1 Title of 5.2.1",
            "etcd",
        ),
        ("#fixable=no&q=tenant-7", "1 of 18 shown, in 1 group", "tenant-7", "tenant-8"),
        ("#q=tenant-7", "1 of 18 shown, in 1 group", "class=\"beside\"", "tenant-8"),
        (
            "#q=tenant-7",
            "1 of 18 shown, in 1 group",
            "<a href=\"./apps/tenant-7/deploy.yaml\" rel=\"noreferrer\">",
            "tenant-8",
        ),
        (
            "#by=constructor&__proto__=x&toString=y",
            "14 findings, 4 unknown, in ",
            "Privileged",
            "No finding",
        ),
    ] {
        let dom = see(&mixed, fragment).unwrap();
        let (shown, status) = list(&dom);
        assert!(status.starts_with(expect), "{fragment}: {status}");
        assert!(shown.contains(has), "{fragment}: {shown}");
        assert!(!shown.contains(lacks), "{fragment}: {shown}");
    }

    // The table of controls is consistent with the list.
    let table = &all[all.find("id=\"controls\"").unwrap()..];
    let table = &table[..table.find("</table>").unwrap()];
    assert!(table.contains("severity critical\">fails</td>"), "{table}");
    assert!(table.contains("12 findings</button>"), "{table}");
    assert_eq!(table.matches("<tr>").count(), 2, "{table}");
    assert!(all.contains(">1 fails · 1 holds</span>"), "{all}");

    // Search in a list of 900 names.
    let text = crate::fixture::deployment("shop", "web", "web");
    let names: Vec<_> = (0..900).map(|n| format!("world-{n}")).collect();
    let files = [("web.yaml", text.as_str())];
    let worlds: Vec<(&str, &[(&str, &str)])> =
        names.iter().map(|name| (name.as_str(), &files[..])).collect();
    let dom = see(&judged(&worlds, Vec::new()), "#world=ld-77&state=fails").unwrap();
    assert!(list(&dom).1.starts_with("11 of 1,800 shown"), "{}", list(&dom).1);
    let names = &dom[dom.find("<datalist id=\"names\">").unwrap()..];
    let names = &names[..names.find("</datalist>").unwrap()];
    assert_eq!(names.matches("<option").count(), 900);
    assert!(dom.contains("placeholder=\"World (900)\""));

    let dom = see(&hostile(), "#open=all").unwrap();
    let (shown, status) = list(&dom);
    assert!(status.contains(" unknown, in "), "{status}");
    for tag in ["<script", "<img", "<x", "<!--", "<b>bold"] {
        assert!(!shown.contains(tag), "{tag}: {shown}");
    }
    assert!(shown.contains("&lt;/script&gt;&lt;script&gt;alert(1)"), "{shown}");

    let dom = see(&secret("    - value: hunter2\n", "value: hunter2"), "").unwrap();
    assert!(list(&dom).0.contains("<mark>value: ••••</mark>"), "{}", list(&dom).0);
    let dom = see(&judged(&[(".", &[])], Vec::new()), "").unwrap();
    assert!(dom.contains("No Kubernetes objects were found"), "{dom}");
}
