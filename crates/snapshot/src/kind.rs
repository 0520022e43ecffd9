//! Kinds of worlds and their properties.

/// The kind of a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorldKind {
    /// A directory, a file, or standard input.
    Files,
    /// A rendered Helm chart.
    Chart,
    /// A kustomization, rendered or as source files.
    Kustomization,
    /// A live cluster.
    Cluster,
}

/// Code uses these properties instead of comparing kinds, so a new kind only has to define them.
impl WorldKind {
    /// Whether it is the state of an API server: stored, defaulted, and running.
    pub fn is_live(self) -> bool {
        match self {
            Self::Cluster => true,
            Self::Files | Self::Chart | Self::Kustomization => false,
        }
    }

    /// Whether further objects may exist in addition to those in it: files show only what is to be
    /// applied.
    pub fn may_be_incomplete(self) -> bool {
        match self {
            Self::Files | Self::Chart | Self::Kustomization => true,
            Self::Cluster => false,
        }
    }

    /// Whether the renderer may have generated random values in it.
    pub fn may_be_made_up(self) -> bool {
        match self {
            Self::Chart => true,
            Self::Files | Self::Kustomization | Self::Cluster => false,
        }
    }
}
