//! Messages that come in blocks (Block1, RFC 7959 section 2.3).

use std::collections::HashMap;

use domain::id::TerminalId;

use super::Peer;

/// The value of a block option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    /// The block's number, from 0.
    pub(super) number: u32,
    /// More will follow.
    pub(super) has_more: bool,
    /// Size of the blocks as a power of two, less 4: 6 is 1,024 bytes.
    pub(super) size_exponent: u8,
}

impl Block {
    /// Reads an option's bytes; `None` for more than three of them and for the reserved size.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > 3 {
            return None;
        }
        let value = bytes.iter().fold(0u32, |sum, byte| sum << 8 | u32::from(*byte));
        let size_exponent = u8::try_from(value & 7).ok()?;
        (size_exponent < 7).then_some(Self { number: value >> 4, has_more: value & 8 != 0, size_exponent })
    }

    /// The option's value.
    pub(super) fn value(self) -> u32 {
        self.number << 4 | u32::from(self.has_more) << 3 | u32::from(self.size_exponent)
    }

    fn size(self) -> usize {
        16 << self.size_exponent
    }
}

/// What a block came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Assembled {
    /// More is wanted.
    Continue,
    /// The message is whole.
    Whole(Vec<u8>),
    /// A block before it is missing, or the transfer was given up.
    Incomplete,
    /// Longer than allowed.
    TooLong,
    /// As many transfers as may be are under way.
    Busy,
}

/// The transfers under way: one for each device and port.
#[derive(Debug)]
pub(super) struct Blocks {
    max: usize,
    within_ms: u64,
    open: HashMap<(Peer, TerminalId), Transfer>,
}

#[derive(Debug)]
struct Transfer {
    bytes: Vec<u8>,
    heard_ms: u64,
}

impl Blocks {
    pub(super) fn new(max: usize, within_ms: u64) -> Self {
        Self { max, within_ms, open: HashMap::new() }
    }

    /// Takes one block of a message that may have at most `max_bytes`.
    pub(super) fn take(
        &mut self,
        whose: (Peer, TerminalId),
        block: Block,
        payload: &[u8],
        max_bytes: usize,
        now_ms: u64,
    ) -> Assembled {
        let within_ms = self.within_ms;
        self.open.retain(|_, transfer| now_ms.saturating_sub(transfer.heard_ms) <= within_ms);
        // The number counts blocks of this block's own size, which may have been made smaller on the way.
        let offset = usize::try_from(block.number).unwrap_or(usize::MAX).saturating_mul(block.size());
        let has_fitting_length =
            if block.has_more { payload.len() == block.size() } else { payload.len() <= block.size() };
        if offset.saturating_add(payload.len()) > max_bytes {
            self.open.remove(&whose);
            return Assembled::TooLong;
        }
        if !has_fitting_length {
            return Assembled::Incomplete;
        }
        if offset == 0 {
            if !block.has_more {
                self.open.remove(&whose);
                return Assembled::Whole(payload.to_vec());
            }
            if !self.open.contains_key(&whose) && self.open.len() >= self.max {
                return Assembled::Busy;
            }
            // A first block begins anew, whatever was there.
            self.open.insert(whose, Transfer { bytes: payload.to_vec(), heard_ms: now_ms });
            return Assembled::Continue;
        }
        let Some(transfer) = self.open.get_mut(&whose).filter(|transfer| transfer.bytes.len() == offset)
        else {
            return Assembled::Incomplete;
        };
        transfer.bytes.extend_from_slice(payload);
        transfer.heard_ms = now_ms;
        if block.has_more {
            return Assembled::Continue;
        }
        let whole = self.open.remove(&whose).map(|transfer| transfer.bytes);
        Assembled::Whole(whole.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whose(n: u16) -> (Peer, TerminalId) {
        (Peer::plain(([10, 0, 0, 1], n).into()), TerminalId(1))
    }

    fn block(number: u32, has_more: bool) -> Block {
        Block { number, has_more, size_exponent: 0 }
    }

    #[test]
    fn option_values_are_read_and_written() {
        for (bytes, wanted) in [
            (&[][..], block(0, false)),
            (&[0x08], block(0, true)),
            (&[0x1E], Block { number: 1, has_more: true, size_exponent: 6 }),
            (&[0x01, 0x06], Block { number: 16, has_more: false, size_exponent: 6 }),
        ] {
            assert_eq!(Block::parse(bytes), Some(wanted), "{bytes:02x?}");
            let value = bytes.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
            assert_eq!(wanted.value(), value);
        }
        assert_eq!(Block::parse(&[0x07]), None, "the reserved size");
        assert_eq!(Block::parse(&[1, 2, 3, 4]), None);
    }

    #[test]
    fn blocks_in_order_make_a_message_and_others_do_not() {
        let mut blocks = Blocks::new(10, 1_000);
        let full = [7; 16];
        assert_eq!(blocks.take(whose(1), block(0, true), &full, 100, 0), Assembled::Continue);
        assert_eq!(blocks.take(whose(1), block(2, true), &full, 100, 0), Assembled::Incomplete);
        assert_eq!(blocks.take(whose(1), block(1, true), &full, 100, 0), Assembled::Continue);
        let Assembled::Whole(whole) = blocks.take(whose(1), block(2, false), &[8], 100, 0) else { panic!() };
        assert_eq!((whole.len(), whole[32]), (33, 8));
        assert_eq!(blocks.take(whose(1), block(3, false), &[8], 100, 0), Assembled::Incomplete);
        assert_eq!(
            blocks.take(whose(1), block(0, true), &[1], 100, 0),
            Assembled::Incomplete,
            "a short block"
        );
    }

    #[test]
    fn transfers_are_limited_in_length_number_and_time() {
        let mut blocks = Blocks::new(2, 1_000);
        let full = [7; 16];
        assert_eq!(blocks.take(whose(1), block(0, true), &full, 20, 0), Assembled::Continue);
        assert_eq!(blocks.take(whose(1), block(1, true), &full, 20, 0), Assembled::TooLong);
        assert_eq!(blocks.take(whose(1), block(0x000F_FFFF, true), &full, 20, 0), Assembled::TooLong);
        for n in 1..=2 {
            assert_eq!(blocks.take(whose(n), block(0, true), &full, 100, 0), Assembled::Continue);
        }
        assert_eq!(blocks.take(whose(3), block(0, true), &full, 100, 0), Assembled::Busy);
        assert_eq!(blocks.take(whose(3), block(0, true), &full, 100, 1_001), Assembled::Continue);
        assert_eq!(
            blocks.take(whose(1), block(1, false), &[1], 100, 1_001),
            Assembled::Incomplete,
            "given up"
        );
    }
}
