//! A picture in memory: lines with soft edges, dots, text, written as PNG.

use super::font;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

/// Red, green, blue.
pub(crate) type Colour = [u8; 3];

/// A picture.
pub(crate) struct Canvas {
    width: usize,
    height: usize,
    /// Three bytes a pixel, rows from the top.
    pixels: Vec<u8>,
}

impl Canvas {
    /// A white picture.
    pub(super) fn new(width: usize, height: usize) -> Self {
        Self { width, height, pixels: vec![255; width * height * 3] }
    }

    /// Writes it as PNG.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let mut encoder =
            png::Encoder::new(BufWriter::new(File::create(path)?), self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().map_err(io::Error::other)?;
        writer.write_image_data(&self.pixels).map_err(io::Error::other)
    }

    fn blend(&mut self, x: usize, y: usize, colour: Colour, share: f64) {
        if x >= self.width || y >= self.height {
            return;
        }
        let start = (y * self.width + x) * 3;
        for (pixel, part) in self.pixels.iter_mut().skip(start).zip(colour) {
            *pixel = (f64::from(*pixel) * (1.0 - share) + f64::from(part) * share).round() as u8;
        }
    }

    /// A line with round ends, `width` px thick.
    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), width: f64, colour: Colour) {
        let half = width / 2.0;
        let bounds = |a: f64, b: f64| {
            (((a.min(b) - half - 1.0).max(0.0)) as usize, (a.max(b) + half + 2.0).max(0.0) as usize)
        };
        let (left, right) = bounds(from.0, to.0);
        let (top, bottom) = bounds(from.1, to.1);
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx * dx + dy * dy;
        for y in top..bottom.min(self.height) {
            for x in left..right.min(self.width) {
                let (px, py) = (x as f64 + 0.5 - from.0, y as f64 + 0.5 - from.1);
                let along = if length > 0.0 { ((px * dx + py * dy) / length).clamp(0.0, 1.0) } else { 0.0 };
                let apart = (px - along * dx).hypot(py - along * dy);
                let share = (half + 0.5 - apart).clamp(0.0, 1.0);
                if share > 0.0 {
                    self.blend(x, y, colour, share);
                }
            }
        }
    }

    /// A filled rectangle.
    pub(super) fn rectangle(&mut self, left: usize, top: usize, width: usize, height: usize, colour: Colour) {
        for y in top..top + height {
            for x in left..left + width {
                self.blend(x, y, colour, 1.0);
            }
        }
    }

    /// A line of text; returns where it ends, px from the left.
    pub(super) fn text(
        &mut self,
        left: usize,
        top: usize,
        text: &str,
        colour: Colour,
        scale: usize,
    ) -> usize {
        let mut at = left;
        for character in text.chars() {
            for (row, bits) in font::rows(character).into_iter().enumerate() {
                for column in 0..font::WIDTH {
                    if bits >> (font::WIDTH - 1 - column) & 1 == 1 {
                        self.rectangle(at + column * scale, top + row * scale, scale, scale, colour);
                    }
                }
            }
            at += (font::WIDTH + 1) * scale;
        }
        at
    }

    /// Share of pixels that are not white.
    #[cfg(test)]
    pub(super) fn inked(&self) -> f64 {
        let inked = self.pixels.chunks(3).filter(|pixel| pixel.iter().any(|part| *part < 250)).count();
        inked as f64 / (self.width * self.height) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_as_long_and_thick_as_asked() {
        let mut canvas = Canvas::new(100, 20);
        canvas.line((10.0, 10.0), (90.0, 10.0), 4.0, [0, 0, 0]);
        assert!((0.15..0.25).contains(&canvas.inked()), "{}", canvas.inked());
        let mut canvas = Canvas::new(60, 10);
        assert_eq!(canvas.text(0, 0, "a1", [0, 0, 0], 1), 12);
        assert!(canvas.inked() > 0.02);
        // What lies outside is left out.
        canvas.line((-50.0, -50.0), (500.0, 500.0), 3.0, [1, 2, 3]);
    }
}
