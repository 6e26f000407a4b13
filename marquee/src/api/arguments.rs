//! Where the services answer and who asks, as it is told on the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use reqwest::Client;
use url::{Host, Url};

use crate::api::{Api, ApiError};
use crate::deployment::{Deployment, DeploymentError};

/// Where `marquee up` answers when nothing else is said.
const DEFAULT_URL: &str = "http://127.0.0.1:3000";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Where the services answer.
#[derive(Args, Clone, Debug)]
pub(crate) struct ApiArgs {
    /// Where the services answer [default: the `marquee up` that runs in the home, else http://127.0.0.1:3000]
    #[arg(long, env = "MARQUEE_URL", value_name = "URL", value_parser = http_url)]
    url: Option<Url>,
    /// The home in which a running `marquee up` is looked for [default: target/marquee of the checkout]
    #[arg(long, env = "MARQUEE_HOME", value_name = "DIRECTORY")]
    home: Option<PathBuf>,
}

/// Who acts.
#[derive(Args, Clone, Debug)]
pub(crate) struct OperatorArgs {
    /// Your name, recorded with what you do [default: $USER]
    #[arg(long, env = "MARQUEE_OPERATOR", value_name = "NAME", value_parser = operator)]
    operator: Option<String>,
}

fn http_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("{error}; it looks like {DEFAULT_URL}"))?;
    match (url.scheme(), url.host()) {
        ("http", Some(_)) => Ok(url),
        _ => Err(format!("it looks like {DEFAULT_URL}")),
    }
}

fn operator(text: &str) -> Result<String, &'static str> {
    let fits = (1..=64).contains(&text.len()) && text.chars().all(|one| one == ' ' || one.is_ascii_graphic());
    if fits {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 64 printable ASCII characters")
    }
}

impl OperatorArgs {
    /// The name that was given, else the account's; none when that is no name a header can carry.
    pub(crate) fn name(&self) -> Option<String> {
        let account = || std::env::var("USER").ok().and_then(|user| operator(&user).ok());
        self.operator.clone().or_else(account)
    }
}

impl ApiArgs {
    /// A client of the given address, else of what runs in the home, else of the usual address.
    ///
    /// # Errors
    /// [`ApiError::Deployment`].
    pub(crate) fn api(&self) -> Result<Api, ApiError> {
        let url = match &self.url {
            Some(url) => url.clone(),
            None => self.running()?,
        };
        Ok(Api {
            client: client_of(&url),
            url: url.as_str().trim_end_matches('/').to_owned(),
            shown_url: without_password(url),
            operator: None,
        })
    }

    /// As [`ApiArgs::api`], in somebody's name.
    ///
    /// # Errors
    /// [`ApiError::Deployment`].
    pub(crate) fn api_as(&self, operator: &OperatorArgs) -> Result<Api, ApiError> {
        let operator = operator.name();
        Ok(Api {
            operator,
            ..self.api()?
        })
    }

    fn running(&self) -> Result<Url, DeploymentError> {
        let home = self.home.clone().unwrap_or_else(dev_stack::default_home);
        let running = Deployment::running(&home)?.map(|deployment| deployment.url);
        let parsed = running.and_then(|url| http_url(&url).ok());
        Ok(parsed.unwrap_or_else(|| Url::parse(DEFAULT_URL).expect("the usual address is a url")))
    }
}

fn without_password(mut url: Url) -> String {
    if url.password().is_some() {
        // Only a url without a host refuses, and it was checked to have one.
        let _refused = url.set_password(None);
    }
    url.as_str().trim_end_matches('/').to_owned()
}

/// A client for the address: a proxy that the environment names for the rest of the world is not asked for this machine.
pub(crate) fn client_of(url: &Url) -> Client {
    let builder = Client::builder().connect_timeout(CONNECT_TIMEOUT);
    let is_local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let builder = if is_local { builder.no_proxy() } else { builder };
    builder.build().expect("nothing is asked for that a client may lack")
}

#[cfg(test)]
mod tests {
    use super::{http_url, operator, without_password};

    #[test]
    fn an_address_is_one_of_http() {
        assert!(http_url("http://marquee.example:8080/base/").is_ok());
        for text in ["", "marquee:3000", "127.0.0.1:3000", "amqp://me:secret@broker"] {
            let refused = http_url(text).expect_err("no address");
            assert!(
                refused.contains("it looks like http://") && !refused.contains("secret"),
                "{refused}"
            );
        }
    }

    #[test]
    fn a_password_in_the_address_is_never_shown() {
        let url = http_url("http://ada:secret@marquee.example/base/").expect("an address");
        assert_eq!(without_password(url), "http://ada@marquee.example/base");
    }

    #[test]
    fn an_operator_is_a_short_printable_name() {
        assert!(operator("Ada Lovelace").is_ok());
        for text in ["", "zoë", "line\nbreak", &"x".repeat(65)] {
            assert!(operator(text).is_err(), "{text}");
        }
    }
}
