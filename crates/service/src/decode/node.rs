//! What a client sent, before it is known what it should be: a tree that stays whole when parts of it are wrong.

use std::collections::HashSet;
use std::fmt;

use serde::de::value::{Error, MapDeserializer, SeqDeserializer};
use serde::de::{Deserialize, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor};
use serde_path_to_error::Segment;

use super::{child, wording::GIVEN_TWICE};
use crate::FieldError;

/// Beyond this a float no longer tells one whole number from the next (2^53).
const WHOLE_FLOAT_MAX: f64 = 9_007_199_254_740_992.0;

/// A value of a request.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(String),
    /// A text of a form or query, which has no other values: it may stand for a number.
    Word(String),
    List(Vec<Node>),
    /// The fields in the order in which they came, those given twice included until they are taken out.
    Object(Vec<(String, Node)>),
    /// In the place of what is wrong and already told: it is whatever is asked for.
    Anything,
}

impl Node {
    /// Takes out what is given twice, at any depth, and tells where that was.
    pub(super) fn take_duplicates(&mut self, pointer: &str, faults: &mut Vec<FieldError>) {
        match self {
            Self::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    item.take_duplicates(&child(pointer, &index.to_string()), faults);
                }
            }
            Self::Object(fields) => {
                let mut seen = HashSet::new();
                let mut told = HashSet::new();
                fields.retain(|(name, _)| {
                    let is_first = seen.insert(name.clone());
                    if !is_first && told.insert(name.clone()) {
                        faults.push(FieldError::new(child(pointer, name), "DUPLICATE_FIELD", GIVEN_TWICE));
                    }
                    is_first
                });
                for (name, field) in fields {
                    field.take_duplicates(&child(pointer, name), faults);
                }
            }
            _ => {}
        }
    }

    /// Finds the part at a path; `None` when the path does not lead to one.
    pub(super) fn at(&mut self, path: &[Segment]) -> Option<&mut Self> {
        path.iter().try_fold(self, |node, segment| match (node, segment) {
            (Self::List(items), Segment::Seq { index }) => items.get_mut(*index),
            (Self::Object(fields), Segment::Map { key }) => {
                let field = fields.iter_mut().find(|(name, _)| name == key);
                field.map(|(_, field)| field)
            }
            _ => None,
        })
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Signed(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Unsigned(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Node, E> {
        Ok(Node::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Node, A::Error> {
        let mut object = Vec::new();
        while let Some(field) = fields.next_entry()? {
            object.push(field);
        }
        Ok(Node::Object(object))
    }
}

impl<'de> IntoDeserializer<'de, Error> for &'de Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl Node {
    /// A whole number is one however it is written: `90`, `90.0`, `9e1`.
    fn visit_whole<'de, V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Float(float) if float.fract() != 0.0 => Err(Error::invalid_type(Unexpected::Float(*float), &visitor)),
            Self::Float(float) if float.abs() > WHOLE_FLOAT_MAX => {
                Err(Error::invalid_value(Unexpected::Float(*float), &visitor))
            }
            Self::Float(float) => visitor.visit_i64(*float as i64),
            Self::Word(word) => match word.parse() {
                Ok(number) => visitor.visit_i64(number),
                Err(_) => Err(Error::invalid_value(Unexpected::Str(word), &visitor)),
            },
            Self::Anything => visitor.visit_u8(0),
            other => other.visit(visitor),
        }
    }

    fn visit<'de, V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Null | Self::Anything => visitor.visit_unit(),
            Self::Bool(value) => visitor.visit_bool(*value),
            Self::Signed(value) => visitor.visit_i64(*value),
            Self::Unsigned(value) => visitor.visit_u64(*value),
            Self::Float(value) => visitor.visit_f64(*value),
            Self::Text(value) | Self::Word(value) => visitor.visit_str(value),
            Self::List(_) => Err(Error::invalid_type(Unexpected::Seq, &visitor)),
            Self::Object(_) => Err(Error::invalid_type(Unexpected::Map, &visitor)),
        }
    }
}

macro_rules! whole_numbers {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.visit_whole(visitor)
        })*
    };
}

macro_rules! texts {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self {
                Node::Anything => visitor.visit_str(""),
                other => other.deserialize_any(visitor),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Node::List(items) => visitor.visit_seq(SeqDeserializer::new(items.iter())),
            Node::Object(fields) => {
                let fields = fields.iter().map(|(name, field)| (name.as_str(), field));
                visitor.visit_map(MapDeserializer::new(fields))
            }
            other => other.visit(visitor),
        }
    }

    whole_numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    texts! { deserialize_str deserialize_string deserialize_char deserialize_identifier }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Node::Anything => visitor.visit_bool(false),
            other => other.deserialize_any(visitor),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Node::Anything => visitor.visit_f64(0.0),
            other => other.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Node::Null | Node::Anything => visitor.visit_none(),
            other => visitor.visit_some(other),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Node::Anything => visitor.visit_seq(SeqDeserializer::new(std::iter::empty::<&Node>())),
            other => other.deserialize_any(visitor),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Node::Anything => visitor.visit_map(MapDeserializer::new(std::iter::empty::<(&str, &Node)>())),
            other => other.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self {
            Node::Anything => {
                visitor.visit_map(MapDeserializer::new(fields.iter().map(|name| (*name, &Node::Anything))))
            }
            // A derived visitor would take a list for an object, its items for the fields in their order.
            Node::List(_) => self.visit(visitor),
            other => other.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self {
            Node::Text(name) | Node::Word(name) => visitor.visit_enum(name.as_str().into_deserializer()),
            Node::Anything => visitor.visit_enum(variants.first().copied().unwrap_or_default().into_deserializer()),
            other => other.visit(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        i128 u128 bytes byte_buf unit unit_struct tuple tuple_struct
    }
}
