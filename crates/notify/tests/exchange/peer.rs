//! A provider of one answer: it takes one connection, reads one request, writes what it was told to.

use std::collections::BTreeMap;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What came.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) line: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn path(&self) -> &str {
        self.line.strip_prefix("POST ").unwrap().strip_suffix(" HTTP/1.1").unwrap()
    }
}

pub(crate) struct Peer {
    pub(crate) url: String,
    task: JoinHandle<Request>,
}

impl Peer {
    /// Answers with this status line, these headers and this body.
    pub(crate) async fn answering(status: &str, headers: &str, body: &str) -> Self {
        let length = body.len();
        Self::saying(format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}\r\n{body}")).await
    }

    /// Answers with these bytes and hangs up.
    pub(crate) async fn saying(bytes: String) -> Self {
        Self::doing(async move |mut stream: TcpStream| stream.write_all(bytes.as_bytes()).await.unwrap())
            .await
    }

    /// Does this with the connection when the request was read.
    pub(crate) async fn doing<F: Future<Output = ()> + Send>(
        act: impl FnOnce(TcpStream) -> F + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let request = read(&mut stream).await;
            act(stream).await;
            request
        });
        Self { url, task }
    }

    pub(crate) async fn request(self) -> Request {
        self.task.await.unwrap()
    }

    /// A peer that still does something is done with.
    pub(crate) fn stop(self) {
        self.task.abort();
    }
}

async fn read(stream: &mut TcpStream) -> Request {
    let mut bytes = Vec::new();
    let head = loop {
        bytes.push(stream.read_u8().await.unwrap());
        if let Some(head) = bytes.strip_suffix(b"\r\n\r\n") {
            break String::from_utf8(head.to_vec()).unwrap();
        }
    };
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap().to_owned();
    let headers: BTreeMap<_, _> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    Request { line, headers, body }
}
