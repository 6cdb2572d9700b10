//! How does a calculated value become a sample?

/// Rounds a value on the scale of `i16`, clipping what is too loud.
#[expect(clippy::cast_possible_truncation, reason = "clamped to i16 on the line itself")]
pub(crate) fn clip(value: f32) -> i16 {
    value.round().clamp(f32::from(i16::MIN), f32::from(i16::MAX)) as i16
}
