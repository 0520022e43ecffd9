//! A database of etcd of a gigabyte: time and peak memory of the proof, and how both grow.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use pavisade_storage::testing::{Database, key_value, revision};

use super::{mb, measure, release_binary};

/// Sizes in megabytes.
const SIZES: [usize; 3] = [10, 100, 1000];
/// The size of a value: that of a small Secret, or of a pod.
const VALUE: usize = 2000;

/// Measures `pavisade storage etcd`.
pub(super) fn run(program: Option<&Path>, sizes: &[usize]) -> anyhow::Result<()> {
    let built = match program {
        Some(program) => program.to_owned(),
        None => release_binary()?,
    };
    let sizes = if sizes.is_empty() { &SIZES[..] } else { sizes };
    let folder = tempfile::tempdir()?;
    println!("     MB    values   seconds   CPU s   MB peak");
    for size in sizes {
        let path = folder.path().join("db");
        let values = size * 1_000_000 / (VALUE + 100);
        make(&path, values)?;
        let bytes = path.metadata()?.len();
        let mut command = Command::new(&built);
        command.args(["storage", "etcd", "--format", "json"]).arg(&path);
        let cost = measure(command)?;
        println!(
            "{:>7.0}   {values:>7}   {:>7.2}   {:>5.2}   {:>7.0}",
            mb(bytes),
            cost.wall.as_secs_f64(),
            cost.cpu.as_secs_f64(),
            mb(cost.memory)
        );
    }
    Ok(())
}

/// Half of the writes are old revisions, as in a cluster between two compactions.
fn make(path: &Path, values: usize) -> anyhow::Result<()> {
    let file = File::create(path).with_context(|| format!("creating {}", path.display()))?;
    let mut made = Database::new(BufWriter::new(file))?;
    let mut value = b"k8s:enc:secretbox:v1:key1:".to_vec();
    value.resize(VALUE, 7);
    for index in 0..values {
        let main = index as u64 + 2;
        let object = index % (values / 2).max(1);
        let kind = if object.is_multiple_of(3) { "pods" } else { "secrets" };
        let key = format!("/registry/{kind}/namespace-{}/object-{object}", object % 100);
        made.put(revision(main, false), key_value(&key, &value, main))?;
    }
    made.finish(1)?;
    Ok(())
}
