//! Which routing keys a queue asks for: AMQP's topic patterns.

/// One binding of a queue: an exchange and a topic pattern on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Binding {
    /// The topic exchange: `user`, `movie`, `cinema`.
    pub exchange: &'static str,
    /// Words separated by dots; `*` stands for exactly one word, `#` for zero or more.
    pub pattern: &'static str,
}

impl Binding {
    /// Tells whether the pattern matches a routing key, by the rules of AMQP 0-9-1 (3.1.3.3) as RabbitMQ has them.
    ///
    /// The exchange is not looked at. An empty key has no words; a word may be empty (`a..b` has three).
    pub fn matches(&self, routing_key: &str) -> bool {
        topic_matches(self.pattern, routing_key)
    }
}

/// Tells whether a queue with these bindings is given what is published to an exchange with a routing key, as the broker
/// decides it.
pub fn is_bound(bindings: &[Binding], exchange: &str, routing_key: &str) -> bool {
    let lets_through = |binding: &Binding| binding.exchange == exchange && binding.matches(routing_key);
    bindings.iter().any(lets_through)
}

fn words(text: &str) -> Vec<&str> {
    if text.is_empty() {
        Vec::new()
    } else {
        text.split('.').collect()
    }
}

/// Tells whether a topic pattern matches a routing key, as [`Binding::matches`] does for a binding.
///
/// Walks both once and, on a mismatch, goes back to the last `#` and lets it take one word more: at most
/// words x words steps, whatever the pattern.
pub fn topic_matches(pattern: &str, key: &str) -> bool {
    let (pattern, key) = (words(pattern), words(key));
    let (mut at_pattern, mut at_key) = (0, 0);
    let mut last_hash: Option<(usize, usize)> = None;
    while at_key < key.len() {
        match pattern.get(at_pattern) {
            Some(&"#") => {
                last_hash = Some((at_pattern, at_key));
                at_pattern += 1;
            }
            Some(&word) if word == "*" || word == key[at_key] => {
                at_pattern += 1;
                at_key += 1;
            }
            _ => match last_hash {
                Some((hash, taken)) => {
                    last_hash = Some((hash, taken + 1));
                    at_pattern = hash + 1;
                    at_key = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at_pattern..].iter().all(|word| *word == "#")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, prop_assert_eq, proptest};

    use super::{topic_matches, words};

    /// The rule as the standard words it, without a thought for speed.
    fn naive(pattern: &[&str], key: &[&str]) -> bool {
        match (pattern.split_first(), key.split_first()) {
            (None, None) => true,
            (None, Some(_)) => false,
            (Some((&"#", rest)), _) => (0..=key.len()).any(|taken| naive(rest, &key[taken..])),
            (Some((&"*", rest)), Some((_, others))) => naive(rest, others),
            (Some((word, rest)), Some((other, others))) => word == other && naive(rest, others),
            (Some(_), None) => false,
        }
    }

    fn text_of(alphabet: &'static [&'static str]) -> impl Strategy<Value = String> {
        proptest::collection::vec(proptest::sample::select(alphabet), 0..6).prop_map(|words| words.join("."))
    }

    proptest! {
        #[test]
        fn matching_follows_the_rule_of_the_standard(
            pattern in text_of(&["a", "b", "", "*", "#"]), key in text_of(&["a", "b", "c", ""]),
        ) {
            prop_assert_eq!(topic_matches(&pattern, &key), naive(&words(&pattern), &words(&key)), "{} on {}", pattern, key);
        }
    }

    #[test]
    fn a_star_is_one_word_and_a_hash_is_any_number() {
        assert!(topic_matches("user.profile.*", "user.profile.updated"));
        assert!(!topic_matches("user.profile.*", "user.profile"));
        assert!(!topic_matches("user.*", "user.profile.updated"));
        assert!(topic_matches("user.#", "user"));
        assert!(topic_matches("#.added", "cinema.programme.added"));
        assert!(topic_matches("#", ""));
        assert!(!topic_matches("*", ""));
    }
}
