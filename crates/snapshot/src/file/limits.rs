//! How much a snapshot file may take.

/// What a snapshot file may take. The defaults hold a cluster ten times as large as the largest
/// that Kubernetes supports.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of all lines.
    pub bytes: u64,
    /// Bytes of one line.
    pub line: usize,
    /// Objects.
    pub objects: usize,
    /// Images, those that could not be had, and all that is listed of them.
    pub rows: usize,
    /// Worlds.
    pub worlds: usize,
    /// How many times larger than packed the lines may be, beyond a free 64 MiB.
    pub ratio: u64,
    /// How many times larger than packed the objects may be in memory, beyond a free GiB.
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
