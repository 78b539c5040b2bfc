//! Text tables for terminals: columns as wide as their widest cell, nothing else.

/// Rows of cells under a heading. A cell may hold any text without line breaks.
#[derive(Clone, Debug)]
pub struct Table {
    rows: Vec<Vec<String>>,
    columns: usize,
    /// Longer cells are broken between words.
    width_max: usize,
}

/// Between two columns.
const GAP: &str = "  ";

impl Table {
    pub fn new(heading: impl IntoIterator<Item = impl Into<String>>) -> Table {
        let heading: Vec<String> = heading.into_iter().map(Into::into).collect();
        Table { columns: heading.len(), rows: vec![heading], width_max: usize::MAX }
    }

    /// No column becomes wider, unless a single word is.
    pub fn at_most(self, width_max: usize) -> Table {
        Table { width_max, ..self }
    }

    /// Missing cells are empty; cells beyond the heading are left out.
    pub fn row(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) {
        let mut cells: Vec<String> = cells.into_iter().map(Into::into).collect();
        cells.resize(self.columns, String::new());
        self.rows.push(cells);
    }

    /// Ends with a line break; no line ends with a space.
    pub fn render(&self) -> String {
        let broken: Vec<Vec<Vec<String>>> =
            self.rows.iter().map(|row| row.iter().map(|cell| broken(cell, self.width_max)).collect()).collect();
        let width = |column: usize| {
            let lines = broken.iter().flat_map(|row| &row[column]);
            lines.map(|line| line.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns).map(width).collect();
        let mut text = String::new();
        for (at, row) in broken.iter().enumerate() {
            for line in 0..row.iter().map(Vec::len).max().unwrap_or(0) {
                let cell =
                    |(cell, width): (&Vec<String>, &usize)| pad(cell.get(line).map_or("", String::as_str), *width);
                push_line(&mut text, row.iter().zip(&widths).map(cell));
            }
            if at == 0 {
                push_line(&mut text, widths.iter().map(|width| "─".repeat(*width)));
            }
        }
        text
    }
}

/// The text in lines of at most `width` characters where its words allow that.
fn broken(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("there is always a line");
        if last.is_empty() {
            last.push_str(word);
        } else if last.chars().count() + 1 + word.chars().count() <= width {
            last.push(' ');
            last.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

fn pad(cell: &str, width: usize) -> String {
    format!("{cell}{}", " ".repeat(width.saturating_sub(cell.chars().count())))
}

fn push_line(text: &mut String, cells: impl Iterator<Item = String>) {
    let line = cells.collect::<Vec<_>>().join(GAP);
    text.push_str(line.trim_end());
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_end_clean() {
        let mut table = Table::new(["rule", "measured"]);
        table.row(["fill", "88 %"]);
        table.row(["größe"]);
        table.row(["a", "b", "left out"]);
        let expected = "rule   measured\n─────  ────────\nfill   88 %\ngröße\na      b\n";
        assert_eq!(table.render(), expected);
    }

    #[test]
    fn long_cells_are_broken_between_words() {
        let mut table = Table::new(["a", "b"]).at_most(9);
        table.row(["one two three", "unbreakableword x"]);
        assert_eq!(table.render(), "a        b\n───────  ───────────────\none two  unbreakableword\nthree    x\n");
    }
}
