//! Mutation fuzzing on the stable toolchain: a committed corpus, replayed in every test run, and its mutations.
//!
//! A target takes bytes, panics when something is wrong, and tells what became of them: an input with a new outcome is mutated
//! further. That needs no instrumented build, and finds its way past one check after the other where each has an outcome of
//! its own.

mod mutation;

use std::collections::HashSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use mutation::mutated;

/// For how many seconds to go on; without it a fixed number of mutations is tried.
const SECONDS: &str = "FUZZ_SECONDS";
/// What the mutations are drawn from.
const SEED: &str = "FUZZ_SEED";
const MUTATIONS: u64 = 3_000;
/// The most inputs that are mutated further.
const INPUTS_MAX: usize = 20_000;

/// Gives the target every input of a folder, then mutations of these: 3,000 from seed 1, or as `FUZZ_SECONDS` and `FUZZ_SEED`
/// say. An input that makes it panic is added to the folder as `found-...`, and stays there until it does no more.
///
/// # Panics
/// When the target does; when the folder holds nothing or cannot be read or written; when a variable is no number.
pub fn fuzz<O: Hash>(corpus: impl AsRef<Path>, target: impl Fn(&[u8]) -> O) {
    let corpus = corpus.as_ref();
    let mut inputs = read(corpus);
    let mut outcomes = HashSet::new();
    for (path, input) in &inputs {
        outcomes.insert(outcome_of(&target, input, || {
            println!("{} is not survived", path.display());
        }));
    }
    let mut inputs: Vec<Vec<u8>> = inputs.drain(..).map(|(_, input)| input).collect();
    let seed = number(SEED).unwrap_or(1);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let until = number(SECONDS).map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut tried: u64 = 0;
    while until.map_or(tried < MUTATIONS, |until| Instant::now() < until) {
        let input = mutated(&inputs, &mut random);
        let outcome = outcome_of(&target, &input, || keep(corpus, &input, seed));
        if outcomes.insert(outcome) && inputs.len() < INPUTS_MAX {
            inputs.push(input);
        }
        tried += 1;
    }
    println!(
        "{}: {tried} inputs from seed {seed}, {} outcomes",
        corpus.display(),
        outcomes.len()
    );
}

fn read(corpus: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(corpus).expect("the folder of the corpus is there");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("its entries are readable").path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} holds no input", corpus.display());
    let read = |path: PathBuf| {
        let input = fs::read(&path).expect("an input is readable");
        (path, input)
    };
    paths.into_iter().map(read).collect()
}

fn outcome_of<O: Hash>(target: impl Fn(&[u8]) -> O, input: &[u8], failed: impl FnOnce()) -> u64 {
    let outcome = catch_unwind(AssertUnwindSafe(|| target(input))).unwrap_or_else(|panic| {
        failed();
        resume_unwind(panic)
    });
    hash_of(&outcome)
}

fn keep(corpus: &Path, input: &[u8], seed: u64) {
    let path = corpus.join(format!("found-{:016x}", hash_of(&input)));
    fs::write(&path, input).expect("what was found can be kept");
    println!("kept as {} (seed {seed})", path.display());
}

fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().expect("a number of seconds, or a seed"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::fuzz;

    fn corpus(name: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("fuzz-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("seed"), "{\"a\":1}").expect("an input");
        folder
    }

    #[test]
    fn what_is_not_survived_is_found_and_kept_and_fails_from_then_on() {
        let folder = corpus("found");
        let has_nul = |input: &[u8]| assert!(!input.contains(&0));
        let run = || std::panic::catch_unwind(|| fuzz(&folder, has_nul)).is_err();
        assert!(run());
        let kept = fs::read_dir(&folder).expect("the folder").count();
        assert_eq!(kept, 2);
        assert!(run());
        assert_eq!(
            fs::read_dir(&folder).expect("the folder").count(),
            kept,
            "found in the corpus itself"
        );
        fs::remove_dir_all(folder).expect("removed");
    }
}
