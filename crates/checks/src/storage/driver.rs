//! Requirements of volume drivers for encryption at rest.

/// The requirement of a driver for encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// Always encrypted at rest by the provider.
    Always,
    /// Encrypted only if the parameter is true.
    Flag(&'static str),
    /// Encrypted if the parameter is true; otherwise the default of the account applies.
    FlagOrAccount(&'static str),
    /// Depends on the underlying disk.
    DiskBelow,
}

/// Returns the requirement of a driver or provisioner. `None` if not known.
pub(super) fn rule(name: &str) -> Option<Rule> {
    Some(match name {
        "ebs.csi.aws.com" | "kubernetes.io/aws-ebs" | "ebs.csi.eks.amazonaws.com" => {
            Rule::FlagOrAccount("encrypted")
        }
        "pd.csi.storage.gke.io"
        | "kubernetes.io/gce-pd"
        | "filestore.csi.storage.gke.io"
        | "disk.csi.azure.com"
        | "kubernetes.io/azure-disk"
        | "file.csi.azure.com"
        | "kubernetes.io/azure-file"
        | "blockvolume.csi.oraclecloud.com"
        | "dobs.csi.digitalocean.com"
        | "fsx.csi.aws.com"
        | "fsx.openzfs.csi.aws.com"
        | "vpc.block.csi.ibm.io" => Rule::Always,
        "driver.longhorn.io" => Rule::Flag("encrypted"),
        "pxd.portworx.com" | "kubernetes.io/portworx-volume" => Rule::Flag("secure"),
        "kubernetes.io/no-provisioner"
        | "rancher.io/local-path"
        | "topolvm.io"
        | "openebs.io/local"
        | "local.csi.openebs.io"
        | "zfs.csi.openebs.io" => Rule::DiskBelow,
        // Rook prefixes drivers with its namespace.
        p if p.ends_with("rbd.csi.ceph.com") || p.ends_with("cephfs.csi.ceph.com") => {
            Rule::Flag("encrypted")
        }
        _ => return None,
    })
}
