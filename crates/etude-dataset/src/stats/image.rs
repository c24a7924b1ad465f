//! Statistics of images: per channel, scaled to 0..1, from a histogram of the 256 byte values.

use super::{QUANTILES, Summary};

/// Images whose longer side is below this are taken whole, px.
const WHOLE_BELOW: usize = 300;
/// What is taken of the longer side of others, px.
const SIDE: usize = 150;

/// Collects RGB images; everything said of the pixels taken is exact.
#[derive(Clone, Debug)]
pub struct ImageAccumulator {
    images: u64,
    histogram: [[u64; 256]; 3],
}

impl Default for ImageAccumulator {
    fn default() -> Self {
        Self { images: 0, histogram: [[0; 256]; 3] }
    }
}

impl ImageAccumulator {
    /// Takes one image, \[row, column, channel\], RGB, u8, of this many columns: every pixel of a small one, and of a larger
    /// one every n-th pixel of every n-th row, so that its longer side has 150 or a few more, as `LeRobot` does.
    pub fn push_rgb(&mut self, pixels: &[u8], width: u32) {
        self.images += 1;
        let width = (width as usize).max(1);
        let height = pixels.len() / 3 / width;
        let step = step(width.max(height));
        for row in pixels.chunks(width * 3).step_by(step) {
            let (whole, _) = row.as_chunks::<3>();
            for pixel in whole.iter().step_by(step) {
                for (counts, value) in self.histogram.iter_mut().zip(pixel) {
                    if let Some(count) = counts.get_mut(usize::from(*value)) {
                        *count += 1;
                    }
                }
            }
        }
    }

    /// Takes what another collected.
    pub fn merge(&mut self, other: &Self) {
        self.images += other.images;
        for (mine, theirs) in self.histogram.iter_mut().zip(&other.histogram) {
            mine.iter_mut().zip(theirs).for_each(|(a, b)| *a += b);
        }
    }

    /// How many images were taken.
    pub const fn images(&self) -> u64 {
        self.images
    }

    /// What can be said of the images so far, three channels in 0..1; `count` counts images. NaN without an image.
    pub fn summary(&self) -> Summary {
        let channel =
            |value: &dyn Fn(&[u64; 256]) -> f64| self.histogram.iter().map(value).collect::<Vec<f64>>();
        Summary {
            min: channel(&|counts| extreme(counts.iter().position(|count| *count > 0))),
            max: channel(&|counts| extreme(counts.iter().rposition(|count| *count > 0))),
            mean: channel(&mean),
            std: channel(&deviation),
            count: self.images,
            quantiles: QUANTILES.map(|(_, share)| channel(&|counts| quantile(counts, share))),
        }
    }
}

/// Every how many pixels of an image with this longer side are taken.
const fn step(longer: usize) -> usize {
    if longer < WHOLE_BELOW { 1 } else { longer / SIDE }
}

fn extreme(value: Option<usize>) -> f64 {
    value.map_or(f64::NAN, |value| value as f64 / 255.0)
}

fn mean(counts: &[u64; 256]) -> f64 {
    let (mut total, mut sum) = (0u64, 0u64);
    for (value, count) in (0u64..).zip(counts) {
        total += count;
        sum += value * count;
    }
    sum as f64 / total as f64 / 255.0
}

fn deviation(counts: &[u64; 256]) -> f64 {
    let mean = mean(counts);
    let total: u64 = counts.iter().sum();
    let squares: f64 = (0u32..)
        .zip(counts)
        .map(|(value, count)| *count as f64 * (f64::from(value) / 255.0 - mean).powi(2))
        .sum();
    (squares / total as f64).sqrt()
}

/// The lowest value that at least this share of all pixels does not exceed.
fn quantile(counts: &[u64; 256], share: f64) -> f64 {
    let total: u64 = counts.iter().sum();
    let mut below = 0;
    for (value, count) in (0u32..).zip(counts) {
        below += count;
        if total > 0 && below as f64 >= share * total as f64 {
            return f64::from(value) / 255.0;
        }
    }
    f64::NAN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_the_naive_computation() {
        let pixels: Vec<u8> = (0..300u32).map(|i| (i * 7 % 251) as u8).collect();
        let mut one = ImageAccumulator::default();
        one.push_rgb(&pixels, 10);
        let mut merged = ImageAccumulator::default();
        merged.merge(&one);
        let summary = merged.summary();
        for channel in 0..3 {
            let values: Vec<f64> =
                pixels.iter().skip(channel).step_by(3).map(|v| f64::from(*v) / 255.0).collect();
            let mean = values.iter().sum::<f64>() / 100.0;
            let std = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 100.0).sqrt();
            assert!((summary.mean[channel] - mean).abs() < 1e-12);
            assert!((summary.std[channel] - std).abs() < 1e-12);
            assert_eq!(summary.min[channel], values.iter().copied().fold(1.0, f64::min));
            assert_eq!(summary.max[channel], values.iter().copied().fold(0.0, f64::max));
        }
        assert_eq!(summary.count, 1);
    }

    #[test]
    fn without_an_image_there_is_nothing_to_say() {
        let summary = ImageAccumulator::default().summary();
        assert!(summary.mean[0].is_nan() && summary.min[0].is_nan() && summary.quantiles[2][0].is_nan());
    }

    #[test]
    fn every_fourth_pixel_of_every_fourth_row_of_a_usual_camera() {
        let (width, height) = (640usize, 480usize);
        let taken = |row: usize, column: usize| row.is_multiple_of(4) && column.is_multiple_of(4);
        let pixels: Vec<u8> = (0..height * width)
            .flat_map(|at| if taken(at / width, at % width) { [10, 20, 30] } else { [0, 0, 0] })
            .collect();
        let mut images = ImageAccumulator::default();
        images.push_rgb(&pixels, 640);
        let summary = images.summary();
        assert_eq!(summary.min, [10.0 / 255.0, 20.0 / 255.0, 30.0 / 255.0]);
        assert_eq!(summary.count, 1);
    }
}
