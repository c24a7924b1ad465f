//! Defects seen in published data, put into a clean take one at a time: the right rule fires, with stream, channel, span
//! and value. The numbers in the names are those of the project's list of defect classes.

use crate::fixture::{Take, at, card, clean, commands_topic, find, hand_topic, rules, states_topic, value};
use etude_inspect::Report;
use etude_model::sample::Wrench;
use etude_model::verdict::Severity;
use etude_model::{Gap, GapReason, LogTime, Sample, Span, StreamKind, StreamSpec, Topic};

fn fires(report: &Report, rule: &str, channel: Option<&str>) -> bool {
    rules(report, Severity::Note).contains(&(rule, channel))
}

fn only(report: &Report, rule: &str) {
    let others: Vec<_> =
        rules(report, Severity::Warning).into_iter().filter(|(found, _)| *found != rule).collect();
    assert!(rules(report, Severity::Note).iter().any(|(found, _)| *found == rule), "{rule} does not fire");
    assert!(others.is_empty(), "beside {rule}: {others:?}");
}

fn take() -> Take {
    clean(100.0, 10.0, 0.0)
}

fn drop_messages(take: &mut Take, topic: &Topic, keep: impl Fn(usize) -> bool) {
    let mut index = 0;
    take.messages.retain(|message| {
        if message.0 != *topic {
            return true;
        }
        index += 1;
        keep(index - 1)
    });
}

#[test]
fn class_3_constant_offset_of_a_stream() {
    let report = clean(100.0, 15.0, 1.1).inspect();
    only(&report, "stream-offset");
    assert!((value(&report, "offset", &hand_topic(), None) - 1100.0).abs() < 3.0);
}

#[test]
fn class_4_clock_drift() {
    let mut take = clean(100.0, 20.0, 0.0);
    for (topic, stamp, _) in &mut take.messages {
        if *topic == states_topic() {
            // The device's clock runs 1000 ppm fast: 20 ms in 20 s.
            let device = stamp.device.map_or(0.0, etude_model::DeviceTime::as_s);
            stamp.device = Some(etude_model::DeviceTime::from_s(100.0 + (device - 100.0) * 1.001));
        }
    }
    let report = take.inspect();
    only(&report, "clock-drift");
    assert!((value(&report, "clock_drift", &states_topic(), None) + 20.0).abs() < 0.5);
}

#[test]
fn class_5_frozen_channel_for_the_whole_take() {
    let mut take = take();
    take.spoil_states(|_, states| states.position[1] = 0.4 + 1e-4 * states.position[0]);
    let report = take.inspect();
    only(&report, "frozen");
    assert!(fires(&report, "frozen", Some("elbow")));
    assert!(!report.verdict.accepted);
}

#[test]
fn class_6_stuck_then_lurch() {
    for held_s in [1.5, 3.0, 8.0] {
        let mut take = take();
        let mut last = 0.0;
        take.spoil_states(|t, states| {
            if t < 1.0 || t > 1.0 + held_s {
                last = states.position[2];
            } else {
                states.position[2] = last;
            }
        });
        let report = take.inspect();
        assert!(fires(&report, "stuck", Some("wrist")), "held for {held_s} s");
        let span = find(&report, "frozen_span", &states_topic(), Some("wrist")).expect("measured");
        let from = span.from.map_or(0.0, LogTime::as_s) - 1000.123;
        assert!((0.9..2.1).contains(&from), "from {from} s");
        assert!(
            span.value.is_some_and(|seconds| seconds > 0.75 * held_s - 0.6 && seconds <= held_s + 0.1),
            "{span:?}"
        );
    }
}

#[test]
fn class_6_lurch_after_a_short_freeze() {
    let mut take = take();
    let mut last = 0.0;
    take.spoil_states(|t, states| {
        if (3.0..3.4).contains(&t) { states.position[0] = last } else { last = states.position[0] }
    });
    let report = take.inspect();
    assert!(fires(&report, "lurch", Some("shoulder")));
    let found = find(&report, "lurch", &states_topic(), Some("shoulder")).expect("measured");
    let (from, to) = (found.from.expect("a span").as_s(), found.to.expect("a span").as_s());
    assert!((from - 1003.123).abs() < 0.05 && (to - from - 0.41).abs() < 0.05, "{from} to {to}");
}

#[test]
fn class_7_streams_of_unequal_length() {
    let mut take = take();
    drop_messages(&mut take, &hand_topic(), |i| i < 700);
    let report = take.inspect();
    only(&report, "stream-stub");
    assert!((value(&report, "coverage", &hand_topic(), None) - 0.7).abs() < 0.01);
}

#[test]
fn class_9_idle() {
    let mut take = take();
    for (_, _, sample) in &mut take.messages {
        match sample {
            Sample::JointStates(states) => states.position = vec![0.1, 0.2, 0.3, 0.4],
            Sample::JointCommand(command) => command.granted = vec![0.1, 0.2, 0.3, 0.4],
            _ => {}
        }
    }
    let report = take.inspect();
    only(&report, "idle");
    let of_take = |name: &str| {
        report.measurements.iter().find(|found| found.name == name).and_then(|found| found.value)
    };
    assert_eq!((of_take("idle_share"), of_take("idle_longest")), (Some(1.0), Some(10.0)));
}

#[test]
fn class_11_and_31_a_declared_stream_without_a_message() {
    let mut take = take();
    take.manifest.streams.push(StreamSpec::new("/robot/wrench/left", StreamKind::Wrench, Some(100.0)));
    let report = take.inspect();
    only(&report, "stream-absent");
    assert!(!report.verdict.accepted);
}

#[test]
fn class_12_degrees_and_shares_declared_as_radians() {
    let mut degrees = take();
    degrees.spoil_states(|_, states| states.position[0] = states.position[0].to_degrees());
    assert!(fires(&degrees.inspect(), "unit-implausible", Some("shoulder")));

    let mut share = take();
    for spec in &mut share.manifest.streams {
        spec.channels.iter_mut().filter(|channel| channel.unit == crate::fixture::RATIO).for_each(
            |channel| {
                channel.unit = etude_model::Unit::Radian;
            },
        );
    }
    share.spoil_states(|_, states| states.position[3] = (1.3 * states.position[3]).clamp(0.0, 1.0));
    assert!(fires(&share.inspect(), "unit-implausible", Some("finger")));
}

#[test]
fn class_16_arrays_of_another_length() {
    let mut take = take();
    take.spoil_states(|t, states| {
        if t > 5.0 {
            states.position.push(0.0);
        }
    });
    let report = take.inspect();
    assert!(fires(&report, "shape", None) && !report.verdict.accepted);
    assert!((value(&report, "shape_mismatch", &states_topic(), None) - 500.0).abs() < 3.0);
}

#[test]
fn class_19_no_instruction() {
    let mut take = take();
    take.manifest.instruction.clear();
    only(&take.inspect(), "instruction-absent");
}

#[test]
fn class_24_limits_of_position_velocity_and_effort() {
    let mut position = take();
    position.spoil_states(|_, states| states.position[0] += 1.5);
    let report = position.inspect();
    only(&report, "position-limit");
    assert!(value(&report, "position_excess", &states_topic(), Some("shoulder")) > 0.2);

    let mut velocity = take();
    velocity.spoil_states(|_, states| states.velocity = vec![0.1, -24.0, 0.1, 0.1]);
    let report = velocity.inspect();
    only(&report, "velocity-limit");
    assert!((value(&report, "velocity_limit", &states_topic(), Some("elbow")) - 1.2).abs() < 1e-9);

    let mut effort = take();
    effort.spoil_states(|_, states| states.effort[2] = (40.0 * states.effort[2]).clamp(-50.0, 50.0));
    let report = effort.inspect();
    only(&report, "effort-saturated");
    assert!(fires(&report, "effort-saturated", Some("wrist")));
}

#[test]
fn class_25_sensor_dead_in_reality() {
    let mut take = take();
    let topic = Topic::from("/robot/wrench/left");
    take.manifest.streams.push(StreamSpec::new(topic.as_str(), StreamKind::Wrench, Some(100.0)));
    let stamps: Vec<_> = take.messages.iter().filter(|m| m.0 == states_topic()).map(|m| m.1).collect();
    take.messages.extend(stamps.into_iter().map(|s| (topic.clone(), s, Sample::Wrench(Wrench::default()))));
    let report = take.inspect();
    only(&report, "wrench-dead");
    assert_eq!(value(&report, "dead_channels", &topic, None), 1.0);
}

#[test]
fn class_26_one_signal_under_two_names() {
    let mut twice = take();
    twice.spoil_states(|_, states| states.position[2] = states.position[1]);
    let report = twice.inspect();
    let found = find(&report, "copied", &states_topic(), Some("wrist")).expect("measured");
    assert!(found.detail.contains("elbow"), "{}", found.detail);

    let mut of_command = take();
    let mut last = Vec::new();
    for (_, _, sample) in &mut of_command.messages {
        match sample {
            Sample::JointCommand(command) => last.clone_from(&command.granted),
            Sample::JointStates(states) => states.position.clone_from(&last),
            _ => {}
        }
    }
    assert!(fires(&of_command.inspect(), "copied", Some("elbow")));
}

#[test]
fn class_29_lag_differs_between_actuators() {
    let report = take().inspect();
    assert!(fires(&report, "lag", Some("finger")) && !fires(&report, "lag", Some("elbow")));
}

#[test]
fn class_30_unused_limb() {
    let mut take = take();
    for (_, _, sample) in &mut take.messages {
        match sample {
            Sample::JointStates(states) => states.position[2] = 0.3,
            Sample::JointCommand(command) => command.granted[2] = 0.3,
            _ => {}
        }
    }
    let report = take.inspect();
    only(&report, "still");
    assert!(fires(&report, "still", Some("wrist")));
}

#[test]
fn messages_lost_are_gaps_unless_declared() {
    let mut take = take();
    drop_messages(&mut take, &states_topic(), |i| !(300..330).contains(&i));
    let report = take.inspect();
    assert!(fires(&report, "messages-missing", None) && !report.verdict.accepted);
    assert_eq!(value(&report, "gaps_undeclared", &states_topic(), None), 1.0);
    let gap = find(&report, "gaps_undeclared", &states_topic(), None).expect("measured");
    let (from, to) = (gap.from.expect("a span"), gap.to.expect("a span"));
    assert!(((to - from).as_s() - 0.31).abs() < 0.001);
    assert!((value(&report, "missing_undeclared", &states_topic(), None) - 0.03).abs() < 1e-9);

    let declared = Gap { topic: states_topic(), from, to, missing: 30, reason: GapReason::QueueOverflow };
    take.messages.push((Topic::from(Topic::GAP), at(1010.0), Sample::Gap(declared)));
    let report = take.inspect();
    only(&report, "gap-declared");
    assert_eq!(value(&report, "gaps_declared", &states_topic(), None), 30.0);
    assert_eq!(value(&report, "gaps_undeclared", &states_topic(), None), 0.0);
}

#[test]
fn a_message_that_is_only_late_is_no_gap() {
    let mut take = take();
    let mut index = 0;
    for (topic, stamp, _) in &mut take.messages {
        if *topic == commands_topic() {
            index += 1;
            if index % 50 == 25 {
                let late = Span::from_ms(8);
                stamp.device = stamp.device.map(|device| device + late);
            }
        }
    }
    assert_eq!(value(&take.inspect(), "gaps_undeclared", &commands_topic(), None), 0.0);
}

#[test]
fn clocks_that_run_backward_or_stand() {
    let mut backward = take();
    let mut standing = take();
    set_back(&mut backward, Span::from_ms(25));
    let report = backward.inspect();
    assert!(fires(&report, "time-backward", None) && !report.verdict.accepted);
    assert_eq!(value(&report, "stamps_backward", &states_topic(), None), 1.0);
    set_equal(&mut standing);
    assert!(fires(&standing.inspect(), "time-duplicate", None));
}

fn set_back(take: &mut Take, by: Span) {
    let message = take.messages.iter_mut().filter(|m| m.0 == states_topic()).nth(400).expect("a message");
    message.1.device = message.1.device.map(|device| device - by);
}

fn set_equal(take: &mut Take) {
    let mut states = take.messages.iter_mut().filter(|m| m.0 == states_topic()).skip(400);
    let earlier = states.next().expect("a message").1.device;
    states.next().expect("a message").1.device = earlier;
}

#[test]
fn values_that_are_no_numbers() {
    let mut take = take();
    take.spoil_states(|t, states| {
        if (4.0..4.5).contains(&t) {
            states.position[1] = f64::NAN;
        }
    });
    let report = take.inspect();
    only(&report, "values-many-missing");
    let found = find(&report, "missing_values", &states_topic(), Some("elbow")).expect("measured");
    assert!(found.value.is_some_and(|share| (share - 0.05).abs() < 0.003));
    assert!(found.from.is_some_and(|from: LogTime| (from.as_s() - 1004.123).abs() < 0.02));
}

#[test]
fn a_rate_that_is_not_the_declared_one() {
    let mut take = take();
    drop_messages(&mut take, &hand_topic(), |i| i % 2 == 0);
    let report = take.inspect();
    only(&report, "rate-wrong");
    assert!((value(&report, "rate_error", &hand_topic(), None) + 0.5).abs() < 0.001);
}

#[test]
fn a_stream_of_the_card_that_the_episode_does_not_have() {
    let take = take();
    let mut card = card();
    card.streams.push(StreamSpec::new("/robot/imu/torso", StreamKind::Imu, Some(100.0)));
    let mut accumulator =
        etude_inspect::Accumulator::new(&take.manifest, &card, &etude_inspect::Options::default());
    take.messages.iter().for_each(|(topic, stamp, sample)| accumulator.push(topic, stamp, sample));
    let absent: Vec<_> =
        accumulator.finish().measurements.into_iter().filter(|m| m.name == "stream_absent").collect();
    assert_eq!(absent.len(), 1);
    assert_eq!(absent.first().and_then(|m| m.topic.clone()), Some(Topic::from("/robot/imu/torso")));
}

#[test]
fn a_hand_that_presses_with_all_its_force_is_noted_and_no_warning() {
    let mut take = take();
    take.spoil_states(|t, states| {
        if t > 5.0 {
            states.effort[3] = 50.0;
        }
    });
    let report = take.inspect();
    only(&report, "grip-saturated");
    assert!(value(&report, "saturated_grip", &states_topic(), Some("finger")) > 0.49);
    assert_eq!(value(&report, "saturated_effort", &states_topic(), None), 0.0);
}

#[test]
fn a_finger_in_radians_that_rests_on_its_own_stop_is_no_share() {
    let mut card = card();
    let finger = card.joints.iter_mut().find(|joint| joint.name == "finger").expect("a finger");
    (finger.unit, finger.position) = (etude_model::Unit::Radian, [0.0, 1.6]);
    let mut take = take();
    for spec in &mut take.manifest.streams {
        for channel in spec.channels.iter_mut().filter(|channel| channel.name == "finger") {
            channel.unit = etude_model::Unit::Radian;
        }
    }
    let implausible = |top: f64| {
        let mut take = Take { manifest: take.manifest.clone(), messages: take.messages.clone() };
        take.spoil_states(|_, states| states.position[3] = (1.3 * states.position[3]).clamp(0.0, top));
        let options = etude_inspect::Options::default();
        let mut accumulator = etude_inspect::Accumulator::new(&take.manifest, &card, &options);
        take.messages.iter().for_each(|(topic, stamp, sample)| accumulator.push(topic, stamp, sample));
        let found = accumulator.finish().measurements;
        found.iter().any(|found| found.name == "unit_implausible" && found.value == Some(1.0))
    };
    assert!(!implausible(0.94), "it is closed at times, and never quite open");
    assert!(implausible(1.0), "1 is no stop of this finger");
}

#[test]
fn motions_that_have_nothing_to_do_with_one_another_have_no_offset() {
    let mut take = take();
    for (i, (_, _, sample)) in take.messages.iter_mut().enumerate() {
        if let Sample::Pose(pose) = sample {
            let t = i as f64 / 300.0;
            pose.pose.position_m = [0.05 * (0.8 * t).sin(), 0.02 * (2.9 * t * t / 10.0).sin(), 0.0];
        }
    }
    let report = take.inspect();
    let found = find(&report, "offset", &hand_topic(), None).expect("measured");
    assert!(found.value.is_none() && found.detail.contains("hardly agrees"), "{found:?}");
    assert!(!fires(&report, "stream-offset", None));
}

#[test]
fn an_imu_that_never_changes_is_dead_unless_it_is_simulated() {
    let imu = Topic::from("/robot/imu/torso");
    let mut take = take();
    take.manifest.streams.push(StreamSpec::new(imu.as_str(), StreamKind::Imu, Some(100.0)));
    let stamps: Vec<_> =
        take.messages.iter().filter(|message| message.0 == hand_topic()).map(|message| message.1).collect();
    for stamp in stamps {
        let still = etude_model::sample::Imu {
            angular_velocity_rad_s: [0.0; 3],
            linear_acceleration_m_s2: [0.0, 0.0, 9.81],
        };
        take.messages.push((imu.clone(), stamp, Sample::Imu(still)));
    }
    only(&take.inspect(), "imu-dead");
    take.manifest.clock = etude_model::ClockKind::Simulated;
    let report = take.inspect();
    assert!(!fires(&report, "imu-dead", None));
    let found = find(&report, "dead_channels", &imu, None).expect("measured");
    assert!(found.value.is_none() && found.detail.contains("simulated"), "{found:?}");
}
