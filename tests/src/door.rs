//! An address where nothing answers until it is opened.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::chain::free_port;

/// A closed or open way to a server on this machine.
#[derive(Debug)]
pub struct Door {
    addr: SocketAddr,
    /// What comes through; it ends with the door.
    inside: JoinSet<()>,
}

impl Door {
    /// Chooses an address, where connections are refused for now.
    ///
    /// # Errors
    /// Where the system gives none.
    pub fn closed() -> Result<Self> {
        Ok(Self { addr: ([127, 0, 0, 1], free_port()?).into(), inside: JoinSet::new() })
    }

    /// Returns host and port.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Passes every connection on to the server at `url` from now on.
    ///
    /// # Errors
    /// Where the URL names no address, or another program took the door's.
    pub async fn open(&mut self, url: &str) -> Result<()> {
        let server: SocketAddr = url.strip_prefix("http://").context("a plain URL")?.parse()?;
        let listener = TcpListener::bind(self.addr).await?;
        self.inside.spawn(async move {
            let mut guests = JoinSet::new();
            while let Ok((mut guest, _)) = listener.accept().await {
                guests.spawn(async move {
                    if let Ok(mut server) = TcpStream::connect(server).await {
                        // Either side may leave as it likes.
                        let _ = copy_bidirectional(&mut guest, &mut server).await;
                    }
                });
            }
        });
        Ok(())
    }
}
