//! Closure of a hand.

use etude_kinematics::{Body, BodyOptions, FingerRange, HandClosure, HandError};

use crate::data;

fn body() -> Body {
    Body::from_text(&data::two_arms(), "two_arms.xml", &BodyOptions::default()).expect("the model is sound")
}

fn range(joint: &str, open: f64, closed: f64) -> FingerRange {
    FingerRange { joint: joint.to_owned(), open, closed }
}

#[test]
fn closure_goes_linearly_from_open_to_closed() {
    let body = body();
    let hand = HandClosure::new(&body, &[range("left_finger", 0.04, 0.0)]).unwrap();
    let index = body.position_index(body.joint("left_finger").unwrap()).unwrap();
    let thumb = body.position_index(body.joint("left_thumb").unwrap()).unwrap();
    let mut positions = body.rest().to_vec();
    for (closure, expected) in [(0.0, 0.04), (0.25, 0.03), (1.0, 0.0), (-3.0, 0.04), (7.0, 0.0)] {
        hand.apply(closure, &mut positions);
        body.apply_mimics(&mut positions);
        assert!((positions[index] - expected).abs() < 1e-15);
        assert_eq!(positions[thumb], positions[index]);
    }
    hand.apply(f64::NAN, &mut positions);
    assert_eq!(positions[index], 0.0, "NaN changes nothing");
    assert_eq!(hand.positions(f64::NAN).count(), 0);
    assert_eq!(hand.positions(0.5).count(), 1);
}

#[test]
fn poses_the_hand_cannot_take_are_refused() {
    let body = body();
    let fail = |range: FingerRange| HandClosure::new(&body, &[range]).unwrap_err();
    assert!(matches!(fail(range("left_finger", 0.0, 0.05)), HandError::OutsideLimits { .. }));
    assert!(matches!(fail(range("left_finger", f64::NAN, 0.0)), HandError::OutsideLimits { .. }));
    assert!(matches!(fail(range("left_thumb", 0.0, 0.01)), HandError::NotIndependent(_)));
    assert!(matches!(fail(range("base", 0.0, 0.01)), HandError::NotIndependent(_)));
    assert!(matches!(fail(range("tail", 0.0, 0.01)), HandError::Lookup(_)));
}
