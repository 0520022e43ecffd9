//! Files of package managers, chosen by a selector byte: databases of dpkg, apk and opkg, and
//! metadata of Python and Node.js.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pavisade_packages::Reader;

const PATHS: [&str; 8] = [
    "var/lib/dpkg/status",
    "lib/apk/db/installed",
    "var/lib/dpkg/status.d/base",
    "usr/lib/opkg/status",
    "site-packages/a-1.dist-info/METADATA",
    "site-packages/a.egg-info/PKG-INFO",
    "app/node_modules/a/package.json",
    "var/lib/rpm/Packages.db",
];

fuzz_target!(|data: &[u8]| {
    let Some((&selector, rest)) = data.split_first() else { return };
    let path = PATHS[selector as usize % PATHS.len()];
    let Some(want) = Reader::of(path) else { panic!("no reader for {path}") };
    let contents = want.reader.read(rest);
    // A stream of single bytes gives the same result.
    let streamed = want.read(path, &mut Slow(rest), &|_| true).expect("bytes do not fail");
    assert_eq!(contents.packages, streamed.packages);
    assert_eq!(contents.problems, streamed.problems);
    let without = want.read(path, &mut &*rest, &|_| false).expect("bytes do not fail");
    assert_eq!(contents.packages.len(), without.packages.len());
    for package in &contents.packages {
        assert!(!package.name.is_empty() && !package.version.is_empty());
        package.purl(None);
    }
});

/// A reader that returns a few bytes at a time.
struct Slow<'a>(&'a [u8]);

impl std::io::Read for Slow<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = into.len().min(7).min(self.0.len());
        into[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}
