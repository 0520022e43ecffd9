//! A web server: one connection for a request, whose answer is a file.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;

use anyhow::{anyhow, ensure};

/// The size of the page, in bytes.
const PAGE: usize = 16 << 10;

/// Asks for a page this many times.
pub(super) fn run(count: u32) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let page = folder.path().join("index.html");
    fs::write(&page, vec![b'x'; PAGE])?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let server = thread::spawn(move || (0..count).try_for_each(|_| answer(&listener, &page)));
    let mut reply = Vec::new();
    for _ in 0..count {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(b"GET /index.html HTTP/1.0\r\n\r\n")?;
        reply.clear();
        stream.read_to_end(&mut reply)?;
        ensure!(reply.len() > PAGE, "an answer is too short");
    }
    server.join().map_err(|_| anyhow!("the server ended"))??;
    Ok(())
}

fn answer(listener: &TcpListener, page: &Path) -> io::Result<()> {
    let (mut stream, _) = listener.accept()?;
    let mut request = [0; 1024];
    let _ = stream.read(&mut request)?;
    let mut file = File::open(page)?;
    let length = file.metadata()?.len();
    write!(stream, "HTTP/1.0 200 OK\r\ncontent-length: {length}\r\n\r\n")?;
    // Linux copies from the file to the socket itself (sendfile).
    io::copy(&mut file, &mut stream)?;
    Ok(())
}
