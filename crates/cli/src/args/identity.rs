//! Arguments of `pavisade identity`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Color, How};

const WAYS_EXIT_CODES: &str = "\
Exit codes:
  0  a second factor is proven, or no people come in
  1  there is a login method without a second factor
  2  wrong usage, or the result could not be written
  3  it could not be determined: something was not read, or decides elsewhere";

const POLICY_EXIT_CODES: &str = "\
Examples:
  pavisade identity mfa-policy https://example.okta.com --audience kubernetes --max-age 12h
  pavisade identity mfa-policy https://sso.example.com --acr urn:example:mfa --audience kubernetes
  pavisade identity mfa-policy --admission --operation DELETE --resource secrets

Exit codes:
  0  written
  2  wrong usage, or this issuer cannot prove a second factor";

const TOKEN_EXIT_CODES: &str = "\
Exit codes:
  0  the API server accepts the token
  1  the API server refuses it
  2  wrong usage, or a file is not what it should be
  3  it could not be determined: the signature was not checked (give --keys), or a rule is not evaluated here";

/// How users authenticate to the API server.
#[derive(Debug, Args)]
#[command(after_help = WAYS_EXIT_CODES, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct IdentityArgs {
    #[command(subcommand)]
    pub command: Option<IdentityCommand>,

    /// Files, folders or archives with the API server's static pod, kubeadm's configuration and the
    /// AuthenticationConfiguration [default: .].
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    #[command(flatten)]
    pub how: How,
}

#[derive(Debug, Subcommand)]
pub(crate) enum IdentityCommand {
    /// Write a configuration by which the API server refuses logins without a second factor.
    #[command(after_help = POLICY_EXIT_CODES)]
    MfaPolicy(MfaPolicyArgs),
    /// Say what the API server makes of a token, offline, and which rule refuses it.
    #[command(after_help = TOKEN_EXIT_CODES)]
    TestToken(TestTokenArgs),
}

#[derive(Debug, Args)]
pub(crate) struct MfaPolicyArgs {
    /// The issuer's URL.
    #[arg(required_unless_present = "admission")]
    pub issuer: Option<String>,

    /// Whom tokens must be for: the client id of kubectl's login.
    #[arg(long, value_name = "AUDIENCE", default_value = "kubernetes")]
    pub audience: String,

    /// What the issuer is: entra, okta, keycloak, google, auth0, dex, pinniped, generic
    /// [default: by its URL].
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,

    /// How old a login and how long a token's life may be at most: 12h, 30m, 900s.
    #[arg(long, value_name = "DURATION")]
    pub max_age: Option<String>,

    /// A value of the claim `acr` that means a second factor; may be given again.
    #[arg(long, value_name = "VALUE")]
    pub acr: Vec<String>,

    /// The claim that is the username [default: sub, or what the preset says].
    #[arg(long, value_name = "CLAIM")]
    pub username_claim: Option<String>,

    /// The claim that holds groups.
    #[arg(long, value_name = "CLAIM", default_value = "groups")]
    pub groups_claim: String,

    /// What is put before names and groups.
    #[arg(long, value_name = "PREFIX", default_value = "oidc:")]
    pub prefix: String,

    /// Write a ValidatingAdmissionPolicy instead that demands a second factor for changes.
    #[arg(long)]
    pub admission: bool,

    /// For --admission: the operations; may be given again.
    #[arg(long, value_name = "OPERATION", requires = "admission", default_values = ["CREATE", "UPDATE", "DELETE", "CONNECT"])]
    pub operation: Vec<String>,

    /// For --admission: the resources, `*/*` for all with their subresources; may be given again.
    #[arg(long, value_name = "RESOURCE", requires = "admission", default_values = ["*/*"])]
    pub resource: Vec<String>,

    /// For --admission: demand membership of this group instead of the mark of a login with MFA.
    #[arg(long, value_name = "GROUP", requires = "admission")]
    pub group: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct TestTokenArgs {
    /// A file with the token, or with claims as JSON; `-` is standard input.
    pub file: PathBuf,

    /// The AuthenticationConfiguration.
    #[arg(long, value_name = "FILE")]
    pub against: PathBuf,

    /// The issuer's keys (the document behind `jwks_uri`), to check the signature.
    #[arg(long, value_name = "FILE")]
    pub keys: Option<PathBuf>,

    /// Judge as of this time, in seconds since 1970 [default: now].
    #[arg(long, value_name = "SECONDS")]
    pub at: Option<u64>,

    /// Print JSON.
    #[arg(long, help_heading = "Output")]
    pub json: bool,

    /// When to use colors.
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN", help_heading = "Output")]
    pub color: Color,
}
