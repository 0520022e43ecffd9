//! Malicious and malformed layers and images: each is rejected with a reason or read like container
//! runtimes read it, and none causes a crash.

mod layers;
mod stores;

use crate::testing::Everything;
use crate::{Budget, Digest, Kind, Limits, Refusal, Tree, read_layer};

/// The expected result for a malicious input.
enum Expect {
    /// These files, in order.
    Files(&'static [&'static str]),
    /// An error that contains this text.
    Refused(&'static str),
}

use Expect::{Files, Refused};

/// Small limits, so that exceeding them is fast.
fn limits() -> Limits {
    Limits {
        layers: 8,
        names: 1000,
        name_bytes: 1 << 17,
        layer_bytes: 32 << 20,
        ratio: 10,
        document_bytes: 1 << 16,
        members: 100,
    }
}

/// Reads a layer and applies it to an empty root.
fn files(layer: &[u8], diff_id: Option<&Digest>) -> Result<Vec<String>, Refusal> {
    let (limits, mut visitor) = (limits(), Everything::default());
    let read = read_layer(layer, 0, diff_id, &Budget::new(limits), &mut visitor)?;
    let mut tree = Tree::new(&limits);
    read.each(0, |id, path, mode, said| tree.apply(id, path, mode, said))?;
    Ok(files_of(&tree))
}

fn files_of(tree: &Tree) -> Vec<String> {
    let mut files = Vec::new();
    tree.each(|path, kind, _, _| {
        if matches!(kind, Kind::File(_)) {
            files.push(String::from_utf8_lossy(path).into_owned());
        }
    });
    files.sort();
    files
}

/// Returns how the result differs from the expected one.
fn compare(name: &str, found: Result<Vec<String>, Refusal>, expect: &Expect) -> Option<String> {
    match (found, expect) {
        (Ok(found), Files(wanted)) if found == *wanted => None,
        (Err(refusal), Refused(said)) if refusal.to_string().contains(said) => None,
        (Ok(found), _) => Some(format!("{name}: found {found:?}")),
        (Err(refusal), _) => Some(format!("{name}: refused: {refusal}")),
    }
}
