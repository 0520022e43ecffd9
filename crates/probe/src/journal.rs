//! The journal of a run: one JSON object per line for everything that is sent, written before it is
//! sent. Each line has the digest of the line before it, so that nothing can be removed or inserted
//! unnoticed; the whole file is signed at the end.

use std::fmt;
use std::io::{self, Write};

use jiff::Timestamp;
use pavisade_signing::{SecretError, SecretKey, SignedBy, ToSign, Witnesses, bundle, sign};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The identity of a run. It is in the labels of everything that the run creates.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(String);

impl RunId {
    /// Makes an id from something that differs between runs.
    pub fn new(seed: &[u8]) -> Self {
        Self(hex(&Sha256::digest(seed)[..6]))
    }

    /// Reads an id.
    pub fn parse(text: &str) -> Option<Self> {
        let is = text.len() == 12 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        is.then(|| Self(text.to_owned()))
    }

    /// Returns it as text: 12 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a journal is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalError {
    /// The line, counting from 1.
    pub line: usize,
    /// What is wrong.
    pub why: String,
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

/// A journal being written.
pub struct Journal {
    run: RunId,
    out: Box<dyn Write + Send>,
    text: Vec<u8>,
    entries: usize,
    last: String,
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Journal({}, {} entries)", self.run, self.entries)
    }
}

impl Journal {
    /// Starts a journal.
    pub fn new(run: RunId, out: Box<dyn Write + Send>) -> Self {
        Self { run, out, text: Vec::new(), entries: 0, last: String::new() }
    }

    /// Returns the run.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// Returns the number of entries.
    pub fn entries(&self) -> usize {
        self.entries
    }

    /// Returns all entries as they were written.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Adds an entry, and makes sure that the file has it.
    ///
    /// # Errors
    /// Writing fails: what the entry is about must not be sent.
    pub fn add(&mut self, at: Timestamp, kind: &str, to: &str, what: &Value) -> io::Result<()> {
        let entry = json!({
            "n": self.entries + 1,
            "at": at.to_string(),
            "run": self.run.0,
            "kind": kind,
            "to": to,
            "what": what,
            "before": self.last,
        });
        let mut line = entry.to_string();
        let digest = hex(&Sha256::digest(line.as_bytes()));
        line.push('\n');
        self.out.write_all(line.as_bytes())?;
        self.out.flush()?;
        self.text.extend_from_slice(line.as_bytes());
        self.entries += 1;
        self.last = digest;
        Ok(())
    }

    /// Signs the whole journal. Returns a bundle, which `pavisade verify` accepts.
    ///
    /// # Errors
    /// The key cannot sign.
    pub fn sign(&self, key: &SecretKey) -> Result<Value, SecretError> {
        let what = ToSign::Bytes(&self.text);
        let signature = sign(key, what)?;
        Ok(bundle(what, &signature, SignedBy::Key(key.public()), &Witnesses::default()))
    }
}

/// Reads a journal and checks that no line is missing or changed. A last line without an end, which
/// a killed run may leave, is not an entry: what it is about was not sent.
///
/// # Errors
/// The first line that is wrong.
pub fn read(text: &str) -> Result<Vec<Value>, JournalError> {
    let (mut entries, mut last) = (Vec::new(), String::new());
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    for (index, line) in whole.lines().enumerate() {
        let wrong = |why: &str| JournalError { line: index + 1, why: why.to_owned() };
        let entry: Value =
            serde_json::from_str(line).map_err(|_| wrong("it is not a journal entry"))?;
        if entry.get("before").and_then(Value::as_str) != Some(&last) {
            return Err(wrong("the line before it was removed or changed"));
        }
        last = hex(&Sha256::digest(line.as_bytes()));
        entries.push(entry);
    }
    Ok(entries)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_is_removed_or_changed_is_noticed() {
        let out = Shared::default();
        let run = RunId::new(b"1");
        assert_eq!(RunId::parse(run.as_str()), Some(run.clone()));
        assert_eq!(RunId::parse("../../../../x"), None);
        let mut journal = Journal::new(run, Box::new(out.clone()));
        for number in 0..3 {
            journal.add(Timestamp::UNIX_EPOCH, "http", "10.0.0.1:1", &json!(number)).unwrap();
        }
        let text = String::from_utf8(out.0.lock().unwrap().clone()).unwrap();
        assert_eq!(read(&text).unwrap().len(), 3);
        // A killed run leaves half a line.
        assert_eq!(read(&text[..text.len() - 5]).unwrap().len(), 2);
        assert_eq!(read("").unwrap().len(), 0);
        let lines: Vec<_> = text.lines().collect();
        let removed = format!("{}\n{}\n", lines[0], lines[2]);
        assert_eq!(read(&removed).unwrap_err().line, 2);
        let changed = text.replacen("10.0.0.1", "10.0.0.2", 1);
        assert_eq!(read(&changed).unwrap_err().line, 2);
    }
}
