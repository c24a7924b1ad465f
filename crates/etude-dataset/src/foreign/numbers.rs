//! Numbers as they stand in memory, by the name that numpy gives their type.

use super::value::Value;

/// Little-endian numbers of a type such as `float32`, in order.
pub(crate) fn little_endian(bytes: &[u8], dtype: &str) -> Result<Value, String> {
    fn read<const N: usize, T>(bytes: &[u8], of: impl Fn([u8; N]) -> T) -> Result<Vec<T>, String> {
        let (chunks, rest) = bytes.as_chunks::<N>();
        if rest.is_empty() {
            return Ok(chunks.iter().map(|chunk| of(*chunk)).collect());
        }
        Err(format!("expected numbers of {N} bytes, found {} bytes", bytes.len()))
    }
    let wide = |values: Vec<i64>| {
        if values.iter().all(|value| value.unsigned_abs() <= 1 << 53) {
            Value::Numbers(values.into_iter().map(|value| value as f64).collect())
        } else {
            Value::List(values.into_iter().map(Value::Int).collect())
        }
    };
    Ok(match dtype {
        "bool" | "uint8" => Value::Numbers(bytes.iter().map(|byte| f64::from(*byte)).collect()),
        "int8" => Value::Numbers(bytes.iter().map(|byte| f64::from(byte.cast_signed())).collect()),
        "int16" => Value::Numbers(read(bytes, |bytes| f64::from(i16::from_le_bytes(bytes)))?),
        "uint16" => Value::Numbers(read(bytes, |bytes| f64::from(u16::from_le_bytes(bytes)))?),
        "int32" => Value::Numbers(read(bytes, |bytes| f64::from(i32::from_le_bytes(bytes)))?),
        "uint32" => Value::Numbers(read(bytes, |bytes| f64::from(u32::from_le_bytes(bytes)))?),
        "float16" => Value::Numbers(read(bytes, |bytes| half(u16::from_le_bytes(bytes)))?),
        "float32" => Value::Numbers(read(bytes, |bytes| f64::from(f32::from_le_bytes(bytes)))?),
        "float64" => Value::Numbers(read(bytes, f64::from_le_bytes)?),
        "int64" => wide(read(bytes, i64::from_le_bytes)?),
        "uint64" => {
            let values = read(bytes, u64::from_le_bytes)?;
            match values.iter().map(|value| i64::try_from(*value)).collect::<Result<Vec<_>, _>>() {
                Ok(values) => wide(values),
                Err(_) => Value::List(values.into_iter().map(Value::Large).collect()),
            }
        }
        other => return Err(format!("expected numbers of a known type, found `{other}`")),
    })
}

/// A number of IEEE 754's 16 bits; every one of them is exact in 64.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let exponent = i32::from(bits >> 10 & 0x1f);
    let fraction = f64::from(bits & 0x3ff) / 1024.0;
    sign * match exponent {
        0 => fraction * 2f64.powi(-14),
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        _ => (1.0 + fraction) * 2f64.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_width_keep_their_value() {
        let of = |bytes: &[u8], dtype| little_endian(bytes, dtype);
        assert_eq!(of(&[0xff, 0xff], "int16"), Ok(Value::Numbers(vec![-1.0])));
        assert_eq!(of(&(-2.5f64).to_le_bytes(), "float64"), Ok(Value::Numbers(vec![-2.5])));
        assert_eq!(
            of(&[0x00, 0x3c, 0x01, 0x00, 0x00, 0xfc], "float16"),
            Ok(Value::Numbers(vec![1.0, 2f64.powi(-24), f64::NEG_INFINITY]))
        );
        assert_eq!(of(&u64::MAX.to_le_bytes(), "uint64"), Ok(Value::List(vec![Value::Large(u64::MAX)])));
        assert!(of(&[0; 3], "float32").is_err());
        assert!(of(&[0; 4], "object").is_err());
    }
}
