//! What a world is, and the questions that code asks of it.

/// What a world is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorldKind {
    /// A folder, a file, standard input.
    Files,
    /// A rendered Helm chart.
    Chart,
    /// A kustomization, rendered or as its files stand.
    Kustomization,
    /// A live cluster.
    Cluster,
}

/// Code asks these questions and compares no kinds: whoever adds a kind answers them.
impl WorldKind {
    /// Whether it is what an API server has: stored, with all defaults, and running.
    pub fn is_live(self) -> bool {
        match self {
            Self::Cluster => true,
            Self::Files | Self::Chart | Self::Kustomization => false,
        }
    }

    /// Whether there may be more than it holds, whatever was read of it: files show what somebody
    /// means to apply.
    pub fn may_be_incomplete(self) -> bool {
        match self {
            Self::Files | Self::Chart | Self::Kustomization => true,
            Self::Cluster => false,
        }
    }

    /// Whether values in it may have been made up by what rendered it, anew each time.
    pub fn may_be_made_up(self) -> bool {
        match self {
            Self::Chart => true,
            Self::Files | Self::Kustomization | Self::Cluster => false,
        }
    }
}
