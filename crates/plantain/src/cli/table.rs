//! Text tables for terminals: columns as wide as their widest cell, nothing else.

/// Rows of cells under a heading. A cell may hold any text without line breaks.
#[derive(Clone, Debug)]
pub struct Table {
    rows: Vec<Vec<String>>,
    columns: usize,
}

/// Between two columns.
const GAP: &str = "  ";

impl Table {
    pub fn new(heading: impl IntoIterator<Item = impl Into<String>>) -> Table {
        let heading: Vec<String> = heading.into_iter().map(Into::into).collect();
        Table { columns: heading.len(), rows: vec![heading] }
    }

    /// Missing cells are empty; cells beyond the heading are left out.
    pub fn row(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) {
        let mut cells: Vec<String> = cells.into_iter().map(Into::into).collect();
        cells.resize(self.columns, String::new());
        self.rows.push(cells);
    }

    /// Ends with a line break; no line ends with a space.
    pub fn render(&self) -> String {
        let width = |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.columns).map(width).collect();
        let mut text = String::new();
        for (at, row) in self.rows.iter().enumerate() {
            push_line(&mut text, row.iter().zip(&widths).map(|(cell, width)| pad(cell, *width)));
            if at == 0 {
                push_line(&mut text, widths.iter().map(|width| "─".repeat(*width)));
            }
        }
        text
    }
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
}
