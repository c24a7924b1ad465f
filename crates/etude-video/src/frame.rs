//! Pictures in memory: tightly packed RGB, borrowed or owned.

/// Longest side of a picture that this crate handles, in pixels; bounds what a damaged header can make us allocate.
pub(crate) const MAX_SIDE_PX: u32 = 16_384;

/// A picture's bytes do not have the size that its dimensions demand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The buffer's length is not `width * height * 3`.
    #[error("RGB frame {width}x{height} needs {expected} bytes, found {found}")]
    Length {
        /// Pixels per row.
        width: u32,
        /// Rows.
        height: u32,
        /// Bytes needed.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
    /// A side is zero or too long.
    #[error("RGB frame {width}x{height}: each side must be 1 to {MAX_SIDE_PX} pixels")]
    Side {
        /// Pixels per row.
        width: u32,
        /// Rows.
        height: u32,
    },
}

/// A borrowed picture: sRGB, [row, column, channel], u8, tightly packed, row 0 on top, channels R, G, B.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RgbFrame<'a> {
    width: u32,
    height: u32,
    data: &'a [u8],
}

impl<'a> RgbFrame<'a> {
    /// A picture of `width` columns and `height` rows over `data`, whose length must be `width * height * 3`.
    pub fn new(width: u32, height: u32, data: &'a [u8]) -> Result<Self, FrameError> {
        check_length(width, height, data.len())?;
        Ok(Self { width, height, data })
    }

    /// Pixels per row.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Bytes, [row, column, channel].
    pub fn data(&self) -> &'a [u8] {
        self.data
    }
}

/// An owned picture of the same layout as [`RgbFrame`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RgbImage {
    width: u32,
    height: u32,
    data: Vec<u8>,
}

impl RgbImage {
    /// A picture of `width` columns and `height` rows owning `data`, whose length must be `width * height * 3`.
    pub fn new(width: u32, height: u32, data: Vec<u8>) -> Result<Self, FrameError> {
        check_length(width, height, data.len())?;
        Ok(Self { width, height, data })
    }

    /// The same picture, borrowed.
    pub fn as_frame(&self) -> RgbFrame<'_> {
        RgbFrame { width: self.width, height: self.height, data: &self.data }
    }

    /// Pixels per row.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Bytes, [row, column, channel].
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The bytes themselves, [row, column, channel].
    pub fn into_data(self) -> Vec<u8> {
        self.data
    }
}

fn check_length(width: u32, height: u32, found: usize) -> Result<(), FrameError> {
    if !(1..=MAX_SIDE_PX).contains(&width) || !(1..=MAX_SIDE_PX).contains(&height) {
        return Err(FrameError::Side { width, height });
    }
    let expected = width as usize * height as usize * 3;
    if found == expected { Ok(()) } else { Err(FrameError::Length { width, height, expected, found }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_must_be_tightly_packed() {
        assert!(RgbFrame::new(2, 2, &[0; 12]).is_ok());
        let error = RgbFrame::new(2, 2, &[0; 13]).expect_err("one byte too many");
        assert_eq!(error.to_string(), "RGB frame 2x2 needs 12 bytes, found 13");
        assert!(RgbImage::new(0, 2, vec![]).is_err());
        assert!(RgbImage::new(u32::MAX, u32::MAX, vec![]).is_err());
    }
}
