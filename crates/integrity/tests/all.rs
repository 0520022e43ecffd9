//! Tests of baselines, comparison and explanation.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

mod baseline;
mod compare;
mod explain;

use pavisade_integrity::{Algorithm, Content, Digest, Draft, Entry, Kind, Node, Scope};

fn file(path: &str, content: &str) -> Entry {
    let mut entry = Entry::new(path.as_bytes(), Kind::File);
    let mut digest = Digest::sha256(content.as_bytes());
    digest.algorithm = Algorithm::Blake3;
    entry.content = Content::Digest(digest);
    entry.size = content.len() as u64;
    entry.mode = 0o755;
    entry.inode = Some(path.len() as u64 * 1000 + content.len() as u64);
    entry.links = Some(1);
    entry
}

fn node() -> Node {
    Node { name: "node-1".to_owned(), machine_id: "0123".to_owned() }
}

fn draft(mut entries: Vec<Entry>) -> Draft {
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    Draft {
        node: node(),
        made: "2026-12-01T00:00:00Z".to_owned(),
        algorithm: Algorithm::Blake3,
        scope: Scope { paths: vec![b"/usr"[..].into()], ..Scope::default() },
        entries,
    }
}
