//! The random source of a simulation: small, fast, and the same on every machine.
//!
//! Invariant: all that a run decides by chance follows from its seed through this type.

/// SplitMix64. Streams with different labels are independent, so that one more draw in one part
/// does not shift the draws of another.
#[derive(Debug, Clone)]
pub struct Rng {
    state: u64,
}

impl Rng {
    pub fn new(seed: u64) -> Self {
        let mut rng = Self { state: seed ^ 0x9e37_79b9_7f4a_7c15 };
        rng.next_u64();
        rng
    }

    /// A stream of its own for a part of the simulation.
    pub fn fork(&self, label: u64) -> Self {
        let mut rng = Self { state: self.state ^ label.wrapping_mul(0xd6e8_feb8_6659_fd93) };
        rng.next_u64();
        rng
    }

    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "nothing lies below 0");
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// A number in `low..=high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    pub fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    /// True in so many of a million cases.
    pub fn chance_ppm(&mut self, ppm: u32) -> bool {
        self.below(1_000_000) < u64::from(ppm)
    }

    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.index(choices.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_streams_differ() {
        let draw = |mut rng: Rng| (0..8).map(|_| rng.next_u64()).collect::<Vec<_>>();
        assert_eq!(draw(Rng::new(1)), draw(Rng::new(1)));
        assert_ne!(draw(Rng::new(1)), draw(Rng::new(2)));
        let root = Rng::new(1);
        assert_eq!(draw(root.fork(3)), draw(root.fork(3)));
        assert_ne!(draw(root.fork(3)), draw(root.fork(4)));
    }

    #[test]
    fn stays_within_bounds() {
        let mut rng = Rng::new(9);
        let seen = (0..400).map(|_| rng.between(3, 6)).collect::<std::collections::BTreeSet<_>>();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [3, 4, 5, 6]);
        assert!(!rng.chance_ppm(0));
        assert!(rng.chance_ppm(1_000_000));
    }
}
