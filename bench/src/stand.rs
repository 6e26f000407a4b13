//! What everything is measured on: private servers, with all that keeps data safe switched on.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dev_stack::{DevStack, Options};
use indicatif::{ProgressBar, ProgressStyle};
use service::BoxError;
use sqlx::{Connection, PgConnection};
use url::Url;

use crate::args::{Args, Sizes};
use crate::cpu::{CpuMeter, Own};

const SPINNER_INTERVAL: Duration = Duration::from_millis(120);

/// The servers, and what all parts need to know.
pub(crate) struct Stand {
    stack: DevStack,
    home: PathBuf,
    pub(crate) sizes: Sizes,
    program: Option<PathBuf>,
    progress: ProgressBar,
}

/// Versions of what is measured on.
pub(crate) type Versions = BTreeMap<&'static str, String>;

impl Stand {
    pub(crate) async fn start(args: &Args) -> Result<Self, BoxError> {
        let progress = ProgressBar::new_spinner().with_style(ProgressStyle::with_template("{spinner} {wide_msg}")?);
        progress.enable_steady_tick(SPINNER_INTERVAL);
        progress.set_message("starting PostgreSQL and RabbitMQ");
        let wanted = args.home.clone().unwrap_or_else(|| output_directory().join("home"));
        let options = Options {
            home: Some(wanted),
            database_url: None,
            amqp_url: None,
            replicated: false,
            allow_install: true,
            progress: &|line| progress.println(line),
        };
        let stack = DevStack::start(options).await?;
        let home = stack.home().ok_or("the servers are not private")?.to_owned();
        Ok(Self {
            stack,
            home,
            sizes: args.sizes(),
            program: args.program.clone(),
            progress,
        })
    }

    /// Stops the servers and removes their data.
    pub(crate) async fn stop(self) {
        self.progress.set_message("stopping the servers");
        self.stack.stop().await;
        self.progress.finish_and_clear();
        if let Err(error) = fs::remove_dir_all(&self.home) {
            self.progress
                .println(format!("{} could not be removed: {error}", self.home.display()));
        }
    }

    /// Tells a person what is going on.
    pub(crate) fn tell(&self, what: impl Into<String>) {
        self.progress.set_message(what.into());
    }

    /// The program that people run: `marquee`.
    pub(crate) async fn program(&mut self) -> Result<PathBuf, BoxError> {
        if self.program.is_none() {
            self.tell("building marquee");
            self.program = Some(crate::marquee::build().await?);
        }
        self.program.clone().ok_or_else(|| "there is no program".into())
    }

    /// The database server, as its superuser.
    pub(crate) fn database_url(&self) -> &str {
        self.stack.database_url()
    }

    /// The broker's first vhost, as its administrator.
    pub(crate) fn amqp_url(&self) -> &str {
        self.stack.amqp_url()
    }

    /// Makes a vhost, and gives its url: parts must not find the queues of one another.
    pub(crate) async fn vhost(&self, name: &str) -> Result<String, BoxError> {
        let mut url = Url::parse(self.amqp_url())?;
        let management = self.stack.management_url().ok_or("the broker has no management")?;
        let client = reqwest::Client::builder().no_proxy().build()?;
        let (user, password) = (url.username().to_owned(), url.password().map(str::to_owned));
        let vhost = format!("{management}/api/vhosts/{name}");
        let _ = client
            .delete(&vhost)
            .basic_auth(&user, password.as_deref())
            .send()
            .await?;
        let made = client.put(&vhost).basic_auth(&user, password.as_deref()).send().await?;
        made.error_for_status()?;
        url.set_path(name);
        Ok(url.into())
    }

    /// Begins to measure who uses the processors.
    pub(crate) fn cpu(&self, own: Own, service: Option<u32>) -> CpuMeter<'_> {
        CpuMeter::begin(&self.home, own, service)
    }

    /// What the servers are, as they say themselves.
    pub(crate) async fn versions(&self) -> Result<Versions, BoxError> {
        let mut connection = PgConnection::connect(self.database_url()).await?;
        let mut versions = Versions::new();
        for setting in [
            "server_version",
            "fsync",
            "synchronous_commit",
            "full_page_writes",
            "shared_buffers",
        ] {
            let value: String = sqlx::query_scalar("SELECT current_setting($1)")
                .bind(setting)
                .fetch_one(&mut connection)
                .await?;
            versions.insert(setting, value);
        }
        connection.close().await?;
        versions.insert("rabbitmq", self.broker_version().await?);
        Ok(versions)
    }

    async fn broker_version(&self) -> Result<String, BoxError> {
        let url = Url::parse(self.amqp_url())?;
        let management = self.stack.management_url().ok_or("the broker has no management")?;
        let overview: serde_json::Value = reqwest::Client::builder()
            .no_proxy()
            .build()?
            .get(format!("{management}/api/overview"))
            .basic_auth(url.username(), url.password())
            .send()
            .await?
            .json()
            .await?;
        let version = |name: &str| overview[name].as_str().unwrap_or("unknown").to_owned();
        Ok(format!(
            "{} on Erlang {}",
            version("rabbitmq_version"),
            version("erlang_version")
        ))
    }
}

/// Where everything goes that is not published: `target/bench`.
pub(crate) fn output_directory() -> PathBuf {
    let home = dev_stack::default_home();
    home.parent().unwrap_or(Path::new("target")).join("bench")
}
