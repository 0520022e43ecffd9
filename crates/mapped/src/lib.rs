//! Files as memory, without a copy: [`Mapped`].
//!
//! The vulnerability database is large (28 MB took 17 ms to read), and a run needs only a small part
//! of it. Other files are smaller, and are read.

use std::fs::File;
use std::io;
use std::ops::Deref;

use memmap2::Mmap;

/// The bytes of a file that nobody changes in place.
#[derive(Debug)]
pub struct Mapped(Option<Mmap>);

impl Mapped {
    /// Maps a whole regular file for reading.
    ///
    /// The file must only be replaced by renaming another one over it, as `pavisade db` does: a
    /// mapping keeps the old file. If a program cuts the file short meanwhile, the kernel ends this
    /// process with SIGBUS at the next access of the missing part.
    ///
    /// # Errors
    /// The file cannot be mapped.
    pub fn of(file: &File) -> io::Result<Self> {
        // A mapping cannot be empty.
        if file.metadata()?.len() == 0 {
            return Ok(Self(None));
        }
        #[expect(unsafe_code, reason = "the standard library has no memory maps")]
        // SAFETY: The mapping is private and read-only. The bytes of a database are never changed
        // in place (see above). They are parsed with bounds checks at each access, so that even
        // bytes changed by another program lead to an error or a wrong text, as a bad file does.
        let map = unsafe { Mmap::map(file)? };
        Ok(Self(Some(map)))
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_bytes_are_those_of_the_file() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        for bytes in [&b""[..], b"x", &[7; 10_000]] {
            let file = folder.path().join("file");
            fs::write(&file, bytes)?;
            assert_eq!(&*Mapped::of(&File::open(&file)?)?, bytes);
        }
        Ok(())
    }

    #[test]
    fn a_replaced_file_keeps_its_bytes() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let [file, new] = ["file", "new"].map(|name| folder.path().join(name));
        fs::write(&file, "old")?;
        fs::write(&new, "new and longer")?;
        let mapped = Mapped::of(&File::open(&file)?)?;
        fs::rename(&new, &file)?;
        assert_eq!(&*mapped, b"old");
        Ok(())
    }
}
