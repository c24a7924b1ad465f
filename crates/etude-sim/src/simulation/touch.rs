//! Touch, read from the contacts of the physics.

use super::index::SceneIndex;
use mujoco_rs::prelude::*;
use mujoco_rs::wrappers::mj_model::traits::ModelType;

/// A tactile sensor.
#[derive(Debug)]
pub(super) struct Zone {
    /// Its frame.
    pub(super) site: usize,
    /// Which geoms carry it, \[geom\].
    pub(super) geoms: Vec<bool>,
    /// Taxels along the frame's x.
    pub(super) rows: usize,
    /// Taxels along the frame's y.
    pub(super) columns: usize,
    /// Half the edge of the zone, m.
    pub(super) radius_m: f64,
}

/// Fills \[row, column\] with N; see [`super::RobotView::tactile`].
pub(super) fn read<M: ModelType>(data: &MjData<M>, zone: &Zone, into: &mut Vec<f32>) {
    into.clear();
    into.resize(zone.rows * zone.columns, 0.0);
    let (origin, axes) = (data.site_xpos()[zone.site], data.site_xmat()[zone.site]);
    for (id, contact) in data.contact().iter().enumerate() {
        let [one, two] = contact.geom.map(|geom| usize::try_from(geom).ok());
        let ours = |geom: Option<usize>| geom.is_some_and(|geom| zone.geoms.get(geom) == Some(&true));
        if ours(one) == ours(two) {
            continue;
        }
        let offset: [f64; 3] = std::array::from_fn(|axis| contact.pos[axis] - origin[axis]);
        let along = |column: usize| (0..3).map(|row| axes[3 * row + column] * offset[row]).sum::<f64>();
        let [x, y, z] = [along(0), along(1), along(2)];
        if [x, y, z].iter().any(|value| value.abs() > zone.radius_m) {
            continue;
        }
        let force = data.try_contact_force(id).map_or(0.0, |force| force[0]);
        spread(zone, x, y, force.max(0.0), into);
    }
}

/// Shares a force among the four taxels around a point, by distance.
fn spread(zone: &Zone, x: f64, y: f64, force: f64, into: &mut [f32]) {
    let place = |value: f64, count: usize| {
        let last = count.saturating_sub(1) as f64;
        let at = ((value / zone.radius_m + 1.0) * 0.5 * count as f64 - 0.5).clamp(0.0, last);
        let low = at.floor();
        [(low as usize, 1.0 - (at - low)), (((low + 1.0).min(last)) as usize, at - low)]
    };
    for (row, row_share) in place(x, zone.rows) {
        for (column, column_share) in place(y, zone.columns) {
            if let Some(taxel) = into.get_mut(row * zone.columns + column) {
                *taxel += (force * row_share * column_share) as f32;
            }
        }
    }
}

/// Number of contacts between an object's body and robots.
pub(super) fn robot_touches<M: ModelType>(data: &MjData<M>, object: usize, index: &SceneIndex) -> usize {
    let robot = |body: Option<usize>| index.robot_of(body).is_some();
    data.contact()
        .iter()
        .filter(|contact| {
            let [one, two] = contact.geom.map(|geom| index.body_of(geom));
            (one == Some(object) && robot(two)) || (two == Some(object) && robot(one))
        })
        .count()
}

/// Two robots, by their places among the robots, one of which stands in the other.
pub(super) fn overlap<M: ModelType>(data: &MjData<M>, index: &SceneIndex) -> Option<[usize; 2]> {
    data.contact().iter().filter(|contact| contact.dist < 0.0).find_map(|contact| {
        let [one, two] = contact.geom.map(|geom| index.robot_of(index.body_of(geom)));
        let (one, two) = (one?, two?);
        (one != two).then(|| [one.min(two), one.max(two)])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_force_is_shared_but_kept_whole() {
        let zone = Zone { site: 0, geoms: Vec::new(), rows: 3, columns: 2, radius_m: 0.02 };
        for (x, y) in [(0.0, 0.0), (0.019, -0.019), (-0.007, 0.004)] {
            let mut taxels = vec![0.0; 6];
            spread(&zone, x, y, 5.0, &mut taxels);
            assert!((taxels.iter().sum::<f32>() - 5.0).abs() < 1e-5, "{taxels:?}");
        }
        let mut taxels = vec![0.0; 6];
        spread(&zone, -0.02, 0.02, 1.0, &mut taxels);
        assert!(taxels[1] > 0.99, "lowest x, highest y is the first row's last column: {taxels:?}");
    }
}
