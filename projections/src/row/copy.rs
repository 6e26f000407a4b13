//! Rows in PostgreSQL's binary COPY format: <https://www.postgresql.org/docs/current/sql-copy.html>, "Binary Format".

use sqlx::encode::IsNull;
use sqlx::postgres::PgArgumentBuffer;
use sqlx::{Encode, Postgres};

/// Signature, no flags, no header extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// Where the number of a row's fields would stand.
const TRAILER: i16 = -1;
const NULL: i32 = -1;

/// Rows on their way into a table.
#[derive(Debug)]
pub(crate) struct CopyRows {
    bytes: Vec<u8>,
}

impl CopyRows {
    /// Begins with the header.
    pub(crate) fn begin() -> Self {
        Self { bytes: HEADER.to_vec() }
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
        let mut field = PgArgumentBuffer::default();
        match value.encode_by_ref(&mut field).map_err(sqlx::Error::Encode)? {
            IsNull::Yes => self.bytes.extend_from_slice(&NULL.to_be_bytes()),
            IsNull::No => {
                let length = i32::try_from(field.len()).map_err(|error| sqlx::Error::Encode(error.into()))?;
                self.bytes.extend_from_slice(&length.to_be_bytes());
                self.bytes.extend_from_slice(&field);
            }
        }
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
        std::mem::take(&mut self.bytes)
    }
}
