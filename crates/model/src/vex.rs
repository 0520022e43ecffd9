//! Statements of VEX documents: the status of a vulnerability in a product.

/// A statement of a VEX document (`OpenVEX` 0.2.0, `CycloneDX`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The status.
    pub status: VexStatus,
    /// Why the product is not affected, in `OpenVEX` notation: `vulnerable_code_not_present`. May
    /// be empty.
    pub justification: String,
    /// The impact statement, or what action to take. May be empty.
    pub text: String,
    /// The author of the statement. May be empty.
    pub author: String,
    /// The document, and the statement in it.
    pub place: String,
}

/// The status of a VEX statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VexStatus {
    /// No action is required.
    NotAffected,
    /// The product has a fix.
    Fixed,
    /// Not determined yet.
    UnderInvestigation,
    /// Action is required.
    Affected,
}

impl VexStatus {
    /// Returns the `OpenVEX` name.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotAffected => "not_affected",
            Self::Fixed => "fixed",
            Self::UnderInvestigation => "under_investigation",
            Self::Affected => "affected",
        }
    }

    /// Whether no action remains.
    pub fn closes(self) -> bool {
        matches!(self, Self::NotAffected | Self::Fixed)
    }
}
