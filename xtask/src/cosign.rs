//! `cargo xtask cosign`: verifies with cosign what Pavisade signs, and the reverse; what one
//! rejects, the other must reject too. It uses two registries on the loopback interface: Debian's
//! `docker-registry`, which has no referrers API, and a small one in Go that does
//! (`tests/tools/registry`).
//!
//! cosign is built from its Go module (`tests/tools/cosign`), only for this task and `bench
//! verify`. Only keys are tested, because cosign's certificate authority and log need internet
//! access.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::bench::release_binary;
use crate::tools::tool;

/// Arguments of `cargo xtask cosign`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Use this program instead of the release build.
    #[arg(long)]
    program: Option<PathBuf>,
    /// Use this cosign.
    #[arg(long, hide = true)]
    cosign: Option<PathBuf>,
    /// Use this registry with a referrers API.
    #[arg(long, hide = true)]
    referrers: Option<PathBuf>,
}

const PASSPHRASE: &str = "open sesame";

/// A registry that stops when dropped.
pub(crate) struct Registry {
    child: Child,
    pub(crate) host: String,
    _folder: tempfile::TempDir,
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Registry {
    /// Starts Debian's registry.
    pub(crate) fn debian() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let host = format!("127.0.0.1:{port}");
        let config = folder.path().join("config.yml");
        let data = folder.path().join("data");
        fs::write(
            &config,
            format!(
                "version: 0.1\nlog: {{level: error}}\nhttp: {{addr: '{host}'}}\n\
                 storage: {{filesystem: {{rootdirectory: '{}'}}}}\n",
                data.display()
            ),
        )?;
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("starting docker-registry (Debian: apt-get install docker-registry)")?;
        let registry = Self { child, host, _folder: folder };
        for _ in 0..200 {
            if TcpStream::connect(&registry.host).is_ok() {
                return Ok(registry);
            }
            sleep(Duration::from_millis(50));
        }
        bail!("docker-registry does not listen")
    }

    /// Starts the registry with a referrers API.
    pub(crate) fn referrers(program: Option<&Path>) -> anyhow::Result<Self> {
        let program = program.map_or_else(|| tool("registry"), |path| Ok(path.to_owned()))?;
        let mut child = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting the registry with referrers")?;
        let out = child.stdout.take().context("its output")?;
        let mut host = String::new();
        BufReader::new(out).read_line(&mut host)?;
        Ok(Self { child, host: host.trim().to_owned(), _folder: tempfile::tempdir()? })
    }

    /// Pushes a small image and returns its digest, which differs between registries: a cached
    /// signature counts wherever the image is.
    pub(crate) fn push(&self, repository: &str, tag: &str) -> anyhow::Result<String> {
        let configuration = json!({
            "architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []},
            "config": {"Labels": {"name": format!("{}/{repository}:{tag}", self.host)}},
        });
        let configuration = configuration.to_string();
        let digest = self.blob(repository, configuration.as_bytes())?;
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({
            "schemaVersion": 2, "mediaType": kind, "layers": [],
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": digest, "size": configuration.len(),
            },
        });
        self.manifest(repository, tag, kind, &manifest)
    }

    /// Pushes an index of existing images.
    fn index(&self, repository: &str, tag: &str, digests: &[String]) -> anyhow::Result<String> {
        let kind = "application/vnd.oci.image.index.v1+json";
        let manifests: Vec<_> = digests
            .iter()
            .zip(["amd64", "arm64"])
            .map(|(digest, architecture)| {
                let size = self.size(repository, digest)?;
                Ok(json!({
                    "mediaType": "application/vnd.oci.image.manifest.v1+json",
                    "digest": digest, "size": size,
                    "platform": {"os": "linux", "architecture": architecture},
                }))
            })
            .collect::<anyhow::Result<_>>()?;
        let index = json!({"schemaVersion": 2, "mediaType": kind, "manifests": manifests});
        self.manifest(repository, tag, kind, &index)
    }

    fn size(&self, repository: &str, digest: &str) -> anyhow::Result<usize> {
        let url = format!("http://{}/v2/{repository}/manifests/{digest}", self.host);
        let accept = "Accept: application/vnd.oci.image.manifest.v1+json";
        Ok(curl(&["-H", accept, &url], None)?.len())
    }

    fn manifest(
        &self,
        repository: &str,
        tag: &str,
        kind: &str,
        value: &Value,
    ) -> anyhow::Result<String> {
        let text = value.to_string();
        let url = format!("http://{}/v2/{repository}/manifests/{tag}", self.host);
        let header = format!("Content-Type: {kind}");
        curl(&["-X", "PUT", "-H", &header, "--data-binary", "@-", &url], Some(text.as_bytes()))?;
        Ok(digest(text.as_bytes()))
    }

    fn blob(&self, repository: &str, bytes: &[u8]) -> anyhow::Result<String> {
        let digest = digest(bytes);
        let url = format!("http://{}/v2/{repository}/blobs/uploads/", self.host);
        let head = curl(&["-X", "POST", "-D", "-", "-o", "/dev/null", &url], Some(b""))?;
        let head = String::from_utf8(head)?;
        let to = head
            .lines()
            .find_map(|line| {
                line.to_ascii_lowercase().starts_with("location:").then(|| line[9..].trim())
            })
            .context("no Location")?;
        let to =
            if to.starts_with('/') { format!("http://{}{to}", self.host) } else { to.to_owned() };
        let separator = if to.contains('?') { '&' } else { '?' };
        let to = format!("{to}{separator}digest={digest}");
        let kind = "Content-Type: application/octet-stream";
        curl(&["-X", "PUT", "-H", kind, "--data-binary", "@-", &to], Some(bytes))?;
        Ok(digest)
    }
}

fn digest(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

fn curl(arguments: &[&str], input: Option<&[u8]>) -> anyhow::Result<Vec<u8>> {
    use std::io::Write as _;
    let mut child = Command::new("curl")
        .args(["--fail", "--silent", "--show-error"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("running curl")?;
    child.stdin.take().context("curl's input")?.write_all(input.unwrap_or_default())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "curl {arguments:?}: {}", output.status);
    Ok(output.stdout)
}

/// Both programs, run in one directory.
pub(crate) struct Both {
    pub(crate) ours: PathBuf,
    pub(crate) cosign: PathBuf,
    pub(crate) folder: tempfile::TempDir,
}

impl Both {
    pub(crate) fn run(&self, ours: bool, arguments: &[&str]) -> anyhow::Result<Output> {
        let program = if ours { &self.ours } else { &self.cosign };
        Command::new(program)
            .args(arguments)
            .current_dir(self.folder.path())
            .env("COSIGN_PASSWORD", PASSPHRASE)
            .env("HOME", self.folder.path())
            .env("COSIGN_YES", "true")
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("running {}", program.display()))
    }

    /// Runs a program that must succeed.
    pub(crate) fn must(&self, ours: bool, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self.run(ours, arguments)?;
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        ensure!(output.status.success(), "{}: {said}", arguments.join(" "));
        Ok(said)
    }
}

#[derive(Default)]
struct Tally {
    agreed: usize,
    total: usize,
}

impl Tally {
    fn is(&mut self, what: &str, expect: bool, output: &Output) {
        self.total += 1;
        if output.status.success() == expect {
            self.agreed += 1;
            return;
        }
        println!(
            "{what}: must be {}: {}{}",
            if expect { "verified" } else { "refused" },
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

/// Signs and verifies with both programs.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let both = Both {
        ours: args.program.clone().map_or_else(release_binary, Ok)?,
        cosign: args.cosign.clone().map_or_else(|| tool("cosign"), Ok)?,
        folder: tempfile::tempdir()?,
    };
    let mut tally = Tally::default();
    both.must(true, &["keys", "new", "ours"])?;
    both.must(true, &["keys", "new", "form", "--form", "cosign"])?;
    both.must(true, &["keys", "new", "other"])?;
    both.must(false, &["generate-key-pair", "--output-key-prefix", "theirs"])?;
    // Each reads the other's keys.
    let public = both.must(true, &["keys", "public", "theirs.key"])?;
    let theirs = fs::read_to_string(both.folder.path().join("theirs.pub"))?;
    tally.total += 1;
    tally.agreed += usize::from(public.trim() == theirs.trim());
    files(&both, &mut tally)?;
    for (name, registry) in [
        ("docker-registry", Registry::debian()?),
        ("registry with referrers", Registry::referrers(args.referrers.as_deref())?),
    ] {
        println!("== {name}");
        images(&both, &registry, &mut tally)?;
    }
    let Tally { agreed, total } = tally;
    println!("agreed {agreed} of {total}");
    ensure!(agreed == total, "cosign and we disagree");
    Ok(())
}

fn files(both: &Both, tally: &mut Tally) -> anyhow::Result<()> {
    let at = |name: &str| both.folder.path().join(name);
    fs::write(at("file"), "content")?;
    fs::write(at("changed"), "other content")?;
    for (signer, key) in
        [(true, "ours.key"), (true, "form.key"), (false, "theirs.key"), (false, "form.key")]
    {
        let _ = fs::remove_file(at("bundle"));
        if signer {
            both.must(true, &["sign", "file", "--key", key, "-o", "bundle"])?;
        } else {
            both.must(false, &sign_blob(key))?;
        }
        let public = key.replace(".key", ".pub");
        for (file, public, expect) in
            [("file", &*public, true), ("changed", &*public, false), ("file", "other.pub", false)]
        {
            let what = |who: &str| format!("{who}: {file} signed with {key} by {signer}, {public}");
            let own = ["verify", file, "--bundle", "bundle", "--key", public, "--without-log"];
            tally.is(&what("we"), expect, &both.run(true, &own)?);
            let theirs = [
                "verify-blob",
                "--key",
                public,
                "--bundle",
                "bundle",
                "--insecure-ignore-tlog=true",
                file,
            ];
            tally.is(&what("cosign"), expect, &both.run(false, &theirs)?);
        }
    }
    Ok(())
}

fn sign_blob(key: &str) -> Vec<&str> {
    vec![
        "sign-blob",
        "--key",
        key,
        "--bundle",
        "bundle",
        "--tlog-upload=false",
        "--use-signing-config=false",
        "file",
    ]
}

fn images(both: &Both, registry: &Registry, tally: &mut Tally) -> anyhow::Result<()> {
    fs::write(both.folder.path().join("predicate.json"), r#"{"packages": []}"#)?;
    let host = &registry.host;
    for (number, (signer, form)) in
        [("ours", "bundle"), ("cosign", "bundle"), ("cosign", "legacy")].into_iter().enumerate()
    {
        for is_index in [false, true] {
            let repository = format!("team/app{number}{}", u8::from(is_index));
            let image = registry.push(&repository, "one")?;
            let digest = match is_index {
                true => {
                    let second = registry.push(&repository, "two")?;
                    registry.index(&repository, "many", &[image, second])?
                }
                false => image,
            };
            let reference = format!("{host}/{repository}@{digest}");
            let key = if signer == "ours" { "ours" } else { "theirs" };
            let secret = format!("{key}.key");
            let public = format!("{key}.pub");
            let plain = ["--plain-http", host];
            let quiet = ["--allow-http-registry", "--allow-insecure-registry"];
            let unlogged = ["--tlog-upload=false", "--use-signing-config=false"];
            let format = if form == "bundle" {
                "--new-bundle-format=true"
            } else {
                "--new-bundle-format=false"
            };
            let what = |step: &str| format!("{signer} ({form}), index {is_index}, {step}");
            let own = |more: &[&str], public: &str| -> anyhow::Result<Output> {
                let args = ["verify", &reference, "--key", public, "--without-log"];
                both.run(true, &[&args[..], &plain, more].concat())
            };
            let theirs = |command: &str, more: &[&str], public: &str| -> anyhow::Result<Output> {
                let args = [command, "--key", public, "--insecure-ignore-tlog=true", format];
                both.run(false, &[&args[..], &quiet, more, &[&reference]].concat())
            };
            // Before anything is signed.
            tally.is(&what("we, unsigned"), false, &own(&[], &public)?);
            tally.is(&what("cosign, unsigned"), false, &theirs("verify", &[], &public)?);
            if signer == "ours" {
                both.must(true, &[&["sign", &*reference, "--key", &secret][..], &plain].concat())?;
            } else {
                let args = ["sign", "--key", &secret, format];
                both.must(false, &[&args[..], &unlogged, &quiet, &[&reference]].concat())?;
            }
            for (public, expect) in [(&*public, true), ("other.pub", false)] {
                tally.is(&what(&format!("we, {public}")), expect, &own(&[], public)?);
                let said = theirs("verify", &[], public)?;
                tally.is(&what(&format!("cosign, {public}")), expect, &said);
            }
            if signer == "ours" {
                let args = [
                    "attest",
                    &*reference,
                    "--key",
                    &secret,
                    "--type",
                    "cyclonedx",
                    "--predicate",
                    "predicate.json",
                ];
                both.must(true, &[&args[..], &plain].concat())?;
            } else {
                let args = [
                    "attest",
                    "--key",
                    &secret,
                    "--type",
                    "cyclonedx",
                    "--predicate",
                    "predicate.json",
                    format,
                ];
                both.must(false, &[&args[..], &unlogged, &quiet, &[&reference]].concat())?;
            }
            for (public, expect) in [(&*public, true), ("other.pub", false)] {
                let said = own(&["--type", "cyclonedx"], public)?;
                tally.is(&what(&format!("we, attestation, {public}")), expect, &said);
                let said = theirs("verify-attestation", &["--type", "cyclonedx"], public)?;
                tally.is(&what(&format!("cosign, attestation, {public}")), expect, &said);
            }
            let said = own(&["--type", "openvex"], &public)?;
            tally.is(&what("we, another attestation"), false, &said);
            let said = theirs("verify-attestation", &["--type", "openvex"], &public)?;
            tally.is(&what("cosign, another attestation"), false, &said);
        }
    }
    Ok(())
}
