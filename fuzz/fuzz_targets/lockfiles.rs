//! Lock files and manifests of all formats, chosen by a selector byte. A NUL separates the file
//! from a second one next to it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pavisade_packages::{Purl, Reader};

const PATHS: [&str; 13] = [
    "a/Cargo.lock",
    "a/go.mod",
    "a/gradle.lockfile",
    "a/gradle/verification-metadata.xml",
    "a/package-lock.json",
    "a/Pipfile.lock",
    "a/pnpm-lock.yaml",
    "a/poetry.lock",
    "a/pom.xml",
    "a/requirements.txt",
    "a/uv.lock",
    "a/yarn.lock",
    "npm-shrinkwrap.json",
];

fuzz_target!(|data: &[u8]| {
    let Some((&selector, rest)) = data.split_first() else { return };
    let path = PATHS[selector as usize % PATHS.len()];
    let mut parts = rest.splitn(2, |byte| *byte == 0);
    let (text, beside) = (parts.next().unwrap_or_default(), parts.next());
    let Some(want) = Reader::of_source(path) else { panic!("no reader for {path}") };
    let others = |other: &str| {
        assert!(!other.starts_with('/') && !other.split('/').any(|part| part == ".."), "{other}");
        beside.filter(|_| other != "a/npm-shrinkwrap.json").map(<[u8]>::to_vec)
    };
    let contents = want.reader.read_beside(path, text, &others);
    let lines = text.iter().filter(|byte| **byte == b'\n').count() + 2;
    let places = contents.packages.iter().map(|package| package.line);
    for line in places.chain(contents.problems.iter().map(|problem| problem.line)).flatten() {
        assert!((1..=lines).contains(&(line as usize)), "line {line} of {lines}");
    }
    for package in &contents.packages {
        if let Some(purl) = package.purl(None) {
            assert_eq!(purl.to_string().parse::<Purl>().as_ref(), Ok(&purl));
        }
    }
});
