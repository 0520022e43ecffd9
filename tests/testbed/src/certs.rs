//! A cluster's own authority, and the certificates and keys that it gives.
//!
//! They are valid for a month: a cluster for tests never lives longer.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

const HOUR: Duration = Duration::from_secs(3600);
const LIFE: Duration = Duration::from_secs(30 * 24 * 3600);

/// An authority whose files lie in a folder.
pub(crate) struct Authority {
    folder: PathBuf,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// Whom a certificate names.
#[derive(Default)]
pub(crate) struct Holder<'a> {
    /// The user's or server's name (CN).
    pub(crate) name: &'a str,
    /// The user's group (O).
    pub(crate) group: Option<&'a str>,
    /// Names and addresses that a server answers to; a client has none.
    pub(crate) hosts: Vec<String>,
}

impl Authority {
    /// Makes an authority: `NAME.crt` and `NAME.key`.
    pub(crate) fn new(folder: &Path, name: &str) -> anyhow::Result<Self> {
        let key = KeyPair::generate()?;
        let mut params = params(&Holder { name, ..Holder::default() })?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
        ];
        let key_pem = key.serialize_pem();
        let issuer = CertifiedIssuer::self_signed(params, key)?;
        write(&folder.join(format!("{name}.crt")), &issuer.pem())?;
        write(&folder.join(format!("{name}.key")), &key_pem)?;
        Ok(Self { folder: folder.to_owned(), issuer })
    }

    /// Gives a certificate for servers and clients: `FILE.crt` and `FILE.key`.
    pub(crate) fn give(&self, file: &str, holder: &Holder<'_>) -> anyhow::Result<()> {
        let key = KeyPair::generate()?;
        let mut params = params(holder)?;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if !holder.hosts.is_empty() {
            params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        }
        let certificate = params.signed_by(&key, &self.issuer);
        let certificate = certificate.with_context(|| format!("signing {file}.crt"))?;
        write(&self.folder.join(format!("{file}.crt")), &certificate.pem())?;
        write(&self.folder.join(format!("{file}.key")), &key.serialize_pem())
    }
}

/// A pair of keys without a certificate: `FILE.pub` and `FILE.key`.
pub(crate) fn key_pair(folder: &Path, file: &str) -> anyhow::Result<()> {
    let key = KeyPair::generate()?;
    write(&folder.join(format!("{file}.pub")), &key.public_key_pem())?;
    write(&folder.join(format!("{file}.key")), &key.serialize_pem())
}

/// Writes what only its owner may read.
pub(crate) fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let write = || {
        let mut options = fs::File::options();
        let mut file = options.create(true).truncate(true).write(true).mode(0o600).open(path)?;
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        file.write_all(text.as_bytes())
    };
    write().with_context(|| format!("writing {}", path.display()))
}

fn params(holder: &Holder<'_>) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::new(holder.hosts.clone())?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    if let Some(group) = holder.group {
        params.distinguished_name.push(DnType::OrganizationName, group);
    }
    params.distinguished_name.push(DnType::CommonName, holder.name);
    let now = SystemTime::now();
    // Clocks of a test may be set back a little.
    params.not_before = (now - HOUR).into();
    params.not_after = (now + LIFE).into();
    Ok(params)
}
