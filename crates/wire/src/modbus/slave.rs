//! The slave's ear: requests found in a stream of bytes.

use bytes::{Bytes, BytesMut};
use thiserror::Error;

use super::{MAX_FRAME_LEN, Parse, Request, RequestRefusal};

/// Finds requests in the bytes a slave hears, whatever way they are cut.
///
/// A slave on a real line uses silence to find the next frame; behind TCP there is none, so after
/// something unreadable the search goes on one byte further.
#[derive(Debug, Clone, Default)]
pub struct RequestDeframer {
    buffer: BytesMut,
}

/// Bytes that are no request which can be served, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unreadable request of {} bytes: {reason}", bytes.len())]
pub struct UnreadableRequest {
    /// The refused bytes.
    pub bytes: Bytes,
    /// Why. [`RequestRefusal::answer`] gives the exception to send back, if any.
    pub reason: RequestRefusal,
}

impl RequestDeframer {
    /// Nothing heard yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds heard bytes. Call [`RequestDeframer::next_request`] until it gives `None` before adding more:
    /// then less than one frame is ever kept.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next request or the next unreadable piece, `None` when more bytes are needed.
    pub fn next_request(&mut self) -> Option<Result<Request, UnreadableRequest>> {
        let mut skipped = 0;
        let mut first_reason = None;
        loop {
            let rest = self.buffer.get(skipped..).unwrap_or_default();
            if rest.is_empty() && skipped > 0 {
                return self.refuse(skipped, first_reason);
            }
            match Request::parse(rest) {
                Parse::Complete { value, len } if skipped == 0 => {
                    let _taken = self.buffer.split_to(len);
                    return Some(Ok(value));
                }
                Parse::NeedMore { wanted } if skipped == 0 && wanted <= MAX_FRAME_LEN => return None,
                Parse::Complete { .. } => return self.refuse(skipped, first_reason),
                Parse::NeedMore { wanted } if wanted <= MAX_FRAME_LEN => {
                    return self.refuse(skipped, first_reason);
                }
                Parse::Refused(reason) if reason.frame_len().is_some() => {
                    if skipped > 0 {
                        return self.refuse(skipped, first_reason);
                    }
                    return self.refuse(reason.frame_len().unwrap_or(1), Some(reason));
                }
                Parse::Refused(reason) => {
                    first_reason = first_reason.or(Some(reason));
                    skipped += 1;
                }
                Parse::NeedMore { wanted } => {
                    first_reason = first_reason.or(Some(RequestRefusal::Cut { len: wanted }));
                    skipped += 1;
                }
            }
        }
    }

    /// Gives up on what is kept, as a slave on a real line does after 3.5 characters of silence. Returns
    /// the bytes thrown away.
    pub fn on_idle(&mut self) -> Option<Bytes> {
        let rest = self.buffer.split().freeze();
        (!rest.is_empty()).then_some(rest)
    }

    fn refuse(
        &mut self,
        len: usize,
        reason: Option<RequestRefusal>,
    ) -> Option<Result<Request, UnreadableRequest>> {
        let len = len.min(self.buffer.len());
        let reason = reason?;
        Some(Err(UnreadableRequest { bytes: self.buffer.split_to(len).freeze(), reason }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(deframer: &mut RequestDeframer) -> Vec<Result<Request, UnreadableRequest>> {
        std::iter::from_fn(|| deframer.next_request()).collect()
    }

    #[test]
    fn glued_and_torn_requests_come_out_one_by_one() {
        let first = Request::read_holding_registers(1, 0, 10).unwrap();
        let second = Request::read_input_registers(2, 4, 2).unwrap();
        let stream = [first.encode(), second.encode()].concat();
        for cut in 0..=stream.len() {
            let mut deframer = RequestDeframer::new();
            let mut heard = Vec::new();
            for part in [&stream[..cut], &stream[cut..]] {
                deframer.push(part);
                heard.extend(drain(&mut deframer));
            }
            assert_eq!(heard, [Ok(first.clone()), Ok(second.clone())], "cut at {cut}");
        }
    }

    #[test]
    fn noise_in_front_is_refused_and_the_request_behind_it_is_heard() {
        let request = Request::read_holding_registers(1, 0, 10).unwrap();
        let mut deframer = RequestDeframer::new();
        deframer.push(&[0xFF, 0x00, 0xAA]);
        deframer.push(&request.encode());
        let heard = drain(&mut deframer);
        let refused: Vec<u8> = heard
            .iter()
            .filter_map(|item| item.as_ref().err())
            .flat_map(|error| error.bytes.to_vec())
            .collect();
        assert_eq!(refused, [0xFF, 0x00, 0xAA]);
        assert_eq!(heard.last().unwrap(), &Ok(request));
    }
}
