//! Builds archives for tests byte by byte.

use std::io::Read;

use pavisade_model::{LayerFile, LayerVisitor};

/// Returns a header block; set fields before [`Tar::seal`] computes the checksum.
pub(crate) fn header(name: &[u8], kind: u8, size: u64) -> [u8; 512] {
    let mut block = [0; 512];
    block[..name.len().min(100)].copy_from_slice(&name[..name.len().min(100)]);
    block[100..107].copy_from_slice(b"0000644");
    block[108..115].copy_from_slice(b"0000000");
    block[116..123].copy_from_slice(b"0000000");
    block[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
    block[136..147].copy_from_slice(b"00000000000");
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar\x0000");
    seal(&mut block);
    block
}

/// Sets the checksum.
pub(crate) fn seal(block: &mut [u8; 512]) {
    block[148..156].copy_from_slice(b"        ");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// Returns a record of an extended header.
pub(crate) fn record(key: &[u8], value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while rest + length.to_string().len() != length {
        length += 1;
    }
    [length.to_string().as_bytes(), b" ", key, b"=", value, b"\n"].concat()
}

/// An archive under construction.
#[derive(Clone, Default)]
pub(crate) struct Tar(pub(crate) Vec<u8>);

impl Tar {
    /// Adds a block unchanged.
    pub(crate) fn block(mut self, block: &[u8; 512]) -> Self {
        self.0.extend_from_slice(block);
        self
    }

    /// Adds bytes, padded with zeros to the next block.
    pub(crate) fn content(mut self, content: &[u8]) -> Self {
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub(crate) fn entry(self, name: &[u8], kind: u8, content: &[u8]) -> Self {
        self.block(&header(name, kind, content.len() as u64)).content(content)
    }

    pub(crate) fn file(self, name: &str, content: &[u8]) -> Self {
        self.entry(name.as_bytes(), b'0', content)
    }

    pub(crate) fn link(self, name: &str, kind: u8, target: &str) -> Self {
        let mut block = header(name.as_bytes(), kind, 0);
        block[157..157 + target.len()].copy_from_slice(target.as_bytes());
        seal(&mut block);
        self.block(&block)
    }

    /// Adds an extended header.
    pub(crate) fn pax(self, records: &[(&str, &str)]) -> Self {
        let text: Vec<_> =
            records.iter().map(|(key, value)| record(key.as_bytes(), value.as_bytes())).collect();
        self.entry(b"pax", b'x', &text.concat())
    }

    /// Adds two zero blocks.
    pub(crate) fn end(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }
}

/// A visitor that keeps every file of a layer.
#[derive(Default)]
pub(crate) struct Everything(pub(crate) Vec<(String, Vec<u8>)>);

impl LayerVisitor for Everything {
    fn wants(&self, _: &LayerFile<'_>) -> bool {
        true
    }

    fn take(&mut self, file: &LayerFile<'_>, bytes: &mut dyn Read) -> std::io::Result<()> {
        let mut content = Vec::new();
        bytes.take(1 << 20).read_to_end(&mut content)?;
        self.0.push((file.path.to_owned(), content));
        Ok(())
    }
}
