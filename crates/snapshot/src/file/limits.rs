//! Limits for reading a snapshot file.

/// Limits for a snapshot file. The defaults allow a cluster ten times as large as the largest that
/// Kubernetes supports.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The size of all lines, in bytes.
    pub bytes: u64,
    /// The size of a line, in bytes.
    pub line: usize,
    /// The number of objects.
    pub objects: usize,
    /// The number of images, unresolved references, and rows of their tables.
    pub rows: usize,
    /// The number of worlds.
    pub worlds: usize,
    /// The compression ratio of the lines, not counting the first 64 MiB.
    pub ratio: u64,
    /// The ratio of the objects' memory to the compressed size, not counting the first GiB.
    pub memory_ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 8 << 30,
            line: 64 << 20,
            objects: 5_000_000,
            rows: 20_000_000,
            worlds: 100,
            ratio: 200,
            memory_ratio: 100,
        }
    }
}
