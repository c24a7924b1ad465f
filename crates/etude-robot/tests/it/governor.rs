//! Whatever is asked of it, the governor holds the card's bounds.

use etude_model::card::Card;
use etude_model::sample::SafetyKind;
use etude_model::{HostTime, Span};
use etude_robot::Governor;
use proptest::prelude::*;

const LOW: f64 = -1.0;
const HIGH: f64 = 2.0;
const SPEED: f64 = 3.0;
const ACCELERATION: f64 = 20.0;

fn card() -> Card {
    Card::from_toml(&format!(
        r#"
        schema = 1
        vendor = "Maker"
        model = "One"
        revision = "a"
        source = "made up for a test"
        [[joint]]
        name = "shoulder"
        kind = "revolute"
        unit = "rad"
        position = [{LOW}, {HIGH}]
        velocity = {velocity}
        [[joint]]
        name = "elbow"
        kind = "revolute"
        unit = "rad"
        position = [{LOW}, {HIGH}]
        velocity = {velocity}
        [safety]
        joint_speed_share = 0.5
        joint_acceleration = {ACCELERATION}
        command_timeout_ms = 100.0
        wrist_force_n = 50.0
        "#,
        velocity = SPEED / 0.5
    ))
    .expect("a card")
}

fn governor(start: f64) -> Governor {
    Governor::new(&card(), &[start, start], HostTime(0)).expect("a governor")
}

/// Asks for `target` every `dt` for `seconds`; gives where it ends.
fn follow(governor: &mut Governor, from: HostTime, target: f64, dt: Span, seconds: f64) -> (HostTime, f64) {
    let mut now = from;
    let end = from + Span::from_s(seconds);
    while now < end {
        now = now + dt;
        governor.pass(now, 0, &[target, target]);
    }
    (now, governor.granted()[0])
}

fn kinds(governor: &mut Governor) -> Vec<SafetyKind> {
    governor.drain_events().map(|event| event.kind).collect()
}

#[test]
fn reaches_a_target_within_its_bounds_and_stays() {
    let mut governor = governor(0.0);
    let (_, end) = follow(&mut governor, HostTime(0), 1.5, Span::from_ms(5), 3.0);
    assert!((end - 1.5).abs() < 1e-6, "{end}");
}

#[test]
fn a_target_beyond_the_limits_ends_at_the_limit_with_an_event() {
    let mut governor = governor(0.0);
    let (_, end) = follow(&mut governor, HostTime(0), 99.0, Span::from_ms(5), 3.0);
    assert!((end - HIGH).abs() < 1e-6, "{end}");
    assert!(kinds(&mut governor).contains(&SafetyKind::PositionLimit));
}

#[test]
fn a_smooth_request_raises_no_event_and_is_followed() {
    let mut governor = governor(0.0);
    let mut worst: f64 = 0.0;
    for tick in 1..2000_i64 {
        let wanted = 0.5 * (f64::from(tick as i32) * 0.005).sin().powi(3);
        let granted = governor.pass(HostTime(tick * 5_000_000), 0, &[wanted, wanted])[0];
        worst = worst.max((granted - wanted).abs());
    }
    assert!(worst < 1e-9, "{worst}");
    assert_eq!(kinds(&mut governor), []);
}

#[test]
fn what_is_no_number_brakes_and_the_next_number_resumes() {
    let mut governor = governor(0.0);
    let (now, _) = follow(&mut governor, HostTime(0), 1.5, Span::from_ms(5), 0.3);
    governor.pass(now + Span::from_ms(5), 7, &[f64::NAN, 0.0]);
    assert_eq!(governor.hold(), Some(SafetyKind::NotANumber));
    governor.pass(now + Span::from_ms(10), 8, &[1.0, 1.0]);
    assert_eq!(governor.hold(), None);
    let kinds = kinds(&mut governor);
    assert!(kinds.ends_with(&[SafetyKind::NotANumber, SafetyKind::Resumed]), "{kinds:?}");
}

#[test]
fn silence_brakes_to_a_stand() {
    let mut governor = governor(0.0);
    let (now, _) = follow(&mut governor, HostTime(0), 1.9, Span::from_ms(5), 0.3);
    let mut last = governor.granted()[0];
    let mut later = now;
    for _ in 0..200 {
        later = later + Span::from_ms(5);
        last = governor.tick(later)[0];
    }
    assert_eq!(governor.hold(), Some(SafetyKind::Timeout));
    assert_eq!(governor.tick(later + Span::from_ms(5))[0], last);
}

#[test]
fn a_force_holds_until_somebody_resumes() {
    let mut governor = governor(0.0);
    let (now, _) = follow(&mut governor, HostTime(0), 1.0, Span::from_ms(5), 0.2);
    governor.wrist_force(80.0);
    let (now, held) = follow(&mut governor, now, 1.0, Span::from_ms(5), 0.5);
    assert!(held < 0.9, "{held}");
    assert_eq!(governor.hold(), Some(SafetyKind::Force));
    governor.resume(now);
    let (_, end) = follow(&mut governor, now, 1.0, Span::from_ms(5), 2.0);
    assert!((end - 1.0).abs() < 1e-6, "{end}");
}

#[test]
fn a_robot_outside_its_limits_is_led_back_without_a_jump() {
    let mut governor = governor(HIGH + 0.3);
    let first = governor.pass(HostTime(5_000_000), 0, &[0.0, 0.0])[0];
    assert!((first - (HIGH + 0.3)).abs() <= SPEED * 0.005 + 1e-12, "{first}");
    let (_, end) = follow(&mut governor, HostTime(5_000_000), 0.0, Span::from_ms(5), 3.0);
    assert!(end.abs() < 1e-6, "{end}");
}

proptest! {
    #[test]
    fn no_bound_is_ever_broken(
        start in LOW..HIGH,
        requests in prop::collection::vec((any::<f64>(), -5.0..5.0_f64, any::<bool>(), 1_u32..40), 1..300),
    ) {
        let mut governor = governor(start);
        let (mut now, mut here, mut speed) = (HostTime(0), start, 0.0);
        for (wild, tame, is_wild, gap_ms) in requests {
            let asked = if is_wild { wild } else { tame };
            let dt = Span::from_ms(i64::from(gap_ms));
            now = now + dt;
            let next = governor.pass(now, 0, &[asked, asked])[0];
            let next_speed = (next - here) / dt.as_s();
            prop_assert!((LOW..=HIGH).contains(&next), "position {next}");
            prop_assert!(next_speed.abs() <= SPEED * (1.0 + 1e-9), "speed {next_speed}");
            let change = (next_speed - speed).abs();
            prop_assert!(change <= ACCELERATION * dt.as_s() + 1e-6, "change of speed {change} in {dt}");
            (here, speed) = (next, next_speed);
        }
    }
}
