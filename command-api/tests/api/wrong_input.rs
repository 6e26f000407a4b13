//! Wrong input of every kind: the right status, a problem that names the field, nothing written.

mod bodies;
mod requests;
mod values;

use serde_json::json;

use crate::harness::{Api, Request};
use crate::movies::metropolis;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// What is sent, and what must be answered: status, code, and pointer and code of the wrong field.
struct Case {
    request: Request,
    status: u16,
    code: &'static str,
    field: Option<(&'static str, &'static str)>,
}

fn case(request: Request, status: u16, code: &'static str) -> Case {
    Case {
        request,
        status,
        code,
        field: None,
    }
}

fn invalid(request: Request, pointer: &'static str, code: &'static str) -> Case {
    Case {
        request,
        status: 422,
        code: "VALIDATION_FAILED",
        field: Some((pointer, code)),
    }
}

fn invalid_path(request: Request, pointer: &'static str, code: &'static str) -> Case {
    Case {
        request,
        status: 400,
        code: "INVALID_PATH",
        field: Some((pointer, code)),
    }
}

fn wrong_header(request: Request, code: &'static str, pointer: &'static str) -> Case {
    Case {
        request,
        status: 400,
        code,
        field: Some((pointer, "INVALID_VALUE")),
    }
}

/// An API with a user, a movie and a cinema, which the wrong requests are about.
async fn api() -> Api {
    let api = Api::start().await;
    api.post("/users")
        .header("idempotency-key", "used")
        .json(&json!({ "id": "1", "full_name": "usama" }))
        .accepted()
        .await;
    api.post("/movies").json(&metropolis()).accepted().await;
    let cinema = json!({ "id": "babylon", "name": "Babylon", "city_id": "berlin", "address": "a", "time_zone": "Europe/Berlin" });
    api.post("/cinemas").json(&cinema).accepted().await;
    api
}

async fn assert_refused(api: &Api, cases: Vec<Case>) {
    let before = api.events().await.len();
    for Case {
        request,
        status,
        code,
        field,
    } in cases
    {
        let answer = request.refused(status, code).await;
        if let Some((pointer, code)) = field {
            assert_eq!(
                answer.field_errors(),
                [(pointer.to_owned(), code.to_owned())],
                "{answer:?}"
            );
        }
    }
    assert_eq!(api.events().await.len(), before, "nothing is written");
}
