//! Go build information in ELF, PE and Mach-O binaries (`debug/buildinfo`).
//!
//! Binaries are large, so they are read once as a stream without seeking. The linker writes a
//! header aligned to 16 bytes. Since Go 1.18, the version and the modules follow it. Older headers
//! hold two addresses of strings, most of which are earlier in the file. Therefore the modules are
//! kept when their markers are found, and strings that may be a version are remembered until the
//! address of the version is known.

mod address;
mod modules;
mod stream;

use std::io::{self, Read};

use address::{Addresses, Width};
use memchr::memmem;
use stream::Stream;

use crate::contents::{Contents, Problem};

/// The magic bytes of the header, and its length.
const MAGIC: &[u8] = b"\xFF Go buildinf:";
const HEADER: usize = 32;
const ALIGNMENT: u64 = 16;
/// The flag for a version and modules that follow the header.
const INLINE: u8 = 2;

/// The markers around the modules (`cmd/go/internal/modload`).
const START: &[u8] = b"\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6";
const END: &[u8] = b"\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2";

/// The largest module text in bytes; the largest binaries have a hundredth of it.
const MAX_MODULES: usize = 8 << 20;
const MAX_VERSION: usize = 256;
/// The largest number of markers that are followed; other binaries may contain them too.
const MAX_MARKS: usize = 8;
/// The largest number of strings that may be a version, and the bytes kept of each.
const MAX_PLACES: usize = 1 << 16;
const PLACE: usize = 32;
const VERSION: &[u8] = b"go1.";

/// The first bytes of a binary, in which its format describes its sections.
const HEAD: usize = 1 << 16;
const CHUNK: usize = 1 << 18;
/// The bytes kept between chunks: more than the longest pattern.
const OVERLAP: usize = 64;

/// The build information of a binary.
#[derive(Default)]
struct Found {
    version: Option<String>,
    modules: Option<String>,
    /// Whether the header was found.
    header: bool,
}

/// Reads a binary. Returns no packages if it is not a Go binary, and may leave input unread.
pub(crate) fn read(from: &mut dyn Read) -> io::Result<Contents> {
    let mut stream = Stream::new(from);
    let length = stream.fill(HEAD)?;
    let Some(addresses) = Addresses::of(&stream.bytes()[..length]) else {
        return Ok(Contents::default());
    };
    let mut search = Search { addresses, ..Search::default() };
    let found = search.run(&mut stream)?;
    let mut contents = Contents::default();
    if !found.header && found.modules.is_none() {
        return Ok(contents);
    }
    if let Some(too_long) = search.too_long {
        contents.problems.push(Problem::whole(too_long));
    }
    modules::packages(found.version.as_deref(), found.modules.as_deref(), &mut contents);
    Ok(contents)
}

#[derive(Default)]
struct Search {
    addresses: Addresses,
    /// The offsets and first bytes of strings that may be a version.
    places: Vec<(u64, [u8; PLACE])>,
    /// The file offset of the address and length of the version, once known.
    version: Option<(u64, Width)>,
    too_long: Option<&'static str>,
    marks: usize,
}

impl Search {
    fn run(&mut self, stream: &mut Stream<'_>) -> io::Result<Found> {
        let mut found = Found::default();
        let (start, magic, version) =
            (memmem::Finder::new(START), memmem::Finder::new(MAGIC), memmem::Finder::new(VERSION));
        loop {
            let length = stream.fill(CHUNK)?;
            let is_last = length < CHUNK;
            // A match that starts after this is found in the next chunk.
            let end = if is_last { length } else { length - OVERLAP };
            let mut from = 0;
            while found.modules.is_none() && self.marks < MAX_MARKS {
                let mark = start.find(&stream.bytes()[from..length]).map(|at| from + at);
                let Some(at) = mark.filter(|at| *at < end) else { break };
                from = at + START.len();
                self.marks += 1;
                found.modules = modules_between(stream, from)?;
            }
            let mut from = 0;
            while let Some(at) = magic.find(&stream.bytes()[from..length]).map(|at| from + at) {
                from = at + 1;
                let is_aligned = (stream.offset() + at as u64).is_multiple_of(ALIGNMENT);
                if at < end && is_aligned && self.header(stream, at, &mut found)? {
                    return Ok(found);
                }
            }
            let window = &stream.bytes()[..length];
            for at in version.find_iter(window).take_while(|at| *at < end) {
                self.remember(stream.offset() + at as u64, &window[at..]);
            }
            self.resolve(stream.offset(), window, &mut found);
            let is_complete = found.header && found.modules.is_some() && self.version.is_none();
            if is_last || is_complete {
                return Ok(found);
            }
            stream.drop_first(end);
        }
    }

    /// Reads a possible header. Returns whether everything is known.
    fn header(
        &mut self,
        stream: &mut Stream<'_>,
        at: usize,
        found: &mut Found,
    ) -> io::Result<bool> {
        if stream.fill(at + HEADER)? < at + HEADER {
            return Ok(false);
        }
        let header = &stream.bytes()[at..at + HEADER];
        let (size, flags) = (header[14], header[15]);
        if flags & INLINE != 0 {
            return self.inline(stream, at + HEADER, found);
        }
        let width = match (size, flags) {
            (4 | 8, 0 | 1) => Width { is_wide: size == 8, is_big: flags == 1 },
            _ => return Ok(false),
        };
        let offset = width.address(header, 16).and_then(|address| self.addresses.offset(address));
        found.header |= offset.is_some();
        self.version = self.version.or(offset.map(|offset| (offset, width)));
        Ok(false)
    }

    fn inline(
        &mut self,
        stream: &mut Stream<'_>,
        at: usize,
        found: &mut Found,
    ) -> io::Result<bool> {
        let Some((version, at)) = text_at(stream, at, MAX_VERSION)? else { return Ok(false) };
        let Some(version) = text_of(&version).filter(|text| modules::is_version(text)) else {
            return Ok(false);
        };
        found.header = true;
        found.version = Some(version);
        match text_at(stream, at, MAX_MODULES)? {
            Some((text, _)) => {
                let inner = text.strip_prefix(START).and_then(|text| text.strip_suffix(END));
                if let Some(text) = inner.and_then(text_of).filter(|text| modules::are(text)) {
                    found.modules = Some(text);
                }
            }
            None => self.too_long = Some("its module information is too long or truncated"),
        }
        Ok(true)
    }

    fn remember(&mut self, offset: u64, text: &[u8]) {
        if self.places.len() < MAX_PLACES && text.get(4).is_some_and(u8::is_ascii_digit) {
            let mut place = [0; PLACE];
            let length = text.len().min(PLACE);
            place[..length].copy_from_slice(&text[..length]);
            self.places.push((offset, place));
        }
    }

    /// Reads the address of the version once that part of the file has been read.
    fn resolve(&mut self, start: u64, window: &[u8], found: &mut Found) {
        let Some((offset, width)) = self.version else { return };
        let at = offset.checked_sub(start).and_then(|at| usize::try_from(at).ok());
        let Some(at) = at else {
            // It has already left the window.
            self.version = None;
            return;
        };
        let pair = width.address(window, at).zip(width.address(window, at + width.bytes()));
        let Some((address, length)) = pair else { return };
        self.version = None;
        let Some(offset) = self.addresses.offset(address) else { return };
        let place = self.places.iter().find(|(place, _)| *place == offset);
        let text = place.and_then(|(_, text)| text.get(..usize::try_from(length).ok()?));
        found.version = text.and_then(text_of).filter(|text| modules::is_version(text));
    }
}

/// Returns the text between the markers; the first marker ends at `at`.
fn modules_between(stream: &mut Stream<'_>, at: usize) -> io::Result<Option<String>> {
    let mut wanted = CHUNK;
    loop {
        let length = stream.fill(at + wanted)?;
        let text = &stream.bytes()[at.min(length)..length];
        if let Some(end) = memmem::find(text, END) {
            return Ok(text_of(&text[..end]).filter(|text| modules::are(text)));
        }
        if length < at + wanted || wanted >= MAX_MODULES {
            return Ok(None);
        }
        wanted *= 2;
    }
}

/// Returns a length-prefixed string (`encoding/binary.Uvarint`) and its end.
fn text_at(
    stream: &mut Stream<'_>,
    at: usize,
    most: usize,
) -> io::Result<Option<(Vec<u8>, usize)>> {
    let have = stream.fill(at + 10)?;
    let bytes = &stream.bytes()[at.min(have)..have];
    let mut length = 0_u64;
    let digits = bytes.iter().take(9).position(|byte| byte & 0x80 == 0);
    let Some(last) = digits else { return Ok(None) };
    for byte in bytes[..=last].iter().rev() {
        length = length << 7 | u64::from(byte & 0x7F);
    }
    let from = at + last + 1;
    let Some(length) = usize::try_from(length).ok().filter(|length| *length <= most) else {
        return Ok(None);
    };
    if stream.fill(from + length)? < from + length {
        return Ok(None);
    }
    Ok(Some((stream.bytes()[from..from + length].to_vec(), from + length)))
}

fn text_of(bytes: &[u8]) -> Option<String> {
    str::from_utf8(bytes).ok().map(str::to_owned)
}

#[cfg(test)]
pub(crate) mod tests;
