//! What somebody says of a vulnerability in a product: statements of VEX documents.

/// A statement of a VEX document (`OpenVEX` 0.2.0, `CycloneDX`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// What is said.
    pub status: VexStatus,
    /// Why it is not affected, as `OpenVEX` writes it: `vulnerable_code_not_present`; may be empty.
    pub justification: String,
    /// How it is not affected, or what to do about it; may be empty.
    pub text: String,
    /// Who says so; may be empty.
    pub author: String,
    /// The document, and which of its statements.
    pub place: String,
}

/// What a VEX statement says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VexStatus {
    /// Nothing has to be done.
    NotAffected,
    /// The product has a fix.
    Fixed,
    /// It is not known yet.
    UnderInvestigation,
    /// Something has to be done.
    Affected,
}

impl VexStatus {
    /// The word of `OpenVEX`.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotAffected => "not_affected",
            Self::Fixed => "fixed",
            Self::UnderInvestigation => "under_investigation",
            Self::Affected => "affected",
        }
    }

    /// Whether nothing is left to be done.
    pub fn closes(self) -> bool {
        matches!(self, Self::NotAffected | Self::Fixed)
    }
}
