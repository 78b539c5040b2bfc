//! Real files with bytes flipped, put in, taken out and moved: a picture or a reason, never a panic, and soon.

use super::hostile::{answer, every_kind};
use proptest::prelude::*;
use proptest::sample::Index;

/// One thing done to a file.
#[derive(Clone, Debug)]
enum Edit {
    Flip(Index, u8),
    Put(Index, Vec<u8>),
    Take(Index, usize),
    Copy(Index, Index, usize),
    Cut(Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        6 => (any::<Index>(), 1u8..).prop_map(|(at, bits)| Edit::Flip(at, bits)),
        2 => (any::<Index>(), prop::collection::vec(any::<u8>(), 1..9)).prop_map(|(at, bytes)| Edit::Put(at, bytes)),
        2 => (any::<Index>(), 1usize..64).prop_map(|(at, count)| Edit::Take(at, count)),
        2 => (any::<Index>(), any::<Index>(), 1usize..64).prop_map(|(from, to, count)| Edit::Copy(from, to, count)),
        1 => any::<Index>().prop_map(Edit::Cut),
    ]
}

impl Edit {
    /// Half of all edits are near the start, where the headers are.
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let place = |index: &Index, bytes: &[u8]| {
            let at = index.index(bytes.len() * 2);
            if at < bytes.len() { at } else { (at - bytes.len()).min(bytes.len() - 1) % 512 % bytes.len() }
        };
        match self {
            Edit::Flip(at, bits) => {
                let at = place(at, bytes);
                bytes[at] ^= bits;
            }
            Edit::Put(at, more) => {
                let at = place(at, bytes);
                bytes.splice(at..at, more.iter().copied());
            }
            Edit::Take(at, count) => {
                let at = place(at, bytes);
                let end = (at + count).min(bytes.len());
                bytes.drain(at..end);
            }
            Edit::Copy(from, to, count) => {
                let (from, to) = (place(from, bytes), place(to, bytes));
                let piece = bytes[from..(from + count).min(bytes.len())].to_vec();
                bytes.splice(to..to, piece);
            }
            Edit::Cut(at) => bytes.truncate(place(at, bytes)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_mutated_file_is_a_picture_or_refused(kind in any::<Index>(), edits in prop::collection::vec(edit(), 1..6)) {
        thread_local!(static FILES: Vec<(&'static str, Vec<u8>)> = every_kind());
        let mut bytes = FILES.with(|files| kind.get(files).1.clone());
        edits.iter().for_each(|edit| edit.apply(&mut bytes));
        // It asserts what there is to say: one answer however it is asked, and soon.
        let _ = answer(&bytes);
    }
}
