//! Plays a plan: inverse kinematics at 100 Hz and the card's open and closed hand, nothing that a trainer's hand lacks.

use etude_kinematics::{Body, BodyOptions, FrameId, FrameTarget, Ik, IkOptions};
use etude_model::Pose;
use etude_sim::Simulation;
use etude_sim::plan::{self, Plan};
use nalgebra::{Isometry3, Quaternion, Translation3, UnitQuaternion};
use std::path::Path;

/// Steps of the physics per command.
const STEPS: u64 = 5;

/// Time between commands, s.
pub(crate) const PERIOD_S: f64 = STEPS as f64 * etude_sim::simulation::TIMESTEP_S;

pub(crate) struct Player {
    ik: Ik,
    frame: FrameId,
    base_from_world: Isometry3<f64>,
    grasp_from_body: Isometry3<f64>,
    /// Place of each of the card's joints among the body's positions.
    places: Vec<usize>,
    positions: Vec<f64>,
    /// Joint on the card, open, closed.
    fingers: Vec<(usize, f64, f64)>,
    pub(crate) plan: Plan,
    start: Pose,
}

fn isometry(pose: &Pose) -> Isometry3<f64> {
    let [x, y, z, w] = pose.orientation_xyzw;
    let [px, py, pz] = pose.position_m;
    let rotation = UnitQuaternion::new_normalize(Quaternion::new(w, x, y, z));
    Isometry3::from_parts(Translation3::new(px, py, pz), rotation)
}

impl Player {
    pub(crate) fn new(simulation: &Simulation, models: &Path) -> Self {
        let card = simulation.card();
        let model = models.join(&card.kinematics.as_ref().expect("a model").path);
        let body =
            Body::from_path(&model, &BodyOptions { freeze_free_joints: true, ..BodyOptions::default() })
                .unwrap_or_else(|error| panic!("{}: {error}", model.display()));
        let plan = plan::for_task(simulation).expect("a plan");
        let end = card.end_effector(plan.side).expect("an end effector");
        let arm = format!("{}_arm.", plan.side.name());
        let joint = |name: &str| body.joint(name).expect("a joint of the card in its model");
        let arm: Vec<_> = card
            .joints
            .iter()
            .filter(|joint| joint.slot.as_ref().is_some_and(|slot| slot.to_string().starts_with(&arm)))
            .map(|found| joint(&found.name))
            .collect();
        let places: Vec<usize> = card
            .joints
            .iter()
            .map(|found| body.position_index(joint(&found.name)).expect("a moving joint"))
            .collect();
        let mut positions = body.rest().to_vec();
        for (place, joint) in places.iter().zip(&card.joints) {
            positions[*place] = joint.home;
        }
        let hand = card.hand(plan.side).expect("a hand");
        let fingers = (hand.joints.iter().zip(&hand.open).zip(&hand.closed))
            .map(|((name, open), closed)| (card.joint_index(name).expect("a joint"), *open, *closed))
            .collect();
        let frame = body.frame(&end.body).expect("the wrist");
        let mut ik = Ik::new(&body, &arm, IkOptions::default()).expect("an arm");
        ik.set_posture(&positions, 3e-3).expect("a posture");
        Self {
            ik,
            frame,
            base_from_world: isometry(&simulation.base_pose()).inverse(),
            grasp_from_body: isometry(&end.grasp_in_body).inverse(),
            places,
            positions,
            fingers,
            start: simulation.grasp_pose(plan.side).expect("a grasp frame"),
            plan,
        }
    }

    /// Commands what the plan asks for at `time_s` and steps the physics on.
    pub(crate) fn tick(&mut self, simulation: &mut Simulation, time_s: f64) {
        let (_, grasp, closure) = self.plan.at(time_s, &self.start);
        let target = self.base_from_world * isometry(&grasp) * self.grasp_from_body;
        let solution = self.ik.solve(&self.positions, &[FrameTarget::pose(self.frame, target)], PERIOD_S);
        self.positions = solution.positions.to_vec();
        let mut targets: Vec<f64> = self.places.iter().map(|place| self.positions[*place]).collect();
        for (joint, open, closed) in &self.fingers {
            targets[*joint] = open + (closed - open) * closure;
        }
        simulation.set_joint_targets(&targets).expect("targets");
        simulation.step(STEPS).expect("steps");
    }
}
