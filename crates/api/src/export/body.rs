//! The bytes of a file on their way to its reader: bounded, so that a slow reader holds the writing back; marked at the
//! end, so that a file that was not written to its end never looks whole; and given up when the reader stands still.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures::stream;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::failure::Failure;
use super::run::Run;

/// Bytes of one piece.
pub(super) const PIECE: usize = 64 * 1024;
/// Pieces that wait for the reader.
const WAITING: usize = 8;

/// From the writer to the body.
enum Piece {
    Bytes(Bytes),
    End,
}

/// The writing end, for a thread of its own.
pub(super) struct Pieces {
    run: Arc<Run>,
    pieces: mpsc::Sender<Piece>,
    runtime: Handle,
    /// How long the reader may take nothing.
    patience: Duration,
    broken: Broken,
}

/// Why the writing end broke. Libraries between here and the writer tell errors as they like.
#[derive(Clone, Default)]
pub(super) struct Broken(Arc<Mutex<Option<Failure>>>);

impl Broken {
    pub(super) fn take(&self) -> Option<Failure> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A writing end and the body that it fills. Must be called within the runtime.
pub(super) fn pair(run: Arc<Run>, patience: Duration) -> (Pieces, Body, Broken) {
    let (pieces, taken) = mpsc::channel(WAITING);
    let broken = Broken::default();
    let writer = Pieces { run, pieces, runtime: Handle::current(), patience, broken: broken.clone() };
    let body = Body::from_stream(stream::unfold(Some(taken), |taken| async move {
        let mut taken = taken?;
        match taken.recv().await {
            Some(Piece::Bytes(bytes)) => Some((Ok(bytes), Some(taken))),
            Some(Piece::End) => None,
            // The connection breaks off instead of ending as if all were there.
            None => Some((Err(io::Error::other("the file ended before its end")), None)),
        }
    }));
    (writer, body, broken)
}

impl Pieces {
    /// Whether anybody still waits for the file.
    pub(super) fn still_wanted(&self) -> Result<(), Failure> {
        if self.run.stop.is_cancelled() {
            Err(Failure::Cancelled)
        } else if self.pieces.is_closed() {
            Err(Failure::ReaderGone)
        } else {
            Ok(())
        }
    }

    /// Says that the file is whole.
    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        self.hand_over(Piece::End)
    }

    fn hand_over(&mut self, piece: Piece) -> Result<(), Failure> {
        let (run, pieces, patience) = (&self.run, &self.pieces, self.patience);
        self.runtime.block_on(async {
            tokio::select! {
                sent = pieces.send_timeout(piece, patience) => sent.map_err(|error| match error {
                    mpsc::error::SendTimeoutError::Timeout(_) => Failure::ReaderSlow(patience.as_secs()),
                    mpsc::error::SendTimeoutError::Closed(_) => Failure::ReaderGone,
                }),
                () = run.stop.cancelled() => Err(Failure::Cancelled),
            }
        })
    }
}

impl io::Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for piece in bytes.chunks(PIECE) {
            if let Err(failure) = self.hand_over(Piece::Bytes(Bytes::copy_from_slice(piece))) {
                let said = failure.to_string();
                *self.broken.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
                return Err(io::Error::other(said));
            }
            self.run.add_bytes(piece.len());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use http_body_util::BodyExt as _;

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(20);

    fn opened() -> (Pieces, Body, Broken) {
        pair(Arc::new(Run::of_nothing()), PATIENCE)
    }

    async fn written(mut pieces: Pieces, write: impl FnOnce(&mut Pieces) + Send + 'static) {
        tokio::task::spawn_blocking(move || write(&mut pieces)).await.unwrap();
    }

    #[tokio::test]
    async fn a_file_that_is_whole_ends() {
        let (pieces, body, _) = opened();
        written(pieces, |pieces| {
            pieces.write_all(b"ab").unwrap();
            pieces.write_all(b"c").unwrap();
            pieces.finish().unwrap();
        })
        .await;
        assert_eq!(&body.collect().await.unwrap().to_bytes()[..], b"abc");
    }

    #[tokio::test]
    async fn a_file_without_its_end_breaks_off() {
        let (pieces, body, _) = opened();
        written(pieces, |pieces| pieces.write_all(b"ab").unwrap()).await;
        assert!(body.collect().await.is_err());
    }

    #[tokio::test]
    async fn a_reader_that_stands_still_is_given_up() {
        let (pieces, body, broken) = opened();
        written(pieces, |pieces| assert!(pieces.write_all(&vec![0; 2 * WAITING * PIECE]).is_err())).await;
        assert!(matches!(broken.take(), Some(Failure::ReaderSlow(_))));
        assert!(body.collect().await.is_err());
    }

    #[tokio::test]
    async fn a_reader_that_is_gone_and_an_export_called_off_end_the_writing() {
        let (pieces, body, broken) = opened();
        drop(body);
        written(pieces, |pieces| {
            assert!(matches!(pieces.still_wanted(), Err(Failure::ReaderGone)));
            assert!(pieces.write_all(b"ab").is_err());
        })
        .await;
        assert!(matches!(broken.take(), Some(Failure::ReaderGone)));

        let (pieces, _body, broken) = opened();
        pieces.run.stop.cancel();
        written(pieces, |pieces| {
            assert!(matches!(pieces.still_wanted(), Err(Failure::Cancelled)));
            assert!(pieces.write_all(&vec![0; 2 * WAITING * PIECE]).is_err());
        })
        .await;
        assert!(matches!(broken.take(), Some(Failure::Cancelled)));
    }
}
