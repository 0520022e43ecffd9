//! A snapshot file, read in parallel.

use std::fs::File;
use std::path::Path;

use pavisade_snapshot::file::{Batch, Limits, ReadError, Reader, Saved};
use rayon::prelude::*;

/// Reads a snapshot file.
///
/// # Errors
/// See [`ReadError`]; what is wrong with single objects is among the snapshot's notes.
pub fn saved(path: &Path) -> Result<Saved, ReadError> {
    let file = File::open(path).map_err(ReadError::Io)?;
    let mut reader = Reader::new(file, &path.display().to_string(), Limits::default())?;
    let mut error = None;
    // Whoever has nothing to parse unpacks the next batch.
    let batches = std::iter::from_fn(|| reader.batch().map_err(|e| error = Some(e)).ok().flatten());
    let parsed: Vec<_> = batches.par_bridge().map(Batch::parse).collect();
    match error {
        Some(error) => Err(error),
        None => reader.finish(parsed),
    }
}
