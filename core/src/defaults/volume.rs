//! Volumes of pods.

use super::Rule;
use super::draft::Draft;
use super::pod::pull_policy;

pub(super) const RULES: &[(&str, Rule)] = &[
    ("ConfigMapVolumeSource", files),
    ("DownwardAPIVolumeSource", files),
    ("HostPathVolumeSource", host_path),
    ("ProjectedVolumeSource", files),
    ("SecretVolumeSource", files),
    ("ServiceAccountTokenProjection", token),
    ("Volume", volume),
];

const FILE_MODE: i64 = 0o644;
const TOKEN_SECONDS: i64 = 60 * 60;

fn volume(volume: &mut Draft<'_>) {
    let has_source = volume.object().iter().any(|(name, _)| name != "name");
    if !has_source {
        volume.child("emptyDir");
    }
    if let Some(mut image) = volume.present("image") {
        let policy = pull_policy(image.text("reference"));
        image.default("pullPolicy", policy);
    }
}

fn files(source: &mut Draft<'_>) {
    source.default("defaultMode", FILE_MODE);
}

fn host_path(source: &mut Draft<'_>) {
    source.default("type", "");
}

fn token(projection: &mut Draft<'_>) {
    projection.default("expirationSeconds", TOKEN_SECONDS);
}
