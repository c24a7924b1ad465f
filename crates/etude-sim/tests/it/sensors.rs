//! Sensors feel what happens.

use crate::player::{PERIOD_S, Player};
use crate::support::{blind, card, models};
use etude_model::card::SensorKind;
use nalgebra::{Quaternion, UnitQuaternion, Vector3};

/// Mass of what hangs on a wrist's sensor, from its force at rest, kg.
fn load(force: [f64; 3]) -> f64 {
    force.iter().map(|value| value * value).sum::<f64>().sqrt() / 9.81
}

#[test]
fn a_grasp_is_felt() {
    let Some(models) = models() else { return };
    for (robot, fingers) in [
        ("unitree_g1_dex3", ["right_thumb_tip", "right_middle_tip"]),
        ("trossen_aloha2", ["right_left_pad", "right_right_pad"]),
        ("enactic_openarm2", ["right_inner_tip", "right_outer_tip"]),
    ] {
        let mut simulation = blind(&models, robot, "flat", 0);
        simulation.reset("lift_can", 1).expect("a task of the scene");
        let mut player = Player::new(&simulation, &models);
        let free = load(simulation.wrench("right_wrist_wrench").expect("a wrench").force_n);
        let carried_s = player.plan.waypoints.iter().take(5).map(|stretch| stretch.duration_s).sum::<f64>();
        // Up to the end of the lift, then held still for half a second.
        let (mut taxels, mut touched) = (Vec::new(), [0.0_f32; 2]);
        for tick in 0..(carried_s / PERIOD_S) as u32 + 50 {
            player.tick(&mut simulation, (f64::from(tick) * PERIOD_S).min(carried_s - 1e-6));
        }
        for (touch, name) in touched.iter_mut().zip(fingers) {
            simulation.tactile(name, &mut taxels).expect("a fingertip");
            *touch = taxels.iter().sum();
        }
        let held = load(simulation.wrench("right_wrist_wrench").expect("a wrench").force_n);
        assert!(touched.iter().all(|newton| *newton > 0.5), "{robot}: {touched:?} N at the fingers");
        let gained = held - free;
        assert!(
            (0.12..0.20).contains(&gained),
            "{robot}: the can weighs 0.16 kg, the wrist feels {gained} kg"
        );
    }
}

#[test]
fn gravity_points_down_and_every_sensor_answers() {
    let Some(models) = models() else { return };
    for robot in crate::support::ROBOTS {
        let simulation = blind(&models, robot, "flat", 0);
        let mut taxels = Vec::new();
        for sensor in &card(robot).sensors {
            match sensor.kind {
                SensorKind::Wrench { .. } => {
                    let wrench = simulation.wrench(&sensor.name).expect("a wrench");
                    let mass = load(wrench.force_n);
                    assert!((0.1..2.0).contains(&mass), "{robot} {}: a hand of {mass} kg", sensor.name);
                    let [x, y, z, w] = simulation.body_pose(&sensor.body).expect("a body").orientation_xyzw;
                    let rotation = UnitQuaternion::new_normalize(Quaternion::new(w, x, y, z));
                    let down = -(rotation * Vector3::from(wrench.force_n)).z / 9.81;
                    assert!(down > 0.99 * mass, "{robot} {}: {down} of {mass} kg points down", sensor.name);
                }
                SensorKind::Imu { .. } => {
                    let imu = simulation.imu(&sensor.name).expect("an inertial sensor");
                    let up = imu.linear_acceleration_m_s2[2];
                    assert!((up - 9.81).abs() < 0.1, "{robot} {}: {up} m/s²", sensor.name);
                }
                SensorKind::Tactile { rows, columns, .. } => {
                    simulation.tactile(&sensor.name, &mut taxels).expect("a tactile sensor");
                    assert_eq!(taxels.len(), (rows * columns) as usize);
                    assert!(taxels.iter().all(|newton| *newton == 0.0), "{robot} {} touches", sensor.name);
                }
                SensorKind::Camera { .. } => {}
            }
        }
        assert!(simulation.wrench("none").is_err() && simulation.tactile("none", &mut taxels).is_err());
    }
}

#[test]
fn joints_come_in_the_order_of_the_card() {
    let Some(models) = models() else { return };
    for robot in crate::support::ROBOTS {
        let mut simulation = blind(&models, robot, "flat", 0);
        let card = card(robot);
        let mut targets: Vec<f64> = card.joints.iter().map(|joint| joint.home).collect();
        let arm = card
            .joints
            .iter()
            .position(|joint| {
                joint.slot.as_ref().is_some_and(|slot| slot.to_string() == "left_arm.shoulder_pitch")
            })
            .expect("a shoulder");
        targets[arm] -= 0.2;
        simulation.set_joint_targets(&targets).expect("targets");
        simulation.step(500).expect("steps");
        let mut positions = vec![0.0; simulation.joint_count()];
        simulation.joint_positions(&mut positions);
        for (joint, (position, target)) in card.joints.iter().zip(positions.iter().zip(&targets)) {
            assert!((position - target).abs() < 0.02, "{robot} {}: {position}, not {target}", joint.name);
        }
        assert!(simulation.set_joint_targets(&targets[1..]).is_err());
        targets[0] = f64::NAN;
        assert!(simulation.set_joint_targets(&targets).is_err());
    }
}
