//! The matrix as a heat map: one square per source and target, an SVG with nothing to load.

use etude_station::crossing::matrix::Matrix;
use std::fmt::Write;

/// Edge of a square and room for names, px.
const SQUARE: f64 = 96.0;
const NAMES: f64 = 190.0;
const HEAD: f64 = 90.0;

/// The picture.
pub(super) fn svg(matrix: &Matrix) -> String {
    let count = matrix.bodies.len() as f64;
    let (width, height) = (NAMES + count * SQUARE + 10.0, HEAD + count * SQUARE + 30.0);
    let mut svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' width='{width}' height='{height}' \
         font-family='sans-serif' font-size='12'>\n<rect width='{width}' height='{height}' fill='white'/>\n\
         <text x='10' y='20' font-size='15'>{}: replays that succeed, source (row) to target (column), with 95 % \
         intervals</text>\n",
        escape(&matrix.task)
    );
    for (place, body) in matrix.bodies.iter().enumerate() {
        let middle = place as f64 * SQUARE + 0.5 * SQUARE;
        let name = escape(body);
        // Writing to a string cannot fail.
        let _ = writeln!(
            svg,
            "<text x='{}' y='{}' text-anchor='end'>{name}</text>\n<text x='{}' y='{}' text-anchor='middle' \
             font-size='10'>{name}</text>",
            NAMES - 8.0,
            HEAD + middle + 4.0,
            NAMES + middle,
            if place % 2 == 0 { HEAD - 8.0 } else { HEAD - 24.0 },
        );
    }
    for (row, source) in matrix.bodies.iter().enumerate() {
        for (column, target) in matrix.bodies.iter().enumerate() {
            let Some(cell) = matrix.cell(source, target) else { continue };
            let (x, y) = (NAMES + column as f64 * SQUARE, HEAD + row as f64 * SQUARE);
            let share = cell.replay.value();
            let [low, high] = cell.replay.interval();
            let ink = if share > 0.55 { "white" } else { "black" };
            let edge = if row == column { "black" } else { "white" };
            let middle = x + 0.5 * SQUARE;
            let _ = writeln!(
                svg,
                "<rect x='{x}' y='{y}' width='{SQUARE}' height='{SQUARE}' fill='{}' stroke='{edge}' \
                 stroke-width='2'/>\n<text x='{middle}' y='{}' text-anchor='middle' font-size='16' \
                 fill='{ink}'>{}/{}</text>\n<text x='{middle}' y='{}' text-anchor='middle' font-size='10' \
                 fill='{ink}'>{:.0} to {:.0} %</text>",
                colour(share),
                y + 46.0,
                cell.replay.successes,
                cell.replay.trials,
                y + 64.0,
                low * 100.0,
                high * 100.0,
            );
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// From a light yellow for none to a dark blue for all: as lightness falls, any colour vision can tell them apart.
fn colour(share: f64) -> String {
    if share.is_nan() {
        return "#dddddd".to_owned();
    }
    let mix = |from: f64, to: f64| (from + (to - from) * share.clamp(0.0, 1.0)).round() as u8;
    format!("#{:02x}{:02x}{:02x}", mix(254.0, 8.0), mix(240.0, 64.0), mix(200.0, 129.0))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lightest_is_none_and_the_darkest_is_all() {
        assert_eq!(colour(0.0), "#fef0c8");
        assert_eq!(colour(1.0), "#084081");
        assert_eq!(colour(f64::NAN), "#dddddd");
    }
}
