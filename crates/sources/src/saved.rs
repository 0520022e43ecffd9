//! Reads a snapshot file in parallel.

use std::fs::File;
use std::path::Path;

use pavisade_snapshot::file::{Batch, Limits, ReadError, Reader, Saved};
use rayon::prelude::*;

/// Reads a snapshot file.
///
/// # Errors
/// See [`ReadError`]. Problems with single objects are in the notes of the snapshot.
pub fn saved(path: &Path) -> Result<Saved, ReadError> {
    let file = File::open(path).map_err(ReadError::Io)?;
    let mut reader = Reader::new(file, &path.display().to_string(), Limits::default())?;
    let mut error = None;
    // An idle thread decompresses the next batch.
    let batches = std::iter::from_fn(|| reader.batch().map_err(|e| error = Some(e)).ok().flatten());
    let parsed: Vec<_> = batches.par_bridge().map(Batch::parse).collect();
    match error {
        Some(error) => Err(error),
        None => reader.finish(parsed),
    }
}
