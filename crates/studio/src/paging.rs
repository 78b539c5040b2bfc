//! Pages of lists: one row more than was asked for tells whether there is a next page.

/// Cuts rows, of which one more was asked for, to a page; the cursor of the next one, where there is one, is that of the last row.
pub(crate) fn cut<T, C>(rows: &mut Vec<T>, limit: usize, cursor: impl Fn(&T) -> C) -> Option<C> {
    let more = rows.len() > limit;
    rows.truncate(limit);
    rows.last().filter(|_| more).map(cursor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_next_where_there_are_more_rows() {
        for (count, left, next) in [(0, 0, None), (1, 1, None), (2, 2, None), (3, 2, Some(2))] {
            let mut rows: Vec<u32> = (1..=count).collect();
            assert_eq!((cut(&mut rows, 2, |row| *row), rows.len()), (next, left), "{count}");
        }
    }
}
