//! HTTP ingestion (`docs/protocol/http.md`): a request, its answer, and the connection is over.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use wire::telemetry::Form;

use super::{Answered, Post};

/// An exchange that takes longer is given up.
const WITHIN: Duration = Duration::from_secs(20);
/// The longest answer, bytes.
const LONGEST: u64 = 262_144;

struct Answer {
    status: u16,
    body: Vec<u8>,
}

impl Post {
    pub(super) async fn post_http(&self, form: Form, payload: &[u8], key: &str) -> Answered {
        let head = format!(
            "POST /ingest/v1/terminals/{}/readings HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
             Content-Type: {}\r\nIdempotency-Key: {key}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.serial,
            self.door,
            self.token,
            form.media_type(),
            payload.len()
        );
        match self.exchange([head.as_bytes(), payload].concat()).await {
            Some(Answer { status: 200, .. }) => Answered::Confirmed,
            Some(Answer { status: 400 | 413 | 415 | 422, body }) => {
                Answered::Refused(String::from_utf8_lossy(&body).into_owned())
            }
            Some(_) | None => Answered::Later,
        }
    }

    pub(super) async fn get_http(&self) -> Option<Vec<u8>> {
        let head = format!(
            "GET /ingest/v1/terminals/{}/commands HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
             Accept: application/json\r\nConnection: close\r\n\r\n",
            self.serial, self.door, self.token
        );
        let answer = self.exchange(head.into_bytes()).await?;
        (answer.status == 200).then_some(answer.body)
    }

    async fn exchange(&self, request: Vec<u8>) -> Option<Answer> {
        let answered = async {
            let mut stream = self.dial().await?;
            stream.write_all(&request).await?;
            let mut heard = Vec::new();
            stream.take(LONGEST).read_to_end(&mut heard).await?;
            io::Result::Ok(heard)
        };
        parse(&timeout(WITHIN, answered).await.ok()?.ok()?)
    }

    async fn dial(&self) -> io::Result<TcpStream> {
        dial(self.door, self.source).await
    }
}

/// Connects from an address of one's own where there is one.
pub(crate) async fn dial(door: std::net::SocketAddr, source: Option<Ipv4Addr>) -> io::Result<TcpStream> {
    let Some(source) = source else { return TcpStream::connect(door).await };
    let socket = TcpSocket::new_v4()?;
    socket.bind((source, 0).into())?;
    socket.connect(door).await
}

/// An answer that ends with its connection.
fn parse(heard: &[u8]) -> Option<Answer> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(heard).ok()? else { return None };
    Some(Answer { status: response.code?, body: heard.get(head..)?.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_its_status_and_what_follows_its_head() {
        let whole = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\n\r\nlater";
        let answer = parse(whole).unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (503, b"later".as_slice()));
        assert!(parse(&whole[..20]).is_none(), "half a head is no answer");
        assert!(parse(b"SSH-2.0-x\r\n").is_none());
    }
}
