//! Records what kubectl makes of a text, the reference for `pavisade-yaml`.
//!
//! `kubectl annotate --local` prints what kubectl would send, with an additional annotation.
//! `tests/kubectl-values.tsv` contains its answers for the whole corpus as digests, so that other
//! tests do not need Go.

mod canonical;

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, bail};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

pub(crate) use canonical::{canonical, comparable};

use crate::shared::{corpus, files, hex16, root};
use crate::tools::tool;

/// The annotation that kubectl adds.
const PROBE: (&str, &str) = ("pavisade.dev/probe", "x");

/// The number of kubectl processes that run in parallel.
const PARALLEL: usize = 2;

/// Arguments of `cargo xtask kubectl-values`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A directory of manifests instead of ../shared/data/manifests/corpus.tar.zst.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// The file to write.
    #[arg(long, default_value_os_t = root().join("tests/kubectl-values.tsv"))]
    out: PathBuf,
    /// Only show the result for standard input.
    #[arg(long, conflicts_with_all = ["dir", "out"])]
    stdin: bool,
}

/// The result of kubectl for a text.
pub(crate) struct Answer {
    /// The objects that it would send, in order and [`comparable`].
    pub(crate) objects: Vec<Value>,
    /// The error message if it rejected the text or a part of it.
    pub(crate) error: Option<String>,
}

/// Writes one line per file: its path, then either the number of objects and their digest, or
/// `refused` with the number and digest of the objects that are sent nevertheless and the types of
/// error.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let kubectl = tool("kubectl")?;
    if args.stdin {
        let mut text = Vec::new();
        std::io::stdin().read_to_end(&mut text)?;
        return show(&objects_of_text(&kubectl, &text)?);
    }
    let unpacked = tempfile::tempdir()?;
    let Some(corpus) = corpus(args.dir.as_deref(), unpacked.path())? else { return Ok(()) };
    let answers = lines(&kubectl, &corpus, &files(&corpus, &["yaml", "yml", "json"])?)?;
    fs::write(&args.out, answers.concat())
        .with_context(|| format!("writing {}", args.out.display()))?;
    let refused = answers.iter().filter(|line| line.contains("\trefused\t")).count();
    println!("accepted {}, refused {refused}", answers.len() - refused);
    Ok(())
}

/// Asks kubectl about a text.
pub(crate) fn objects_of_text(kubectl: &Path, text: &[u8]) -> anyhow::Result<Answer> {
    let mut file = tempfile::Builder::new().prefix("text-").suffix(".yaml").tempfile()?;
    file.write_all(text)?;
    objects_of_file(kubectl, file.path())
}

/// Asks kubectl about a file.
fn objects_of_file(kubectl: &Path, file: &Path) -> anyhow::Result<Answer> {
    let output = Command::new(kubectl)
        .args(["annotate", "--local", "-o", "json", "-f"])
        .arg(file)
        .arg(format!("{}={}", PROBE.0, PROBE.1))
        .env("KUBECONFIG", "/dev/null")
        .env("KUBERC", "off")
        .output()
        .with_context(|| format!("running {}", kubectl.display()))?;
    let error = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if !matches!(output.status.code(), Some(0 | 1)) {
        bail!("kubectl on {}: {}: {error}", file.display(), output.status);
    }
    let objects = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>();
    let objects = objects
        .map(|object| Ok(comparable(without_probe(object?))))
        .collect::<serde_json::Result<_>>()
        .with_context(|| format!("reading what kubectl printed for {}", file.display()))?;
    Ok(Answer { objects, error: (!output.status.success()).then_some(error) })
}

fn without_probe(mut object: Value) -> Value {
    if let Some(Value::Object(annotations)) = object.pointer_mut("/metadata/annotations") {
        annotations.remove(PROBE.0);
    }
    object
}

/// Returns the types of error in kubectl's output, which has one error per line.
fn classes(error: &str) -> String {
    let kind = |line: &str| {
        let line = line.strip_prefix("error: ").unwrap_or(line);
        if line.starts_with("error parsing ") {
            return Some("syntax");
        }
        if !line.starts_with("unable to ") {
            return None;
        }
        Some(if line.contains(": Object 'Kind' is missing in ") {
            "no-kind"
        } else if line.contains(": Object 'apiVersion' is missing in ") {
            "no-api-version"
        } else if line.contains(" into Go value of type ") {
            "not-an-object"
        } else if line.contains(" into Go struct field ") {
            "wrong-type"
        } else {
            "other"
        })
    };
    let classes: BTreeSet<_> = error.lines().filter_map(kind).collect();
    if classes.is_empty() { "other".to_owned() } else { Vec::from_iter(classes).join(",") }
}

fn lines(kubectl: &Path, corpus: &Path, files: &[String]) -> anyhow::Result<Vec<String>> {
    let next = AtomicUsize::new(0);
    let work = || -> anyhow::Result<Vec<String>> {
        let mut lines = Vec::new();
        while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            lines.push(line(file, objects_of_file(kubectl, &corpus.join(file))?));
        }
        Ok(lines)
    };
    let done = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..PARALLEL).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join()).collect::<Vec<_>>()
    });
    let mut all = Vec::new();
    for lines in done {
        all.extend(lines.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
    }
    all.sort();
    Ok(all)
}

fn line(file: &str, answer: Answer) -> String {
    let number = answer.objects.len();
    let digest = digest(answer.objects);
    match answer.error {
        None => format!("{file}\t{number}\t{digest}\n"),
        Some(error) => format!("{file}\trefused\t{number}\t{digest}\t{}\n", classes(&error)),
    }
}

/// Returns the digest of a file's objects, as in `tests/kubectl-values.tsv`: the first 16 hex
/// digits of the SHA-256 of their [`canonical`] list.
pub(crate) fn digest(objects: Vec<Value>) -> String {
    hex16(&Sha256::digest(canonical(&Value::Array(objects))))
}

fn show(answer: &Answer) -> anyhow::Result<()> {
    for object in &answer.objects {
        println!("{}", canonical(object));
    }
    match &answer.error {
        Some(error) => bail!("kubectl: {error}"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubectls_words_have_short_classes() {
        for (error, want) in [
            ("error: error parsing F: error converting YAML to JSON: yaml: line 1: no", "syntax"),
            ("error: unable to decode \"F\": Object 'Kind' is missing in '{\"a\":1}'", "no-kind"),
            (
                "unable to decode \"F\": json: cannot unmarshal bool into Go struct field \
                 ObjectMeta.metadata.labels of type string\nerror parsing F: x",
                "syntax,wrong-type",
            ),
            (
                "unable to decode \"F\": json: cannot unmarshal array into Go value of type x",
                "not-an-object",
            ),
            ("error: --overwrite is false but found …", "other"),
        ] {
            assert_eq!(classes(error), want, "{error}");
        }
    }

    #[test]
    fn kubectl_goes_on_after_a_document_that_it_cannot_decode_but_not_after_bad_syntax() {
        let Some(kubectl) = testbed::tools::built("kubectl") else {
            println!("skipped: kubectl is not built; `cargo xtask tools kubectl` does it");
            return;
        };
        let text = "apiVersion: v1\nkind: A\n---\nfoo: 1\n---\napiVersion: v1\nkind: B\n\
                    ---\nv: [\n---\napiVersion: v1\nkind: C\n";
        let answer = objects_of_text(&kubectl, text.as_bytes()).unwrap();
        let shown: Vec<_> = answer.objects.iter().map(canonical).collect();
        let want = [r#"{"apiVersion":"v1","kind":"A"}"#, r#"{"apiVersion":"v1","kind":"B"}"#];
        assert_eq!(shown, want);
        assert_eq!(classes(&answer.error.unwrap()), "no-kind,syntax");
    }
}
