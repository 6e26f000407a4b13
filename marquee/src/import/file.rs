//! A list as it lies in its file: its text, and its records.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use encoding_rs::{Encoding, UTF_8};
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

/// A larger file is to be split: all of it is in memory, several times over.
const BYTES_MAX: u64 = 128 << 20;

/// How records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Separated values with a line of names above
    Csv,
    /// One array of objects
    Json,
    /// An object on each line
    Jsonl,
}

/// A record, or why there is none.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    /// Its place in the file, from 1.
    pub(crate) number: usize,
    pub(crate) read: Result<Map<String, Value>, String>,
}

/// Why a file is no list.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("{} cannot be read", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{} has more than {} MiB: split it", path.display(), BYTES_MAX >> 20)]
    TooLarge { path: PathBuf },
    #[error(
        "{} is not valid {encoding} from its byte {at} on; say what it is with --encoding, such as windows-1252",
        path.display()
    )]
    Encoding {
        path: PathBuf,
        encoding: &'static str,
        at: usize,
    },
    #[error("{} is no text: a list is CSV, JSON or JSON lines", path.display())]
    Binary { path: PathBuf },
    #[error("{} has no record", path.display())]
    Empty { path: PathBuf },
    #[error("{} is no JSON array of objects", path.display())]
    Json { path: PathBuf, source: serde_json::Error },
    #[error("{} is one JSON value, but no array of objects and no object on each line", path.display())]
    OneValue { path: PathBuf },
    #[error("the line of names of {} cannot be read", path.display())]
    Names { path: PathBuf, source: csv::Error },
}

/// Reads a file's text. A byte order mark wins over what is said.
///
/// # Errors
/// [`FileError`].
pub(crate) fn text(path: &Path, encoding: Option<&'static Encoding>) -> Result<String, FileError> {
    let path_told = || path.to_owned();
    let mut bytes = Vec::new();
    // A pipe has no length, so the reading itself has an end.
    let read = File::open(path).and_then(|file| file.take(BYTES_MAX + 1).read_to_end(&mut bytes));
    let length = read.map_err(|source| FileError::Io {
        path: path_told(),
        source,
    })?;
    if length as u64 > BYTES_MAX {
        return Err(FileError::TooLarge { path: path_told() });
    }
    let (encoding, mark) = Encoding::for_bom(&bytes).unwrap_or((encoding.unwrap_or(UTF_8), 0));
    let wrong = |at| FileError::Encoding {
        path: path_told(),
        encoding: encoding.name(),
        at,
    };
    // All but UTF-16 write this byte in no text.
    if encoding.is_ascii_compatible() && bytes.contains(&0) {
        return Err(FileError::Binary { path: path_told() });
    }
    if encoding == UTF_8 {
        let text = std::str::from_utf8(&bytes[mark..]).map_err(|error| wrong(mark + error.valid_up_to() + 1))?;
        return Ok(text.to_owned());
    }
    match encoding.decode_without_bom_handling_and_without_replacement(&bytes[mark..]) {
        Some(text) => Ok(text.into_owned()),
        None => Err(wrong(mark + 1)),
    }
}

/// Tells a format by the file's name, else by how it begins.
pub(crate) fn format_of(path: &Path, text: &str) -> Format {
    let extension = path.extension().and_then(|extension| extension.to_str());
    match extension.map(str::to_ascii_lowercase).as_deref() {
        Some("csv" | "tsv" | "tab") => Format::Csv,
        Some("jsonl" | "ndjson") => Format::Jsonl,
        Some("json") if text.trim_start().starts_with('[') => Format::Json,
        Some("json") => Format::Jsonl,
        _ if text.trim_start().starts_with('[') => Format::Json,
        _ if text.trim_start().starts_with('{') => Format::Jsonl,
        _ => Format::Csv,
    }
}

/// Reads all records, those that cannot be read as well.
///
/// # Errors
/// [`FileError`] when the file as a whole is no list.
pub(crate) fn records(
    path: &Path,
    text: &str,
    format: Format,
    delimiter: Option<u8>,
) -> Result<Vec<Record>, FileError> {
    let records = match format {
        Format::Csv => csv_records(path, text, delimiter)?,
        Format::Jsonl => json_lines(text),
        Format::Json => {
            let items: Vec<Value> = serde_json::from_str(text).map_err(|source| FileError::Json {
                path: path.to_owned(),
                source,
            })?;
            numbered(items.into_iter().map(object))
        }
    };
    let path = || path.to_owned();
    if records.is_empty() {
        return Err(FileError::Empty { path: path() });
    }
    // An object over several lines has none on any of them.
    if format == Format::Jsonl && records.iter().all(|record| record.read.is_err()) {
        return Err(match serde_json::from_str::<IgnoredAny>(text) {
            Ok(_) => FileError::OneValue { path: path() },
            Err(source) => FileError::Json { path: path(), source },
        });
    }
    Ok(records)
}

fn numbered(read: impl Iterator<Item = Result<Map<String, Value>, String>>) -> Vec<Record> {
    read.enumerate()
        .map(|(index, read)| Record {
            number: index + 1,
            read,
        })
        .collect()
}

fn object(value: Value) -> Result<Map<String, Value>, String> {
    match value {
        Value::Object(fields) => Ok(fields),
        other => Err(format!("it is no object: {}", shortened(&other.to_string()))),
    }
}

fn json_lines(text: &str) -> Vec<Record> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    numbered(lines.map(|line| {
        let value: Value =
            serde_json::from_str(line).map_err(|error| format!("it is no JSON ({error}): {}", shortened(line)))?;
        object(value)
    }))
}

fn csv_records(path: &Path, text: &str, delimiter: Option<u8>) -> Result<Vec<Record>, FileError> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter.unwrap_or_else(|| delimiter_of(text)))
        .from_reader(text.as_bytes());
    let names = reader.headers().cloned().map_err(|source| FileError::Names {
        path: path.to_owned(),
        source,
    })?;
    let names = told_apart(&names);
    let read = reader.records().map(|row| {
        let row = row.map_err(|error| format!("it cannot be read: {error}"))?;
        let fields = names.iter().zip(&row);
        Ok(fields.map(|(name, value)| (name.clone(), Value::from(value))).collect())
    });
    Ok(numbered(read))
}

/// The names of columns; the second of one name is called `name (2)`, so that no column is lost.
fn told_apart(names: &csv::StringRecord) -> Vec<String> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let told_apart = |name| {
        let times = seen.entry(name).or_default();
        *times += 1;
        match *times {
            1 => name.to_owned(),
            times => format!("{name} ({times})"),
        }
    };
    names.iter().map(str::trim).map(told_apart).collect()
}

/// Of the usual ones, the one that the line of names has most of.
fn delimiter_of(text: &str) -> u8 {
    let names = text.lines().next().unwrap_or_default();
    let count = |delimiter: u8| names.bytes().filter(|byte| *byte == delimiter).count();
    let most = b",;\t|".iter().rev().max_by_key(|delimiter| count(**delimiter));
    most.copied().unwrap_or(b',')
}

fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Format, format_of, records, text};

    fn read(format: Format, text: &str) -> Vec<Result<String, String>> {
        let records = records(Path::new("list"), text, format, None).expect("a list");
        records
            .into_iter()
            .map(|record| record.read.map(|fields| serde_json::Value::Object(fields).to_string()))
            .collect()
    }

    #[test]
    fn every_format_gives_the_same_records() {
        let expected = [Ok(r#"{"title":"21","year":"2008"}"#.to_owned())];
        assert_eq!(read(Format::Csv, "title,year\n21,2008\n"), expected);
        assert_eq!(read(Format::Csv, "title;year\r\n\"21\";2008\r\n"), expected);
        assert_eq!(read(Format::Csv, "title\tyear\n21\t2008"), expected);
        assert_eq!(read(Format::Json, r#"[{"title":"21","year":"2008"}]"#), expected);
        assert_eq!(
            read(Format::Jsonl, "\n{\"title\":\"21\",\"year\":\"2008\"}\n\n"),
            expected
        );
    }

    #[test]
    fn a_record_that_cannot_be_read_is_one_of_many() {
        let read = [
            read(Format::Csv, "title,year\n21\nM,1931\n"),
            read(Format::Jsonl, "{\"title\":\nx\n{\"title\":\"M\"}"),
            read(Format::Json, "[1, {\"title\":\"M\"}]"),
        ];
        for read in read {
            assert!(read.first().is_some_and(Result::is_err), "{read:?}");
            assert!(read.last().is_some_and(Result::is_ok), "{read:?}");
        }
    }

    #[test]
    fn what_is_no_list_is_told_as_what_it_is() {
        for (format, text, said) in [
            (Format::Csv, "", "has no record"),
            (Format::Csv, "title,year\n", "has no record"),
            (Format::Json, "[]", "has no record"),
            (Format::Jsonl, "\n \n", "has no record"),
            (Format::Json, "[{\"title\":", "no JSON array"),
            (Format::Jsonl, "{\n \"movies\": []\n}", "one JSON value"),
            (Format::Jsonl, "{\n \"movies\": [\n", "no JSON array"),
            (Format::Jsonl, "title,year\n21,2008\n", "no JSON array"),
        ] {
            let refused = records(Path::new("list"), text, format, None)
                .expect_err(text)
                .to_string();
            assert!(refused.contains(said), "{text}: {refused}");
        }
    }

    #[test]
    fn columns_of_one_name_are_told_apart() {
        assert_eq!(
            read(Format::Csv, "title,year,year,year\n21,2008,2009,2010\n"),
            [Ok(
                r#"{"title":"21","year":"2008","year (2)":"2009","year (3)":"2010"}"#.to_owned()
            )]
        );
    }

    #[test]
    fn a_format_is_told_by_name_or_beginning() {
        for (name, text, format) in [
            ("a.csv", "[", Format::Csv),
            ("a.TSV", "", Format::Csv),
            ("a.json", " [", Format::Json),
            ("a.json", "{", Format::Jsonl),
            ("a.ndjson", "", Format::Jsonl),
            ("a", "[", Format::Json),
            ("a", "{", Format::Jsonl),
            ("a.txt", "title", Format::Csv),
        ] {
            assert_eq!(format_of(Path::new(name), text), format, "{name} {text}");
        }
    }

    #[test]
    fn a_text_is_read_in_its_encoding_or_not_at_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("list");
        let written = |bytes: &[u8]| std::fs::write(&path, bytes).expect("written");
        written(b"\xEF\xBB\xBFtitle");
        assert_eq!(text(&path, None).expect("UTF-8"), "title");
        written(b"\xFF\xFEa\0\xE9\0");
        assert_eq!(text(&path, None).expect("UTF-16"), "aé");
        written(b"SQLite format 3\0\x10");
        let refused = text(&path, None).expect_err("not text").to_string();
        assert!(refused.contains("is no text"), "{refused}");
        assert!(text(folder.path(), None).is_err(), "a folder");
        written(b"Am\xE9lie");
        let refused = text(&path, None).expect_err("not UTF-8").to_string();
        assert!(
            refused.contains("byte 3") && refused.contains("--encoding"),
            "{refused}"
        );
        assert_eq!(text(&path, Some(encoding_rs::WINDOWS_1252)).expect("decoded"), "Amélie");
    }
}
