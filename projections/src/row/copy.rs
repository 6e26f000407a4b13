//! Rows in PostgreSQL's binary COPY format: <https://www.postgresql.org/docs/current/sql-copy.html>, "Binary Format".

use sqlx::encode::IsNull;
use sqlx::postgres::PgArgumentBuffer;
use sqlx::{Encode, Postgres};

/// Signature, no flags, no header extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// Where the number of a row's fields would stand.
const TRAILER: i16 = -1;
const NULL: i32 = -1;
/// The only version there is of the binary form of `jsonb`: the text behind it.
const JSONB_VERSION: u8 = 1;

/// Rows on their way into a table.
pub(crate) struct CopyRows {
    bytes: PgArgumentBuffer,
}

impl CopyRows {
    /// Begins with the header.
    pub(crate) fn begin() -> Self {
        let mut bytes = PgArgumentBuffer::default();
        bytes.extend_from_slice(HEADER);
        Self { bytes }
    }

    /// Begins a row of so many fields.
    pub(crate) fn row(&mut self, fields: i16) -> &mut Self {
        self.bytes.extend_from_slice(&fields.to_be_bytes());
        self
    }

    /// Writes the row's next field, as it would be bound to a statement.
    ///
    /// # Errors
    /// [`sqlx::Error::Encode`].
    pub(crate) fn field<'q>(&mut self, value: impl Encode<'q, Postgres>) -> Result<&mut Self, sqlx::Error> {
        let length_at = self.bytes.len();
        self.bytes.extend_from_slice(&NULL.to_be_bytes());
        let begin = self.bytes.len();
        if let IsNull::No = value.encode_by_ref(&mut self.bytes).map_err(sqlx::Error::Encode)? {
            let length = i32::try_from(self.bytes.len() - begin).map_err(|error| sqlx::Error::Encode(error.into()))?;
            self.bytes[length_at..begin].copy_from_slice(&length.to_be_bytes());
        }
        Ok(self)
    }

    /// Writes the row's next field, of the type `jsonb`. (As a value of sqlx it would leave a note of each row behind.)
    ///
    /// # Errors
    /// [`sqlx::Error::Encode`].
    pub(crate) fn json(&mut self, value: &impl serde::Serialize) -> Result<&mut Self, sqlx::Error> {
        let text = serde_json::to_vec(value).map_err(|error| sqlx::Error::Encode(error.into()))?;
        let length = i32::try_from(text.len() + 1).map_err(|error| sqlx::Error::Encode(error.into()))?;
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.push(JSONB_VERSION);
        self.bytes.extend_from_slice(&text);
        Ok(self)
    }

    /// Ends with the trailer.
    pub(crate) fn end(&mut self) {
        self.bytes.extend_from_slice(&TRAILER.to_be_bytes());
    }

    /// How much there is to send.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Takes what there is to send.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut *self.bytes)
    }
}
