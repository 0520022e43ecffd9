//! What a database stores, counted by resource and form.
//!
//! Revisions are read from the newest to the oldest, so the first one of a key is its current value,
//! and all others are old revisions, which remain until compaction. Memory depends on the number of
//! keys (16 bytes each), not on the size of the database.

use std::collections::{BTreeMap, HashSet};

use sha2::{Digest as _, Sha256};

use crate::bolt::{Bolt, Damages, NotBolt};
use crate::bytes::{ReadAt, be64};
use crate::expect::{Expected, Writer};
use crate::integrity::{Integrity, integrity};
use crate::mvcc::{KeyValue, Revision};
use crate::resource::stored;
use crate::stored::Form;

/// The largest number of keys that are distinguished. More need over 1 GB of memory.
const MAX_KEYS: usize = 1 << 25;
/// The largest number of resources, and of forms for each, that are counted separately.
const MAX_RESOURCES: usize = 10_000;
const MAX_FORMS: usize = 256;
/// The largest number of objects that are listed for each resource.
pub const MAX_LISTED: usize = 1000;

/// Numbers of values and their size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// The number of values.
    pub values: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

impl Count {
    fn add(&mut self, bytes: usize) {
        self.values += 1;
        self.bytes += bytes as u64;
    }

    /// Returns the sum.
    pub fn plus(self, other: Self) -> Self {
        Self { values: self.values + other.values, bytes: self.bytes + other.bytes }
    }
}

/// An object whose current value does not have the expected form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stale {
    /// The namespace and name, or the name.
    pub object: String,
    /// The form of its value.
    pub form: Form,
    /// The revision at which it was written.
    pub revision: u64,
}

/// The values of a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// The current values by form.
    pub current: BTreeMap<Form, Count>,
    /// Old revisions before compaction by form.
    pub old: BTreeMap<Form, Count>,
    /// Remains in free pages by form.
    pub free: BTreeMap<Form, Count>,
    /// Deletions that are not compacted yet.
    pub deletions: u64,
    /// The form of the value that was written last, and its revision.
    pub newest: Option<(u64, Form)>,
    /// The writer according to the configuration. `None` if none was given.
    pub writer: Option<Writer>,
    /// The number of objects whose current value has another form than expected: that of `writer`
    /// or, without a configuration, that of `newest`.
    pub stale: u64,
    /// Such objects, up to [`MAX_LISTED`].
    pub listed: Vec<Stale>,
}

impl Tally {
    /// Returns the number and size of all current values.
    pub fn total(&self) -> Count {
        self.current.values().fold(Count::default(), |sum, count| sum.plus(*count))
    }

    /// Returns the current values that are encrypted.
    pub fn encrypted(&self) -> Count {
        sum(&self.current, |form| form.is_plain() == Some(false))
    }

    /// Returns the current values in plain text.
    pub fn plain(&self) -> Count {
        sum(&self.current, |form| form.is_plain() == Some(true))
    }

    /// Returns the old revisions in plain text.
    pub fn old_plain(&self) -> Count {
        sum(&self.old, |form| form.is_plain() == Some(true))
    }

    /// Returns the number of old revisions and remains whose form is not known.
    pub fn unclear_remains(&self) -> u64 {
        let unclear = |forms| sum(forms, |form| form.is_plain().is_none()).values;
        unclear(&self.old) + unclear(&self.free)
    }

    /// Returns the remains in plain text in free pages.
    pub fn free_plain(&self) -> Count {
        sum(&self.free, |form| form.is_plain() == Some(true))
    }
}

fn sum(forms: &BTreeMap<Form, Count>, wanted: impl Fn(&Form) -> bool) -> Count {
    let wanted = forms.iter().filter(|(form, _)| wanted(form));
    wanted.fold(Count::default(), |sum, (_, count)| sum.plus(*count))
}

/// What a database stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The size of the file in bytes.
    pub size: u64,
    /// The size of a page in bytes.
    pub page_size: u32,
    /// The number of the last transaction of the file.
    pub transaction: u64,
    /// The result of verifying the hash at the end of a snapshot.
    pub integrity: Integrity,
    /// Notes on what was not as expected.
    pub notes: Vec<String>,
    /// What could not be read.
    pub damages: Damages,
    /// Whether all current values were read.
    pub complete: bool,
    /// The last revision in the file.
    pub revision: u64,
    /// The revision up to which old revisions were removed, if it is known.
    pub compacted: Option<u64>,
    /// The values by resource.
    pub resources: BTreeMap<String, Tally>,
    /// The current values at keys that are not objects.
    pub other: Count,
    /// A digest of all current keys and values, if requested. Equal for members with the same data.
    pub digest: Option<[u8; 32]>,
}

/// What to do in addition to counting.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options<'a> {
    /// The `EncryptionConfiguration` that should have applied.
    pub expected: Option<&'a Expected>,
    /// Whether to compute [`Proof::digest`].
    pub digest: bool,
    /// Only revisions up to this one count, as if later ones did not exist.
    pub up_to: Option<u64>,
}

/// Reads a database.
///
/// # Errors
/// It is not a bbolt database of etcd.
pub fn prove(from: &dyn ReadAt, options: Options<'_>) -> Result<Proof, NotBolt> {
    let integrity = integrity(from);
    let mut bolt = Bolt::open(from)?;
    let (buckets, all) = bolt.buckets();
    let find = |name: &[u8]| buckets.iter().find(|(key, _)| key == name).map(|(_, root)| root);
    let mut compacted = None;
    if let Some(root) = find(b"meta") {
        bolt.walk(root, &mut |key, value| {
            if key == b"finishedCompactRev" {
                compacted = be64(value, 0);
            }
        });
    }
    let mut counting = Counting { options, ..Counting::default() };
    match find(b"key") {
        Some(root) => {
            let mut wrong = Damages::default();
            bolt.walk(root, &mut |key, value| counting.take(key, value, &mut wrong));
            bolt.damages.count += wrong.count;
            bolt.damages.listed.extend(wrong.listed);
        }
        None if all => {
            return Err(NotBolt(
                "this bbolt database is not from etcd: it has no bucket `key`".into(),
            ));
        }
        None => {}
    }
    // Pages of other buckets must not count as free.
    for (name, root) in &buckets {
        if !matches!(&**name, b"key" | b"meta") {
            bolt.walk(root, &mut |_, _| {});
        }
    }
    // Damage anywhere may hide values: a lost transaction, a bucket, or pages after the end.
    let complete = bolt.damages.count == 0 && !counting.truncated;
    if complete {
        bolt.remains(&mut |key, value| counting.remains(key, value));
    }
    let meta = bolt.meta();
    let Counting { resources, other, revision, mut notes, sum, truncated, .. } = counting;
    notes.splice(0..0, std::mem::take(&mut bolt.notes));
    let digest = options.digest.then_some(sum);
    let mut proof = Proof {
        size: from.size(),
        page_size: meta.page_size,
        transaction: meta.transaction,
        integrity,
        notes,
        damages: bolt.damages,
        complete: complete && !truncated,
        revision,
        compacted,
        resources,
        other,
        digest,
    };
    proof.integrity_note();
    Ok(proof)
}

impl Proof {
    fn integrity_note(&mut self) {
        let why = match self.integrity {
            Integrity::Right | Integrity::None => return,
            Integrity::Wrong => {
                "the SHA-256 at the end of the snapshot does not match: the file was changed or \
                 damaged after it was written"
            }
            Integrity::Cut => {
                "the size of the file is not that of whole pages, with or without a SHA-256 at the \
                 end: something was cut off or appended"
            }
        };
        self.complete = false;
        self.notes.push(why.to_owned());
    }
}

#[derive(Default)]
struct Counting<'a> {
    options: Options<'a>,
    resources: BTreeMap<String, Tally>,
    other: Count,
    revision: u64,
    seen: HashSet<[u8; 16]>,
    notes: Vec<String>,
    sum: [u8; 32],
    truncated: bool,
}

impl Counting<'_> {
    /// Counts a revision. They come from the newest to the oldest.
    fn take(&mut self, key: &[u8], value: &[u8], wrong: &mut Damages) {
        let Some(revision) = Revision::read(key) else {
            return wrong.add(0, "a key of the bucket `key` is not a revision");
        };
        if self.options.up_to.is_some_and(|last| revision.main > last) {
            return;
        }
        let read = KeyValue::read(value);
        // A deletion stores only the key.
        let same = |read: &KeyValue<'_>| revision.tombstone || read.modified == revision.main;
        let Some(read) = read.filter(same) else {
            let main = revision.main;
            return wrong.add(0, format!("the value of revision {main} is not valid"));
        };
        self.revision = self.revision.max(revision.main);
        let current = self.is_first(read.key);
        if current && !revision.tombstone && self.options.digest {
            self.digest(&read);
        }
        // A damaged name does not hide the value.
        let Some(found) = stored(&String::from_utf8_lossy(read.key)) else {
            if current && !revision.tombstone {
                self.other.add(read.value.len());
            }
            return;
        };
        let expected = self.options.expected;
        let Some(tally) = self.tally(&found.resource) else { return };
        if revision.tombstone {
            tally.deletions += 1;
            return;
        }
        let form = Form::of(read.value);
        if !current {
            return count(&mut tally.old, form, read.value.len());
        }
        if tally.newest.is_none() {
            tally.newest = Some((revision.main, form.clone()));
            tally.writer = expected.map(|expected| expected.writer(&found.resource));
        }
        let good = match (&tally.writer, &tally.newest) {
            (Some(writer), _) => writer.wrote(&form).unwrap_or(true) && same_key(tally, &form),
            (None, Some((_, newest))) => form == *newest,
            (None, None) => true,
        };
        if !good {
            tally.stale += 1;
            if tally.listed.len() < MAX_LISTED {
                let form = form.clone();
                tally.listed.push(Stale { object: found.object, form, revision: revision.main });
            }
        }
        count(&mut tally.current, form, read.value.len());
    }

    /// Counts a value in a free page.
    fn remains(&mut self, key: &[u8], value: &[u8]) {
        let Some(revision) = Revision::read(key).filter(|revision| !revision.tombstone) else {
            return;
        };
        let read = KeyValue::read(value).filter(|read| read.modified == revision.main);
        let Some(read) = read else { return };
        let Some(found) = stored(&String::from_utf8_lossy(read.key)) else { return };
        if let Some(tally) = self.tally(&found.resource) {
            count(&mut tally.free, Form::of(read.value), read.value.len());
        }
    }

    fn tally(&mut self, resource: &str) -> Option<&mut Tally> {
        if !self.resources.contains_key(resource) && self.resources.len() >= MAX_RESOURCES {
            self.truncate(format!("only {MAX_RESOURCES} resources are counted"));
            return None;
        }
        Some(self.resources.entry(resource.to_owned()).or_default())
    }

    fn is_first(&mut self, key: &[u8]) -> bool {
        let digest = Sha256::digest(key);
        let short: [u8; 16] = std::array::from_fn(|at| digest[at]);
        if self.seen.len() >= MAX_KEYS && !self.seen.contains(&short) {
            self.truncate(format!("only {MAX_KEYS} keys are distinguished"));
        }
        self.truncated || self.seen.insert(short)
    }

    fn truncate(&mut self, why: String) {
        if !self.truncated {
            self.truncated = true;
            self.notes.push(why);
        }
    }

    /// Adds a current value to the digest, whose parts have no order.
    fn digest(&mut self, read: &KeyValue<'_>) {
        let mut hash = Sha256::new();
        for number in [read.modified, read.created, read.version, read.key.len() as u64] {
            hash.update(number.to_be_bytes());
        }
        hash.update(read.key);
        hash.update(read.value);
        let mut carry = 0u16;
        for (sum, byte) in self.sum.iter_mut().rev().zip(hash.finalize().iter().rev()) {
            let total = u16::from(*sum) + u16::from(*byte) + carry;
            *sum = total.to_le_bytes()[0];
            carry = total >> 8;
        }
    }
}

/// Whether a value has the same key id as the newest one, for KMS version 2: the configuration does
/// not contain it.
fn same_key(tally: &Tally, form: &Form) -> bool {
    let newest = tally.newest.as_ref().map(|(_, newest)| newest);
    match (form, newest) {
        (
            Form::Encrypted { key_id: Some(id), key, .. },
            Some(Form::Encrypted { key_id: Some(newest), key: of, .. }),
        ) if key == of => id == newest,
        _ => true,
    }
}

fn count(forms: &mut BTreeMap<Form, Count>, form: Form, bytes: usize) {
    let form = match forms.contains_key(&form) || forms.len() < MAX_FORMS {
        true => form,
        // The number of keys is bounded; the provider is still shown.
        false => match form {
            Form::Encrypted { provider, .. } => {
                Form::Encrypted { provider, key: "(further keys)".to_owned(), key_id: None }
            }
            other => other,
        },
    };
    forms.entry(form).or_default().add(bytes);
}
