//! Retargeting as its callers see it: limits are kept, a path on the same body comes back, what is out of reach is said.

use etude_kinematics::retarget::{
    Arms, Crossing, CrossingError, HandSample, Mapping, Options, PathSample, Report, Rules, Tick,
};
use etude_kinematics::{Body, BodyOptions, Poses};
use etude_model::Card;
use nalgebra::{Isometry3, Vector3};
use proptest::prelude::*;

/// An arm of six joints with a gripper, in the shape of a person's.
const MODEL: &str = r#"<mujoco><compiler angle="radian"/><worldbody>
  <body name="upper" pos="0 -0.2 0.5"><joint name="pitch" axis="0 1 0" range="-2.5 2.5"/>
    <body name="roll_link"><joint name="roll" axis="1 0 0" range="-2 2"/>
      <body name="yaw_link"><joint name="yaw" axis="0 0 1" range="-2.5 2.5"/>
        <body name="fore" pos="0 0 -0.3"><joint name="elbow" axis="0 1 0" range="-2.4 0.1"/>
          <body name="wrist" pos="0 0 -0.25"><joint name="wrist_roll" axis="0 0 1" range="-2.5 2.5"/>
            <body name="hand"><joint name="wrist_pitch" axis="0 1 0" range="-1.5 1.5"/>
              <body name="hand2"><joint name="wrist_yaw" axis="1 0 0" range="-1.5 1.5"/>
                <body name="finger" pos="0 0.02 -0.1"><joint name="jaw" type="slide" axis="0 1 0" range="0 0.04"/></body>
              </body></body></body></body></body></body></body>
</worldbody></mujoco>"#;

fn card() -> Card {
    let joints = [
        ("pitch", "shoulder_pitch", "[-2.5, 2.5]", 0.3),
        ("roll", "shoulder_roll", "[-2.0, 2.0]", 0.0),
        ("yaw", "shoulder_yaw", "[-2.5, 2.5]", 0.0),
        ("elbow", "elbow", "[-2.4, 0.1]", -1.6),
        ("wrist_roll", "wrist_roll", "[-2.5, 2.5]", 0.0),
        ("wrist_pitch", "wrist_pitch", "[-1.5, 1.5]", 0.0),
        ("wrist_yaw", "wrist_yaw", "[-1.5, 1.5]", 0.0),
    ];
    let mut text = "schema = 1\nvendor = \"Maker\"\nmodel = \"Arm\"\nrevision = \"1\"\nsource = \"a test\"\n\
        [kinematics]\npath = \"none\"\npackage = \"none\"\nlicence = \"none\"\ntorso_body = \"world\"\n\
        arm_length_m = 0.55\n"
        .to_owned();
    text.extend(joints.map(|(name, slot, range, home)| {
        format!(
            "[[joint]]\nname = \"{name}\"\nslot = \"right_arm.{slot}\"\nkind = \"revolute\"\nunit = \"rad\"\n\
             position = {range}\nvelocity = 3.0\nhome = {home:?}\n"
        )
    }));
    text += "[[joint]]\nname = \"jaw\"\nslot = \"right_hand.gripper\"\nkind = \"prismatic\"\nunit = \"m\"\n\
        position = [0.0, 0.04]\nvelocity = 0.1\nhome = 0.04\n\
        [[end_effector]]\nside = \"right\"\nbody = \"hand2\"\n\
        grasp_in_body = { position_m = [0.0, 0.0, -0.12], orientation_xyzw = [0.0, 0.707107, 0.0, 0.707107] }\n\
        [[hand]]\nside = \"right\"\nkind = \"gripper\"\njoints = [\"jaw\"]\nopen = [0.04]\nclosed = [0.0]\n";
    Card::from_toml(&text).expect("a card")
}

fn arms() -> Arms {
    let body = Body::from_text(MODEL, "test.xml", &BodyOptions::default()).expect("a body");
    Arms::new(&card(), body).expect("arms")
}

/// The path that the arm's own joints make when they swing by `swing` rad, and the joints.
fn own_path(arms: &Arms, swing: [f64; 7], seconds: f64) -> Vec<(PathSample, Vec<f64>)> {
    let mut poses = Poses::new(arms.body());
    let count = (seconds * 60.0) as usize;
    (0..count)
        .map(|at| {
            let time_s = at as f64 / 60.0;
            let mut whole = arms.home().to_vec();
            for (position, swing) in whole.iter_mut().zip(swing) {
                *position += swing * (time_s * 1.5).sin();
            }
            let reading = arms.read(&whole, &mut poses);
            let grasp = reading.grasp_in_base[1].expect("a right hand");
            let hand = HandSample { grasp, closure: 0.0, fingers: None, joints: None };
            (PathSample { time_s, hands: [None, Some(hand)] }, whole)
        })
        .collect()
}

fn crossing(arms: &Arms) -> Crossing<'_> {
    Crossing {
        target: arms,
        mapping: Mapping::rigid(&Isometry3::identity()),
        options: Options {
            smoothing_half_s: 0.0,
            rate_hz: 120.0,
            from_home: false,
            acceleration: 60.0,
            known: Default::default(),
            rules: Rules::default(),
        },
    }
}

/// The joints that come out, at even times, and the report.
fn cross(crossing: &Crossing<'_>, path: &[PathSample]) -> (Vec<(f64, Vec<f64>)>, Report) {
    let each = || path.iter().map(|sample| Ok::<_, CrossingError>(*sample));
    let survey = crossing.survey(each()).expect("nothing fails");
    let plan = crossing.plan(&survey, &mut |_| None).expect("a plan");
    let mut out = Vec::new();
    let report = crossing
        .run("source", &plan, &survey, each(), &mut |tick| {
            if let Tick::Joints { time_s, positions, .. } = tick {
                out.push((time_s, positions.to_vec()));
            }
            Ok(())
        })
        .expect("a report");
    (out, report)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_body_reaches_its_own_path_within_its_limits(swing in prop::array::uniform7(-0.35..0.35_f64)) {
        let arms = arms();
        let path: Vec<PathSample> =
            own_path(&arms, swing, 4.0).into_iter().map(|(sample, _)| sample).collect();
        let (out, report) = cross(&crossing(&arms), &path);
        let hand = &report.hands[0];
        prop_assert!(hand.reached_share > 0.999, "{report:?}");
        prop_assert!(hand.position_error_m.max < 1e-3 && hand.angle_error_rad.max < 0.01, "{report:?}");
        prop_assert!(report.verdict.accepted, "{:?}", report.verdict);
        within_limits(&arms, &out)?;
    }

    #[test]
    fn limits_are_kept_whatever_is_asked(
        points in prop::collection::vec((-1.5..1.5_f64, -1.5..1.5_f64, -1.0..1.5_f64, -3.0..3.0_f64), 3..12)
    ) {
        let arms = arms();
        let path: Vec<PathSample> = points
            .iter()
            .enumerate()
            .flat_map(|(at, &(x, y, z, turn))| (0..20).map(move |i| (at * 20 + i, x, y, z, turn)))
            .map(|(at, x, y, z, turn)| {
                let grasp = Isometry3::new(Vector3::new(x, y, z), Vector3::new(turn, 0.3 * turn, 0.0));
                let hand = HandSample { grasp, closure: 0.5, fingers: None, joints: None };
                PathSample { time_s: at as f64 / 60.0, hands: [None, Some(hand)] }
            })
            .collect();
        let (out, report) = cross(&crossing(&arms), &path);
        prop_assert_eq!(report.samples as usize, path.len());
        within_limits(&arms, &out)?;
    }
}

fn within_limits(arms: &Arms, out: &[(f64, Vec<f64>)]) -> Result<(), TestCaseError> {
    let body = arms.body();
    for pair in out.windows(2) {
        let dt = pair[1].0 - pair[0].0;
        for joint in body.moving_joints() {
            let Some(place) = body.position_index(joint) else { continue };
            let limits = body.limits(joint);
            let (here, next) = (pair[0].1[place], pair[1].1[place]);
            prop_assert!(here >= limits.lower - 1e-9 && here <= limits.upper + 1e-9, "{here} {limits:?}");
            prop_assert!((next - here).abs() / dt <= limits.velocity * 1.001, "{} rad/s", (next - here) / dt);
        }
    }
    Ok(())
}

#[test]
fn what_is_out_of_reach_is_said_and_not_bent() {
    let arms = arms();
    let mut path: Vec<PathSample> =
        own_path(&arms, [0.2; 7], 3.0).into_iter().map(|(sample, _)| sample).collect();
    for sample in path.iter_mut().skip(90) {
        // Half a metre further than the arm is long.
        if let Some(hand) = &mut sample.hands[1] {
            hand.grasp.translation.vector += Vector3::new(1.0, 0.0, 0.0);
        }
    }
    let (_, report) = cross(&crossing(&arms), &path);
    let hand = &report.hands[0];
    assert!((hand.reached_share - 0.5).abs() < 0.02, "{report:?}");
    assert!(hand.position_error_m.max > 0.4, "{report:?}");
    assert!(!report.verdict.accepted);
    assert!(
        report.verdict.findings.iter().any(|finding| finding.contains("reaches")),
        "{:?}",
        report.verdict
    );
}

#[test]
fn a_path_without_a_hand_of_this_body_is_refused() {
    let arms = arms();
    let crossing = crossing(&arms);
    let grasp = Isometry3::identity();
    let left = PathSample {
        time_s: 0.0,
        hands: [Some(HandSample { grasp, closure: 0.0, fingers: None, joints: None }), None],
    };
    let survey = crossing.survey([Ok::<_, CrossingError>(left)]).expect("nothing fails");
    let error = crossing.plan(&survey, &mut |_| None).expect_err("no hand");
    assert!(error.to_string().contains("Maker Arm"), "{error}");
}

#[test]
fn a_long_path_is_a_stream_and_keeps_its_time() {
    let arms = arms();
    let path: Vec<PathSample> =
        own_path(&arms, [0.1; 7], 60.0).into_iter().map(|(sample, _)| sample).collect();
    let (out, report) = cross(&crossing(&arms), &path);
    assert!((report.pace.needed_s - report.pace.source_s).abs() < 1e-9, "{:?}", report.pace);
    let last = out.last().expect("commands").0;
    assert!((last - path.last().expect("samples").time_s).abs() < 0.02);
    assert_eq!(out.len(), (last * 120.0).round() as usize + 1);
}
