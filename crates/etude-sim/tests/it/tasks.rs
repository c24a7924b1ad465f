//! Every robot does every task, and success is not given away.

use crate::player::Player;
use crate::support::{ROBOTS, TASKS, blind, models, play};

#[test]
fn every_robot_does_every_task() {
    let Some(models) = models() else { return };
    let mut failures = Vec::new();
    for robot in ROBOTS {
        for (scene, task) in TASKS {
            let mut simulation = blind(&models, robot, scene, 0);
            let mut done = 0;
            for seed in 0..5 {
                simulation.reset(task, seed).expect("a task of the scene");
                let mut player = Player::new(&simulation, &models);
                let progress = play(&mut player, &mut simulation, |_| {});
                done += u32::from(progress.success);
                eprintln!("{robot} {task} seed {seed} {:.1} s: {progress:?}", player.plan.duration_s());
            }
            if done < 4 {
                failures.push(format!("{robot} {task}: {done} of 5"));
            }
        }
    }
    assert!(failures.is_empty(), "{failures:?}");
}

#[test]
fn nothing_succeeds_by_itself() {
    let Some(models) = models() else { return };
    for robot in ROBOTS {
        for (scene, task) in TASKS {
            let mut simulation = blind(&models, robot, scene, 7);
            simulation.reset(task, 7).expect("a task of the scene");
            assert!(!simulation.progress().success, "{robot} {task} at the start");
            let before = simulation.object_pose(&simulation.task().goal.object).expect("the object");
            simulation.step(1000).expect("steps");
            let progress = simulation.progress();
            assert!(!progress.success && !progress.touched, "{robot} {task} after two seconds: {progress:?}");
            let after = simulation.object_pose(&simulation.task().goal.object).expect("the object");
            for axis in 0..3 {
                let moved = (after.position_m[axis] - before.position_m[axis]).abs();
                assert!(moved < 1e-3, "{robot} {task}: the object moved {moved} m by itself");
            }
        }
    }
}
