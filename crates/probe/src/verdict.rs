//! The verdict of a probe on an endpoint.

/// What a probe found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is open, which the response proves.
    Open {
        /// What is open, in one sentence.
        message: String,
        /// The part of the response that proves it.
        proof: String,
    },
    /// It is closed, which the response proves.
    Closed(Closed, String),
    /// It could not be determined.
    Unknown(String),
    /// The probe does not apply to what serves there.
    NotApplicable(String),
}

/// How something is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Closed {
    /// Nothing listens there.
    Refused,
    /// There is no response, although the host responds at other ports.
    Filtered,
    /// Credentials are required.
    Authentication,
    /// The request is forbidden.
    Authorization,
    /// A client certificate is required.
    ClientCertificate,
    /// It was rejected by admission.
    Admission,
    /// It is not served, or the response is not what the component would send.
    NotServed,
    /// The setting is as it should be.
    Good,
}

impl Closed {
    /// All ways.
    pub const ALL: [Self; 8] = [
        Self::Refused,
        Self::Filtered,
        Self::Authentication,
        Self::Authorization,
        Self::ClientCertificate,
        Self::Admission,
        Self::NotServed,
        Self::Good,
    ];

    /// Returns the name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Filtered => "filtered",
            Self::Authentication => "authentication required",
            Self::Authorization => "forbidden",
            Self::ClientCertificate => "client certificate required",
            Self::Admission => "rejected by admission",
            Self::NotServed => "not served",
            Self::Good => "as it should be",
        }
    }
}

impl Verdict {
    /// Returns the word for the verdict in reports.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Open { .. } => "open",
            Self::Closed(..) => "closed",
            Self::Unknown(_) => "unknown",
            Self::NotApplicable(_) => "not applicable",
        }
    }

    /// Returns the reason, or the proof.
    pub fn reason(&self) -> &str {
        match self {
            Self::Open { proof, .. } => proof,
            Self::Closed(_, why) | Self::Unknown(why) | Self::NotApplicable(why) => why,
        }
    }
}
