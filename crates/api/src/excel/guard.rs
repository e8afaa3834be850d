//! What is held against a file before a reader of spreadsheets sees it. A workbook is a zip: a few kilobytes of it can
//! unpack to gigabytes, and what its directory says about sizes need not be true. So every part is unpacked once into
//! nothing and counted.

use std::io::{self, Cursor, Read as _};

use zip::ZipArchive;

/// The most bytes that all parts may unpack to.
pub(super) const MOST_UNPACKED: u64 = 48 * 1024 * 1024;
/// The most parts; a workbook of ours has about twenty.
pub(super) const MOST_PARTS: usize = 500;

/// Why a file is not looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unfit {
    /// It is no zip, so no workbook.
    #[error("had no workbook of the .xlsx kind")]
    NotAWorkbook,
    /// It unpacks to more than is taken.
    #[error("unpacks to more than {MOST_UNPACKED} bytes")]
    TooLarge,
    /// It has more parts than are taken.
    #[error("has more than {MOST_PARTS} parts")]
    TooManyParts,
}

/// Whether `file` may be read.
pub(super) fn check(file: &[u8]) -> Result<(), Unfit> {
    unpacks_within(file, MOST_UNPACKED)
}

fn unpacks_within(file: &[u8], most: u64) -> Result<(), Unfit> {
    let mut archive = ZipArchive::new(Cursor::new(file)).map_err(|_no_zip| Unfit::NotAWorkbook)?;
    if archive.len() > MOST_PARTS {
        return Err(Unfit::TooManyParts);
    }
    let mut left = most;
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(|_damaged| Unfit::NotAWorkbook)?;
        // One byte more than is left tells "as much as may be" from "more".
        let unpacked =
            io::copy(&mut part.take(left + 1), &mut io::sink()).map_err(|_damaged| Unfit::NotAWorkbook)?;
        left = left.checked_sub(unpacked).ok_or(Unfit::TooLarge)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use zip::write::SimpleFileOptions;

    fn zip(parts: usize, bytes_each: usize) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let block = vec![0u8; 1 << 20];
        for part in 0..parts {
            writer.start_file(format!("part{part}"), SimpleFileOptions::default()).unwrap();
            let mut left = bytes_each;
            while left > 0 {
                let now = left.min(block.len());
                writer.write_all(&block[..now]).unwrap();
                left -= now;
            }
        }
        writer.finish().unwrap().into_inner()
    }

    /// Unpacked bytes that the tests allow.
    const MOST: usize = 2 << 20;

    fn within(file: &[u8]) -> Result<(), Unfit> {
        unpacks_within(file, u64::try_from(MOST).unwrap())
    }

    #[test]
    fn a_small_file_that_unpacks_to_much_is_refused() {
        let bomb = zip(1, MOST + 1);
        assert!(bomb.len() < 10_000, "{}", bomb.len());
        assert_eq!(within(&bomb), Err(Unfit::TooLarge));
        assert_eq!(within(&zip(10, MOST / 9)), Err(Unfit::TooLarge));
        assert_eq!(within(&zip(1, MOST)), Ok(()));
    }

    #[test]
    fn a_size_that_lies_does_not_help() {
        let mut bomb = zip(1, MOST + 1);
        // The unpacked size in the central directory, APPNOTE 4.3.12: 24 bytes after its signature.
        let directory = bomb.windows(4).rposition(|w| w == b"PK\x01\x02").unwrap();
        bomb[directory + 24..directory + 28].copy_from_slice(&10u32.to_le_bytes());
        assert!(within(&bomb).is_err());
    }

    #[test]
    fn many_parts_and_other_things_are_refused() {
        assert_eq!(check(&zip(MOST_PARTS + 1, 1)), Err(Unfit::TooManyParts));
        assert_eq!(check(b"id,name\r\n1,x\r\n"), Err(Unfit::NotAWorkbook));
        assert_eq!(check(&[]), Err(Unfit::NotAWorkbook));
    }
}
