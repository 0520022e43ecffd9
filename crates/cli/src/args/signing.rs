//! Arguments of `pavisade verify`, `sign`, `attest` and `keys`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{Color, Registry};

/// The certificate authority of the public Sigstore instance.
pub(crate) const PUBLIC_FULCIO: &str = "https://fulcio.sigstore.dev";

const VERIFY_HELP: &str = "\
Accepted signers are named by --key, or by --identity and --issuer. Nothing is asked but the
registry of the image; the trust root is a file or the one in this program.

Examples:
  pavisade verify registry.example/team/app:1.2 --key team.pub --without-log
  pavisade verify ghcr.io/acme/app@sha256:… --issuer https://token.actions.githubusercontent.com \\
    --identity-pattern 'https://github.com/acme/app/.github/workflows/.*@refs/tags/.*'
  pavisade verify app.tar.gz --bundle app.tar.gz.sigstore.json --key team.pub --without-log

Exit codes:
  0  verified: a signature holds, and its signer is accepted
  1  not verified: not signed, or every signature is refused
  2  wrong usage, or the result could not be written
  3  the image or some of its signatures could not be read, and none that was read is accepted";

const SIGN_HELP: &str = "\
A passphrase comes from --passphrase-file, from PAVISADE_PASSPHRASE (or COSIGN_PASSWORD), or is
asked for on the terminal. It cannot be an argument, because other users can see those.

Examples:
  pavisade keys new team
  pavisade sign registry.example/team/app@sha256:… --key team.key
  pavisade sign app.tar.gz --key team.key

Exit codes:
  0  signed
  2  wrong usage, or it could not be signed or written
  3  the image could not be read";

/// Who is trusted.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Trust {
    /// Accept signatures of this public key (PEM: a key, or a certificate); may be given again.
    #[arg(long = "key", value_name = "FILE", help_heading = "Accepted signers")]
    pub keys: Vec<PathBuf>,

    /// Accept this identity: the URI or e-mail address in the certificate, exactly.
    #[arg(
        long,
        value_name = "TEXT",
        conflicts_with = "identity_pattern",
        help_heading = "Accepted signers"
    )]
    pub identity: Option<String>,

    /// Accept identities that this regular expression matches from the first to the last character.
    #[arg(long, value_name = "REGEX", help_heading = "Accepted signers")]
    pub identity_pattern: Option<String>,

    /// Who must have identified the signer: the URL of the OpenID Connect provider, exactly.
    #[arg(
        long,
        value_name = "URL",
        conflicts_with = "issuer_pattern",
        help_heading = "Accepted signers"
    )]
    pub issuer: Option<String>,

    /// The same by a regular expression, which must match from the first to the last character.
    #[arg(long, value_name = "REGEX", help_heading = "Accepted signers")]
    pub issuer_pattern: Option<String>,

    /// The repository that the certificate must name: https://github.com/acme/app.
    #[arg(long, value_name = "URL", help_heading = "Accepted signers")]
    pub repository: Option<String>,

    /// The branch or tag that the certificate must name: refs/heads/main.
    #[arg(long = "git-ref", value_name = "REF", help_heading = "Accepted signers")]
    pub reference: Option<String>,

    /// The trust root (JSON) instead of that of the public Sigstore instance.
    #[arg(long = "trust-root", value_name = "FILE", help_heading = "What must come with it")]
    pub root: Option<PathBuf>,

    /// Accept signatures that are in no transparency log: of keys, or with a trusted timestamp.
    #[arg(long, help_heading = "What must come with it")]
    pub without_log: bool,

    /// Accept certificates that no certificate log has recorded, as those of private authorities.
    #[arg(long, help_heading = "What must come with it")]
    pub without_certificate_log: bool,
}

#[derive(Debug, Args)]
#[command(after_help = VERIFY_HELP)]
pub(crate) struct VerifyArgs {
    /// What was signed: an image (a reference, a layout in a folder or archive), or a file with
    /// --bundle.
    #[arg(value_name = "TARGET")]
    pub target: PathBuf,

    /// The bundle with the signature over a file [default: TARGET.sigstore.json, if there is one].
    #[arg(long, value_name = "FILE")]
    pub bundle: Option<PathBuf>,

    #[command(flatten)]
    pub trust: Trust,

    /// Accept statements of this type instead of signatures: slsa, slsa02, cyclonedx, spdx, vuln,
    /// openvex, vsa, sign (a signature), or a URI; may be given again.
    #[arg(long = "type", value_name = "TYPE", help_heading = "What must come with it")]
    pub types: Vec<String>,

    /// The image, where a layout holds several: its name or its digest.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,

    #[command(flatten)]
    pub registry: Registry,

    /// Show each step, of refused signatures too.
    #[arg(long, help_heading = "Output")]
    pub explain: bool,

    /// Print JSON, with the statements that hold.
    #[arg(long, help_heading = "Output")]
    pub json: bool,

    /// When to use colors.
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN", help_heading = "Output")]
    pub color: Color,

    /// Columns to fill; by default those of the terminal, or 100.
    #[arg(long, value_name = "COLUMNS", help_heading = "Output")]
    pub width: Option<usize>,
}

/// With what is signed.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct With {
    /// Sign with this private key (PEM: PKCS#8 or cosign's form, encrypted or not).
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    pub key: Option<PathBuf>,

    /// Read the passphrase of the key from this file; the end of its line does not count.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,

    /// Sign without a key: with a certificate for whom the OpenID Connect token in this file
    /// identifies (`-` is standard input).
    #[arg(long = "identity-token", value_name = "FILE", help_heading = "Signing without a key")]
    pub token: Option<PathBuf>,

    /// The certificate authority.
    #[arg(
        long,
        value_name = "URL",
        default_value = PUBLIC_FULCIO,
        help_heading = "Signing without a key"
    )]
    pub fulcio: String,

    /// The transparency log (Rekor 1) that the signature is recorded in [default with
    /// --identity-token: https://rekor.sigstore.dev; with --key: none].
    #[arg(long, value_name = "URL", help_heading = "Witnesses")]
    pub rekor: Option<String>,

    /// Record the signature in no transparency log.
    #[arg(long, conflicts_with = "rekor", help_heading = "Witnesses")]
    pub no_log: bool,

    /// The timestamp authority (RFC 3161) that vouches for the time; its full address:
    /// https://timestamp.sigstore.dev/api/v1/timestamp.
    #[arg(long, value_name = "URL", help_heading = "Witnesses")]
    pub timestamps: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = SIGN_HELP)]
pub(crate) struct SignArgs {
    /// What to sign: an image of a registry, or a file.
    #[arg(value_name = "TARGET")]
    pub target: PathBuf,

    #[command(flatten)]
    pub with: With,

    #[command(flatten)]
    pub registry: Registry,

    /// Write the bundle to this file [default for files: TARGET.sigstore.json]; of an image, instead of
    /// attaching it.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = SIGN_HELP)]
pub(crate) struct AttestArgs {
    /// What the statement is about: an image of a registry, or a file.
    #[arg(value_name = "TARGET")]
    pub target: PathBuf,

    /// The type of the statement: slsa, slsa02, cyclonedx, spdx, vuln, openvex, vsa, or a URI.
    #[arg(long = "type", value_name = "TYPE", requires = "predicate")]
    pub kind: Option<String>,

    /// What is stated: a JSON file (`-` is standard input).
    #[arg(long, value_name = "FILE", requires = "kind")]
    pub predicate: Option<PathBuf>,

    /// State which packages are in the image: a CycloneDX SBOM, made now.
    #[arg(long)]
    pub sbom: bool,

    /// State which vulnerabilities are known in the image: a report, made now.
    #[arg(long)]
    pub vulnerabilities: bool,

    /// The database of vulnerabilities [default: PAVISADE_DB, else pavisade/vulnerabilities.db in the
    /// user's data folder].
    #[arg(long, value_name = "FILE", requires = "vulnerabilities")]
    pub db: Option<PathBuf>,

    #[command(flatten)]
    pub with: With,

    #[command(flatten)]
    pub registry: Registry,

    /// Write the bundle to this file [default for files: TARGET.sigstore.json]; of an image, instead of
    /// attaching it.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    pub command: KeysCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a key pair: NAME.key, encrypted with a passphrase, and NAME.pub.
    New {
        /// The first part of both files' names.
        #[arg(value_name = "NAME")]
        name: PathBuf,

        /// The kind of key.
        #[arg(long, value_enum, default_value_t = Kind::P256)]
        kind: Kind,

        /// How the private key is written.
        #[arg(long, value_enum, default_value_t = Form::Pkcs8)]
        form: Form,

        /// Read the passphrase from this file; the end of its line does not count.
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
    },
    /// Print the public key of a private key.
    Public {
        /// The private key.
        #[arg(value_name = "FILE")]
        key: PathBuf,

        /// Read the passphrase from this file; the end of its line does not count.
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// ECDSA on NIST P-256, which all programs verify.
    P256,
    /// ECDSA on NIST P-384.
    P384,
    /// ECDSA on NIST P-521.
    P521,
    /// Ed25519.
    Ed25519,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// Encrypted PKCS#8, which OpenSSL reads too.
    Pkcs8,
    /// What cosign writes and reads.
    Cosign,
}
