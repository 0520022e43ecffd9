//! Java archives: arbitrary bytes, read by their directory and as a stream, and their metadata
//! files.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pavisade_packages::{Contents, Reader, read_jar_streamed};

const NAMES: [&str; 5] = [
    "META-INF/maven/a/b/pom.properties",
    "META-INF/maven/a/b/pom.xml",
    "META-INF/MANIFEST.MF",
    "lib/inner-1.0.jar",
    "a.dist-info/METADATA",
];

fuzz_target!(|data: &[u8]| {
    let Some((&selector, rest)) = data.split_first() else { return };
    let contents = match selector {
        0..=63 => read("a-1.0.jar", rest),
        64..=127 => read_jar_streamed("a-1.0.war", &mut &*rest).unwrap_or_default(),
        128..=139 => Reader::PythonArchive.read(rest),
        140..=159 => Reader::PythonArchive.read(&archive(NAMES[4], rest)),
        _ => read("a.jar", &archive(NAMES[selector as usize % 4], rest)),
    };
    for package in &contents.packages {
        package.purl(None);
    }
});

fn read(path: &str, bytes: &[u8]) -> Contents {
    Reader::Jar.read_beside(path, bytes, &|_| None)
}

/// Returns an archive with one uncompressed entry.
fn archive(name: &str, content: &[u8]) -> Vec<u8> {
    let sizes = (content.len() as u32).to_le_bytes().repeat(2);
    let length = (name.len() as u16).to_le_bytes();
    let mut file = [&b"PK\x03\x04\x14\0\0\0\0\0"[..], &[0; 8], &sizes, &length, &[0; 2]].concat();
    file.extend([name.as_bytes(), content].concat());
    let start = file.len();
    let entry = [&b"PK\x01\x02\x14\0\x14\0\0\0\0\0"[..], &[0; 8], &sizes, &length, &[0; 16]];
    file.extend([&entry.concat(), name.as_bytes()].concat());
    let place = [file.len() - start, start].map(|number| (number as u32).to_le_bytes()).concat();
    file.extend([&b"PK\x05\x06\0\0\0\0\x01\0\x01\0"[..], &place, &[0; 2]].concat());
    file
}
