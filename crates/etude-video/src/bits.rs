//! Reads bit fields and Exp-Golomb numbers, as H.264 and H.265 headers store them. Ends cleanly on short input.

/// A cursor over bits, most significant first. Every read returns `None` past the end.
pub(crate) struct BitReader<'a> {
    data: &'a [u8],
    position: usize,
}

impl<'a> BitReader<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self { data, position: 0 }
    }

    pub(crate) fn bit(&mut self) -> Option<bool> {
        let byte = *self.data.get(self.position / 8)?;
        let bit = byte >> (7 - self.position % 8) & 1;
        self.position += 1;
        Some(bit == 1)
    }

    /// `count` bits as a number; `count` is at most 32.
    pub(crate) fn bits(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            value = value << 1 | u32::from(self.bit()?);
        }
        Some(value)
    }

    /// An unsigned Exp-Golomb number, `ue(v)` in the standards.
    pub(crate) fn unsigned(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.bit()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        let low = self.bits(zeros)?;
        Some((1u32 << zeros) - 1 + low)
    }

    /// A signed Exp-Golomb number, `se(v)` in the standards.
    pub(crate) fn signed(&mut self) -> Option<i32> {
        let code = i64::from(self.unsigned()?);
        let magnitude = (code + 1) / 2;
        i32::try_from(if code % 2 == 1 { magnitude } else { -magnitude }).ok()
    }
}

/// The payload of a NAL unit with its emulation prevention bytes (`00 00 03`) taken out.
pub(crate) fn unescape(nal: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(nal.len());
    let mut zeros = 0;
    for &byte in nal {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_golomb_numbers_follow_table_9_2() {
        // 1 | 010 | 011 | 00100 | 00101 then padding
        let mut reader = BitReader::new(&[0b1010_0110, 0b0100_0010, 0b1000_0000]);
        let values: Vec<_> = (0..5).map(|_| reader.unsigned()).collect();
        assert_eq!(values, [Some(0), Some(1), Some(2), Some(3), Some(4)]);
        assert_eq!(BitReader::new(&[0b0100_0000]).signed(), Some(1));
        assert_eq!(BitReader::new(&[0b0110_0000]).signed(), Some(-1));
        assert_eq!(BitReader::new(&[0, 0, 0, 0, 0]).unsigned(), None);
        assert_eq!(BitReader::new(&[]).bit(), None);
    }

    #[test]
    fn emulation_prevention_is_removed() {
        assert_eq!(unescape(&[1, 0, 0, 3, 1, 0, 0, 3]), [1, 0, 0, 1, 0, 0]);
    }
}
