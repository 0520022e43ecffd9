//! Writes a snapshot file.

use std::io::{self, Write};

use jiff::Timestamp;
use pavisade_yaml::Value;
use zstd::stream::write::Encoder;

use super::facts::{ImageLine, MissingLine};
use super::wire::{self, Count, End, Switch};
use super::{FORMAT, Header, MAGIC, SKIPPABLE};
use crate::{Facts, Object, Snapshot, stored};

/// A fast level: objects of a cluster are similar, so higher levels gain little.
const LEVEL: i32 = 3;

/// Writes a snapshot file object by object.
pub struct Writer<W: Write> {
    to: Encoder<'static, W>,
    objects: usize,
    world: usize,
}

impl<W: Write> Writer<W> {
    /// Starts a file. The objects in `header` are not written.
    ///
    /// # Errors
    /// Returns errors from `to`.
    pub fn new(mut to: W, header: &Header) -> io::Result<Self> {
        let text = format!("{MAGIC}{FORMAT}\n");
        to.write_all(&SKIPPABLE)?;
        to.write_all(&(text.len() as u32).to_le_bytes())?;
        to.write_all(text.as_bytes())?;
        let mut to = Encoder::new(to, LEVEL)?;
        to.include_checksum(true)?;
        let mut writer = Self { to, objects: 0, world: 0 };
        writer.line(&serde_json::to_string(&wire::Header::from(header))?)?;
        Ok(writer)
    }

    /// Writes the facts. Must be called before any object is written.
    ///
    /// # Errors
    /// Returns write errors.
    pub fn facts(&mut self, facts: &Facts) -> io::Result<()> {
        let Some(images) = &facts.images else { return Ok(()) };
        let missing = images.missing();
        let missing = missing.into_iter().map(|(name, why)| (name.to_owned(), why.to_owned()));
        self.line(&serde_json::to_string(&MissingLine { missing: missing.collect() })?)?;
        for image in images.all() {
            self.line(&serde_json::to_string(&ImageLine { image: image.into() })?)?;
        }
        Ok(())
    }

    /// Writes an object of a world, trimmed by [`stored::trim`].
    ///
    /// # Errors
    /// Returns write errors.
    pub fn object(
        &mut self,
        world: usize,
        value: Value<'_>,
        api_version: &str,
        kind: &str,
    ) -> io::Result<()> {
        if world != self.world {
            self.world = world;
            self.line(&serde_json::to_string(&Switch { world })?)?;
        }
        self.objects += 1;
        self.line(&stored::trim(value, api_version, kind))
    }

    /// Ends the file and returns the target.
    ///
    /// # Errors
    /// Returns write errors.
    pub fn finish(mut self) -> io::Result<W> {
        let end = End { end: Count { objects: self.objects } };
        self.line(&serde_json::to_string(&end)?)?;
        let mut to = self.to.finish()?;
        to.flush()?;
        Ok(to)
    }

    fn line(&mut self, text: &str) -> io::Result<()> {
        self.to.write_all(text.as_bytes())?;
        self.to.write_all(b"\n")
    }
}

/// Writes a whole snapshot that was created by `tool` at `time`.
///
/// # Errors
/// Returns errors from `to`.
pub fn write<W: Write>(to: W, snapshot: &Snapshot, tool: &str, time: Timestamp) -> io::Result<W> {
    let worlds = snapshot.worlds().iter().map(|world| world.parts()).collect();
    let notes = snapshot.notes().to_vec();
    let mut writer = Writer::new(to, &Header { tool: tool.to_owned(), time, worlds, notes })?;
    writer.facts(snapshot.facts())?;
    for (index, world) in snapshot.worlds().iter().enumerate() {
        for object in world.objects() {
            writer.object(index, object.value(), &api_version(object), object.kind())?;
        }
    }
    writer.finish()
}

fn api_version(object: &Object) -> String {
    match object.group() {
        "" => object.version().to_owned(),
        group => format!("{group}/{}", object.version()),
    }
}
