//! Columns of Arrow tables as rows of f64, whatever form they were stored in.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

/// Appends a column of scalars or lists of `width` numbers to `out`, row after row. A missing number becomes NaN.
///
/// Returns what is wrong where a row has another width or the type is no number. Integers beyond 2^53 are refused,
/// because f64 cannot hold them.
pub(crate) fn append(array: &ArrayRef, width: usize, out: &mut Vec<f64>) -> Result<(), String> {
    let before = out.len();
    append_any(array, width, out)?;
    let expected = array.len() * width;
    match out.len() - before {
        found if found == expected => Ok(()),
        found => {
            Err(format!("expected {width} numbers in each of {} rows, found {found} in all", array.len()))
        }
    }
}

fn append_any(array: &ArrayRef, width: usize, out: &mut Vec<f64>) -> Result<(), String> {
    match array.data_type() {
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            (0..list.len())
                .try_for_each(|row| append_row(list.is_null(row).then_some(()), &list.value(row), width, out))
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            (0..list.len())
                .try_for_each(|row| append_row(list.is_null(row).then_some(()), &list.value(row), width, out))
        }
        DataType::FixedSizeList(_, _) => {
            let list = array.as_fixed_size_list();
            (0..list.len())
                .try_for_each(|row| append_row(list.is_null(row).then_some(()), &list.value(row), width, out))
        }
        _ => append_numbers(array, out),
    }
}

fn append_row(null: Option<()>, row: &ArrayRef, width: usize, out: &mut Vec<f64>) -> Result<(), String> {
    if null.is_some() {
        out.extend(std::iter::repeat_n(f64::NAN, width));
        return Ok(());
    }
    append_any(row, width, out)
}

macro_rules! push_all {
    ($array:expr, $type:ty, $out:expr, $convert:expr) => {{
        let typed = $array.as_primitive::<$type>();
        $out.extend(typed.iter().map(|value| value.map_or(f64::NAN, $convert)));
        Ok(())
    }};
}

fn append_numbers(array: &ArrayRef, out: &mut Vec<f64>) -> Result<(), String> {
    match array.data_type() {
        DataType::Float16 => push_all!(array, Float16Type, out, f64::from),
        DataType::Float32 => push_all!(array, Float32Type, out, f64::from),
        DataType::Float64 => push_all!(array, Float64Type, out, |value| value),
        DataType::Int8 => push_all!(array, Int8Type, out, f64::from),
        DataType::Int16 => push_all!(array, Int16Type, out, f64::from),
        DataType::Int32 => push_all!(array, Int32Type, out, f64::from),
        DataType::UInt8 => push_all!(array, UInt8Type, out, f64::from),
        DataType::UInt16 => push_all!(array, UInt16Type, out, f64::from),
        DataType::UInt32 => push_all!(array, UInt32Type, out, f64::from),
        DataType::Int64 => {
            for value in array.as_primitive::<Int64Type>() {
                out.push(match value {
                    None => f64::NAN,
                    Some(value) if value.unsigned_abs() <= 1 << 53 => value as f64,
                    Some(value) => return Err(format!("the integer {value} is beyond 2^53")),
                });
            }
            Ok(())
        }
        DataType::Boolean => {
            let typed = array.as_boolean();
            out.extend(typed.iter().map(|value| value.map_or(f64::NAN, |value| f64::from(u8::from(value)))));
            Ok(())
        }
        other => Err(format!("expected numbers, found {other}")),
    }
}

/// A column of whole numbers.
#[cfg(feature = "ffmpeg")]
pub(crate) fn integers(array: &ArrayRef) -> Option<Vec<i64>> {
    match array.data_type() {
        DataType::Int64 => array.as_primitive::<Int64Type>().iter().collect(),
        DataType::Int32 => {
            array.as_primitive::<Int32Type>().iter().map(|value| value.map(i64::from)).collect()
        }
        _ => None,
    }
}

/// A column of texts.
#[cfg(feature = "ffmpeg")]
pub(crate) fn texts(array: &ArrayRef) -> Option<Vec<String>> {
    let all = |values: &mut dyn Iterator<Item = Option<&str>>| {
        values.map(|value| value.map(str::to_owned)).collect()
    };
    match array.data_type() {
        DataType::Utf8 => all(&mut array.as_string::<i32>().iter()),
        DataType::LargeUtf8 => all(&mut array.as_string::<i64>().iter()),
        DataType::Utf8View => all(&mut array.as_string_view().iter()),
        _ => None,
    }
}
