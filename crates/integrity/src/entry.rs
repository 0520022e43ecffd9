//! What is known of one path.

use std::fmt;

use pavisade_signing::Hash;

/// A hash of contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Algorithm {
    /// BLAKE3 with 256 bits.
    #[default]
    Blake3,
    /// SHA-256.
    Sha256,
    /// MD5, which dpkg uses. Only compared with lists of packages, never stored in a baseline.
    Md5,
}

impl Algorithm {
    /// Returns the name in baselines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Blake3 => "blake3",
            Self::Sha256 => "sha256",
            Self::Md5 => "md5",
        }
    }

    /// Returns the algorithm with this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Blake3, Self::Sha256, Self::Md5].into_iter().find(|one| one.name() == name)
    }

    /// Returns the length of a digest in bytes.
    pub fn bytes(self) -> usize {
        if self == Self::Md5 { 16 } else { 32 }
    }
}

/// A digest of contents. MD5 fills the first half.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The bytes.
    pub bytes: [u8; 32],
}

impl Digest {
    /// Returns a digest of an algorithm; `None` if the length is wrong.
    pub fn new(algorithm: Algorithm, digest: &[u8]) -> Option<Self> {
        let mut bytes = [0; 32];
        bytes
            .get_mut(..digest.len())
            .filter(|_| digest.len() == algorithm.bytes())?
            .copy_from_slice(digest);
        Some(Self { algorithm, bytes })
    }

    /// Reads lower-case hexadecimal digits.
    pub fn from_hex(algorithm: Algorithm, text: &str) -> Option<Self> {
        Self::new(algorithm, &from_hex(text)?)
    }

    /// Returns the SHA-256 digest of bytes.
    pub fn sha256(bytes: &[u8]) -> Self {
        let mut digest = Self { algorithm: Algorithm::Sha256, bytes: [0; 32] };
        digest.bytes.copy_from_slice(&Hash::Sha256.of(bytes));
        digest
    }

    /// Returns the hexadecimal digits.
    pub fn hex(&self) -> String {
        hex(self.bytes.get(..self.algorithm.bytes()).unwrap_or_default())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

/// Reads lower-case digits only, so that a value has one spelling.
pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(value(*high)? << 4 | value(*low)?),
        _ => None,
    });
    pairs.collect()
}

/// The type of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A block device.
    Block,
    /// A character device.
    Character,
}

impl Kind {
    /// All types.
    pub const ALL: [Self; 7] = [
        Self::File,
        Self::Directory,
        Self::Link,
        Self::Fifo,
        Self::Socket,
        Self::Block,
        Self::Character,
    ];

    /// Returns the name in baselines and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Link => "link",
            Self::Fifo => "fifo",
            Self::Socket => "socket",
            Self::Block => "block",
            Self::Character => "character",
        }
    }
}

/// A time stamp of a file: seconds since 1970, and nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub i64, pub u32);

/// What a path contains.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Content {
    /// The digest of a regular file.
    Digest(Digest),
    /// The target of a link.
    Target(Box<[u8]>),
    /// The major and minor number of a device.
    Device(u32, u32),
    /// Directories, pipes and sockets have no content here.
    Nothing,
    /// It could not be read, with the reason.
    Unread(Box<str>),
}

/// Extended attributes by name, or why they could not be read.
pub type Attributes = Result<Vec<(Box<str>, Box<[u8]>)>, Box<str>>;

/// What a certificate says. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The subject as RFC 4514 text.
    pub subject: String,
    /// The issuer.
    pub issuer: String,
    /// The start of validity.
    pub not_before: i64,
    /// The end of validity.
    pub not_after: i64,
    /// A digest of the extensions that a renewal keeps, such as names and permitted uses; empty if it
    /// is not known.
    pub profile: String,
}

/// What is known of one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The path below the root, starting with `/`.
    pub path: Box<[u8]>,
    /// The type.
    pub kind: Kind,
    /// Permission bits with setuid, setgid and sticky: 12 bits.
    pub mode: u16,
    /// The user id of the owner.
    pub uid: u32,
    /// The group id.
    pub gid: u32,
    /// The size of a regular file in bytes.
    pub size: u64,
    /// When the content was last changed. Anyone who owns the file can set it.
    pub mtime: Time,
    /// When the inode was last changed, by the kernel's clock.
    pub ctime: Time,
    /// The inode; `None` on overlayfs, where it is not stable.
    pub inode: Option<u64>,
    /// The number of hard links of what is not a directory; `None` on overlayfs, where a copy-up
    /// changes it.
    pub links: Option<u32>,
    /// The content.
    pub content: Content,
    /// Extended attributes by name, sorted, with capabilities and access control lists among them;
    /// or why they could not be read.
    pub attributes: Attributes,
    /// Whether the file is immutable, and whether it is append-only (`chattr`).
    pub flags: (bool, bool),
    /// The installed package that lists the path, with its version: `coreutils 9.1-1`.
    pub package: Option<Box<str>>,
    /// The first certificate in the file.
    pub certificate: Option<Box<Certificate>>,
    /// Whether the content was not read because inode, size and times are those of the baseline.
    pub trusted: bool,
}

impl Entry {
    /// Returns an entry of a kind with nothing known but its path.
    pub fn new(path: &[u8], kind: Kind) -> Self {
        Self {
            path: path.into(),
            kind,
            mode: 0,
            uid: 0,
            gid: 0,
            size: 0,
            mtime: Time::default(),
            ctime: Time::default(),
            inode: None,
            links: None,
            content: Content::Nothing,
            attributes: Ok(Vec::new()),
            flags: (false, false),
            package: None,
            certificate: None,
            trusted: false,
        }
    }

    /// Returns the digest of the content.
    pub fn digest(&self) -> Option<Digest> {
        match &self.content {
            Content::Digest(digest) => Some(*digest),
            _ => None,
        }
    }
}
