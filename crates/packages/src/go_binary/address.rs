//! Maps memory addresses of a binary to file offsets.

/// The address map of a binary.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    /// Address, file offset and length of each segment or section.
    parts: Vec<(u64, u64, u64)>,
}

/// The word size and byte order of a binary.
#[derive(Debug, Clone, Copy)]
pub(super) struct Width {
    pub(super) is_wide: bool,
    pub(super) is_big: bool,
}

/// The largest number of segments or sections; binaries have about ten.
const MAX_PARTS: u64 = 256;

const LITTLE: Width = Width { is_wide: false, is_big: false };

impl Width {
    /// The size of an address in bytes.
    pub(super) fn bytes(self) -> usize {
        if self.is_wide { 8 } else { 4 }
    }

    /// Reads an address.
    pub(super) fn address(self, bytes: &[u8], at: usize) -> Option<u64> {
        self.number(bytes, at, self.bytes())
    }

    fn number(self, bytes: &[u8], at: usize, length: usize) -> Option<u64> {
        let bytes = bytes.get(at..at.checked_add(length)?)?;
        let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(match self.is_big {
            true => bytes.iter().fold(0, add),
            false => bytes.iter().rev().fold(0, add),
        })
    }
}

impl Addresses {
    /// Reads the header of a binary; `None` if it is not a binary.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        let parts = match head {
            [0x7F, b'E', b'L', b'F', class @ (1 | 2), order @ (1 | 2), ..] => {
                elf(head, Width { is_wide: *class == 2, is_big: *order == 2 })
            }
            [b'M', b'Z', ..] => pe(head)?,
            [0xCE | 0xCF, 0xFA, 0xED, 0xFE, ..] => {
                mach_o(head, Width { is_wide: head[0] == 0xCF, is_big: false })
            }
            [0xFE, 0xED, 0xFA, 0xCE | 0xCF, ..] => {
                mach_o(head, Width { is_wide: head[3] == 0xCF, is_big: true })
            }
            // A universal binary. Java class files have the same magic followed by a larger number.
            [0xCA, 0xFE, 0xBA, 0xBE, 0, 0, 0, 1..=16, ..] => Some(Vec::new()),
            _ => return None,
        };
        // The header may be truncated or invalid; build information may still be found.
        Some(Self { parts: parts.unwrap_or_default() })
    }

    /// Returns the file offset of an address.
    pub(super) fn offset(&self, address: u64) -> Option<u64> {
        let inside = |(start, offset, length): &(u64, u64, u64)| {
            let from = address.checked_sub(*start)?;
            (from < *length).then_some(())?;
            offset.checked_add(from)
        };
        self.parts.iter().find_map(inside)
    }
}

type Parts = Option<Vec<(u64, u64, u64)>>;

fn elf(head: &[u8], width: Width) -> Parts {
    let wide = |wide, narrow| if width.is_wide { wide } else { narrow };
    let start = width.address(head, wide(0x20, 0x1C))?;
    let size = width.number(head, wide(0x36, 0x2A), 2)?;
    let count = width.number(head, wide(0x38, 0x2C), 2)?.min(MAX_PARTS);
    let part = |index: u64| {
        let at = usize::try_from(start.checked_add(index * size)?).ok()?;
        let head = head.get(at..)?;
        const LOADED: u64 = 1;
        let is_loaded = width.number(head, 0, 4)? == LOADED;
        let address = width.address(head, wide(0x10, 8))?;
        let offset = width.address(head, wide(8, 4))?;
        let length = width.address(head, wide(0x20, 0x10))?;
        is_loaded.then_some((address, offset, length))
    };
    Some((0..count).filter_map(part).collect())
}

/// Returns `None` for other DOS programs.
fn pe(head: &[u8]) -> Option<Parts> {
    let number = |at: usize, length| LITTLE.number(head, at, length);
    let start = usize::try_from(number(0x3C, 4)?).ok()?;
    if head.get(start..start.checked_add(4)?)? != b"PE\0\0" {
        return None;
    }
    let parts = || {
        let optional = start + 24;
        let base = match number(optional, 2)? {
            0x20B => number(optional + 24, 8)?,
            _ => number(optional + 28, 4)?,
        };
        let count = number(start + 6, 2)?.min(MAX_PARTS) as usize;
        let first = optional + number(start + 20, 2)? as usize;
        let part = |index: usize| {
            let at = first + index * 40;
            let address = base.checked_add(number(at + 12, 4)?)?;
            Some((address, number(at + 20, 4)?, number(at + 16, 4)?))
        };
        Some((0..count).filter_map(part).collect())
    };
    Some(parts())
}

fn mach_o(head: &[u8], width: Width) -> Parts {
    let count = width.number(head, 16, 4)?.min(MAX_PARTS);
    let mut at = if width.is_wide { 32 } else { 28 };
    let mut parts = Vec::new();
    for _ in 0..count {
        let (kind, size) = (width.number(head, at, 4)?, width.number(head, at + 4, 4)?);
        const SEGMENT: u64 = 1;
        const SEGMENT_64: u64 = 0x19;
        if matches!(kind, SEGMENT | SEGMENT_64) {
            let word = width.bytes();
            let of = |index: usize| width.address(head, at + 24 + index * word);
            let (address, offset, length) = (of(0)?, of(2)?, of(3)?);
            parts.push((address, offset, length));
        }
        at = at.checked_add(usize::try_from(size.max(8)).ok()?)?;
    }
    Some(parts)
}
