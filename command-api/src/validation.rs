//! Parsing the fields of a request into values of the business, all errors collected.

use domain::InvalidValue;
use service::{Draft, FieldError, Problem};
use uuid::Uuid;

/// The wrong fields found so far.
#[derive(Default)]
pub(crate) struct Validation(Vec<FieldError>);

/// Parses a body. What is wrong with its shape and with its values is told at once, and nothing is given out then.
///
/// # Errors
/// 422 with everything that is wrong.
pub(crate) fn parse<T, V>(body: Draft<T>, parse: impl FnOnce(T, &mut Validation) -> Option<V>) -> Result<V, Problem> {
    body.check(|body, errors| {
        let mut fields = Validation::default();
        let parsed = parse(body, &mut fields);
        errors.append(&mut fields.0);
        parsed
    })
}

impl Validation {
    /// Parses a field; a wrong one is noted and gives `None`.
    pub(crate) fn field<T>(&mut self, pointer: impl Into<String>, parsed: Result<T, InvalidValue>) -> Option<T> {
        parsed.map_err(|error| self.0.push(field_error(pointer, error))).ok()
    }

    /// Parses a field that may be left out.
    pub(crate) fn optional<T>(
        &mut self,
        pointer: &'static str,
        text: Option<&str>,
        parse: fn(&str) -> Result<T, InvalidValue>,
    ) -> Option<Option<T>> {
        text.map_or(Some(None), |text| self.field(pointer, parse(text)).map(Some))
    }

    /// Parses the id a client has chosen for what it creates, or makes one.
    pub(crate) fn new_id<T>(&mut self, chosen: Option<&str>, parse: fn(&str) -> Result<T, InvalidValue>) -> Option<T> {
        match chosen {
            Some(text) => self.field("/id", parse(text)),
            None => self.field("/id", parse(&Uuid::now_v7().to_string())),
        }
    }

    /// Notes a field that is wrong for a reason of the request's.
    pub(crate) fn refuse(&mut self, pointer: &'static str, code: &'static str, detail: &'static str) {
        self.0.push(FieldError::new(pointer, code, detail));
    }
}

/// Parses an id of the path; a wrong one is 400 and named as the path's parameter.
pub(crate) fn path_id<T>(
    parameter: &'static str,
    text: &str,
    parse: fn(&str) -> Result<T, InvalidValue>,
) -> Result<T, Problem> {
    parse(text).map_err(|error| Problem::invalid_path(vec![field_error(format!("/{parameter}"), error)]))
}

fn field_error(pointer: impl Into<String>, error: InvalidValue) -> FieldError {
    FieldError::new(pointer, error.code, error.detail)
}
