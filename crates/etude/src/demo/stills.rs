//! Stills of a take's cameras, as PNG in a data URL.

use anyhow::Context;
use base64::Engine;
use etude_episode::Episode;
use etude_model::{LogTime, Sample, Span, StreamKind};
use etude_video::{AccessUnit, Codec, Decoder, RgbImage};
use std::path::Path;

/// A camera's still.
pub(super) struct Still {
    /// The camera's name.
    pub(super) camera: String,
    /// `data:image/png;base64,…`.
    pub(super) url: String,
}

/// One still per camera, at a share of the take (0 begin .. 1 end).
pub(super) fn at(path: &Path, share: f64) -> anyhow::Result<Vec<Still>> {
    let episode = Episode::open(path)?;
    let Some((from, to)) = episode.log_range() else { return Ok(Vec::new()) };
    let moment = from + Span(((to - from).0 as f64 * share) as i64);
    let cameras = episode.streams().iter().filter(|info| info.spec.kind == StreamKind::Video);
    let mut stills = Vec::new();
    for info in cameras {
        let topic = info.spec.topic.as_str();
        if let Some(picture) = picture(&episode, topic, moment)? {
            let camera = info.spec.topic.camera().unwrap_or(topic).replace('_', " ");
            stills.push(Still { camera, url: png_url(&picture)? });
        }
    }
    Ok(stills)
}

/// The last picture at `moment`: decoding begins at the key frame before it.
fn picture(episode: &Episode, topic: &str, moment: LogTime) -> anyhow::Result<Option<RgbImage>> {
    let mut group = Vec::new();
    // A group of pictures is a third of a second; two seconds hold several.
    for message in episode.messages(&[topic], moment - Span::from_ms(2000)..=moment)? {
        let Sample::Video(frame) = message?.sample else { continue };
        if frame.is_key {
            group.clear();
        }
        group.push(frame);
    }
    let Some(first) = group.first() else { return Ok(None) };
    let codec = Codec::from_foxglove_name(first.format.name()).context("a codec of no name")?;
    let mut decoder = Decoder::new(codec)?;
    let mut last = None;
    for (number, frame) in group.iter().enumerate() {
        decoder
            .send(&AccessUnit { data: frame.data.to_vec(), is_key: frame.is_key, codec }, number as i64)?;
        while let Some(decoded) = decoder.receive()? {
            last = Some(decoded);
        }
    }
    decoder.drain()?;
    while let Some(decoded) = decoder.receive()? {
        last = Some(decoded);
    }
    Ok(last.map(|frame| frame.to_rgb()).transpose()?)
}

fn png_url(picture: &RgbImage) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, picture.width(), picture.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::High);
    encoder.write_header()?.write_image_data(picture.data())?;
    Ok(format!("data:image/png;base64,{}", base64::engine::general_purpose::STANDARD.encode(bytes)))
}
