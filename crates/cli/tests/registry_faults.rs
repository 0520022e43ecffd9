//! Real registries behind a proxy that injects faults: what passes changes no result, what does not is
//! refused with its reason and leaves nothing behind, and credentials stay where they belong.

use std::thread;

use serde_json::Value;

use crate::images::{STATUS, image};
use crate::registry::proxy::{Answer, Asked, Proxy};
use crate::registry::{LOGIN, Registry};
use crate::started::Run;

/// Pushes an image whose first layer is larger than what a proxy cuts off.
fn push(registry: &Registry) {
    let text = "some text that is in no package\n".repeat(8_000);
    let layers: [&[(&str, &str)]; 2] = [
        &[
            ("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n"),
            ("usr/share/text", &text),
            ("var/lib/dpkg/status", STATUS),
        ],
        &[("app/node_modules/left-pad/package.json", r#"{"name":"left-pad","version":"1.0.0"}"#)],
    ];
    let folder = registry.folder.path();
    let made = image(folder, "one", "amd64", &layers);
    registry.push(folder, "team/app", "1", &made);
}

const EXPECT: [&str; 3] = ["libc6 2.36-9", "python3-six 1.16.0-4", "left-pad 1.0.0"];

fn packages(run: &Run) -> Vec<String> {
    let document: Value = serde_json::from_str(&run.out).unwrap_or_else(|_| panic!("{}", run.err));
    let text =
        |package: &Value, field: &str| package[field].as_str().unwrap_or_default().to_owned();
    let row = |package: &Value| format!("{} {}", text(package, "name"), text(package, "version"));
    document["packages"].as_array().unwrap().iter().map(row).collect()
}

/// Reads the image through a proxy, by a user of that name.
fn read(registry: &Registry, user: &str, login: bool, proxies: &[&Proxy]) -> Run {
    let hosts: Vec<_> = proxies.iter().map(|proxy| proxy.host()).collect();
    let reference = format!("{}/team/app:1", hosts[0]);
    let mut arguments = vec!["image", &*reference, "-f", "json"];
    for host in &hosts {
        arguments.extend(["--plain-http", host]);
    }
    registry.run_as(user, login.then_some(&*hosts[0]), &arguments)
}

/// What a fault is about.
fn is_blob(asked: &Asked) -> bool {
    asked.path.contains("/blobs/")
}

/// The layer that is large enough to be cut.
fn large(answer: &Answer) -> bool {
    answer.body.len() > 50_000
}

type Fault = fn(&Asked, &dyn Fn() -> Answer) -> Answer;

/// Faults that pass.
const PASSING: &[(&str, Fault)] = &[
    ("none", |_, real| real()),
    ("connections that are cut", |asked, real| {
        let real = real();
        let cut = (asked.nth < 2).then_some(40_000);
        Answer { cut, ..real }
    }),
    ("connections that are cut, and no ranges", |asked, real| {
        if !asked.header("range").is_empty() {
            return Answer::new(416);
        }
        let mut asked_anew = real();
        if asked.nth == 0 && large(&asked_anew) {
            asked_anew.cut = Some(45_000);
        }
        asked_anew
    }),
    ("too many requests", |asked, real| match asked.nth {
        0 => Answer::new(429).with("Retry-After", "1"),
        _ => real(),
    }),
    ("a service that is away for a moment", |asked, real| match asked.nth {
        0 => Answer::new(503),
        _ => real(),
    }),
    ("a redirect on the same host", |asked, real| {
        if is_blob(asked) && !asked.path.ends_with("?again") {
            return Answer::new(307).with("Location", &format!("{}?again", asked.path));
        }
        real()
    }),
];

/// Faults that do not pass, and what is said of them.
const LASTING: &[(&str, Fault, &[&str])] = &[
    (
        "another layer",
        |asked, real| {
            let mut real = real();
            if is_blob(asked) && large(&real) {
                real.body[20_000] ^= 1;
            }
            real
        },
        &["instead of sha256:"],
    ),
    (
        "another manifest",
        |asked, real| {
            let mut real = real();
            if !is_blob(asked) {
                real.body.push(b' ');
            }
            real
        },
        &["instead of sha256:"],
    ),
    (
        "a longer layer",
        |asked, real| {
            let mut real = real();
            if is_blob(asked) {
                real.body.push(b' ');
            }
            real
        },
        &["bytes for sha256:", "instead of"],
    ),
    (
        "a shorter layer",
        |asked, real| {
            let mut real = real();
            if is_blob(asked) {
                real.body.pop();
            }
            real
        },
        &["bytes for sha256:", "instead of"],
    ),
    (
        "a length that is not true",
        |asked, real| {
            let real = real();
            let length = is_blob(asked).then_some(real.body.len() + 5);
            Answer { length, ..real }
        },
        &["bytes for sha256:", "instead of"],
    ),
    (
        "connections that are always cut",
        |asked, real| {
            let real = real();
            let cut = is_blob(asked).then_some(10);
            Answer { cut, ..real }
        },
        &["incomplete after", "try again later"],
    ),
    (
        "a service that stays away",
        |asked, real| if is_blob(asked) { Answer::new(503) } else { real() },
        &["503"],
    ),
    (
        "an hour to wait",
        |_, _| Answer::new(429).with("Retry-After", "3600"),
        &["requires waiting 3600 s", "docker login"],
    ),
    (
        "redirects in a circle",
        |asked, real| match is_blob(asked) {
            true => Answer::new(302).with("Location", &asked.path),
            false => real(),
        },
        &["redirects more than 5 times"],
    ),
    (
        "a redirect to where HTTP without TLS is not allowed",
        |asked, real| match is_blob(asked) {
            true => Answer::new(302).with("Location", "http://127.0.0.1:9/blob"),
            false => real(),
        },
        &["without TLS", "--plain-http 127.0.0.1:9"],
    ),
    (
        "a page for people",
        |_, _| Answer {
            body: b"<html>Log in to the network</html>".to_vec(),
            ..Answer::new(200).with("Content-Type", "text/html")
        },
        &["the manifest"],
    ),
    (
        "a refusal",
        |_, _| Answer::new(401).with("WWW-Authenticate", r#"Basic realm="here""#),
        &["docker login", "private"],
    ),
];

fn faults(registry: &Registry) {
    push(registry);
    thread::scope(|scope| {
        for (number, (name, fault)) in PASSING.iter().enumerate() {
            scope.spawn(move || {
                let proxy = Proxy::start(&registry.host, fault);
                let run = read(registry, &format!("passing-{number}"), false, &[&proxy]);
                assert_eq!(run.code, 0, "{name}: {}", run.err);
                assert_eq!(packages(&run), EXPECT, "{name}");
                if name.ends_with("cut") {
                    // The registry itself gave the rest.
                    let rest = proxy.asked_for("/blobs/");
                    let rest = rest
                        .iter()
                        .filter(|asked| asked.header("range").starts_with("bytes=40000-"));
                    assert!(rest.clone().count() == 1, "{:#?}", proxy.asked());
                    assert!(rest.clone().all(|asked| asked.status == 206), "{rest:?}");
                }
            });
        }
        for (number, (name, fault, says)) in LASTING.iter().enumerate() {
            scope.spawn(move || {
                let user = format!("lasting-{number}");
                let proxy = Proxy::start(&registry.host, fault);
                let run = read(registry, &user, false, &[&proxy]);
                assert_eq!((run.code, &*run.out), (3, ""), "{name}: {}", run.err);
                for part in *says {
                    assert!(run.err.contains(part), "{name}: {}", run.err);
                }
                // What was kept of it is right, and the next run is as if nothing had been.
                let proxy = Proxy::start(&registry.host, |_, real| real());
                let run = read(registry, &user, false, &[&proxy]);
                assert_eq!(
                    (run.code, packages(&run)),
                    (0, EXPECT.map(str::to_owned).to_vec()),
                    "{name}"
                );
            });
        }
    });
}

#[test]
fn faults_before_docker_registry() {
    if let Some(registry) = Registry::debian(false) {
        faults(&registry);
    }
}

#[test]
fn faults_before_a_registry_with_referrers() {
    if let Some(registry) = Registry::go() {
        faults(&registry);
    }
}

/// The registry asks for a password, and leads to a store that needs none.
#[test]
fn credentials_do_not_follow_redirects_to_another_host() {
    let Some(registry) = Registry::start() else { return };
    push(&registry);
    let inner = registry.host.clone();
    // The store reads from the registry by itself.
    let store = Proxy::start(&registry.host, move |asked, _| {
        let mut own = Asked { path: asked.path.replace("?signed", ""), ..asked.clone() };
        own.headers.insert("authorization".to_owned(), format!("Basic {LOGIN}"));
        crate::registry::proxy::hand_on(&inner, "GET", &own)
    });
    let to = store.host();
    let proxy = Proxy::start(&registry.host, move |asked, real| {
        let real = real();
        if !is_blob(asked) || real.status != 200 {
            return real;
        }
        Answer::new(307).with("Location", &format!("http://{to}{}?signed", asked.path))
    });
    let run = read(&registry, "ann", true, &[&proxy, &store]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(packages(&run), EXPECT);
    let there = store.asked();
    assert_eq!(there.len(), 3, "{there:#?}");
    assert!(there.iter().all(|asked| asked.header("authorization").is_empty()), "{there:#?}");
    let here = proxy.asked();
    assert_eq!(here.iter().filter(|asked| asked.status == 401).count(), 1, "{here:#?}");
}

/// A token service in front of a registry, as most have one.
#[test]
fn passwords_go_to_the_token_service_and_tokens_to_the_registry() {
    let Some(registry) = Registry::debian(false) else { return };
    push(&registry);
    let guarded = || {
        Proxy::start(&registry.host, |asked, real| {
            if asked.path.starts_with("/token") {
                let is_right = asked.header("authorization") == format!("Basic {LOGIN}");
                let body = br#"{"token":"a.b.c"}"#.to_vec();
                return match is_right {
                    true => Answer { body, ..Answer::new(200) },
                    false => Answer::new(401),
                };
            }
            if asked.header("authorization") == "Bearer a.b.c" {
                return real();
            }
            let challenge = format!(
                r#"Bearer realm="http://{}/token",service="tests",scope="repository:team/app:pull""#,
                asked.header("host")
            );
            Answer::new(401).with("WWW-Authenticate", &challenge)
        })
    };
    let proxy = guarded();
    let run = read(&registry, "ann", true, &[&proxy]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(packages(&run), EXPECT);
    assert_eq!(proxy.asked_for("/token").len(), 1);
    for asked in proxy.asked() {
        let is_password = asked.header("authorization").starts_with("Basic ");
        assert_eq!(is_password, asked.path.starts_with("/token"), "{asked:#?}");
    }
    // Without a password the token service refuses; what to do is said.
    let proxy = guarded();
    let run = read(&registry, "bob", false, &[&proxy]);
    assert_eq!(run.code, 3, "{}", run.err);
    assert!(run.err.contains("docker login"), "{}", run.err);
}

#[test]
fn a_scan_tells_which_image_a_registry_did_not_give() {
    let Some(registry) = Registry::debian(false) else { return };
    push(&registry);
    let proxy = Proxy::start(&registry.host, |asked, real| {
        let mut real = real();
        if is_blob(asked) && large(&real) {
            real.body[20_000] ^= 1;
        }
        real
    });
    let (good, bad) = (&registry.host, proxy.host());
    let container =
        |name, host: &str| format!("  - {{name: {name}, image: '{host}/team/app:1'}}\n");
    let pod = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:\n  containers:\n{}{}",
        container("good", good),
        container("bad", &bad)
    );
    let folder = registry.folder.path().join("manifests");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("pod.yaml"), pod).unwrap();
    let arguments = ["scan", "manifests", "--images", "-f", "json-v2", "--check", "PV-S020"];
    // From a cache, the layers would be those of the good one, which has the same digests.
    let plain = ["--plain-http", good, "--plain-http", &bad, "--no-image-cache"];
    let run = registry.run_as("ann", None, &[&arguments[..], &plain].concat());
    assert_eq!(run.code, 3, "{}", run.err);
    let document: Value = serde_json::from_str(&run.out).unwrap();
    let names: Vec<_> = document["images"].as_array().unwrap().iter().map(|i| &i["name"]).collect();
    assert_eq!(names, [&format!("{good}/team/app:1")]);
    let notes = document["notes"].as_array().unwrap();
    let of_bad = notes.iter().find(|note| note["place"] == format!("{bad}/team/app:1"));
    assert!(
        of_bad.is_some_and(|note| note.to_string().contains("instead of sha256:")),
        "{notes:#?}"
    );
}
