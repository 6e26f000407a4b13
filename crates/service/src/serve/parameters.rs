//! The query of a request: what a route does not know is refused, not passed over.

use std::collections::HashMap;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use utoipa::openapi::path::{Operation, ParameterIn, PathItem};
use utoipa::openapi::{OpenApi, RefOr};

use crate::{Problem, decode};

/// The parameters that each documented operation knows.
#[derive(Debug)]
pub(super) struct KnownParameters(HashMap<String, Vec<(Method, Vec<String>)>>);

impl KnownParameters {
    /// Takes them from the document, but for the paths that machines ask, with whatever they like to add.
    pub(super) fn of(document: &OpenApi, except: &[&str]) -> Self {
        let paths = document.paths.paths.iter();
        let paths = paths.filter(|(path, _)| !except.contains(&path.as_str()));
        Self(paths.map(|(path, item)| (path.clone(), known(item))).collect())
    }

    /// Checks a request that was routed.
    ///
    /// # Errors
    /// 400 `INVALID_QUERY` that names every parameter that is unknown or given twice.
    pub(super) fn check(&self, request: &Request) -> Result<(), Problem> {
        let query = request.uri().query().unwrap_or_default();
        let path = request.extensions().get::<MatchedPath>();
        let Some(operations) = path.and_then(|path| self.0.get(path.as_str())) else {
            return Ok(());
        };
        let method = match request.method() {
            &Method::HEAD => &Method::GET,
            method => method,
        };
        let Some((_, known)) = operations.iter().find(|(of, _)| of == method) else {
            return Ok(());
        };
        let faults = decode::unknown_parameters(query, known);
        if faults.is_empty() {
            Ok(())
        } else {
            Err(Problem::invalid_query(faults))
        }
    }
}

fn known(item: &PathItem) -> Vec<(Method, Vec<String>)> {
    let operations = [
        (Method::GET, &item.get),
        (Method::PUT, &item.put),
        (Method::POST, &item.post),
        (Method::DELETE, &item.delete),
        (Method::PATCH, &item.patch),
    ];
    let given = operations
        .into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_ref()?)));
    given.map(|(method, operation)| (method, in_query(operation))).collect()
}

fn in_query(operation: &Operation) -> Vec<String> {
    let parameters = operation.parameters.iter().flatten();
    let in_query = parameters.filter_map(|parameter| match parameter {
        RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query => Some(parameter.name.clone()),
        _ => None,
    });
    in_query.collect()
}
