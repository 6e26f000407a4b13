//! `marquee migrate`: the databases and roles of a deployment.

use clap::Args;
use service::database::DatabaseUrl;

use crate::passwords::{RolePasswordArgs, RolePasswords};
use crate::provision::{DatabasePrefix, ProvisionError, provision};

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
        next_help_heading = "Passwords of the database roles, kept as they are when not given"
    )]
    passwords: RolePasswordArgs,
}

#[expect(clippy::print_stdout, reason = "the answer of the command")]
pub(crate) async fn run(args: MigrateArgs) -> Result<(), ProvisionError> {
    let passwords = RolePasswords::default().overridden_by(&args.passwords);
    provision(&args.database_url, &args.prefix, &passwords).await?;
    println!("The databases of {} are migrated.", args.database_url);
    Ok(())
}
