//! CDR as ROS 2 speaks it: XCDR version 1, little endian, aligned behind a head of four bytes.

/// A message in the making.
pub(super) struct Cdr {
    bytes: Vec<u8>,
}

/// Representation `CDR_LE`, no options (DDS-XTypes 1.3, 7.6.2.1.2).
const HEAD: [u8; 4] = [0, 1, 0, 0];

impl Cdr {
    pub(super) fn new() -> Self {
        Self { bytes: HEAD.to_vec() }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn align(&mut self, size: usize) {
        let behind = (self.bytes.len() - HEAD.len()) % size;
        if behind > 0 {
            self.bytes.extend(std::iter::repeat_n(0, size - behind));
        }
    }

    pub(super) fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    pub(super) fn flag(&mut self, value: bool) {
        self.u8(value.into());
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.align(4);
        self.bytes.extend(value.to_le_bytes());
    }

    pub(super) fn i32(&mut self, value: i32) {
        self.align(4);
        self.bytes.extend(value.to_le_bytes());
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.align(8);
        self.bytes.extend(value.to_le_bytes());
    }

    pub(super) fn i64(&mut self, value: i64) {
        self.align(8);
        self.bytes.extend(value.to_le_bytes());
    }

    pub(super) fn f32(&mut self, value: f32) {
        self.align(4);
        self.bytes.extend(value.to_le_bytes());
    }

    pub(super) fn f64(&mut self, value: f64) {
        self.align(8);
        self.bytes.extend(value.to_le_bytes());
    }

    /// Numbers without their count: a field of fixed length.
    pub(super) fn f64_array(&mut self, values: &[f64]) {
        for value in values {
            self.f64(*value);
        }
    }

    fn count(&mut self, count: usize) {
        self.u32(u32::try_from(count).unwrap_or(u32::MAX));
    }

    pub(super) fn f64s(&mut self, values: &[f64]) {
        self.count(values.len());
        self.f64_array(values);
    }

    pub(super) fn f32s(&mut self, values: &[f32]) {
        self.count(values.len());
        for value in values {
            self.f32(*value);
        }
    }

    pub(super) fn u16s(&mut self, values: &[u16]) {
        self.count(values.len());
        if !values.is_empty() {
            self.align(2);
        }
        self.bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }

    pub(super) fn octets(&mut self, values: &[u8]) {
        self.count(values.len());
        self.bytes.extend_from_slice(values);
    }

    /// Text with the zero that ends it; a zero within it would end it early and is left out.
    pub(super) fn text(&mut self, text: &str) {
        let bytes: Vec<u8> = text.bytes().filter(|byte| *byte != 0).collect();
        self.count(bytes.len() + 1);
        self.bytes.extend(bytes);
        self.u8(0);
    }

    pub(super) fn texts<'t>(&mut self, texts: impl ExactSizeIterator<Item = &'t str>) {
        self.count(texts.len());
        texts.for_each(|text| self.text(text));
    }

    /// `builtin_interfaces/Time` of a time in ns.
    pub(super) fn time(&mut self, ns: i64) {
        self.i32(i32::try_from(ns.div_euclid(1_000_000_000)).unwrap_or(i32::MAX));
        self.u32(ns.rem_euclid(1_000_000_000) as u32);
    }

    /// `std_msgs/Header`.
    pub(super) fn header(&mut self, ns: i64, frame: &str) {
        self.time(ns);
        self.text(frame);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_aligned_behind_the_head() {
        let mut cdr = Cdr::new();
        cdr.header(-1, "ab");
        cdr.f64s(&[1.0]);
        cdr.f64s(&[]);
        cdr.flag(true);
        let mut expected = vec![0, 1, 0, 0];
        expected.extend((-1i32).to_le_bytes());
        expected.extend(999_999_999u32.to_le_bytes());
        expected.extend([3, 0, 0, 0, b'a', b'b', 0, 0]);
        // The count stands at 16, the number at 24, as 20 is no multiple of eight.
        expected.extend([1, 0, 0, 0, 0, 0, 0, 0]);
        expected.extend(1f64.to_le_bytes());
        expected.extend([0, 0, 0, 0, 1]);
        assert_eq!(cdr.into_bytes(), expected);
    }
}
