//! Columns of integers as bytes. Each column takes the smallest of its forms: one value for all, the same as an
//! earlier column, differences as varints (short ones), or `pco` (the usual one, 0.4 to 1.2 bytes a value on readings).

use pco::ChunkConfig;
use pco::standalone::{simple_compress, simple_decompress_into};

use crate::payload::{PayloadError, put, put_count, take, take_count, unzigzag, zigzag};

/// The most rows of a column: 48 readings a second, all day.
const MOST_ROWS: usize = 1 << 22;

/// Below this many values `pco` spends more on its head than it saves.
const SHORT: usize = 24;

const CONSTANT: u64 = 0;
const SAME: u64 = 1;
const DIFFERENCES: u64 = 2;
const PCO: u64 = 3;

/// Why bytes are not columns.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PackError {
    /// A number in front of the columns.
    #[error(transparent)]
    Number(#[from] PayloadError),
    /// Written by a newer program.
    #[error("chunk of version {0}, this program knows versions up to 1")]
    Version(u64),
    /// A column that is not there.
    #[error("had {had} columns, wanted the one at {wanted}")]
    Missing { had: usize, wanted: usize },
    /// A column of another length.
    #[error("column has other than {wanted} values")]
    Length { wanted: usize },
    /// What `pco` says.
    #[error("column: {0}")]
    Column(String),
}

/// Writes columns: their forms and lengths in front, so that one can be read without the others.
pub(crate) fn put_columns(bytes: &mut Vec<u8>, columns: &[Vec<i64>]) -> Result<(), PackError> {
    let mut body = Vec::new();
    put_count(bytes, columns.len());
    for (index, column) in columns.iter().enumerate() {
        let first = column.first().copied().unwrap_or(0);
        if column.iter().all(|value| *value == first) {
            put(bytes, CONSTANT);
            put(bytes, zigzag(first));
            continue;
        }
        if let Some(same) = columns.iter().take(index).position(|earlier| earlier == column) {
            put(bytes, SAME);
            put_count(bytes, same);
            continue;
        }
        let (mut form, mut packed) = (DIFFERENCES, differences(column));
        if column.len() >= SHORT {
            let tried = simple_compress(column, &ChunkConfig::default())
                .map_err(|error| PackError::Column(error.to_string()))?;
            if tried.len() < packed.len() {
                (form, packed) = (PCO, tried);
            }
        }
        put(bytes, form);
        put_count(bytes, packed.len());
        body.append(&mut packed);
    }
    bytes.append(&mut body);
    Ok(())
}

fn differences(column: &[i64]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(column.len() * 2);
    let mut last = 0i64;
    for value in column {
        put(&mut bytes, zigzag(value.wrapping_sub(last)));
        last = *value;
    }
    bytes
}

#[derive(Debug, Clone, Copy)]
enum Form<'b> {
    Constant(i64),
    Same(usize),
    Differences(&'b [u8]),
    Pco(&'b [u8]),
}

/// Columns that were read but not unpacked.
#[derive(Debug, Clone)]
pub(crate) struct Columns<'b>(Vec<Form<'b>>);

/// The columns in front of `rest`, which is left behind them.
pub(crate) fn take_columns<'b>(rest: &mut &'b [u8]) -> Result<Columns<'b>, PackError> {
    let count = take_count(rest)?;
    let mut heads = Vec::with_capacity(count);
    for _ in 0..count {
        heads.push((take(rest)?, take(rest)?));
    }
    let mut columns = Vec::with_capacity(count);
    for (form, number) in heads {
        let mut body = || -> Result<&'b [u8], PackError> {
            let length = usize::try_from(number).map_err(|_| PayloadError::Short)?;
            let (body, after) = rest.split_at_checked(length).ok_or(PayloadError::Short)?;
            *rest = after;
            Ok(body)
        };
        columns.push(match form {
            CONSTANT => Form::Constant(unzigzag(number)),
            SAME => match usize::try_from(number) {
                Ok(earlier) if earlier < columns.len() => Form::Same(earlier),
                Ok(_) | Err(_) => {
                    return Err(PayloadError::Meaning { what: "an earlier column", had: number }.into());
                }
            },
            DIFFERENCES => Form::Differences(body()?),
            PCO => Form::Pco(body()?),
            had => return Err(PayloadError::Meaning { what: "the form of a column", had }.into()),
        });
    }
    Ok(Columns(columns))
}

impl Columns<'_> {
    /// The values of the column at `index`, of which there are `rows`.
    pub(crate) fn unpack(&self, index: usize, rows: usize) -> Result<Vec<i64>, PackError> {
        let missing = || PackError::Missing { had: self.0.len(), wanted: index };
        if rows > MOST_ROWS {
            return Err(PackError::Length { wanted: MOST_ROWS });
        }
        match *self.0.get(index).ok_or_else(missing)? {
            Form::Constant(value) => Ok(vec![value; rows]),
            // Never the same as one that is itself the same as another: no recursion without an end.
            Form::Same(earlier) if earlier < index => self.unpack(earlier, rows),
            Form::Same(_) => Err(missing()),
            Form::Differences(mut bytes) => {
                let mut values = Vec::with_capacity(rows);
                let mut last = 0i64;
                for _ in 0..rows {
                    last = last.wrapping_add(unzigzag(take(&mut bytes)?));
                    values.push(last);
                }
                if bytes.is_empty() { Ok(values) } else { Err(PackError::Length { wanted: rows }) }
            }
            Form::Pco(bytes) => {
                let mut values = vec![0; rows];
                let done = simple_decompress_into(bytes, &mut values)
                    .map_err(|error| PackError::Column(error.to_string()))?;
                if done.finished && done.n_processed == rows {
                    Ok(values)
                } else {
                    Err(PackError::Length { wanted: rows })
                }
            }
        }
    }

    /// The one value of a column that has only one.
    pub(crate) fn constant(&self, index: usize) -> Option<i64> {
        match *self.0.get(index)? {
            Form::Constant(value) => Some(value),
            Form::Same(earlier) if earlier < index => self.constant(earlier),
            Form::Same(_) | Form::Differences(_) | Form::Pco(_) => None,
        }
    }
}
