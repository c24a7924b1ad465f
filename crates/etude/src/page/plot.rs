//! Line plots as inline SVG: axes with round numbers, a legend, nothing to load.

use super::escape;
use std::fmt::Write;

/// A curve: its name, and its points (time since the take began, s; value).
#[derive(Clone, Debug)]
pub(crate) struct Curve {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// Size of a plot and of its margins, px.
const SIZE: (f64, f64) = (560.0, 220.0);
const LEFT: f64 = 52.0;
const BOTTOM: f64 = 30.0;
const TOP: f64 = 12.0;
const RIGHT: f64 = 10.0;
/// Points of a curve are thinned to about this many.
const POINTS: usize = 600;
/// Colours that people with any colour vision tell apart (Okabe and Ito).
const COLOURS: [&str; 7] = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#444444"];

/// A plot of curves over time, s, as an `<svg>` with its legend; `None` where there is nothing to show. `span`: a time that is
/// marked, s.
pub(crate) fn lines(curves: &[Curve], unit: &str, label: &str, span: Option<(f64, f64)>) -> Option<String> {
    let points =
        || curves.iter().flat_map(|curve| &curve.points).filter(|(time, value)| (time + value).is_finite());
    let end = points().map(|(time, _)| *time).fold(0.0, f64::max);
    let low = points().map(|(_, value)| *value).fold(f64::INFINITY, f64::min);
    let high = points().map(|(_, value)| *value).fold(f64::NEG_INFINITY, f64::max);
    if end <= 0.0 || low > high {
        return None;
    }
    let margin = ((high - low) * 0.06).max(1e-3);
    let frame = Frame { end, low: low - margin, high: high + margin };
    let mut svg =
        format!("<svg viewBox='0 0 {} {}' role='img' aria-label='{}'>", SIZE.0, SIZE.1, escape(label));
    if let Some((from, to)) = span {
        frame.mark(&mut svg, from, to);
    }
    frame.axes(&mut svg, unit);
    for (curve, colour) in curves.iter().zip(COLOURS.iter().cycle()) {
        frame.curve(&mut svg, curve, colour);
    }
    svg.push_str("</svg><p class='legend'>");
    for (curve, colour) in curves.iter().zip(COLOURS.iter().cycle()) {
        let name = escape(&curve.name);
        // Writing into a String cannot fail.
        let _ = write!(svg, "<span><i style='background:{colour}'></i>{name}</span>");
    }
    svg.push_str("</p>");
    Some(svg)
}

struct Frame {
    end: f64,
    low: f64,
    high: f64,
}

impl Frame {
    fn x(&self, time: f64) -> f64 {
        LEFT + (SIZE.0 - LEFT - RIGHT) * time / self.end
    }

    fn y(&self, value: f64) -> f64 {
        TOP + (SIZE.1 - TOP - BOTTOM) * (self.high - value) / (self.high - self.low)
    }

    /// An instant is marked as wide as can be seen.
    fn mark(&self, svg: &mut String, from: f64, to: f64) {
        let within = |time: f64| self.x(time.clamp(0.0, self.end));
        let (left, right) = (within(from), within(to));
        let wide = (right - left).max(3.0);
        let high = SIZE.1 - TOP - BOTTOM;
        let _ = write!(svg, "<rect class='mark' x='{left:.1}' y='{TOP}' width='{wide:.1}' height='{high}'/>");
    }

    fn axes(&self, svg: &mut String, unit: &str) {
        let (bottom, right) = (SIZE.1 - BOTTOM, SIZE.0 - RIGHT);
        for value in ticks(self.low, self.high, 4.0) {
            let y = self.y(value);
            let _ = write!(
                svg,
                "<line class='grid' x1='{LEFT}' x2='{right}' y1='{y:.1}' y2='{y:.1}'/>\
                 <text class='end' x='{}' y='{:.1}'>{}</text>",
                LEFT - 6.0,
                y + 4.0,
                short(value)
            );
        }
        for time in ticks(0.0, self.end, 7.0) {
            let x = self.x(time);
            let _ =
                write!(svg, "<text class='mid' x='{x:.1}' y='{}'>{} s</text>", bottom + 18.0, short(time));
        }
        let _ = write!(
            svg,
            "<text x='{LEFT}' y='{}'>{}</text><line class='axis' x1='{LEFT}' x2='{right}' y1='{bottom}' y2='{bottom}'/>",
            TOP - 1.0,
            escape(unit)
        );
    }

    fn curve(&self, svg: &mut String, curve: &Curve, colour: &str) {
        let step = (curve.points.len() / POINTS).max(1);
        let _ = write!(svg, "<path stroke='{colour}' d='");
        let mut pen = 'M';
        for (time, value) in curve.points.iter().step_by(step) {
            if value.is_finite() {
                let _ = write!(svg, "{pen}{:.1} {:.1}", self.x(*time), self.y(*value));
                pen = 'L';
            } else {
                pen = 'M';
            }
        }
        svg.push_str("'/>");
    }
}

/// About `count` round numbers from `low` to `high`.
fn ticks(low: f64, high: f64, count: f64) -> Vec<f64> {
    let rough = (high - low) / count;
    let size = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * size).find(|step| *step >= rough);
    let step = step.unwrap_or(size);
    let first = (low / step).ceil() as i64;
    let last = (high / step).floor() as i64;
    (first..=last).map(|tick| tick as f64 * step).collect()
}

/// A number without needless digits.
fn short(value: f64) -> String {
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        assert_eq!(ticks(0.0, 8.2, 7.0), [0.0, 2.0, 4.0, 6.0, 8.0]);
        assert_eq!(ticks(-0.5, 1.5, 4.0), [-0.5, 0.0, 0.5, 1.0, 1.5]);
        assert_eq!(short(0.300_000_01), "0.3");
    }

    #[test]
    fn a_curve_with_a_hole_is_drawn_in_two_strokes() {
        let curve =
            Curve { name: "a<b".into(), points: vec![(0.0, 1.0), (1.0, f64::NAN), (2.0, 3.0), (3.0, 2.0)] };
        let svg = lines(&[curve], "N", "force", Some((1.0, 2.0))).expect("a plot");
        assert_eq!(svg.matches('M').count(), 2, "{svg}");
        assert!(svg.contains("a&lt;b"));
        assert!(svg.contains("class='mark'"));
        assert!(lines(&[], "N", "nothing", None).is_none());
    }
}
