//! What volume drivers need for encryption at rest.

/// What a driver needs for encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// Always encrypted at rest by the provider.
    Always,
    /// Encrypted when the parameter is true; else not.
    Flag(&'static str),
    /// Encrypted when the parameter is true; else the account's default decides.
    FlagOrAccount(&'static str),
    /// The disk below decides.
    DiskBelow,
}

/// What is known of a driver or provisioner; nothing where it is not known.
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
        // Rook prefixes the drivers with its namespace.
        p if p.ends_with("rbd.csi.ceph.com") || p.ends_with("cephfs.csi.ceph.com") => {
            Rule::Flag("encrypted")
        }
        _ => return None,
    })
}
