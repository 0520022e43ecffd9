//! Arguments of `pavisade integrity`.

mod names;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use pavisade_report::integrity::Container;

use super::{ApiServer, Choose, Color, Registry};
use names::{container, place};

pub(crate) use names::Place;

const BASELINE_HELP: &str = "\
The key stays on another machine: make the baseline on the node without --key, copy it, and sign
it there with `pavisade integrity sign`. Keep the printed digest outside of the node, for
--expect.

Examples:
  pavisade integrity baseline -o node-1.baseline
  pavisade integrity baseline --root /host --node node-1 --preset kubernetes --preset programs -o new
  pavisade integrity baseline --append node-1.baseline --public-key team.pub

Exit codes:
  0  written
  2  wrong usage, or it could not be written
  3  written, but something could not be read and is not covered";

const SIGN_HELP: &str = "\
The node, what is covered, and the numbers of paths are shown before the passphrase is asked for.
A version covers what its node says: read this.

A passphrase comes from --passphrase-file, from PAVISADE_PASSPHRASE, or is asked for on the
terminal.

Exit codes:
  0  signed
  2  wrong usage, or it could not be signed or written";

const VERIFY_HELP: &str = "\
A baseline without a valid signature of --key, of another node, or with another digest than
--expect is refused. Without --expect, an older baseline of the node with a valid signature is
accepted, which a note says.

A change is expected if a package was upgraded and its checksum agrees, if a renewed certificate
is issued by an unchanged one, or if a list given by --digests contains the file. The checksums of
packages are on the node, where root can change them: --strict does not accept them. With -f json,
a baseline that is refused is a result with the reason in `refused`, and counts as one unexpected
change.

Examples:
  pavisade integrity verify node-1.baseline --key team.pub --expect sha256:…
  pavisade integrity verify node-1.baseline --key team.pub --root /host --node node-1 -f json
  pavisade integrity verify node-1.baseline --key team.pub --digests kubernetes-1.37.2.sha256
  pavisade integrity verify node-1.baseline --key team.pub --expect-config-map pavisade-integrity/integrity-digests
  pavisade integrity verify node-1.baseline --key team.pub --expect sha256:… --facts -o node-1.json
  pavisade comply --cluster --framework pci-dss node-1.json node-2.json

Exit codes:
  0  no change, or only expected ones
  1  unexpected changes, and everything could be read
  2  wrong usage, or a baseline that is refused
  3  something could not be read, so it is not known whether it changed, whatever else changed";

const PUBLISH_HELP: &str = "\
Run it where the key is, not on a node, as an identity that may get and patch this one ConfigMap
(deploy/integrity has the role). Nodes only read it. The digest in the ConfigMap must be that of
an earlier version of the same baseline: otherwise the baseline was replaced, and --replace is
needed.

Examples:
  pavisade integrity publish node-1.baseline --key team.pub --config-map pavisade-integrity/integrity-digests
  pavisade integrity verify node-1.baseline --key team.pub --expect-config-map pavisade-integrity/integrity-digests

Exit codes:
  0  the ConfigMap has the digest of the newest version
  2  wrong usage, a baseline that is refused, or the API server refused the change";

const WATCH_HELP: &str = "\
Needs CAP_SYS_ADMIN and CAP_DAC_READ_SEARCH, and the process ids of the host (hostPID in a pod).
Changes made before the start are not seen, and the queue of the kernel can overflow, which is
reported as missed: `integrity verify` finds both.

Examples:
  pavisade integrity watch --preset kubernetes --preset cron
  pavisade integrity watch --root /host --containers -f json

Exit codes:
  0  stopped after the given time, and nothing was missed
  2  wrong usage, or files cannot be watched
  3  some paths are not watched, or changes may have been missed";

const IMAGE_HELP: &str = "\
Types, modes, contents and targets of links are compared. Owners and extended attributes are not,
and what is mounted into the container is left out.

Examples:
  pavisade integrity image registry.example/team/app@sha256:… --root /proc/4711/root
  pavisade integrity image app.tar --root /run/containerd/io.containerd.runtime.v2.task/k8s.io/ID/rootfs
  pavisade integrity image app.tar --root /proc/4711/root --facts --container shop/web-0/app

Exit codes:
  0  the container has the files of its image
  1  files differ, and everything could be read
  2  wrong usage, or the result could not be written
  3  the image or a file could not be read, whatever else differs";

#[derive(Debug, Args)]
pub(crate) struct IntegrityArgs {
    #[command(subcommand)]
    pub command: IntegrityCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum IntegrityCommand {
    /// Write what the files of a node are now.
    Baseline(Box<BaselineArgs>),
    /// Sign the newest version of a baseline.
    Sign(SignBaselineArgs),
    /// Show the versions of a baseline.
    Show(ShowArgs),
    /// Store the digest of a signed baseline in a ConfigMap of the cluster.
    Publish(PublishArgs),
    /// Compare the files of a node with a baseline, and explain what changed.
    Verify(Box<VerifyBaselineArgs>),
    /// Report changes as they happen, with the process and the pod.
    Watch(WatchArgs),
    /// Compare the root of a container with the layers of its image.
    Image(Box<DriftArgs>),
}

/// The node and the limits of reading.
#[derive(Debug, Args)]
pub(crate) struct NodeArgs {
    /// The root of the node's file system.
    #[arg(long, value_name = "FOLDER", default_value = "/")]
    pub root: PathBuf,

    /// The name of the node [default: that in etc/hostname].
    #[arg(long, value_name = "NAME")]
    pub node: Option<String>,

    /// Read at most so many megabytes per second.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_mbps: Option<u32>,

    /// Leave processor and disk to others: the lowest priority for the processor, and a low one for the disk.
    #[arg(long)]
    pub idle: bool,

    /// Do not show progress.
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum HashName {
    Blake3,
    Sha256,
}

#[derive(Debug, Args)]
#[command(after_help = BASELINE_HELP)]
pub(crate) struct BaselineArgs {
    /// Files and folders of the node, with all that is below them.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// A set of paths; may be given again [default: all, if no path is given].
    #[arg(long, value_name = "NAME", value_parser = crate::integrity::preset_parser())]
    pub preset: Vec<String>,

    /// Leave out a path with all that is below it; `*` matches within one name.
    #[arg(long, value_name = "PATH")]
    pub exclude: Vec<PathBuf>,

    /// Leave out other file systems below the paths.
    #[arg(short = 'x', long)]
    pub one_file_system: bool,

    /// The hash of contents [default: blake3, or that of the baseline with --append].
    #[arg(long, value_name = "NAME")]
    pub hash: Option<HashName>,

    /// The new baseline.
    #[arg(short, long, value_name = "FILE", required_unless_present = "append")]
    pub output: Option<PathBuf>,

    /// Add a version to this baseline. Without paths and presets, it covers what the last one does.
    #[arg(long, value_name = "FILE", conflicts_with = "output")]
    pub append: Option<PathBuf>,

    /// Add to a baseline only if this public key signed its newest version; may be given again.
    #[arg(long, value_name = "FILE", requires = "append")]
    pub public_key: Vec<PathBuf>,

    /// Add to a baseline only if its newest version has this digest.
    #[arg(long, value_name = "DIGEST", requires = "append")]
    pub previous: Option<String>,

    /// Sign with this private key, if it may be on this machine.
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,

    /// The file with the passphrase of the key.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,

    #[command(flatten)]
    pub node: NodeArgs,
}

#[derive(Debug, Args)]
#[command(after_help = SIGN_HELP)]
pub(crate) struct SignBaselineArgs {
    /// The baseline, which is replaced.
    #[arg(value_name = "BASELINE")]
    pub baseline: PathBuf,

    /// The private key.
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,

    /// The file with the passphrase of the key.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,

    /// Sign only if the newest version has this digest, as printed on the node.
    #[arg(long, value_name = "DIGEST")]
    pub expect: Option<String>,

    /// Sign only if the version before the newest has this digest. Needed if there is one and this key
    /// did not sign it.
    #[arg(long, value_name = "DIGEST")]
    pub previous: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The baseline.
    #[arg(value_name = "BASELINE")]
    pub baseline: PathBuf,

    /// Show all entries of the newest version.
    #[arg(long)]
    pub entries: bool,
}

#[derive(Debug, Args)]
#[command(after_help = PUBLISH_HELP)]
pub(crate) struct PublishArgs {
    /// The baseline.
    #[arg(value_name = "BASELINE")]
    pub baseline: PathBuf,

    /// Accept signatures of this public key; may be given again.
    #[arg(long = "key", value_name = "FILE", required = true)]
    pub keys: Vec<PathBuf>,

    /// The ConfigMap. It has one entry for each node, and is created if it does not exist.
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = place)]
    pub config_map: Place,

    /// Replace a digest that is not of an earlier version of this baseline.
    #[arg(long)]
    pub replace: bool,

    #[command(flatten)]
    pub server: ApiServer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum IntegrityFormat {
    /// For terminals.
    #[value(alias = "terminal", alias = "text")]
    Table,
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
}

#[derive(Debug, Args)]
#[command(after_help = VERIFY_HELP)]
pub(crate) struct VerifyBaselineArgs {
    /// The baseline.
    #[arg(value_name = "BASELINE")]
    pub baseline: PathBuf,

    #[command(flatten)]
    pub trust: TrustArgs,

    /// Digests of files to expect, in the format of `sha256sum`; may be given again.
    #[arg(long, value_name = "FILE")]
    pub digests: Vec<PathBuf>,

    /// A folder with a trusted copy of the node's root: a file that is the same there is expected.
    #[arg(long, value_name = "FOLDER")]
    pub reference: Option<PathBuf>,

    /// Do not accept the checksums of packages, which are on the node.
    #[arg(long)]
    pub strict: bool,

    /// Do not read files whose inode, size and times are those of the baseline. Faster, but blind to
    /// bit rot, and to a changed clock.
    #[arg(long)]
    pub trust_ctime: bool,

    /// Print facts on one line, which `pavisade scan` and `pavisade comply` read, instead of a report.
    #[arg(long, conflicts_with_all = ["format", "full"])]
    pub facts: bool,

    /// Verify again and again, with so many seconds between, until interrupted. A baseline that is
    /// refused is reported each time.
    #[arg(long, value_name = "SECONDS")]
    pub every: Option<u64>,

    #[command(flatten)]
    pub shown: ShownArgs,

    #[command(flatten)]
    pub node: NodeArgs,
}

/// Who may have signed a baseline.
#[derive(Debug, Args)]
pub(crate) struct TrustArgs {
    /// Accept signatures of this public key; may be given again.
    #[arg(
        long = "key",
        value_name = "FILE",
        required_unless_present_any = ["expect", "expect_file", "expect_config_map"]
    )]
    pub keys: Vec<PathBuf>,

    /// The digest of the newest version.
    #[arg(long, value_name = "DIGEST")]
    pub expect: Option<String>,

    /// The file with the digest of the newest version.
    #[arg(long, value_name = "FILE", conflicts_with = "expect")]
    pub expect_file: Option<PathBuf>,

    /// The ConfigMap with the digest of the newest version, below the name of the node. It is read from
    /// the API server.
    #[arg(
        long,
        value_name = "NAMESPACE/NAME",
        value_parser = place,
        conflicts_with_all = ["expect", "expect_file"]
    )]
    pub expect_config_map: Option<Place>,

    #[command(flatten)]
    pub server: ApiServer,
}

/// How a result is shown.
#[derive(Debug, Args)]
pub(crate) struct ShownArgs {
    /// The format.
    #[arg(short, long, value_name = "NAME", default_value = "table")]
    pub format: IntegrityFormat,

    /// Write the result to a file.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Show every expected change.
    #[arg(long)]
    pub full: bool,

    /// When to use colors.
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
}

#[derive(Debug, Args)]
#[command(after_help = IMAGE_HELP)]
pub(crate) struct DriftArgs {
    /// The image: a reference in a registry, an archive, or the folder of an OCI layout.
    #[arg(value_name = "IMAGE")]
    pub image: PathBuf,

    /// The root of the container, such as /proc/PID/root.
    #[arg(long, value_name = "FOLDER")]
    pub root: PathBuf,

    /// Leave out a path with all that is below it; `*` matches within one name.
    #[arg(long, value_name = "PATH")]
    pub exclude: Vec<PathBuf>,

    /// Report empty files and folders too, which runtimes make for mounts.
    #[arg(long)]
    pub strict: bool,

    /// Print facts on one line, which `pavisade scan` and `pavisade comply` read, instead of a report.
    #[arg(long, requires = "container", conflicts_with_all = ["format", "full"])]
    pub facts: bool,

    /// The container, for the facts.
    #[arg(long, value_name = "NAMESPACE/POD/CONTAINER", value_parser = container, requires = "facts")]
    pub container: Option<Container>,

    #[command(flatten)]
    pub choose: Choose,

    #[command(flatten)]
    pub registry: Registry,

    #[command(flatten)]
    pub shown: ShownArgs,

    /// Do not show progress.
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WatchFormat {
    /// One line per change.
    #[value(alias = "terminal")]
    Text,
    /// One JSON object per line.
    Json,
}

#[derive(Debug, Args)]
#[command(after_help = WATCH_HELP)]
pub(crate) struct WatchArgs {
    /// Files and folders of the node, with all that is below them.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// A set of paths; may be given again [default: all, if no path is given].
    #[arg(long, value_name = "NAME", value_parser = crate::integrity::preset_parser())]
    pub preset: Vec<String>,

    /// Leave out a path with all that is below it; `*` matches within one name.
    #[arg(long, value_name = "PATH")]
    pub exclude: Vec<PathBuf>,

    /// Also report what containers change in their own root.
    #[arg(long)]
    pub containers: bool,

    /// The root of the node's file system.
    #[arg(long, value_name = "FOLDER", default_value = "/")]
    pub root: PathBuf,

    /// Stop after so many seconds [default: run until interrupted].
    #[arg(long = "for", value_name = "SECONDS")]
    pub seconds: Option<u64>,

    /// The format.
    #[arg(short, long, value_name = "NAME", default_value = "text")]
    pub format: WatchFormat,
}
