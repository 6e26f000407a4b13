//! Pauses between attempts: doubling, each of another length, and none longer than said.
//!
//! Whoever fails together tries again apart. The library adds its jitter on top of a pause, up to once more its length, also on
//! top of the longest: so a pause here is half of what is said, and jitter up to all of it.

use std::time::Duration;

use backon::ExponentialBuilder;

/// Pauses without end: the first is at least half of `shortest` and at most all of it, each later one at most twice as long as
/// that before could be, and none longer than `longest`.
#[expect(clippy::disallowed_methods, reason = "the one place where it is bounded")]
pub const fn doubling(shortest: Duration, longest: Duration) -> ExponentialBuilder {
    let shortest = if shortest.as_nanos() < longest.as_nanos() {
        shortest
    } else {
        longest
    };
    ExponentialBuilder::new()
        .with_min_delay(half(shortest))
        .with_max_delay(half(longest))
        .with_jitter()
        .without_max_times()
}

const fn half(pause: Duration) -> Duration {
    match pause.checked_div(2) {
        Some(half) => half,
        None => pause,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use backon::BackoffBuilder;

    use super::doubling;

    const SHORTEST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(5);
    /// More than it takes to see the greatest jitter there is.
    const SEEDS: u64 = 2_000;

    #[test]
    fn no_pause_is_longer_than_the_longest_whatever_the_jitter() {
        for seed in 0..SEEDS {
            let mut pauses = doubling(SHORTEST, LONGEST).with_jitter_seed(seed).build();
            let mut bound = SHORTEST;
            for _ in 0..12 {
                let pause = pauses.next().expect("they have no end");
                assert!(pause >= bound / 2 && pause <= bound, "{pause:?}, {bound:?}");
                bound = LONGEST.min(bound * 2);
            }
        }
    }

    #[test]
    fn a_longest_that_is_shorter_than_the_shortest_bounds_the_first_one_too() {
        for seed in 0..SEEDS {
            let mut pauses = doubling(LONGEST, SHORTEST).with_jitter_seed(seed).build();
            assert!(pauses.next().is_some_and(|pause| pause <= SHORTEST));
        }
    }

    #[test]
    fn who_fails_together_tries_again_apart() {
        let first = |seed| doubling(SHORTEST, LONGEST).with_jitter_seed(seed).build().next();
        assert!((0..SEEDS).any(|seed| first(seed) != first(SEEDS)));
    }
}
