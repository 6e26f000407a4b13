//! What a person reads once everything is up.

use std::time::Duration;

use crate::seed::Seeded;

/// The greeting: where everything is, how to log in, and three requests to try.
pub(crate) fn greeting(url: &str, servers: &str, seeded: Option<Seeded>, took: Duration) -> String {
    let data = match seeded {
        Some(Seeded {
            movies, cinemas, users, ..
        }) => {
            format!("The demo set is loaded: {movies} movies, {cinemas} cinemas, {users} users.\n")
        }
        None => String::new(),
    };
    let servers = servers.replace('\n', "\n  ");
    let seconds = took.as_secs_f64();
    format!(
        "\nMarquee is up at {url} after {seconds:.1} s. Browse its API at {url}/docs.
{data}
  {servers}

Three requests to try:

  curl -d \"full_name=usama\" -X POST {url}/users/1
  curl {url}/catalog/berlin
  curl \"{url}/movies?q=detective\"

Ctrl-C stops everything; the data stays.\n"
    )
}
