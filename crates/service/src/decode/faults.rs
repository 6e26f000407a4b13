//! Everything that is wrong with the shape of a request, not only the first of it.

use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use super::draft::Draft;
use super::node::Node;
use super::{field_error, pointer};
use crate::FieldError;

/// The most faults that are looked for.
const FAULTS_MAX: usize = 100;

/// Decodes a tree, and tells all that is wrong with it, `faults` first.
///
/// A decoder stops at the first fault. So what is wrong is told, something acceptable is put in its place, and the tree is
/// decoded again, until nothing else is wrong.
pub(super) fn decode<T: DeserializeOwned>(mut tree: Node, mut faults: Vec<FieldError>) -> Draft<T> {
    loop {
        let error = match serde_path_to_error::deserialize(&tree) {
            Ok(value) => {
                let value = Some(value);
                return Draft { value, faults };
            }
            Err(error) => error,
        };
        let path: Vec<Segment> = error.path().iter().cloned().collect();
        let reason = error.inner().to_string();
        faults.push(field_error(pointer(&path), &reason));
        if faults.len() >= FAULTS_MAX || !mend(&mut tree, &path, &reason) {
            return Draft { value: None, faults };
        }
    }
}

/// Makes a fault one that is not met again; tells whether that could be done.
fn mend(tree: &mut Node, path: &[Segment], reason: &str) -> bool {
    if let Some(field) = super::named(reason, "missing field") {
        return match tree.at(path) {
            Some(Node::Object(fields)) if fields.iter().all(|(name, _)| *name != field) => {
                fields.push((field, Node::Anything));
                true
            }
            _ => false,
        };
    }
    if reason.starts_with("unknown field") {
        let Some((Segment::Map { key }, parent)) = path.split_last() else {
            return false;
        };
        return match tree.at(parent) {
            Some(Node::Object(fields)) => {
                let before = fields.len();
                fields.retain(|(name, _)| name != key);
                fields.len() < before
            }
            _ => false,
        };
    }
    match tree.at(path) {
        Some(node) if *node != Node::Anything => {
            *node = Node::Anything;
            true
        }
        _ => false,
    }
}
