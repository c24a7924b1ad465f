//! Measures one picture: light, contrast, clipping, sharpness, and fingerprints that tell frozen frames.

use crate::frame::RgbFrame;

/// At or below this luma a pixel counts as clipped dark; sensor black with a little noise stays under it.
const DARK_MAX: u8 = 4;
/// At or above this luma a pixel counts as clipped bright.
const BRIGHT_MIN: u8 = 251;

/// Measures of one picture. Luma is BT.601 full range, 0 to 255.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StillStats {
    /// Mean luma, 0 to 255.
    pub mean_luma: f64,
    /// Standard deviation of luma over the picture.
    pub std_luma: f64,
    /// Share of pixels with luma 4 or less, 0 to 1.
    pub dark_share: f64,
    /// Share of pixels with luma 251 or more, 0 to 1.
    pub bright_share: f64,
    /// Variance of the Laplacian (4 neighbours) of luma; low for a picture out of focus or without content.
    pub sharpness: f64,
    /// Difference hash: bit 8·row + column is set where cell (row, column) of a 9 x 8 grid of mean luma is darker
    /// than its right neighbour. Few differing bits mean similar pictures.
    pub perceptual_hash: u64,
    /// Fingerprint of the exact luma bytes (first 64 bits of BLAKE3); equal only for a repeated picture.
    pub exact_hash: u64,
}

impl StillStats {
    /// Measures an RGB picture.
    pub fn of_rgb(frame: &RgbFrame<'_>) -> Self {
        let luma: Vec<u8> = frame.data().chunks_exact(3).map(luma_of).collect();
        Self::of_luma(&luma, frame.width() as usize)
    }

    /// Measures luma, [row, column], u8, full range, `width` columns, tightly packed. Zero columns or rows give zeros.
    pub fn of_luma(luma: &[u8], width: usize) -> Self {
        let rows: Vec<&[u8]> = luma.chunks_exact(width.max(1)).collect();
        let histogram = histogram(luma);
        let count = luma.len().max(1) as f64;
        let moment = |power: i32| {
            let sum: f64 =
                histogram.iter().enumerate().map(|(value, n)| *n as f64 * (value as f64).powi(power)).sum();
            sum / count
        };
        let mean = moment(1);
        let share = |range: std::ops::RangeInclusive<u8>| {
            let pixels: u64 = range.map(|value| histogram[usize::from(value)]).sum();
            pixels as f64 / count
        };
        Self {
            mean_luma: mean,
            std_luma: (moment(2) - mean * mean).max(0.0).sqrt(),
            dark_share: share(0..=DARK_MAX),
            bright_share: share(BRIGHT_MIN..=255),
            sharpness: laplacian_variance(&rows),
            perceptual_hash: difference_hash(&rows, width),
            exact_hash: exact_hash(luma),
        }
    }

    /// Share of clipped pixels, dark or bright, 0 to 1.
    pub fn clipped_share(&self) -> f64 {
        self.dark_share + self.bright_share
    }

    /// How many of the 64 bits of the perceptual hashes differ; 0 to 5 for near-identical pictures.
    pub fn hash_distance(&self, other: &Self) -> u32 {
        (self.perceptual_hash ^ other.perceptual_hash).count_ones()
    }
}

/// BT.601 luma in 8-bit fixed point: 77 + 150 + 29 = 256.
fn luma_of(pixel: &[u8]) -> u8 {
    let &[r, g, b] = pixel else { return 0 };
    ((77 * u32::from(r) + 150 * u32::from(g) + 29 * u32::from(b) + 128) >> 8) as u8
}

fn histogram(luma: &[u8]) -> [u64; 256] {
    let mut counts = [0; 256];
    for value in luma {
        counts[usize::from(*value)] += 1;
    }
    counts
}

fn laplacian_variance(rows: &[&[u8]]) -> f64 {
    let (mut sum, mut squares, mut count) = (0i64, 0i64, 0u64);
    for window in rows.windows(3) {
        let &[above, here, below] = window else { continue };
        let neighbours = above.iter().zip(below).skip(1);
        for (three, (up, down)) in here.windows(3).zip(neighbours) {
            let &[left, centre, right] = three else { continue };
            let around = i32::from(left) + i32::from(right) + i32::from(*up) + i32::from(*down);
            let value = i64::from(around - 4 * i32::from(centre));
            sum += value;
            squares += value * value;
            count += 1;
        }
    }
    if count == 0 {
        return 0.0;
    }
    let mean = sum as f64 / count as f64;
    squares as f64 / count as f64 - mean * mean
}

/// The difference hash over a 9 x 8 grid of cell means; cells are compared as exact fractions.
fn difference_hash(rows: &[&[u8]], width: usize) -> u64 {
    const COLUMNS: usize = 9;
    const ROWS: usize = 8;
    let height = rows.len();
    if width < COLUMNS || height < ROWS {
        return 0;
    }
    let mut hash = 0;
    for row in 0..ROWS {
        let band = rows.get(row * height / ROWS..(row + 1) * height / ROWS).unwrap_or_default();
        let cells: [(u64, u64); COLUMNS] = std::array::from_fn(|column| {
            let range = column * width / COLUMNS..(column + 1) * width / COLUMNS;
            let pixels = (range.len() * band.len()) as u64;
            let cell = band.iter().filter_map(|line| line.get(range.clone()));
            (cell.map(|part| part.iter().map(|value| u64::from(*value)).sum::<u64>()).sum(), pixels)
        });
        for (column, pair) in cells.windows(2).enumerate() {
            if let &[(left, left_count), (right, right_count)] = pair
                && left * right_count < right * left_count
            {
                hash |= 1 << (row * (COLUMNS - 1) + column);
            }
        }
    }
    hash
}

fn exact_hash(luma: &[u8]) -> u64 {
    let digest = blake3::hash(luma);
    let (head, _) = digest.as_bytes().split_first_chunk::<8>().expect("a BLAKE3 digest has 32 bytes");
    u64::from_le_bytes(*head)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats_of(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 3]) -> StillStats {
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let data: Vec<u8> = pixels.flat_map(|(x, y)| pixel(x, y)).collect();
        StillStats::of_rgb(&RgbFrame::new(width, height, &data).expect("built to size"))
    }

    #[test]
    fn a_flat_picture_has_no_contrast_and_no_edges() {
        let stats = stats_of(32, 16, |_, _| [128; 3]);
        assert_eq!((stats.mean_luma, stats.std_luma, stats.sharpness), (128.0, 0.0, 0.0));
        assert_eq!((stats.clipped_share(), stats.perceptual_hash), (0.0, 0));
    }

    #[test]
    fn clipped_pixels_are_counted_by_side() {
        let stats = stats_of(40, 10, |x, _| if x < 10 { [0; 3] } else { [255; 3] });
        assert_eq!((stats.dark_share, stats.bright_share), (0.25, 0.75));
        assert_eq!(stats.mean_luma, 191.25);
    }

    #[test]
    fn blur_lowers_sharpness() {
        let sharp = stats_of(64, 64, |x, y| [if (x / 4 + y / 4) % 2 == 0 { 20 } else { 220 }; 3]);
        let soft = stats_of(64, 64, |x, y| [(120.0 + 100.0 * (f64::from(x + y) / 8.0).sin()) as u8; 3]);
        assert!(sharp.sharpness > 20.0 * soft.sharpness, "{} against {}", sharp.sharpness, soft.sharpness);
    }

    #[test]
    fn hashes_tell_repeated_similar_and_other_pictures() {
        let ramp = |offset: u32| stats_of(90, 80, move |x, y| [((x * 2 + y + offset) % 200) as u8; 3]);
        let (a, same, near) = (ramp(0), ramp(0), ramp(1));
        assert_eq!(a.exact_hash, same.exact_hash);
        assert_ne!(a.exact_hash, near.exact_hash);
        assert!(a.hash_distance(&near) <= 5);
        let other = stats_of(90, 80, |x, _| [255 - (x * 2) as u8; 3]);
        assert!(a.hash_distance(&other) > 20);
    }

    #[test]
    fn tiny_pictures_are_measured_without_panic() {
        for (width, height) in [(1, 1), (2, 2), (3, 3), (8, 9)] {
            assert!(stats_of(width, height, |_, _| [9; 3]).sharpness.abs() < 1e-9);
        }
        assert_eq!(StillStats::of_luma(&[], 0).mean_luma, 0.0);
    }
}
