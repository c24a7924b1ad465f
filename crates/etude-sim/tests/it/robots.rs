//! Several robots in one scene: each is itself, none disturbs another.

use crate::player::Player;
use crate::support::{blind, card, models, play, scene};
use etude_model::{Card, Pose};
use etude_sim::renderer::RenderError;
use etude_sim::{ComposeError, Picture, Placed, Renderer, RobotView, SimOptions, Simulation, Snapshot};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

const G1: &str = "unitree_g1_dex3";
const ALOHA: &str = "trossen_aloha2";
const BLIND: SimOptions =
    SimOptions { cameras: false, camera_size: None, mesh_cell_m: 0.008, heed_within_m: 0.0 };

/// A place at `x_m` and `z_m`, turned by `yaw_rad` about the vertical.
fn place(x_m: f64, z_m: f64, yaw_rad: f64) -> Pose {
    let (sin, cos) = (0.5 * yaw_rad).sin_cos();
    Pose { position_m: [x_m, 0.0, z_m], orientation_xyzw: [0.0, 0.0, sin, cos] }
}

fn placed(robot: &str, prefix: &str, base_in_world: Option<Pose>) -> Placed {
    Placed { card: card(robot), prefix: prefix.into(), base_in_world }
}

/// A G1 before the table, and an ALOHA on it, turned by pi against where it would stand alone.
fn pair() -> [Placed; 2] {
    [placed(G1, "near", None), placed(ALOHA, "across", Some(place(0.55, 0.78, std::f64::consts::FRAC_PI_2)))]
}

fn compose(models: &Path, robots: &[Placed]) -> Simulation {
    Simulation::compose_many(&scene("flat"), robots, models, &BLIND, 0).expect("a scene with robots")
}

fn refusal(models: &Path, robots: &[Placed]) -> String {
    Simulation::compose_many(&scene("flat"), robots, models, &BLIND, 0).expect_err("a refusal").to_string()
}

fn homes(card: &Card) -> Vec<f64> {
    card.joints.iter().map(|joint| joint.home).collect()
}

/// Place of the left shoulder's pitch on the card.
fn shoulder(card: &Card) -> usize {
    let named = |slot: &dyn ToString| slot.to_string() == "left_arm.shoulder_pitch";
    card.joints
        .iter()
        .position(|joint| joint.slot.as_ref().is_some_and(|slot| named(slot)))
        .expect("a shoulder")
}

fn assert_at(robot: RobotView<'_>, targets: &[f64]) {
    let mut positions = vec![0.0; robot.joint_count()];
    robot.joint_positions(&mut positions);
    for (joint, (position, target)) in robot.card().joints.iter().zip(positions.iter().zip(targets)) {
        let far = (position - target).abs();
        assert!(far < 0.02, "{}/{}: {position}, not {target}", robot.prefix(), joint.name);
    }
}

fn touch(robot: RobotView<'_>, sensor: &str) -> f32 {
    let mut taxels = Vec::new();
    robot.tactile(sensor, &mut taxels).expect("a tactile sensor");
    taxels.iter().sum()
}

fn force(robot: RobotView<'_>) -> f64 {
    let wrench = robot.wrench("right_wrist_wrench").expect("a wrench");
    wrench.force_n.iter().map(|value| value * value).sum::<f64>().sqrt()
}

#[test]
fn each_robot_follows_its_own_targets() {
    let Some(models) = models() else { return };
    let robots = pair();
    let mut simulation = compose(&models, &robots);
    let prefixes: Vec<&str> = simulation.robots().map(|robot| robot.prefix()).collect();
    assert_eq!(prefixes, ["near", "across"]);
    let mut targets = [homes(&robots[0].card), homes(&robots[1].card)];
    for moved in 0..2 {
        targets[moved][shoulder(&robots[moved].card)] -= 0.2;
        simulation.robot_mut(moved).expect("a robot").set_joint_targets(&targets[moved]).expect("targets");
        simulation.step(500).expect("steps");
        for (robot, targets) in simulation.robots().zip(&targets) {
            assert_at(robot, targets);
        }
    }
    let across = simulation.robot(1).expect("a robot");
    assert_eq!((across.card(), across.joint_count()), (&robots[1].card, robots[1].card.joints.len()));
    let base = across.base_pose();
    assert_eq!(base.position_m, [0.55, 0.0, 0.78]);
    // Turned by pi, the arm that is on the left of the ALOHA is on the right of the G1.
    let left = across.body_pose("left/base_link").expect("the left arm").position_m;
    assert!(left[1] < -0.3 && (left[0] - 0.55).abs() < 0.1, "{left:?}");
    assert!(simulation.robot_mut(1).expect("a robot").set_joint_targets(&targets[0]).is_err(), "the other's");
    let error = simulation.robot(2).expect_err("no third robot").to_string();
    assert!(error.contains("no robot `2`"), "{error}");
}

#[test]
fn sensors_belong_to_their_robot() {
    let Some(models) = models() else { return };
    let robots = pair();
    let mut simulation = compose(&models, &robots);
    let alone = blind(&models, ALOHA, "flat", 0);
    for robot in simulation.robots() {
        assert_eq!(robot.imu("pelvis_imu").is_ok(), robot.prefix() == "near");
        let mut taxels = Vec::new();
        assert_eq!(robot.tactile("right_left_pad", &mut taxels).is_ok(), robot.prefix() == "across");
    }
    let [near, across] = [0, 1].map(|at| force(simulation.robot(at).expect("a robot")));
    let by_itself = force(alone.robot(0).expect("a robot"));
    assert!((across - by_itself).abs() < 0.02 * by_itself, "{across} N, alone {by_itself} N");
    assert!((across - near).abs() > 0.05 * near, "hands of {near} N and {across} N");

    // The first robot takes the can; the other one feels nothing of it.
    simulation.reset("lift_can", 1).expect("a task of the scene");
    let mut player = Player::new(&simulation, &models);
    let mut felt = [0.0_f32; 2];
    let progress = play(&mut player, &mut simulation, |simulation| {
        let [near, across] = [0, 1].map(|at| simulation.robot(at).expect("a robot"));
        felt[0] = felt[0].max(touch(near, "right_thumb_tip"));
        felt[1] = felt[1].max(touch(across, "right_left_pad") + touch(across, "right_right_pad"));
        assert!((force(across) - by_itself).abs() < 0.02 * by_itself, "the other robot's wrist is still");
    });
    assert!(progress.success, "{progress:?}");
    assert!(felt[0] > 0.5 && felt[1] == 0.0, "{felt:?} N");
}

/// A hash of every state of two seconds in which both robots move, and of what they feel.
fn hash_of_run(simulation: &mut Simulation) -> u64 {
    simulation.reset("lift_can", 3).expect("a task of the scene");
    let mut hasher = DefaultHasher::new();
    for tick in 0..200 {
        for at in 0..2 {
            let mut robot = simulation.robot_mut(at).expect("a robot");
            let mut targets = homes(robot.view().card());
            targets[shoulder(robot.view().card())] -= 0.2 * (f64::from(tick) * 0.05).sin();
            robot.set_joint_targets(&targets).expect("targets");
        }
        simulation.step(5).expect("steps");
        let (positions, velocities) = simulation.state();
        positions.iter().chain(velocities).for_each(|value| value.to_bits().hash(&mut hasher));
        simulation.robots().for_each(|robot| force(robot).to_bits().hash(&mut hasher));
    }
    hasher.finish()
}

#[test]
fn states_of_two_robots_repeat_to_the_bit() {
    let Some(models) = models() else { return };
    let mut one = compose(&models, &pair());
    let first = hash_of_run(&mut one);
    assert_eq!(first, hash_of_run(&mut one), "after a reset");
    assert_eq!(first, hash_of_run(&mut compose(&models, &pair())), "composed anew");
}

#[test]
fn a_robot_alone_is_the_same_under_any_prefix_and_stated_place() {
    let Some(models) = models() else { return };
    let card = card("enactic_openarm2");
    let mut alone = blind(&models, "enactic_openarm2", "flat", 0);
    let base = alone.base_pose();
    let mut many = compose(&models, &[Placed { prefix: "b-2".into(), ..Placed::alone(&card) }]);
    let mut stated = compose(&models, &[Placed { base_in_world: Some(base), ..Placed::alone(&card) }]);
    for simulation in [&mut alone, &mut many, &mut stated] {
        let mut targets = homes(&card);
        targets[shoulder(&card)] -= 0.2;
        simulation.set_joint_targets(&targets).expect("targets");
        simulation.step(300).expect("steps");
    }
    assert_eq!(alone.state(), many.state());
    assert_eq!(alone.state(), stated.state());
    assert_eq!(alone.base_pose(), stated.base_pose());
}

#[test]
fn two_of_a_kind_face_each_other() {
    let Some(models) = models() else { return };
    let robots = [placed(G1, "near", None), placed(G1, "far", Some(place(1.1, 0.0, std::f64::consts::PI)))];
    let mut simulation = compose(&models, &robots);
    let mut targets = homes(&robots[1].card);
    targets[shoulder(&robots[1].card)] -= 0.2;
    simulation.robot_mut(1).expect("a robot").set_joint_targets(&targets).expect("targets");
    simulation.step(500).expect("steps");
    assert_at(simulation.robot(0).expect("a robot"), &homes(&robots[0].card));
    assert_at(simulation.robot(1).expect("a robot"), &targets);
}

#[test]
fn cameras_of_every_robot_draw() {
    let Some(models) = models() else { return };
    let (robots, size) = (pair(), Some([160, 120]));
    let options = SimOptions { camera_size: size, ..SimOptions::default() };
    let simulation = Simulation::compose_many(&scene("flat"), &robots, &models, &options, 2).expect("robots");
    let mut renderer = match Renderer::new(&simulation, size) {
        Err(RenderError::Unavailable { source }) => {
            eprintln!("skipped: no OpenGL without a screen ({source})");
            return;
        }
        other => other.expect("a renderer"),
    };
    let names: Vec<String> = renderer.cameras().map(str::to_owned).collect();
    let expected =
        ["head", "left_wrist", "right_wrist", "across/head", "across/left_wrist", "across/right_wrist"];
    assert_eq!(names, expected);
    let mut snapshot = Snapshot::default();
    simulation.snapshot(&mut snapshot);
    let draw = |renderer: &mut Renderer, name: &str| {
        let mut picture = Picture::default();
        renderer.draw(&snapshot, name, &mut picture).expect("a picture");
        picture
    };
    let pictures: Vec<Picture> = names.iter().map(|name| draw(&mut renderer, name)).collect();
    for (at, (name, picture)) in names.iter().zip(&pictures).enumerate() {
        let (low, high) = (picture.rgb.iter().min(), picture.rgb.iter().max());
        assert!(low < high.map(|value| value / 2).as_ref(), "{name} sees something: {low:?}..{high:?}");
        assert!(!pictures[..at].contains(picture), "{name} sees what another camera sees");
    }
    assert!(renderer.calibration("across/head").is_ok() && renderer.calibration("near/head").is_err());
    let mut other = Renderer::from_robots(simulation.model().clone(), &robots, size).expect("a renderer");
    assert_eq!(other.cameras().collect::<Vec<_>>(), expected);
    assert_eq!(draw(&mut other, "across/head"), pictures[3]);
}

#[test]
fn prefixes_and_places_that_confuse_robots_are_refused() {
    let Some(models) = models() else { return };
    let aside = Some(place(0.55, 0.78, 1.5));
    let with = |prefix: &str, base| refusal(&models, &[placed(G1, "g1", None), placed(ALOHA, prefix, base)]);
    for (prefix, problem) in [
        ("", "is empty"),
        ("g1", "`g1` of Trossen ALOHA 2 is another robot's"),
        ("g1/left", "has other characters"),
        ("ä", "has other characters"),
    ] {
        let error = with(prefix, aside);
        assert!(error.contains(problem), "`{prefix}`: {error}");
    }
    let error = with("aloha", Some(Pose { orientation_xyzw: [0.0; 4], ..Pose::IDENTITY }));
    assert!(error.contains("`aloha`") && error.contains("no pose"), "{error}");
    assert!(refusal(&models, &[]).contains("no robot"));
    let mut named = scene("flat");
    named.mjcf = named.mjcf.replace("</worldbody>", "<body name=\"g1/box\"/></worldbody>");
    let error = Simulation::compose_many(&named, &[placed(G1, "g1", None)], &models, &BLIND, 0)
        .expect_err("a scene with the robot's names");
    assert!(matches!(&error, ComposeError::BadPrefix { prefix, .. } if prefix == "g1"), "{error}");
    let error = refusal(&models, &[placed(G1, "one", None), placed(G1, "two", None)]);
    assert!(error.contains("`one` and `two` reach into each other"), "{error}");
}

#[test]
fn coupled_fingers_close_with_the_joint_that_is_told() {
    let Some(models) = models() else { return };
    for robot in [ALOHA, "enactic_openarm2"] {
        let heed = SimOptions { heed_within_m: 0.02, ..BLIND };
        let card = card(robot);
        let mut simulation =
            Simulation::compose(&scene("flat"), &card, &models, &heed, 0).expect("a scene with a robot");
        let hand = card.hand(etude_model::card::Side::Right).expect("a right hand");
        // How deep the fingers are in each other; a distance is negative.
        let mut between = |positions: &[f64]| {
            let mut told = homes(&card);
            for (name, position) in hand.joints.iter().zip(positions) {
                told[card.joint_index(name).expect("a joint of the card")] = *position;
            }
            let pairs = simulation.reaches_into(&told, etude_sim::simulation::Things::AsTheyLie);
            let fingers = |name: &String| name.contains("finger") && name.contains("right");
            let pairs = pairs.expect("a posture").into_iter();
            let both = pairs.filter(|(pair, _)| fingers(&pair.one) && fingers(&pair.other));
            both.map(|(_, depth_m)| depth_m).fold(-heed.heed_within_m, f64::max)
        };
        let [open_m, closed_m] = [between(&hand.open), between(&hand.closed)];
        assert!(closed_m > open_m + 0.004, "{robot}: fingers meet as they close: {open_m} to {closed_m}");
    }
}
