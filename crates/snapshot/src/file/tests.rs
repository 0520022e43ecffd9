//! Round trips, and errors for every kind of damage.

use std::io::Write as _;
use std::sync::Arc;

use jiff::Timestamp;
use pavisade_model::{
    Advisory, Cause, Confidence, Epss, Exploited, FixState, NoteKind, Score, Severity, kinds,
};
use pavisade_yaml::{Source, to_json};
use proptest::prelude::*;

use super::*;
use crate::{
    Configuration, Coverage, Facts, Image, Images, Inspection, Layer, Matches, Notable,
    NotableFile, Object, Package, Packages, Secret, SecretPlace, Snapshot, WorldKind,
};

fn object(text: &str) -> Object {
    let documents = pavisade_yaml::read(&Source::new("t", text));
    let root = documents.docs[0].root();
    Object::new(root, root.str("apiVersion").unwrap(), root.str("kind").unwrap())
}

fn picture(names: &[String]) -> Snapshot {
    let mut cluster = WorldParts::cluster("prod");
    cluster.coverage.insert(("".into(), "Pod".into()), Coverage::Complete);
    cluster.coverage.insert(("".into(), "Secret".into()), Coverage::Unread);
    cluster.causes.insert(("".into(), "Secret".into()), Cause::SecretsNotAsked);
    cluster.objects = names
        .iter()
        .map(|name| {
            let name = serde_json::to_string(name).unwrap();
            object(&format!(
                r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":{name}}},"spec":{{"x":1.50}}}}"#
            ))
        })
        .collect();
    let chart = vec![object("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n")];
    let note = Note {
        kind: NoteKind::Unread,
        place: "prod".into(),
        span: None,
        message: "m".into(),
        remedy: "r".into(),
    };
    Snapshot::new(vec![cluster, WorldParts::files("c", WorldKind::Chart, chart)], vec![note])
}

fn shown(snapshot: &Snapshot) -> Vec<String> {
    let mut out: Vec<_> = snapshot.notes().iter().map(|note| format!("{note:?}")).collect();
    for world in snapshot.worlds() {
        out.push(format!("{} {:?}", world.name(), world.kind()));
        for kind in [kinds::POD, kinds::SECRET, kinds::CONFIG_MAP] {
            out.push(format!("{:?} {}", world.coverage(kind), world.cause(kind)));
        }
        out.extend(world.objects().map(|o| format!("{o:?} {}", to_json(o.value()))));
    }
    out
}

fn written(snapshot: &Snapshot) -> Vec<u8> {
    write(Vec::new(), snapshot, "pavisade 0", Timestamp::UNIX_EPOCH).unwrap()
}

fn again(bytes: &[u8]) -> Result<Saved, ReadError> {
    read(bytes, "file", Limits::default())
}

fn small() -> Vec<u8> {
    written(&picture(&["a".into(), "b".into(), "c".into()]))
}

/// Returns a file with these lines after a header.
fn lines(format: u32, header: Option<&str>, lines: &[&str]) -> Vec<u8> {
    let text = format!("{MAGIC}{format}\n");
    let mut bytes = [&SKIPPABLE[..], &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
    let own = r#"{"format":1,"tool":"t","time":"2026-01-01T00:00:00Z","worlds":[{"name":"w","kind":"cluster","others":"unread","coverage":[]}]}"#;
    let all = [&[header.unwrap_or(own)], lines].concat();
    let mut packed = zstd::Encoder::new(Vec::new(), 1).unwrap();
    for line in all {
        writeln!(packed, "{line}").unwrap();
    }
    bytes.extend(packed.finish().unwrap());
    bytes
}

const POD: &str = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}"#;
const NODE: &str = r#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"a"}}"#;

#[test]
fn the_first_bytes_say_what_it_is_and_zstd_unpacks_it() {
    let bytes = small();
    assert_eq!(&bytes[8..28], b"pavisade snapshot 2\n");
    assert!(is_snapshot(&bytes) && !is_snapshot(b"PK") && !is_snapshot(&bytes[..9]));
    let text = String::from_utf8(zstd::decode_all(&bytes[..]).unwrap()).unwrap();
    assert_eq!(text.lines().count(), 1 + 3 + 1 + 1 + 1, "{text}");
    assert!(text.ends_with("{\"end\":{\"objects\":4}}\n"), "{text}");
}

#[test]
fn secret_values_are_never_written() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: HIDDEN}\n";
    let world = WorldParts::files("w", WorldKind::Files, vec![object(secret)]);
    let bytes = written(&Snapshot::new(vec![world], Vec::new()));
    let text = String::from_utf8(zstd::decode_all(&bytes[..]).unwrap()).unwrap();
    assert!(text.contains(r#""stringData":{"a":"<redacted>"}"#), "{text}");
}

/// Returns a line with an image of one package and one advisory.
fn image(package: &str, advisory: &str) -> String {
    format!(
        r#"{{"image":{{"name":"a","digest":"","references":[],"platform":"","layers":[],"packages":{{"name":["p"],"version":["1"],"purl":[""],"path":[""],"layer":[null]}},"matches":{{"advisories":[{{"id":"CVE-1"}}],"package":{package},"advisory":{advisory},"fix":["unknown"],"severity":["low"]}}}}}}"#
    )
}

/// Returns a line with an image and these fields of its inspection.
fn inspected(found: &str) -> String {
    let whole = image("[0]", "[0]");
    format!(r#"{},"inspection":{{{found}}}}}}}"#, &whole[..whole.len() - 2])
}

#[test]
fn facts_are_kept() {
    let advisory = Arc::new(Advisory {
        id: "CVE-2026-1".into(),
        scores: vec![Score { source: "nvd".into(), vector: "v".into(), score: 9.8 }],
        epss: Some(Epss { probability: 0.5, percentile: 0.9 }),
        exploited: Some(Exploited { added: "2026-01-01".into(), ransomware: true }),
        ..Advisory::default()
    });
    let mut packages = Packages::default();
    for name in ["a", "b"] {
        packages.push(Package { name, version: "1", purl: "", path: "x", layer: Some(0) });
    }
    let mut matches = Matches::default();
    matches.push(1, advisory.clone(), FixState::Fixed("2".into()), Severity::High);
    matches.push(0, advisory.clone(), FixState::WontFix, Severity::Unknown);
    let image = Image {
        name: "web:1".into(),
        references: vec!["docker.io/library/web:1".into()],
        layers: vec![Layer { digest: "sha256:0".into(), instruction: "RUN x".into() }],
        packages,
        gaps: vec!["why".into()],
        matches: Some(matches),
        inspection: Some(inspection()),
        signature: Some(crate::Signature::Refused("why".to_owned())),
        ..Image::default()
    };
    let missing = vec![("docker.io/library/b:1".into(), "no such tag".to_owned())];
    let images = Images::new(vec![image.clone(), image], missing);
    let before = picture(&[]).with_facts(Facts { images: Some(Arc::new(images)) });
    let saved = again(&written(&before)).unwrap().snapshot;
    let images = |snapshot: &Snapshot| format!("{:?}", snapshot.facts().images.as_ref().unwrap());
    let (old, new) = (before.facts().images.as_ref().unwrap(), images(&saved));
    assert_eq!(
        format!("{:?}", old.all()),
        format!("{:?}", saved.facts().images.as_ref().unwrap().all())
    );
    assert!(new.contains("no such tag"));
    // Both images share the advisory.
    let found: Vec<_> = saved.facts().images.iter().flat_map(|images| images.all()).collect();
    let of = |at: usize| found[at].matches().next().unwrap().advisory;
    assert!(Arc::ptr_eq(of(0), of(1)));
    // Not requested is different from none.
    assert!(again(&small()).unwrap().snapshot.facts().images.is_none());
    let none = picture(&[]).with_facts(Facts { images: Some(Arc::default()) });
    assert!(again(&written(&none)).unwrap().snapshot.facts().images.is_some());
}

/// An inspection with every kind of file and place.
fn inspection() -> Inspection {
    let file = |(why, _): (Notable, _)| NotableFile {
        path: "usr/bin/x".into(),
        layer: Some(0),
        why,
        below: 7,
    };
    let path = || "app/.env".into();
    let places = [
        SecretPlace::File { path: path(), layer: Some(0), line: 3, removed: true },
        SecretPlace::File { path: path(), layer: None, line: 1, removed: false },
        SecretPlace::Environment,
        SecretPlace::Label,
        SecretPlace::Command,
        SecretPlace::History { step: 2, layer: Some(0) },
    ];
    let secret = |place| Secret {
        what: "a secret".into(),
        name: "DB_PASSWORD".into(),
        place,
        confidence: Confidence::Medium,
    };
    Inspection {
        configuration: Some(Configuration {
            user: "app".into(),
            user_id: Some(7),
            ports: vec!["80/tcp".into()],
            environment: vec!["PATH".into()],
            labels: vec!["version".into()],
            entrypoint: vec!["/app".into()],
            command: vec!["--verbose".into()],
            odd: vec!["Env".into()],
        }),
        files: Notable::ALL.into_iter().map(file).collect(),
        secrets: places.into_iter().map(secret).collect(),
        gaps: vec!["a reason".into()],
    }
}

#[test]
fn other_files_and_versions_are_refused_with_what_to_do() {
    let header = |format| format!(r#"{{"format":{format},"else":true}}"#);
    for (bytes, expect) in [
        (b"".to_vec(), "not a snapshot: create one with"),
        (b"apiVersion: v1\nkind: Pod\n".to_vec(), "not a snapshot"),
        (zstd::encode_all(&b"{}"[..], 1).unwrap(), "not a snapshot"),
        (small()[..20].to_vec(), "not a snapshot"),
        (
            lines(3, None, &[]),
            "created by a newer Pavisade (format 3, this one supports up to 2): update",
        ),
        (lines(0, None, &[]), "created by an older Pavisade (format 0"),
        (lines(1, Some(&header(3)), &[]), "created by a newer Pavisade (format 3"),
        (lines(1, Some(&header(1)), &[]), "damaged: its header: missing field"),
        (lines(1, Some("{"), &[]), "damaged: its header: EOF"),
        (lines(1, None, &[])[..30].to_vec(), "truncated before the end of its header"),
        (
            lines(1, None, &[POD, "{\"end\":{\"objects\":1}}", POD]),
            "unexpected text after its last line 3",
        ),
        (
            lines(1, None, &["{\"world\":1}", POD, "{\"end\":{\"objects\":1}}"]),
            "a world 1 that is not declared",
        ),
        (lines(1, None, &["{\"world\":x}"]), "damaged: line 2: expected value"),
        (lines(2, None, &[r#"{"image":{"name":"a"}}"#]), "damaged: line 2: missing field"),
        (lines(2, None, &[&image("[1]", "[0]")]), "a package that does not exist"),
        (lines(2, None, &[&image("[0]", "[1]")]), "an advisory that does not exist"),
        (lines(2, None, &[&image("[0,0]", "[0]")]), "unequal lengths"),
        (lines(2, None, &[&inspected(r#""files":[{"path":"a","why":"x"}]"#)]), "no known reason"),
        (
            lines(
                2,
                None,
                &[&inspected(r#""secrets":[{"what":"a","place":"label","confidence":"x"}]"#)],
            ),
            "unknown variant `x`, expected one of `low`",
        ),
        (
            lines(
                2,
                None,
                &[&inspected(r#""secrets":[{"what":"a","place":"x","confidence":"high"}]"#)],
            ),
            "damaged: line 2: unknown variant",
        ),
    ] {
        let error = again(&bytes).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}, not {expect}");
    }
}

#[test]
fn a_damaged_line_is_a_note_and_the_rest_is_read() {
    for (bad, expect) in [
        ("{\"apiVersion\":", "line 3 is not valid JSON"),
        ("{apiVersion: v1, kind: Pod}", "line 3 is not valid JSON"),
        ("", "line 3 is not valid JSON"),
        ("{\"kind\":\"Pod\"}", "line 3 has no `apiVersion` and `kind`"),
        (POD, "1 objects are in it more than once"),
    ] {
        let saved = again(&lines(1, None, &[POD, bad, NODE, "{\"end\":{\"objects\":3}}"])).unwrap();
        let notes: Vec<_> = saved.snapshot.notes().iter().map(|n| (n.kind, &n.message)).collect();
        assert!(
            matches!(&notes[..], [(NoteKind::Unread, m)] if m.starts_with(expect)),
            "{notes:?}"
        );
        assert_eq!(saved.snapshot.worlds()[0].objects().len(), 2, "{bad}");
    }
}

#[test]
fn missing_objects_are_noticed() {
    for (end, expect) in [
        (&["{\"end\":{\"objects\":3}}"][..], "it should contain 3 objects, but contains 2"),
        (&[], "it is truncated after 2 objects"),
    ] {
        let saved = again(&lines(1, None, &[&[POD, NODE], end].concat())).unwrap();
        assert_eq!(saved.snapshot.worlds()[0].objects().len(), 2);
        assert_eq!(saved.snapshot.notes()[0].message, expect);
        assert_eq!(saved.snapshot.notes()[0].kind, NoteKind::Unread);
    }
}

/// Returns a line with an image with two references, no package, and that column of versions.
fn columns(versions: &str) -> String {
    format!(
        r#"{{"image":{{"name":"a","digest":"","references":["a","b"],"platform":"","layers":[],"packages":{{"name":[],{versions}"purl":[],"path":[],"layer":[]}}}}}}"#
    )
}

#[test]
fn lines_are_counted_behind_those_of_images() {
    let missing = r#"{"missing":[["b","c"]]}"#;
    let image = columns(r#""version":[],"#);
    let bytes = lines(2, None, &[missing, &image, POD, "{", "{\"end\":{\"objects\":2}}"]);
    let saved = again(&bytes).unwrap();
    let messages: Vec<_> = saved.snapshot.notes().iter().map(|note| &note.message).collect();
    // Lines 2 to 5 follow the header.
    assert!(messages.iter().any(|message| message.starts_with("line 5 ")), "{messages:?}");
}

#[test]
fn columns_of_unequal_length_are_damage() {
    let bytes = lines(2, None, &[&columns(r#""version":["1"],"#), "{\"end\":{\"objects\":0}}"]);
    let error = again(&bytes).unwrap_err().to_string();
    assert!(error.contains("line 2: columns of packages have unequal lengths"), "{error}");
}

#[test]
fn limits_hold() {
    let bytes = lines(1, None, &[POD, NODE, "{\"end\":{\"objects\":2}}"]);
    let bomb = lines(1, None, &[&format!("{{\"a\":\"{}\"}}", "x".repeat(90 << 20))]);
    let world = r#"{"name":"w","kind":"cluster","others":"unread","coverage":[]}"#;
    let header = format!(
        r#"{{"format":1,"tool":"t","time":"2026-01-01T00:00:00Z","worlds":[{}]}}"#,
        vec![world; 101].join(",")
    );
    let worlds = lines(1, Some(&header), &["{\"end\":{\"objects\":0}}"]);
    let images = lines(
        2,
        None,
        &[&columns(r#""version":[],"#), r#"{"missing":[["b","c"]]}"#, "{\"end\":{\"objects\":0}}"],
    );
    let base = Limits::default();
    for (bytes, limits, expect) in [
        (&bytes, Limits { objects: 1, ..base }, "more than 1 objects"),
        (&bytes, Limits { line: 150, ..base }, ""),
        (&bytes, Limits { line: 50, ..base }, "more than 50 bytes in a line"),
        (&bytes, Limits { bytes: 200, ..base }, "more than 200 bytes"),
        (
            &bomb,
            Limits { ratio: 100, line: 1 << 30, ..base },
            "more than 100 times its packed size",
        ),
        (&bomb, base, "bytes in a line"),
        (&worlds, base, "more than 100 worlds"),
        (&images, Limits { rows: 4, ..base }, ""),
        (&images, Limits { rows: 3, ..base }, "more than 3 rows of images"),
    ] {
        let result = read(&bytes[..], "file", limits);
        match expect {
            "" => assert!(result.is_ok()),
            _ => assert!(result.unwrap_err().to_string().ends_with(expect), "{expect}"),
        }
    }
}

#[test]
fn every_cut_and_every_flipped_bit_is_noticed() {
    let bytes = small();
    let whole = again(&bytes).unwrap();
    assert_eq!(whole.snapshot.notes().len(), 1);
    let expect = shown(&whole.snapshot);
    for length in 0..bytes.len() {
        if let Ok(saved) = again(&bytes[..length]) {
            let notes = saved.snapshot.notes();
            assert!(notes.iter().any(|n| n.message.starts_with("it is truncated")), "{length}");
        }
    }
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            // A frame may have two equivalent encodings (a larger window).
            let Ok(saved) = again(&flipped) else { continue };
            let noticed = saved.snapshot.notes().len() > 1;
            assert!(noticed || shown(&saved.snapshot) == expect, "byte {at}, bit {bit}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_written_is_read_again(names in proptest::collection::hash_set(".{1,20}", 0..40)) {
        let names: Vec<_> = names.into_iter().collect();
        let before = picture(&names);
        let saved = again(&written(&before)).unwrap();
        prop_assert_eq!(&saved.tool, "pavisade 0");
        prop_assert_eq!(saved.time, Timestamp::UNIX_EPOCH);
        prop_assert_eq!(shown(&saved.snapshot), shown(&before));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0..400_usize) {
        let mut damaged = small();
        let at = at.min(damaged.len());
        damaged.splice(at.., bytes);
        let _ = again(&damaged);
    }
}

#[test]
fn why_a_kind_was_not_read_is_kept_as_data() {
    let words = |text: &str| text.to_owned();
    let causes = [
        Cause::NotAsked,
        Cause::SecretsNotAsked,
        Cause::Forbidden { resource: words("deployments.apps") },
        Cause::Silent { group: words("a.example"), why: words("503") },
        Cause::BrokeOff { after: 7, why: words("it went away") },
        Cause::Unreachable,
        Cause::Said(words("nobody knows")),
    ];
    let mut world = WorldParts::cluster("prod");
    for (i, cause) in causes.iter().enumerate() {
        let key = (String::new(), format!("Kind{i}"));
        world.coverage.insert(key.clone(), Coverage::Unread);
        world.causes.insert(key, cause.clone());
    }
    let saved = again(&written(&Snapshot::new(vec![world], Vec::new()))).unwrap().snapshot;
    for (i, cause) in causes.iter().enumerate() {
        assert_eq!(saved.worlds()[0].cause_of("", &format!("Kind{i}")), cause);
    }
}

#[test]
fn files_that_say_it_in_words_or_otherwise_are_read() {
    let unasked = Cause::SecretsNotAsked.to_string();
    for (told, expected) in [
        (format!(r#""gap":"{unasked}""#), Cause::SecretsNotAsked),
        (r#""gap":"no""#.to_owned(), Cause::Said("no".to_owned())),
        (r#""gap":"no","cause":"not-thought-of-yet""#.to_owned(), Cause::Said("no".to_owned())),
        (r#""gap":"no","cause":{"forbidden":7}"#.to_owned(), Cause::Said("no".to_owned())),
    ] {
        let header = format!(
            r#"{{"format":1,"tool":"t","time":"2026-01-01T00:00:00Z","worlds":[{{"name":"w","kind":"cluster","others":"unread","coverage":[{{"group":"","kind":"Secret","coverage":"unread",{told}}}]}}]}}"#
        );
        let bytes = lines(1, Some(&header), &["{\"end\":{\"objects\":0}}"]);
        let saved = again(&bytes).unwrap().snapshot;
        assert_eq!(*saved.worlds()[0].cause(kinds::SECRET), expected, "{told}");
    }
}
