//! The list that goes with an archive: which product a photo shows, and what is wanted of it. Pure.

use csv::{Position, ReaderBuilder, StringRecord};

/// Lines of a list: several for each photo.
pub const LINES_MAX: usize = 20_000;

/// What a line says about a photo. Nothing of it is checked yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Counted from 1, with the heading.
    pub number: u64,
    pub file: String,
    pub sku: Option<String>,
    pub preset: Option<String>,
    pub prompt: Option<String>,
    /// How many pieces it shows.
    pub products: Option<String>,
}

/// Why a list can't be read at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    #[error("the list is not text in UTF-8")]
    NotText,
    #[error("line {number} of the list can't be read")]
    Broken { number: u64 },
    #[error("line {number} of the list has more fields than the heading")]
    TooWide { number: u64 },
    #[error("the list has no column \"file\"")]
    NoFileColumn,
    #[error("line 1 of the list has a column \"{name}\" that means nothing here")]
    UnknownColumn { name: String },
    #[error("line 1 of the list has the column \"{name}\" twice")]
    RepeatedColumn { name: &'static str },
    #[error("the list has more than {LINES_MAX} lines")]
    TooLong,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    File,
    Sku,
    Preset,
    Prompt,
    Products,
}

impl Column {
    const ALL: [(Column, &'static [&'static str]); 5] = [
        (Column::File, &["file", "filename", "file_name", "image", "photo"]),
        (Column::Sku, &["sku", "identifier", "asin", "gtin", "ean"]),
        (Column::Preset, &["preset"]),
        (Column::Prompt, &["prompt"]),
        (Column::Products, &["products"]),
    ];

    fn parse(heading: &str) -> Result<Column, TableError> {
        let name = heading.trim().to_lowercase().replace([' ', '-'], "_");
        let known = Column::ALL.into_iter().find(|(_, names)| names.contains(&name.as_str()));
        known.map(|(column, _)| column).ok_or_else(|| TableError::UnknownColumn { name: shown(heading) })
    }

    fn name(self) -> &'static str {
        Column::ALL.into_iter().find(|(column, _)| *column == self).map_or("", |(_, names)| names[0])
    }
}

/// Reads a list with a heading, separated by commas, semicolons or tabs, however its lines end.
pub fn read(bytes: &[u8]) -> Result<Vec<Line>, TableError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0')).ok_or(TableError::NotText)?;
    // Lines are counted by what ends them, which must be the same everywhere.
    let text = &text.replace("\r\n", "\n").replace('\r', "\n");
    let mut reader =
        ReaderBuilder::new().has_headers(false).flexible(true).delimiter(separator(text)).from_reader(text.as_bytes());
    let mut records = reader.records().map(|record| record.map_err(|error| broken(&error)));
    let heading = records.next().ok_or(TableError::NoFileColumn)??;
    let columns = columns(&heading)?;
    let mut lines = Vec::new();
    for record in records {
        if lines.len() == LINES_MAX {
            return Err(TableError::TooLong);
        }
        let record = record?;
        let number = record.position().map_or(0, |position| number(text, position));
        lines.extend(line(number, &record, &columns)?);
    }
    Ok(lines)
}

/// What the heading has most of.
fn separator(text: &str) -> u8 {
    let heading = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let count = |separator: u8| heading.bytes().filter(|byte| *byte == separator).count();
    // The last of equals wins.
    [b'\t', b';', b','].into_iter().max_by_key(|separator| count(*separator)).unwrap_or(b',')
}

fn columns(heading: &StringRecord) -> Result<Vec<Option<Column>>, TableError> {
    let mut columns = Vec::new();
    for heading in heading {
        // Tables are often saved with empty columns at their end.
        let column = if heading.trim().is_empty() { None } else { Some(Column::parse(heading)?) };
        if let Some(column) = column.filter(|column| columns.contains(&Some(*column))) {
            return Err(TableError::RepeatedColumn { name: column.name() });
        }
        columns.push(column);
    }
    if columns.contains(&Some(Column::File)) { Ok(columns) } else { Err(TableError::NoFileColumn) }
}

/// The reader takes empty lines for the beginning of what follows them.
fn number(text: &str, position: &Position) -> u64 {
    let from = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let empty = text.as_bytes().get(from..).unwrap_or_default().iter().take_while(|byte| **byte == b'\n').count();
    position.line() + empty as u64
}

/// `None` for a line without words.
fn line(number: u64, record: &StringRecord, columns: &[Option<Column>]) -> Result<Option<Line>, TableError> {
    let mut line = Line { number, ..Line::default() };
    if record.iter().all(|field| field.trim().is_empty()) {
        return Ok(None);
    }
    for (at, field) in record.iter().enumerate() {
        let field = Some(field.trim()).filter(|field| !field.is_empty()).map(str::to_owned);
        match columns.get(at).copied().flatten() {
            Some(Column::File) => line.file = field.unwrap_or_default(),
            Some(Column::Sku) => line.sku = field,
            Some(Column::Preset) => line.preset = field,
            Some(Column::Prompt) => line.prompt = field,
            Some(Column::Products) => line.products = field,
            None if field.is_some() => return Err(TableError::TooWide { number }),
            None => {}
        }
    }
    Ok(Some(line))
}

fn broken(error: &csv::Error) -> TableError {
    TableError::Broken { number: error.position().map_or(0, csv::Position::line) }
}

fn shown(text: &str) -> String {
    text.trim().chars().filter(|c| !c.is_control()).take(40).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(number: u64, file: &str, rest: [&str; 3]) -> Line {
        let [sku, preset, prompt] = rest.map(|text| (!text.is_empty()).then(|| text.to_owned()));
        Line { number, file: file.to_owned(), sku, preset, prompt, products: None }
    }

    #[test]
    fn lists_of_all_programs_are_read() {
        let two = vec![line(2, "a.jpg", ["S 1", "ebay", ""]), line(3, "b/c.jpg", ["", "", "on linen, please"])];
        for (what, bytes) in [
            ("plain", "file,sku,preset,prompt\na.jpg,S 1,ebay,\nb/c.jpg,,,\"on linen, please\"\n"),
            ("a byte order mark", "\u{feff}file,sku,preset,prompt\na.jpg,S 1,ebay,\nb/c.jpg,,,\"on linen, please\"\n"),
            ("semicolons", "File;SKU;Preset;Prompt\r\na.jpg;S 1;ebay;\r\nb/c.jpg;;;on linen, please\r\n"),
            ("tabs", "file\tidentifier\tpreset\tprompt\na.jpg\tS 1\tebay\t\nb/c.jpg\t\t\ton linen, please"),
            ("another order", "prompt,file,preset,sku\n,a.jpg,ebay,S 1\n\"on linen, please\", b/c.jpg ,,\n"),
            ("empty columns", "file,sku,preset,prompt,,\na.jpg,S 1,ebay,,,\nb/c.jpg,,,\"on linen, please\",,\n"),
            ("short lines", "file,sku,preset,prompt\na.jpg,S 1,ebay\nb/c.jpg,,,\"on linen, please\"\n,,,\n"),
        ] {
            assert_eq!(read(bytes.as_bytes()).unwrap(), two, "{what}");
        }
        assert_eq!(read(b"file\n\n\"a\nb\"\nc\n").unwrap(), [line(3, "a\nb", [""; 3]), line(5, "c", [""; 3])]);
        assert_eq!(read(b"file").unwrap(), []);
        let pair = Line { products: Some("2".to_owned()), ..line(2, "a.jpg", [""; 3]) };
        assert_eq!(read(b"file,Products\na.jpg, 2\nb.jpg,\n").unwrap(), [pair, line(3, "b.jpg", [""; 3])]);
    }

    #[test]
    fn what_is_wrong_with_a_list_is_told_with_its_line() {
        let long = format!("file\n{}", "a\n".repeat(LINES_MAX + 1));
        for (bytes, error) in [
            (&b""[..], TableError::NoFileColumn),
            (b"sku,preset\n1,2\n", TableError::NoFileColumn),
            (b"a.jpg,1\n", TableError::UnknownColumn { name: "a.jpg".into() }),
            (b"file,color\n", TableError::UnknownColumn { name: "color".into() }),
            (b"file,sku,Identifier\n", TableError::RepeatedColumn { name: "sku" }),
            (b"file,sku\na,b\nc,d,e\n", TableError::TooWide { number: 3 }),
            (b"f\xffle\n", TableError::NotText),
            (b"\xff\xfef\0i\0l\0e\0", TableError::NotText),
            (b"f\0i\0l\0e\0", TableError::NotText),
            (long.as_bytes(), TableError::TooLong),
        ] {
            assert_eq!(read(bytes), Err(error), "{}", String::from_utf8_lossy(&bytes[..bytes.len().min(40)]));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), text in "[file,;\"\n\ta-c]{0,200}") {
            let _ = read(&bytes);
            let _ = read(format!("file,sku\n{text}").as_bytes());
        }
    }
}
