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
            if list.null_count() == 0 && (0..list.len()).all(|row| list.value_length(row) as usize == width) {
                let from = list.value_offsets().first().map_or(0, |offset| *offset as usize);
                return append_any(&list.values().slice(from, list.len() * width), width, out);
            }
            (0..list.len()).try_for_each(|row| append_row(list.is_null(row), || list.value(row), width, out))
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            (0..list.len()).try_for_each(|row| append_row(list.is_null(row), || list.value(row), width, out))
        }
        DataType::FixedSizeList(_, found) => {
            let list = array.as_fixed_size_list();
            let found = *found as usize;
            if list.null_count() == 0 && found == width && !list.is_empty() {
                let values = list.values().slice(list.value_offset(0) as usize, list.len() * width);
                return append_any(&values, width, out);
            }
            (0..list.len()).try_for_each(|row| append_row(list.is_null(row), || list.value(row), width, out))
        }
        _ => append_numbers(array, out),
    }
}

fn append_row(
    is_null: bool,
    row: impl FnOnce() -> ArrayRef,
    width: usize,
    out: &mut Vec<f64>,
) -> Result<(), String> {
    if is_null {
        out.extend(std::iter::repeat_n(f64::NAN, width));
        return Ok(());
    }
    append_any(&row(), width, out)
}

macro_rules! push_all {
    ($array:expr, $type:ty, $out:expr, $convert:expr) => {{
        let typed = $array.as_primitive::<$type>();
        if typed.null_count() == 0 {
            $out.extend(typed.values().iter().copied().map($convert));
        } else {
            $out.extend(typed.iter().map(|value| value.map_or(f64::NAN, $convert)));
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::types::Float32Type;
    use arrow_array::{FixedSizeListArray, Int64Array, ListArray};
    use std::sync::Arc;

    fn read(array: impl Array + 'static, width: usize) -> Result<Vec<f64>, String> {
        let mut out = Vec::new();
        append(&(Arc::new(array) as ArrayRef), width, &mut out).map(|()| out)
    }

    #[test]
    fn lists_give_their_rows_and_missing_ones_no_number() {
        let row = |numbers: [f32; 2]| Some(numbers.map(Some));
        let whole = [row([1.0, 2.0]), row([3.0, 4.0]), row([5.0, 6.0])];
        let fixed = FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>(whole, 2);
        let list = ListArray::from_iter_primitive::<Float32Type, _, _>(whole);
        assert_eq!(read(fixed.clone(), 2).expect("rows"), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(read(fixed.slice(1, 1), 2).expect("a row"), [3.0, 4.0]);
        assert_eq!(read(list.slice(1, 2), 2).expect("rows"), [3.0, 4.0, 5.0, 6.0]);
        assert!(read(fixed.slice(0, 0), 2).expect("no row").is_empty());
        let holes = [row([1.0, 2.0]), None, Some([None, Some(6.0)])];
        for found in [
            read(FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>(holes, 2), 2),
            read(ListArray::from_iter_primitive::<Float32Type, _, _>(holes), 2),
        ] {
            let found = found.expect("rows");
            assert_eq!(
                found.iter().map(|number| number.is_nan()).collect::<Vec<_>>(),
                [false, false, true, true, true, false]
            );
        }
    }

    #[test]
    fn another_width_and_what_f64_cannot_hold_are_refused() {
        let uneven = [Some(vec![Some(1.0)]), Some(vec![Some(2.0), Some(3.0)])];
        let error =
            read(ListArray::from_iter_primitive::<Float32Type, _, _>(uneven), 2).expect_err("3 numbers");
        assert_eq!(error, "expected 2 numbers in each of 2 rows, found 3 in all");
        let error = read(Int64Array::from(vec![(1 << 53) + 1]), 1).expect_err("too large");
        assert_eq!(error, "the integer 9007199254740993 is beyond 2^53");
    }
}
