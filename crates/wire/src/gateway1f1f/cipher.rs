//! The secret: MD5 answer, AES-128-CBC with the secret as key and as first block, deflate.

use std::fmt;
use std::io::{Read as _, Write as _};

use aes::Aes128;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _};
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use md5::{Digest as _, Md5};
use thiserror::Error;

use super::Limits;

/// Length of a cipher block, bytes.
pub const BLOCK_LEN: usize = 16;

/// A secret that cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("secret of {had} bytes, wanted 16")]
pub struct InvalidSecret {
    /// Its length, bytes.
    pub had: usize,
}

/// Why encrypted data cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CipherError {
    /// No whole blocks.
    #[error("{had} encrypted bytes, wanted a multiple of 16, at least 16")]
    Length {
        /// Bytes there.
        had: usize,
    },
    /// The end of the last block is no padding: another secret, or damage.
    #[error("the padding of the last block does not fit: encrypted under another secret, or damaged")]
    Padding,
    /// No zlib stream.
    #[error("deflated data are damaged")]
    Deflate,
    /// A stream that would inflate to more than is allowed.
    #[error("{had} deflated bytes inflate to more than {max}")]
    Bomb {
        /// Deflated bytes.
        had: usize,
        /// The limit that was passed, bytes.
        max: usize,
    },
}

/// The 16 bytes that gateway and server share. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; BLOCK_LEN]);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl TryFrom<&[u8]> for Secret {
    type Error = InvalidSecret;

    fn try_from(bytes: &[u8]) -> Result<Self, InvalidSecret> {
        bytes.try_into().map(Self).map_err(|_wrong| InvalidSecret { had: bytes.len() })
    }
}

impl Secret {
    /// What a gateway answers to a sequence: MD5 of secret and sequence, 32 hexadecimal digits in lower case.
    #[must_use]
    pub fn answer(&self, sequence: &str) -> String {
        let digest = Md5::new().chain_update(self.0).chain_update(sequence.as_bytes()).finalize();
        digest.iter().fold(String::with_capacity(32), |mut text, byte| {
            use std::fmt::Write as _;
            let _infallible = write!(text, "{byte:02x}");
            text
        })
    }

    /// Whether `md5` is the answer to `sequence`; takes as long for a nearly right one as for a wrong one.
    #[must_use]
    pub fn is_answered_by(&self, sequence: &str, md5: &str) -> bool {
        let wanted = self.answer(sequence);
        let md5 = md5.trim();
        let differences = wanted
            .bytes()
            .zip(md5.bytes())
            .fold(0, |differences, (wanted, had)| differences | (wanted ^ had.to_ascii_lowercase()));
        wanted.len() == md5.len() && differences == 0
    }

    /// Encrypts.
    #[must_use]
    pub fn encrypt(&self, plain: &[u8]) -> Vec<u8> {
        let mut buffer = vec![0; (plain.len() / BLOCK_LEN + 1) * BLOCK_LEN];
        let cipher = cbc::Encryptor::<Aes128>::new(&self.0.into(), &self.0.into());
        // The buffer has room for the padding, which is the only thing that could go wrong.
        let len = cipher.encrypt_padded_b2b::<Pkcs7>(plain, &mut buffer).map_or(0, <[u8]>::len);
        buffer.truncate(len);
        buffer
    }

    /// Decrypts.
    ///
    /// # Errors
    /// [`CipherError::Length`] and [`CipherError::Padding`]. Data that decrypt are not thereby genuine: the cipher has
    /// no sum, and one in 256 wrong secrets ends in a padding of one byte.
    pub fn decrypt(&self, encrypted: &[u8]) -> Result<Vec<u8>, CipherError> {
        if encrypted.is_empty() || !encrypted.len().is_multiple_of(BLOCK_LEN) {
            return Err(CipherError::Length { had: encrypted.len() });
        }
        let mut buffer = encrypted.to_vec();
        let cipher = cbc::Decryptor::<Aes128>::new(&self.0.into(), &self.0.into());
        let len =
            cipher.decrypt_padded::<Pkcs7>(&mut buffer).map_err(|_no_padding| CipherError::Padding)?.len();
        buffer.truncate(len);
        Ok(buffer)
    }
}

/// Inflates a zlib stream, but never to more than the limits allow; the memory taken is bounded by them too.
///
/// # Errors
/// [`CipherError::Deflate`] and [`CipherError::Bomb`].
pub fn inflate(deflated: &[u8], limits: &Limits) -> Result<Vec<u8>, CipherError> {
    let max = limits.max_inflated_len.min(deflated.len().saturating_mul(limits.max_ratio));
    let one_more = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    let mut inflated = Vec::new();
    ZlibDecoder::new(deflated)
        .take(one_more)
        .read_to_end(&mut inflated)
        .map_err(|_damaged| CipherError::Deflate)?;
    if inflated.len() > max {
        return Err(CipherError::Bomb { had: deflated.len(), max });
    }
    Ok(inflated)
}

/// Deflates into a zlib stream.
#[must_use]
pub fn deflate(plain: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    // Writing into memory does not fail.
    let _infallible = encoder.write_all(plain);
    encoder.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Secret {
        Secret::try_from(&b"0123456789abcdef"[..]).unwrap()
    }

    #[test]
    fn a_secret_is_sixteen_bytes_and_is_never_printed() {
        assert_eq!(Secret::try_from(&b"short"[..]), Err(InvalidSecret { had: 5 }));
        assert_eq!(format!("{:?}", secret()), "Secret(..)");
    }

    #[test]
    fn the_answer_is_md5_of_secret_and_sequence_in_either_case() {
        // md5("0123456789abcdef" "20250101") by another implementation.
        let answer = secret().answer("20250101");
        assert_eq!(answer, "61a1b9c69e180928326281bdefa87f3e");
        assert!(secret().is_answered_by("20250101", &answer));
        assert!(secret().is_answered_by("20250101", &answer.to_uppercase()));
        assert!(!secret().is_answered_by("20250102", &answer));
        assert!(!secret().is_answered_by("20250101", &answer[..31]));
        assert!(!secret().is_answered_by("20250101", ""));
    }

    #[test]
    fn what_is_encrypted_is_decrypted_and_nothing_else() {
        for len in 0..50 {
            let plain: Vec<u8> = (0..len).collect();
            assert_eq!(secret().decrypt(&secret().encrypt(&plain)), Ok(plain));
        }
        assert_eq!(secret().decrypt(&[]), Err(CipherError::Length { had: 0 }));
        assert_eq!(secret().decrypt(&[0; 17]), Err(CipherError::Length { had: 17 }));
    }

    #[test]
    fn a_bomb_is_refused_by_size_and_by_ratio_without_being_inflated() {
        let bomb = deflate(&vec![b'a'; 50 << 20]);
        assert!(bomb.len() < 60_000);
        let limits = Limits::default();
        let max = limits.max_inflated_len;
        assert_eq!(inflate(&bomb, &limits), Err(CipherError::Bomb { had: bomb.len(), max }));
        let small = deflate(&[b'a'; 100_000]);
        let max = small.len() * limits.max_ratio;
        assert_eq!(inflate(&small, &limits), Err(CipherError::Bomb { had: small.len(), max }));
        let text = "<meter id=\"01001\"><function id=\"WPP\">1.5</function></meter>".repeat(20);
        assert_eq!(inflate(&deflate(text.as_bytes()), &limits).unwrap(), text.as_bytes());
        assert_eq!(inflate(b"no zlib", &limits), Err(CipherError::Deflate));
    }
}
