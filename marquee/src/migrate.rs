//! `marquee migrate`: the databases and roles of a deployment, and the users of its broker.

use clap::Args;
use service::database::{DatabaseUrl, refuse_shared_sessions};
use service::{BoxError, HoldsSecrets, Review};

use crate::broker::BrokerArgs;
use crate::passwords::{RolePasswordArgs, RolePasswords};
use crate::provision::{DatabasePrefix, provision};

/// Settings of `marquee migrate`.
#[derive(Args, Clone, Debug)]
pub(crate) struct MigrateArgs {
    /// The PostgreSQL server, as a superuser: postgres://USER:PASSWORD@HOST:PORT/postgres
    #[arg(long, env = "MARQUEE_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    database_url: DatabaseUrl,
    #[command(flatten)]
    prefix: DatabasePrefix,
    #[command(
        flatten,
        next_help_heading = "Passwords of the services' database roles and RabbitMQ users, kept as they are when not given"
    )]
    passwords: RolePasswordArgs,
    #[command(flatten, next_help_heading = "RabbitMQ")]
    broker: BrokerArgs,
}

impl HoldsSecrets for MigrateArgs {
    fn show_secrets(&self, review: &mut Review) {
        review.database("--database-url", &self.database_url);
        self.passwords.show_secrets(review);
        self.broker.show_secrets(review);
    }
}

#[expect(clippy::print_stdout, reason = "the answer of the command")]
pub(crate) async fn run(args: MigrateArgs) -> Result<(), BoxError> {
    refuse_shared_sessions("MARQUEE_DATABASE_URL", &args.database_url).await?;
    let passwords = RolePasswords::default().overridden_by(&args.passwords);
    provision(&args.database_url, &args.prefix, &passwords).await?;
    println!("The databases of {} are migrated.", args.database_url);
    if let Some(vhost) = args.broker.provision(&passwords).await? {
        println!("The users of {vhost} are ready.");
    }
    Ok(())
}
