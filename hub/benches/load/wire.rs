//! HTTP/1.1 over TLS in as little memory as it takes: ten thousand of these are in one process.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ClientConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub(crate) struct Wire(Box<TlsStream<TcpStream>>);

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Wire {
    pub(crate) async fn open(address: SocketAddr, tls: &Arc<ClientConfig>) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let name = "localhost".try_into().map_err(io::Error::other)?;
        Ok(Self(Box::new(TlsConnector::from(Arc::clone(tls)).connect(name, stream).await?)))
    }

    pub(crate) async fn ask(&mut self, method: &str, path: &str, body: &[u8]) -> io::Result<Answer> {
        let head =
            format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n", body.len());
        self.0.write_all(&[head.as_bytes(), body].concat()).await?;
        self.0.flush().await?;
        let mut read = Vec::with_capacity(512);
        loop {
            if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&read[..end]).to_ascii_lowercase();
                let length =
                    head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
                let length: usize = length.ok_or_else(|| io::Error::other("no length"))?;
                let status = head.get(9..12).and_then(|status| status.parse().ok()).unwrap_or(0);
                let mut body = read.split_off(end + 4);
                while body.len() < length {
                    self.more(&mut body).await?;
                }
                return Ok(Answer { status, body });
            }
            self.more(&mut read).await?;
        }
    }

    async fn more(&mut self, into: &mut Vec<u8>) -> io::Result<()> {
        match self.0.read_buf(into).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}
