//! The commands to users.

use axum::extract::State;
use domain::{Email, FullName, Role, User, UserCommand, UserId};
use serde::{Deserialize, Deserializer, Serialize};
use service::{FormOrJsonDraft, JsonDraft, Path, Problem, RawBody};
use utoipa::ToSchema;
use utoipa::openapi::Object;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::{Accepted, Answer, NoFields};
use crate::execute::{CommandApi, Target};
use crate::incoming::Incoming;
use crate::validation::{parse, path_id};

pub(crate) fn router() -> OpenApiRouter<CommandApi> {
    OpenApiRouter::new()
        .routes(routes!(register_user))
        .routes(routes!(set_user_profile, delete_user))
        .routes(routes!(grant_role))
        .routes(routes!(revoke_role))
        .routes(routes!(record_login))
}

/// A user to be registered.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "full_name": "usama", "email": "usama@example.org" }))]
struct NewUser {
    /// 1 to 64 characters of A-Z, a-z, 0-9, _ and -; made if it is left out.
    #[schema(pattern = "^[A-Za-z0-9_-]{1,64}$")]
    id: Option<String>,
    /// 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200, example = "usama")]
    full_name: String,
    /// An e-mail address.
    #[schema(format = Email, max_length = 254, example = "usama@example.org")]
    email: Option<String>,
}

/// A user's profile; what is left out stays as it is, but one of the fields must be given.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Profile {
    /// 1 to 200 characters.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(min_length = 1, max_length = 200, example = "usama", nullable = false)]
    full_name: Option<String>,
    /// An e-mail address.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(format = Email, max_length = 254, example = "usama@example.org", nullable = false)]
    email: Option<String>,
}

/// A role to be granted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRole {
    #[schema(schema_with = role)]
    role: String,
}

fn role() -> Object {
    service::one_of("The role.", Role::VALUES.map(Role::as_str))
}

/// A user's profile after a command.
#[derive(Serialize, ToSchema)]
struct UserProfile {
    #[schema(example = "usama")]
    full_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "usama@example.org")]
    email: Option<String>,
}

/// A role that was granted or revoked.
#[derive(Serialize, ToSchema)]
struct UserRole {
    #[schema(required = false, example = "manager")]
    role: &'static str,
}

/// A profile has no place for "nothing": null would look like a wish to erase, and change nothing.
fn not_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}

fn profile_of(user: &User) -> UserProfile {
    UserProfile {
        full_name: user.full_name().map(ToString::to_string),
        email: user.email().map(ToString::to_string),
    }
}

fn target(command: &'static str, id: &UserId) -> Target {
    Target {
        command,
        id: id.to_string(),
        location: None,
    }
}

fn created(command: &'static str, id: &UserId) -> Target {
    Target {
        location: Some(format!("/users/{id}")),
        ..target(command, id)
    }
}

/// Register a user
#[utoipa::path(post, path = "/users", tag = "users", request_body = NewUser, responses(
    (status = 201, description = "Registered.", body = Accepted<UserProfile>),
))]
async fn register_user(
    State(api): State<CommandApi>,
    Incoming {
        request,
        body: JsonDraft(body),
    }: Incoming<JsonDraft<NewUser>>,
) -> Result<Answer<UserProfile>, Problem> {
    let (id, full_name, email) = parse(body, |body, fields| {
        let id = fields.new_id(body.id.as_deref(), UserId::parse);
        let full_name = fields.field("/full_name", FullName::parse(&body.full_name));
        let email = fields.optional("/email", body.email.as_deref(), Email::parse);
        Some((id?, full_name?, email?))
    })?;
    let command = UserCommand::Register { full_name, email };
    api.accept::<User, _>(created("user.register", &id), request, command, profile_of)
        .await
}

/// Set a user's profile
///
/// An unknown user is registered by it, and needs a `full_name`. Answered with 201 either way: the request is the same,
/// and a client that repeats it need not tell the two apart.
#[utoipa::path(post, path = "/users/{id}", tag = "users", params(("id" = String, Path, description = "The user's id.", pattern = "^[A-Za-z0-9_-]{1,64}$", example = "demo-ada")),
    request_body(content((Profile = "application/json"), (Profile = "application/x-www-form-urlencoded"))), responses(
    (status = 201, description = "The profile is set.", body = Accepted<UserProfile>),
))]
async fn set_user_profile(
    State(api): State<CommandApi>,
    Path(id): Path<String>,
    Incoming {
        request,
        body: FormOrJsonDraft(body),
    }: Incoming<FormOrJsonDraft<Profile>>,
) -> Result<Answer<UserProfile>, Problem> {
    let id = path_id("id", &id, UserId::parse)?;
    let is_whole = body.is_whole();
    let (full_name, email) = parse(body, |body, fields| {
        // A wrong one was given, too.
        if is_whole && body.full_name.is_none() && body.email.is_none() {
            fields.refuse("/full_name", "REQUIRED", "full_name or email must be given");
        }
        let full_name = fields.optional("/full_name", body.full_name.as_deref(), FullName::parse);
        let email = fields.optional("/email", body.email.as_deref(), Email::parse);
        Some((full_name?, email?))
    })?;
    let command = UserCommand::SetProfile { full_name, email };
    api.accept::<User, _>(created("user.set_profile", &id), request, command, profile_of)
        .await
}

/// Grant a role
///
/// A role the user has already changes nothing.
#[utoipa::path(post, path = "/users/{id}/roles", tag = "users", params(("id" = String, Path, description = "The user's id.", pattern = "^[A-Za-z0-9_-]{1,64}$", example = "demo-ada")),
    request_body = NewRole, responses((status = 200, description = "The user has the role.", body = Accepted<UserRole>)))]
async fn grant_role(
    State(api): State<CommandApi>,
    Path(id): Path<String>,
    Incoming {
        request,
        body: JsonDraft(body),
    }: Incoming<JsonDraft<NewRole>>,
) -> Result<Answer<UserRole>, Problem> {
    let id = path_id("id", &id, UserId::parse)?;
    let role = parse(body, |body, fields| fields.field("/role", Role::parse(&body.role)))?;
    let shown = |_: &User| UserRole { role: role.as_str() };
    api.accept(
        target("user.grant_role", &id),
        request,
        UserCommand::GrantRole { role },
        shown,
    )
    .await
}

/// Revoke a role
///
/// A role the user does not have changes nothing.
#[utoipa::path(delete, path = "/users/{id}/roles/{role}", tag = "users",
    params(("id" = String, Path, description = "The user's id.", pattern = "^[A-Za-z0-9_-]{1,64}$", example = "demo-ada"), ("role" = String, Path, description = "The role: customer, box_office, manager, operator or admin.", pattern = "^(customer|box_office|manager|operator|admin)$", example = "manager")),
    responses((status = 200, description = "The user does not have the role.", body = Accepted<UserRole>)))]
async fn revoke_role(
    State(api): State<CommandApi>,
    Path((id, role)): Path<(String, String)>,
    Incoming {
        request,
        body: RawBody(_),
    }: Incoming<RawBody>,
) -> Result<Answer<UserRole>, Problem> {
    let id = path_id("id", &id, UserId::parse)?;
    let role = path_id("role", &role, Role::parse)?;
    let shown = |_: &User| UserRole { role: role.as_str() };
    api.accept(
        target("user.revoke_role", &id),
        request,
        UserCommand::RevokeRole { role },
        shown,
    )
    .await
}

/// Record a login
#[utoipa::path(post, path = "/users/{id}/logins", tag = "users", params(("id" = String, Path, description = "The user's id.", pattern = "^[A-Za-z0-9_-]{1,64}$", example = "demo-ada")),
    responses((status = 200, description = "Recorded.", body = Accepted<NoFields>)))]
async fn record_login(
    State(api): State<CommandApi>,
    Path(id): Path<String>,
    Incoming {
        request,
        body: RawBody(_),
    }: Incoming<RawBody>,
) -> Result<Answer<NoFields>, Problem> {
    let id = path_id("id", &id, UserId::parse)?;
    api.accept(
        target("user.record_login", &id),
        request,
        UserCommand::RecordLogin,
        |_: &User| NoFields {},
    )
    .await
}

/// Delete a user
///
/// For ever: the id is not used again.
#[utoipa::path(delete, path = "/users/{id}", tag = "users", params(("id" = String, Path, description = "The user's id.", pattern = "^[A-Za-z0-9_-]{1,64}$")),
    responses((status = 200, description = "Deleted.", body = Accepted<NoFields>)))]
async fn delete_user(
    State(api): State<CommandApi>,
    Path(id): Path<String>,
    Incoming {
        request,
        body: RawBody(_),
    }: Incoming<RawBody>,
) -> Result<Answer<NoFields>, Problem> {
    let id = path_id("id", &id, UserId::parse)?;
    api.accept(target("user.delete", &id), request, UserCommand::Delete, |_: &User| {
        NoFields {}
    })
    .await
}
