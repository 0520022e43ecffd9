//! The private test networks: each cluster has one of 64.

/// The addresses of one cluster.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Network {
    slot: u8,
}

/// How many networks there are.
pub(crate) const SLOTS: u8 = 64;

impl Network {
    pub(crate) fn of(slot: u8) -> Self {
        Self { slot }
    }

    /// The range of services; the first one is the API server's.
    pub(crate) fn services(self) -> String {
        format!("10.215.{}.0/24", self.slot)
    }

    pub(crate) fn api_service(self) -> String {
        format!("10.215.{}.1", self.slot)
    }

    /// The range of all pods, of which every node has a part.
    pub(crate) fn pods(self) -> String {
        format!("10.214.{}.0/22", u32::from(self.slot) * 4)
    }

    /// The machine's own address, at which nothing listens.
    pub(crate) fn machine(self) -> String {
        format!("10.213.{}.1", self.slot)
    }

    pub(crate) fn node(self, node: u8) -> String {
        format!("10.213.{}.{}", self.slot, 10 + u32::from(node))
    }

    /// The bridge that joins the nodes; a link's name has at most 15 letters.
    pub(crate) fn bridge(self) -> String {
        format!("pavisade{}", self.slot)
    }

    /// The machine's end of the link to a node.
    pub(crate) fn link(self, node: u8) -> String {
        format!("pavisade{}n{node}", self.slot)
    }
}
