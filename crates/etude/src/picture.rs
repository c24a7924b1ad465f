//! Robots drawn as stick figures: the zero pose and the home pose side by side, joints coloured by what they are.

mod canvas;
mod figure;
mod font;

use canvas::Canvas;
use etude_kinematics::Body;
use etude_kinematics::enrol::Draft;

/// A robot to be drawn: title, body, what is known of it.
pub(crate) type Drawn<'a> = (&'a str, &'a Body, &'a Draft);

/// Size of one pose, px, where one robot is drawn and where many are.
const LARGE: (usize, usize) = (520, 640);
const SMALL: (usize, usize) = (190, 250);
/// Robots side by side on a sheet.
const COLUMNS: usize = 4;
/// Height of a title and of the legend, px.
const TITLE: usize = 26;

/// One picture of all robots: zero pose and home pose each, a title above, a legend below.
pub(crate) fn sheet(robots: &[Drawn<'_>]) -> Canvas {
    let alone = robots.len() == 1;
    let (width, height) = if alone { LARGE } else { SMALL };
    let columns = robots.len().clamp(1, COLUMNS);
    let rows = robots.len().div_ceil(columns);
    let mut canvas = Canvas::new(columns * 2 * width, rows * (height + TITLE) + TITLE);
    let scale = if alone { 2 } else { 1 };
    for (place, (title, body, draft)) in robots.iter().enumerate() {
        let (left, top) = ((place % columns) * 2 * width, (place / columns) * (height + TITLE));
        canvas.text(left + 6, top + 6, &format!("{title}  {}", draft.kind.name()), figure::INK, scale);
        for (nth, positions) in [body.rest(), draft.home.as_slice()].into_iter().enumerate() {
            let at = (left + nth * width, top + TITLE);
            figure::draw(&mut canvas, at, (width, height), body, draft, positions);
            let name = if nth == 0 { "zero" } else { "home" };
            canvas.text(at.0 + 6, at.1 + height - 14, name, figure::FAINT, 1);
        }
    }
    let top = rows * (height + TITLE) + 8;
    let mut left = 6;
    for (name, colour) in figure::LEGEND {
        canvas.rectangle(left, top, 10, 10, colour);
        left = canvas.text(left + 14, top + 1, name, figure::INK, 1) + 12;
    }
    canvas
}
