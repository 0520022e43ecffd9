//! `oci-hostile`: archives and layers with edge cases of their formats.
//!
//! Compared are `tar` (names, link targets and rejection; times, owners and pax records are not
//! kept), `extract` (the result of applying layers), and from `tar-fields` the content of extended
//! headers, tested in an archive. Other fields are not read on their own, or are only for writing.
//!
//! The documents, digest chains, ZIP archives and references of the suite have no reader yet: they
//! are left out and counted as such.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use base64::Engine as _;
use pavisade_oci::{
    Budget, FileId, Kind, LayerFile, LayerVisitor, Limits, Refusal, Said, Tree, read_layer,
};
use serde::Deserialize;
use serde_json::Value;

use super::Outcome;

/// Cases of files that have no reader yet.
const LEFT_OUT: [&str; 4] = ["zip", "documents", "chainid", "references"];

pub(super) fn run(folder: &Path) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let lines = |name: &str| {
        let path = folder.join(format!("{name}.jsonl"));
        fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
    };
    for line in lines("tar")?.lines() {
        let case: Value = serde_json::from_str(line)?;
        let bytes = fs::read(folder.join(text(&case["file"])))?;
        let bytes = match case["base64"] == true {
            true => {
                let packed: Vec<u8> =
                    bytes.into_iter().filter(|b| !b.is_ascii_whitespace()).collect();
                base64::engine::general_purpose::STANDARD.decode(packed)?
            }
            false => bytes,
        };
        let wanted = wanted_of_tar(&case);
        let got = names(&bytes);
        let refused = case.get("error").is_some();
        let agreed = match &got {
            Ok(got) => !refused && *got == wanted,
            Err(_) => refused,
        };
        outcome.count(agreed, || {
            format!("{}\n  want {wanted:?}, refused: {refused}\n  got  {got:?}", case["id"])
        });
    }
    for line in lines("extract")?.lines() {
        let case: Extract = serde_json::from_str(line)?;
        let differs = extract(&case).err();
        outcome
            .count(differs.is_none(), || format!("{}: {}", case.id, differs.unwrap_or_default()));
    }
    for line in lines("tar-fields")?.lines() {
        let case: Value = serde_json::from_str(line)?;
        let Some(records) = records(&case) else {
            outcome.left_out += 1;
            continue;
        };
        let refused = names(&global(&records)).is_err();
        outcome.count(refused != (case["ok"] == true), || {
            format!("{}: refused: {refused}: {}", case["id"], records.escape_ascii())
        });
    }
    for name in LEFT_OUT {
        outcome.left_out += lines(name)?.lines().count();
    }
    Ok(outcome)
}

/// Returns a value that is text, or bytes in base64.
fn text(value: &Value) -> String {
    let packed = value.get("base64").and_then(Value::as_str);
    let bytes = packed.and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok());
    match bytes {
        Some(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        None => value.as_str().unwrap_or_default().to_owned(),
    }
}

fn wanted_of_tar(case: &Value) -> Vec<(String, String)> {
    let headers = case["headers"].as_array().into_iter().flatten();
    // A global header is not an entry of a layer.
    let entries = headers.filter(|header| header["typeflag"] != "g");
    entries.map(|header| (text(&header["name"]), text(&header["linkname"]))).collect()
}

/// Returns the records of an extended header that a case is about.
fn records(case: &Value) -> Option<Vec<u8>> {
    let record = |key: &str, value: &str| {
        let rest = key.len() + value.len() + 3;
        let length = (rest..).find(|length| rest + length.to_string().len() == *length);
        format!("{} {key}={value}\n", length.unwrap_or_default())
    };
    let input = &case["in"];
    Some(match case["test"].as_str()? {
        "TestParsePAX" => text(input).into_bytes(),
        // Text after the record is not part of the case.
        "TestParsePAXRecord" if case["ok"] == true => {
            text(input).strip_suffix(&text(&case["rest"]))?.as_bytes().to_vec()
        }
        "TestParsePAXRecord" => text(input).into_bytes(),
        // An empty record has no effect, whatever its format.
        "TestParsePAXTime" if !text(input).is_empty() => record("mtime", &text(input)).into_bytes(),
        "TestMergePAX" => {
            let records = input.as_object()?.iter();
            records.map(|(key, value)| record(key, &text(value))).collect::<String>().into_bytes()
        }
        _ => return None,
    })
}

/// Returns an archive with one global extended header.
fn global(records: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::XGlobalHeader);
    header.set_size(records.len() as u64);
    header.set_mode(0o644);
    for set in [tar::Header::set_uid, tar::Header::set_gid, tar::Header::set_mtime] {
        set(&mut header, 0);
    }
    header.set_cksum();
    let padding = records.len().next_multiple_of(512) - records.len();
    [&header.as_bytes()[..], records, &vec![0; padding + 1024]].concat()
}

struct Nothing;

impl LayerVisitor for Nothing {
    fn wants(&self, _: &LayerFile<'_>) -> bool {
        false
    }

    fn take(&mut self, _: &LayerFile<'_>, _: &mut dyn std::io::Read) -> std::io::Result<()> {
        Ok(())
    }
}

fn names(archive: &[u8]) -> Result<Vec<(String, String)>, Refusal> {
    let read = read_layer(archive, 0, None, &Budget::new(Limits::default()), &mut Nothing)?;
    let mut names = Vec::new();
    read.each(0, |_, path, _, said| {
        let target = match said {
            Said::Link(target) | Said::HardLink(target) => target,
            _ => b"",
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        names.push((text(path), text(target)));
        Ok(())
    })?;
    Ok(names)
}

#[derive(Deserialize)]
struct Extract {
    id: String,
    #[serde(default)]
    before: Vec<Entry>,
    #[serde(default)]
    entries: Vec<Entry>,
    #[serde(default)]
    layers: Vec<Vec<Entry>>,
    error: Option<String>,
    #[serde(default)]
    after: Vec<BTreeMap<String, Value>>,
}

#[derive(Deserialize)]
struct Entry {
    r#type: String,
    name: String,
    #[serde(default)]
    target: String,
    #[serde(default)]
    content: String,
}

/// Applies the layers of a case and checks the result.
fn extract(case: &Extract) -> Result<(), String> {
    let mut tree = Tree::new(&Limits::default());
    let mut contents = BTreeMap::new();
    let of_before = [&case.before, &case.entries];
    let layers: Vec<_> = match case.layers.is_empty() {
        true => of_before.into_iter().collect(),
        false => case.layers.iter().collect(),
    };
    let applied = apply(&mut tree, &layers, &mut contents);
    match (&case.error, applied) {
        (Some(_), Err(_)) => return Ok(()),
        (Some(error), Ok(())) => return Err(format!("should be refused: {error}")),
        (None, Err(error)) => return Err(format!("refused: {error}")),
        (None, Ok(())) => {}
    }
    for wanted in &case.after {
        for (what, value) in wanted {
            if !holds(&tree, &contents, what, value).map_err(|e| e.to_string())? {
                return Err(format!("{what} {value}"));
            }
        }
    }
    Ok(())
}

fn apply<'a>(
    tree: &mut Tree,
    layers: &[&'a Vec<Entry>],
    contents: &mut BTreeMap<FileId, &'a str>,
) -> Result<(), Refusal> {
    for (layer, number) in layers.iter().zip(0..) {
        for (entry, place) in layer.iter().zip(0..) {
            let id = FileId { layer: number, entry: place };
            let target = entry.target.as_bytes();
            let said = match entry.r#type.as_str() {
                "dir" => Said::Folder,
                "symlink" => Said::Link(target),
                "hardlink" => Said::HardLink(target),
                "file" => Said::File,
                _ => Said::Other,
            };
            tree.apply(id, entry.name.as_bytes(), 0o755, said)?;
            contents.insert(id, &entry.content);
        }
    }
    Ok(())
}

fn holds(
    tree: &Tree,
    contents: &BTreeMap<FileId, &str>,
    what: &str,
    value: &Value,
) -> Result<bool, Refusal> {
    let paths: Vec<String> = match value {
        Value::Array(all) => all.iter().map(text).collect(),
        one => vec![text(one)],
    };
    let kind = |path: &str| tree.kind(path.as_bytes());
    let file = |path: &str| tree.file(path.as_bytes());
    Ok(match what {
        "content" => {
            file(&paths[0])?.and_then(|id| contents.get(&id)).is_some_and(|c| **c == paths[1])
        }
        "same_file" => file(&paths[0])?.is_some() && file(&paths[0])? == file(&paths[1])?,
        "not_same_file" => file(&paths[0])? != file(&paths[1])?,
        "same_symlink" => {
            kind(&paths[0])? == Some(Kind::Link) && kind(&paths[1])? == Some(Kind::Link)
        }
        "absent" => kind(&paths[0])?.is_none(),
        "present" => kind(&paths[0])?.is_some(),
        "dirs" => paths.iter().all(|path| matches!(kind(path), Ok(Some(Kind::Folder)))),
        // A tree has no outside.
        "outside_untouched" => true,
        other => return Err(Refusal::NotAnImage(format!("`{other}` is nothing that is compared"))),
    })
}
