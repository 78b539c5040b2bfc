//! Archives of all kinds, honest and not, made in memory.

use std::io::{Cursor, Write as _};

use proptest::prelude::*;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

type Made = Archive<Cursor<Vec<u8>>>;

fn packed(files: &[(&str, &[u8])]) -> Vec<u8> {
    packed_by(files, CompressionMethod::Deflated)
}

fn packed_by(files: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        let options = SimpleFileOptions::default().compression_method(method);
        if name.ends_with('/') {
            zip.add_directory(*name, options).unwrap();
        } else {
            zip.start_file(*name, options).unwrap();
            zip.write_all(bytes).unwrap();
        }
    }
    zip.finish().unwrap().into_inner()
}

fn open(bytes: Vec<u8>) -> Result<Made, ArchiveError> {
    Archive::open(Cursor::new(bytes))
}

fn photo() -> Vec<u8> {
    plantain_testkit::photo::jpeg()
}

/// Each entry that is worth a word, with what became of it.
fn judged(bytes: Vec<u8>, most: usize) -> Vec<(String, &'static str)> {
    let mut archive = open(bytes).unwrap();
    let entries = archive.entries().unwrap();
    let told = |archive: &mut Made, entry| match entry {
        Entry::Skipped { name, why } => (name, why.code()),
        Entry::Table { index, name } => (name, archive.table(index).unwrap().map_or_else(|why| why.code(), |_| "list")),
        Entry::Photo { index, name } => {
            (name, archive.photo(index, most).unwrap().map_or_else(|why| why.code(), |_| "photo"))
        }
    };
    entries.into_iter().map(|entry| told(&mut archive, entry)).collect()
}

/// Overwrites the two bytes at `at` behind each signature of a kind of header.
fn poked(mut bytes: Vec<u8>, signature: &[u8; 4], at: usize, value: [u8; 2]) -> Vec<u8> {
    let places: Vec<usize> = (0..bytes.len() - 4).filter(|start| &bytes[*start..start + 4] == signature).collect();
    assert!(!places.is_empty());
    places.iter().for_each(|start| bytes[start + at..start + at + 2].copy_from_slice(&value));
    bytes
}

const LOCAL: &[u8; 4] = b"PK\x03\x04";
const CENTRAL: &[u8; 4] = b"PK\x01\x02";

#[test]
fn each_entry_is_judged_by_itself() {
    let (photo, zeros) = (photo(), vec![0; 200_000]);
    let bytes = packed(&[
        ("a/", b""),
        ("a/mug.jpg", &photo),
        ("A/MUG.jpg", &photo),
        ("a/.DS_Store", b"x"),
        ("__MACOSX/a/._mug.jpg", b"x"),
        ("list.csv", b"file\n"),
        ("other.csv", b"file\n"),
        ("readme.txt", b"hello"),
        ("empty.jpg", b""),
        ("zeros.jpg", &zeros),
        ("more.zip", b"PK"),
        ("hidden.jpg", b"PK\x03\x04 an archive under another name"),
    ]);
    assert_eq!(
        judged(bytes, 10_000_000),
        [
            ("a/mug.jpg", "photo"),
            ("A/MUG.jpg", "same_name"),
            ("list.csv", "list"),
            ("other.csv", "second_list"),
            ("readme.txt", "not_a_picture"),
            ("empty.jpg", "not_a_picture"),
            ("zeros.jpg", "unpacks_too_far"),
            ("more.zip", "nested_archive"),
            ("hidden.jpg", "not_a_picture"),
        ]
        .map(|(name, code)| (name.to_owned(), code))
    );
}

#[test]
fn names_that_lead_out_are_told() {
    // The writer makes no such names, so they are poked into what it made.
    for (name, instead) in [("aa/mug.jpg", "../mug.jpg"), ("aa/mug.jpg", "/a/mug.jpg"), ("aa/mug.jpg", "C:/mug.jpg")] {
        let bytes = packed_by(&[(name, &photo())], CompressionMethod::Stored);
        let text = |bytes: Vec<u8>| -> Vec<u8> {
            let mut bytes = bytes;
            let places: Vec<usize> =
                (0..bytes.len() - name.len()).filter(|at| bytes[*at..].starts_with(name.as_bytes())).collect();
            places.iter().for_each(|at| bytes[*at..at + name.len()].copy_from_slice(instead.as_bytes()));
            bytes
        };
        assert_eq!(judged(text(bytes), 10_000_000), [(instead.to_owned(), "path_outside")]);
    }
}

#[test]
fn lies_about_sizes_methods_and_locks_cost_one_file() {
    let whole = || packed(&[("mug.jpg", &photo())]);
    let most = 10_000_000;
    assert_eq!(judged(whole(), most)[0].1, "photo");
    assert_eq!(judged(whole(), photo().len())[0].1, "photo");
    assert_eq!(judged(whole(), photo().len() - 1)[0].1, "file_too_large");
    let raw = [b"FUJIFILMCCD-RAW", &photo()[..]].concat();
    assert_eq!(
        judged(packed(&[("a.raf", &raw)]), raw.len() - 1)[0].1,
        "not_a_picture",
        "its kind comes before its size"
    );
    for (what, bytes, code) in [
        ("locked", poked(poked(whole(), LOCAL, 6, [1, 0]), CENTRAL, 8, [1, 0]), "encrypted"),
        ("a rare method", poked(poked(whole(), LOCAL, 8, [98, 0]), CENTRAL, 10, [98, 0]), "unknown_compression"),
        ("a wrong checksum", poked(whole(), CENTRAL, 16, [0, 0]), "damaged"),
        ("stored, it says", poked(poked(whole(), LOCAL, 8, [0, 0]), CENTRAL, 10, [0, 0]), "damaged"),
    ] {
        assert_eq!(judged(bytes, most)[0].1, code, "{what}");
    }
    // Unpacked it is larger than its header says: the reading is bounded, whatever the header says.
    let small = poked(whole(), CENTRAL, 24, [1, 0]);
    assert!(["photo", "damaged", "not_a_picture"].contains(&judged(small, most)[0].1));
}

#[test]
fn what_is_no_archive_is_refused_as_a_whole() {
    let whole = packed(&[("mug.jpg", &photo())]);
    let no_list = poked(whole.clone(), CENTRAL, 0, [0, 0]);
    for (what, bytes, refusal) in [
        ("nothing", Vec::new(), ArchiveError::Broken),
        ("a photo", photo(), ArchiveError::Broken),
        ("cut off", whole[..whole.len() - 30].to_vec(), ArchiveError::Broken),
        ("no list of contents", no_list, ArchiveError::Broken),
    ] {
        assert_eq!(open(bytes).err(), Some(refusal), "{what}");
    }
    assert_eq!(open(packed(&[])).unwrap().entries(), Err(ArchiveError::Empty));
    assert_eq!(open(packed(&[("a/", b""), (".x", b"")])).unwrap().entries(), Err(ArchiveError::Empty));
    let names: Vec<String> = (0..=PHOTOS_MAX).map(|n| format!("{n}.jpg")).collect();
    let many: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    let stored = |files: &[(&str, &[u8])]| open(packed_by(files, CompressionMethod::Stored)).unwrap().entries();
    assert_eq!(stored(&many), Err(ArchiveError::TooMany { most: PHOTOS_MAX }));
    assert_eq!(stored(&many[1..]).map(|entries| entries.len()), Ok(PHOTOS_MAX));
}

#[test]
fn an_archive_that_unpacks_too_far_as_a_whole_is_refused() {
    let zeros = vec![0; 2_000_000];
    let names: Vec<String> = (0..12).map(|n| format!("{n}.jpg")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &zeros[..])).collect();
    let mut archive = open(packed(&files)).unwrap();
    let entries = archive.entries().unwrap();
    let read = entries.iter().map(|entry| match entry {
        Entry::Photo { index, .. } => archive.photo(*index, 10_000_000),
        other => panic!("{other:?}"),
    });
    assert!(read.into_iter().any(|read| read == Err(ArchiveError::Bomb)));
}

#[test]
fn a_huge_list_of_contents_is_not_taken_into_memory() {
    let names: Vec<String> = (0..40).map(|n| format!("{n}{}", "x".repeat(60_000))).collect();
    let entry = |name: &str| {
        let mut header = vec![0; 46];
        header[..4].copy_from_slice(CENTRAL);
        header[28..30].copy_from_slice(&u16::try_from(name.len()).unwrap().to_le_bytes());
        header.extend(name.bytes());
        header
    };
    let once: Vec<u8> = names.iter().flat_map(|name| entry(name)).collect();
    let list = once.repeat(10);
    let mut end = vec![0; 22];
    end[..4].copy_from_slice(b"PK\x05\x06");
    end[8..10].copy_from_slice(&400u16.to_le_bytes());
    end[10..12].copy_from_slice(&400u16.to_le_bytes());
    end[12..16].copy_from_slice(&u32::try_from(list.len()).unwrap().to_le_bytes());
    let bytes = [list, end].concat();
    assert!(bytes.len() as u64 > CONTENTS_BYTES_MAX);
    assert!(matches!(open(bytes).err(), Some(ArchiveError::TooMany { .. } | ArchiveError::Broken)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_bytes_make_the_reader_panic(
        noise in proptest::collection::vec(any::<u8>(), 0..600),
        hits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
    ) {
        let mut whole = packed(&[("a/mug.jpg", b"\xff\xd8\xff\xe0 hardly a photo"), ("list.csv", b"file,sku\na,b\n")]);
        for (at, byte) in hits {
            let at = at.index(whole.len());
            whole[at] = byte;
        }
        for bytes in [noise, whole] {
            let Ok(mut archive) = open(bytes) else { continue };
            for entry in archive.entries().unwrap_or_default() {
                if let Entry::Photo { index, .. } | Entry::Table { index, .. } = entry {
                    let read = archive.photo(index, 1_000).ok().and_then(Result::ok);
                    prop_assert!(read.is_none_or(|bytes| bytes.len() <= 1_000));
                }
            }
        }
    }
}
