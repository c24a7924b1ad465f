//! Shapes read from models, wrapped in capsules and paired.

use etude_kinematics::{Body, BodyOptions, Geometry, PairOptions, Poses, SelfCollision};
use nalgebra::Vector3;

use crate::data;

fn read(name: &str, text: &str) -> (Body, Geometry) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("written");
    std::fs::create_dir(folder.path().join("meshes")).expect("made");
    let mesh = "v 0 0 0\nv 0.1 0 0\nv 0 0.1 0\nv 0 0 0.4\n";
    std::fs::write(folder.path().join("meshes/tip.obj"), mesh).expect("written");
    let body = Body::from_path(&path, &BodyOptions::default()).expect("a sound model");
    let geometry = Geometry::from_path(&body, &path).expect("shapes");
    (body, geometry)
}

const URDF: &str = r#"<robot name="arm">
  <link name="base"><collision><origin xyz="0 0 0.1"/><geometry><sphere radius="0.05"/></geometry></collision></link>
  <link name="upper"><collision><origin xyz="0 0 0.2" rpy="1.5707963267948966 0 0"/>
    <geometry><cylinder radius="0.03" length="0.4"/></geometry></collision></link>
  <link name="fore"><collision><geometry><box size="0.04 0.04 0.3"/></geometry></collision></link>
  <link name="tip"><collision><geometry><mesh filename="package://arm/meshes/tip.obj" scale="1 1 0.5"/></geometry></collision>
    <collision><geometry><mesh filename="package://arm/meshes/absent.stl"/></geometry></collision></link>
  <joint name="a" type="revolute"><parent link="base"/><child link="upper"/><axis xyz="0 1 0"/>
    <limit lower="-2" upper="2" effort="1" velocity="1"/></joint>
  <joint name="b" type="revolute"><origin xyz="0 0 0.4"/><parent link="upper"/><child link="fore"/><axis xyz="0 1 0"/>
    <limit lower="-3" upper="3" effort="1" velocity="1"/></joint>
  <joint name="c" type="fixed"><origin xyz="0 0 0.3"/><parent link="fore"/><child link="tip"/></joint>
</robot>"#;

#[test]
fn shapes_of_urdf_are_wrapped_where_they_are() {
    let (body, geometry) = read("arm.urdf", URDF);
    let names: Vec<_> = geometry.capsules().iter().map(|c| body.frame_of(c.link).name.as_str()).collect();
    assert_eq!(names, ["base", "upper", "fore", "tip"]);
    let base = geometry.capsules()[0].in_joint;
    assert_eq!((base.start_m, base.radius_m), (Vector3::new(0.0, 0.0, 0.1), 0.05));
    let upper = geometry.capsules()[1].in_joint;
    // The cylinder lies along y; no point of its rim is outside, and the capsule is not twice as thick.
    for (x, y, z) in [(0.03, 0.2, 0.2), (0.0, -0.2, 0.23), (-0.03, 0.2, 0.2)] {
        assert!(upper.contains(&Vector3::new(x, y, z), 1e-9));
    }
    assert!(upper.radius_m < 0.06 && (upper.end_m - upper.start_m).x.abs() < 1e-9);
    let tip = geometry.capsules()[3].in_joint;
    // The mesh is scaled by half along z.
    assert!(
        tip.contains(&Vector3::new(0.0, 0.0, 0.2), 1e-9) && !tip.contains(&Vector3::new(0.0, 0.0, 0.4), 0.0)
    );
    assert_eq!(geometry.remarks().len(), 1);
    assert_eq!(
        geometry.remarks()[0].to_string(),
        "link \"tip\": mesh \"package://arm/meshes/absent.stl\" is left out: the file is not there"
    );
}

#[test]
fn shapes_of_mjcf_are_wrapped_where_they_are() {
    let text = r#"<mujoco><compiler meshdir="meshes"/>
      <asset><mesh name="tip" file="tip.obj"/></asset>
      <worldbody><geom type="plane" size="1 1 1"/>
        <body name="a"><joint axis="0 1 0" range="-90 90"/>
          <geom type="capsule" size="0.03" fromto="0 0 0 0 0 0.3"/>
          <geom type="sphere" size="0.2" contype="0" conaffinity="0"/>
          <body name="b" pos="0 0 0.35"><joint axis="0 1 0" range="-90 90"/>
            <geom type="ellipsoid" size="0.02 0.03 0.1" pos="0 0 0.1"/>
            <body name="c" pos="0 0 0.2"><joint axis="0 1 0" range="-160 160"/>
              <geom type="mesh" mesh="tip"/><geom type="box" size="0.01 0.02 0.1"/>
              <geom type="cylinder" size="0.02 0.05" pos="0 0 0.2"/></body>
          </body>
        </body>
      </worldbody>
      <contact><exclude body1="a" body2="c"/></contact>
    </mujoco>"#;
    let (body, geometry) = read("arm.xml", text);
    let names: Vec<_> = geometry.capsules().iter().map(|c| body.frame_of(c.link).name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c", "c", "c"], "neither the floor nor what is only seen");
    let first = geometry.capsules()[0].in_joint;
    assert!((first.end_m - first.start_m).norm() - 0.3 < 1e-12 && first.radius_m == 0.03);
    let egg = geometry.capsules()[1].in_joint;
    for point in [[0.02, 0.0, 0.1], [0.0, 0.03, 0.1], [0.0, 0.0, 0.2], [0.0, 0.0, 0.0], [0.012, 0.0, 0.18]] {
        assert!(egg.contains(&point.into(), 1e-9), "{point:?} in {egg:?}");
    }
    let pairs = SelfCollision::new(&body, &geometry, &PairOptions::default());
    assert_eq!(pairs.report().kept, 0, "joined or excluded: {:?}", pairs.report());
}

#[test]
fn pairs_that_cannot_or_always_touch_are_left_out() {
    let (body, geometry) = read("arm.urdf", URDF);
    let pairs = SelfCollision::new(&body, &geometry, &PairOptions::default());
    let report = pairs.report();
    // base–upper, upper–fore, upper–tip and fore–tip are joined; base and fore are always far apart; base–tip remains.
    assert_eq!((report.joined, report.never, report.kept), (4, 1, 1), "{report:?}");
    let mut poses = Poses::new(&body);
    poses.update(&body, &[0.0, 3.0]);
    let (one, other, distance) = pairs.nearest(&body, &poses).expect("pairs");
    assert_eq!((body.frame_of(one).name.as_str(), body.frame_of(other).name.as_str()), ("base", "tip"));
    assert!(distance < 0.1, "folded, the tip is near the base: {distance}");
}

#[test]
fn every_vendors_shapes_read() {
    let Some(folder) = data::robot_models() else { return };
    let (mut capsules, mut models, mut kept) = (0, 0, 0);
    for path in data::files(&folder, &[".urdf", ".xml"]) {
        let Ok(body) = Body::from_path(&path, &BodyOptions::default()) else { continue };
        let geometry = Geometry::from_path(&body, &path).expect("a body that reads has shapes that read");
        let options = PairOptions { samples: 20, ..PairOptions::default() };
        let pairs = SelfCollision::new(&body, &geometry, &options);
        models += 1;
        capsules += geometry.capsules().len();
        kept += pairs.report().kept;
        for remark in geometry.remarks() {
            assert!(!remark.to_string().is_empty());
        }
    }
    eprintln!("{models} models, {capsules} capsules, {kept} pairs");
    assert!(capsules > 0);
}
