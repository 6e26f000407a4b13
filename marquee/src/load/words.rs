//! What is said of users, movies and cinemas: names, titles, cities.

use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;

/// A city with its time zone; its id is its own, so that a load stays out of the cities of others.
pub(crate) struct City {
    pub(crate) id: &'static str,
    pub(crate) time_zone: &'static str,
}

const fn city(id: &'static str, time_zone: &'static str) -> City {
    City { id, time_zone }
}

pub(crate) const CITIES: [City; 12] = [
    city("load-berlin", "Europe/Berlin"),
    city("load-buenos-aires", "America/Argentina/Buenos_Aires"),
    city("load-cairo", "Africa/Cairo"),
    city("load-karachi", "Asia/Karachi"),
    city("load-lagos", "Africa/Lagos"),
    city("load-lisbon", "Europe/Lisbon"),
    city("load-mumbai", "Asia/Kolkata"),
    city("load-seoul", "Asia/Seoul"),
    city("load-sydney", "Australia/Sydney"),
    city("load-tokyo", "Asia/Tokyo"),
    city("load-toronto", "America/Toronto"),
    city("load-vienna", "Europe/Vienna"),
];

pub(crate) const GENRES: [&str; 10] = [
    "action",
    "animation",
    "comedy",
    "crime",
    "documentary",
    "drama",
    "horror",
    "romance",
    "science-fiction",
    "western",
];

const GIVEN_NAMES: [&str; 16] = [
    "Amina", "Bela", "Chiara", "Daniel", "Elif", "Farid", "Grace", "Hana", "Ivan", "Jun", "Kofi", "Lena", "Mateo",
    "Noor", "Olga", "Zoë",
];

const FAMILY_NAMES: [&str; 16] = [
    "Alvarez", "Becker", "Chen", "Diallo", "Eriksen", "Fischer", "Gupta", "Haddad", "Ito", "Jansen", "Kowalski",
    "Larsen", "Mensah", "Novák", "Okafor", "Rossi",
];

const QUALITIES: [&str; 16] = [
    "Burning",
    "Distant",
    "Endless",
    "Forgotten",
    "Frozen",
    "Golden",
    "Hidden",
    "Hollow",
    "Last",
    "Midnight",
    "Quiet",
    "Restless",
    "Scarlet",
    "Silent",
    "Stolen",
    "Winter",
];

const THINGS: [&str; 16] = [
    "Archive",
    "Bridge",
    "Carousel",
    "Detective",
    "Garden",
    "Harbour",
    "Lantern",
    "Letter",
    "Lighthouse",
    "Orchestra",
    "Passenger",
    "Railway",
    "River",
    "Station",
    "Summer",
    "Witness",
];

const HOUSES: [&str; 10] = [
    "Apollo", "Astor", "Capitol", "Central", "Gloria", "Lido", "Lumière", "Odeon", "Rex", "Rialto",
];

const STREETS: [&str; 8] = [
    "Canal Street",
    "Castle Road",
    "Garden Lane",
    "High Street",
    "Market Square",
    "Mill Road",
    "Park Avenue",
    "Station Road",
];

pub(crate) fn full_name(rng: &mut ChaCha8Rng) -> String {
    format!("{} {}", any(&GIVEN_NAMES, rng), any(&FAMILY_NAMES, rng))
}

pub(crate) fn title(rng: &mut ChaCha8Rng) -> String {
    format!("The {} {}", any(&QUALITIES, rng), any(&THINGS, rng))
}

pub(crate) fn house(rng: &mut ChaCha8Rng) -> String {
    any(&HOUSES, rng).to_owned()
}

pub(crate) fn street(rng: &mut ChaCha8Rng) -> &'static str {
    any(&STREETS, rng)
}

/// Any one of a list that is not empty.
pub(crate) fn any<T: Copy>(list: &[T], rng: &mut ChaCha8Rng) -> T {
    *list.choose(rng).expect("the lists of words are not empty")
}
