//! Readings as Parquet: moments as UTC milliseconds, values as doubles, absent values as nulls. Units and names stand in the
//! file's metadata under `emberwatch.columns`.

use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};
use serde_json::json;

use super::body::Pieces;
use super::failure::Failure;
use super::plan::Plan;
use super::table::{Cell, Head, Kind, Row};
use super::write::Rows;

/// Cells of one row group: what is held in memory before it is written.
const CELLS_OF_GROUP: usize = 1_000_000;

impl From<ParquetError> for Failure {
    fn from(error: ParquetError) -> Self {
        Self::Write(error.to_string())
    }
}

pub(super) fn write(plan: &Plan, mut rows: Rows, mut out: Pieces) -> Result<(), Failure> {
    let about = KeyValue::new("emberwatch.columns".to_owned(), columns(plan));
    let zone = KeyValue::new("emberwatch.zone".to_owned(), plan.words.zone_name.clone());
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_key_value_metadata(Some(vec![about, zone]))
        .build();
    let mut file = SerializedFileWriter::new(&mut out, schema(plan)?, Arc::new(properties))?;
    let most = (CELLS_OF_GROUP / plan.table.heads.len().max(1)).max(1);
    let mut held: Vec<Row> = Vec::new();
    while let Some(mut batch) = rows.next()? {
        held.append(&mut batch);
        if held.len() >= most {
            group(plan, file.next_row_group()?, &held)?;
            held.clear();
        }
    }
    if !held.is_empty() {
        group(plan, file.next_row_group()?, &held)?;
    }
    file.close()?;
    out.finish()
}

/// Names and units of the columns of values, as JSON.
fn columns(plan: &Plan) -> String {
    let about = plan.table.heads.iter().filter_map(|head| match head {
        Head::Value { series, measure, .. } => Some(json!({
            "column": head.title(&plan.words),
            "name": series.name,
            "measure": plan.words.measure(*measure),
            "quantity": series.quantity.code(),
            "phase": series.phase.map(domain::quantity::Phase::code),
            "unit": series.quantity.unit(),
        })),
        Head::Time
        | Head::Site
        | Head::Circuit
        | Head::Detector
        | Head::DetectorId
        | Head::Quality
        | Head::Filing
        | Head::DeviceTime
        | Head::Received => None,
    });
    about.collect::<Vec<_>>().into_iter().collect::<serde_json::Value>().to_string()
}

fn schema(plan: &Plan) -> Result<TypePtr, Failure> {
    let mut fields = Vec::with_capacity(plan.table.heads.len());
    for head in &plan.table.heads {
        let (physical, logical) = match head.kind() {
            Kind::Moment => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MILLIS))),
            Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Kind::Whole => (Physical::INT64, None),
            Kind::Number => (Physical::DOUBLE, None),
        };
        let field = Type::primitive_type_builder(&head.title(&plan.words), physical)
            .with_logical_type(logical)
            .with_repetition(Repetition::OPTIONAL)
            .build()?;
        fields.push(Arc::new(field));
    }
    Ok(Arc::new(Type::group_type_builder("readings").with_fields(fields).build()?))
}

fn group(
    plan: &Plan,
    mut group: SerializedRowGroupWriter<'_, &mut Pieces>,
    rows: &[Row],
) -> Result<(), Failure> {
    for head in &plan.table.heads {
        let Some(mut column) = group.next_column()? else { break };
        let mut there = Vec::with_capacity(rows.len());
        let mut whole = Vec::new();
        let mut numbers = Vec::new();
        let mut texts = Vec::new();
        for row in rows {
            there.push(1i16);
            match plan.table.cell(row, head, &plan.words) {
                Cell::Moment(at) => whole.push(at.0),
                Cell::Text(said) => texts.push(ByteArray::from(said.as_ref())),
                Cell::Whole(number) => whole.push(number),
                Cell::Number(number) => numbers.push(number.value),
                Cell::Nothing => {
                    if let Some(last) = there.last_mut() {
                        *last = 0;
                    }
                }
            }
        }
        match head.kind() {
            Kind::Moment | Kind::Whole => {
                column.typed::<Int64Type>().write_batch(&whole, Some(&there), None)?;
            }
            Kind::Text => {
                column.typed::<ByteArrayType>().write_batch(&texts, Some(&there), None)?;
            }
            Kind::Number => {
                column.typed::<DoubleType>().write_batch(&numbers, Some(&there), None)?;
            }
        }
        column.close()?;
    }
    group.close()?;
    Ok(())
}
