//! Every error that has a type, one of each variant: a new variant does not compile until it is listed, nor pass until it is told.

use std::collections::BTreeSet;

use plantain_blobs::BlobError;
use plantain_inbox::store::StoreError;
use plantain_media::check::enlargement::Enlargement;
use plantain_media::cutout::CutoutError;
use plantain_media::decode::{Foreign, Format, Notice, PictureError};
use plantain_media::preset::UnknownPreset;
use plantain_wire::endpoint::EndpointId;
use plantain_wire::models::choice::ChoiceError;

use super::assert_told;
use crate::bulk::archive::ArchiveError;
use crate::bulk::error::BulkError;
use crate::bulk::table::TableError;
use crate::bulk::why::Why;
use crate::error::StudioError;
use crate::http::error::ApiError;
use crate::messages::message::Channel;

/// Values from outside, as they stand in the samples.
const OUTSIDE: [&str; 3] = ["amazn_main", "mug.jpg", "file"];

/// Holds the samples to the variants: each number once, none left out.
#[track_caller]
fn assert_all<T>(all: &[T], number: impl Fn(&T) -> usize) {
    let seen: BTreeSet<usize> = all.iter().map(number).collect();
    assert!(seen.iter().copied().eq(0..seen.len()), "samples of {seen:?} alone");
}

fn outside() -> String {
    OUTSIDE[0].to_owned()
}

fn pictures() -> Vec<PictureError> {
    let (width, height, format) = (30, 20, Format::Heic);
    let foreign = [
        Foreign::Avif,
        Foreign::JpegXl,
        Foreign::Jpeg2000,
        Foreign::Raw,
        Foreign::Bmp,
        Foreign::Svg,
        Foreign::Psd,
        Foreign::Pdf,
        Foreign::Html,
        Foreign::Zip,
        Foreign::Video,
    ];
    assert_all(&foreign, |foreign| match foreign {
        Foreign::Avif => 0,
        Foreign::JpegXl => 1,
        Foreign::Jpeg2000 => 2,
        Foreign::Raw => 3,
        Foreign::Bmp => 4,
        Foreign::Svg => 5,
        Foreign::Psd => 6,
        Foreign::Pdf => 7,
        Foreign::Html => 8,
        Foreign::Zip => 9,
        Foreign::Video => 10,
    });
    let mut all = vec![
        PictureError::Empty,
        PictureError::FileTooLarge { bytes: 13 << 20, limit: 12 << 20 },
        PictureError::NotAPicture,
        PictureError::Transparent,
        PictureError::UnsupportedFlavor { format },
        PictureError::Truncated { format: Format::Tiff },
        PictureError::Damaged { format: Format::Webp },
        PictureError::TooManyPixels { width, height, limit: 50_000_000 },
        PictureError::SideTooLong { width, height, limit: 12 },
        PictureError::TooSmall { width, height, min_side: 64 },
        PictureError::TooElongated { width, height, max_aspect: 12 },
    ];
    all.extend(foreign.map(PictureError::Unsupported));
    assert_all(&all, |error| match error {
        PictureError::Empty => 0,
        PictureError::FileTooLarge { .. } => 1,
        PictureError::NotAPicture => 2,
        PictureError::Transparent => 3,
        PictureError::Unsupported(_) => 4,
        PictureError::UnsupportedFlavor { .. } => 5,
        PictureError::Truncated { .. } => 6,
        PictureError::Damaged { .. } => 7,
        PictureError::TooManyPixels { .. } => 8,
        PictureError::SideTooLong { .. } => 9,
        PictureError::TooSmall { .. } => 10,
        PictureError::TooElongated { .. } => 11,
    });
    all
}

fn bulk() -> Vec<BulkError> {
    let archives = [
        ArchiveError::Broken,
        ArchiveError::Unsupported,
        ArchiveError::TooMany { most: 5_000 },
        ArchiveError::Bomb,
        ArchiveError::Empty,
        ArchiveError::Disk,
    ];
    assert_all(&archives, |error| match error {
        ArchiveError::Broken => 0,
        ArchiveError::Unsupported => 1,
        ArchiveError::TooMany { .. } => 2,
        ArchiveError::Bomb => 3,
        ArchiveError::Empty => 4,
        ArchiveError::Disk => 5,
    });
    let lists = [
        TableError::NotText,
        TableError::Broken { number: 3 },
        TableError::TooWide { number: 3 },
        TableError::NoFileColumn,
        TableError::UnknownColumn { name: outside() },
        TableError::RepeatedColumn { name: "file" },
        TableError::TooLong,
    ];
    assert_all(&lists, |error| match error {
        TableError::NotText => 0,
        TableError::Broken { .. } => 1,
        TableError::TooWide { .. } => 2,
        TableError::NoFileColumn => 3,
        TableError::UnknownColumn { .. } => 4,
        TableError::RepeatedColumn { .. } => 5,
        TableError::TooLong => 6,
    });
    let mut all = vec![BulkError::TableFile(Why::Damaged.told().message)];
    all.extend(archives.map(BulkError::Archive));
    all.extend(lists.map(BulkError::Table));
    assert_all(&all, |error| match error {
        BulkError::Archive(_) => 0,
        BulkError::Table(_) => 1,
        BulkError::TableFile(_) => 2,
    });
    all
}

fn studio() -> Vec<StudioError> {
    let unknown = |nearest: Option<&str>| UnknownPreset { id: outside(), nearest: nearest.map(str::to_owned) };
    let io = || std::io::Error::other("x");
    let corrupt = StoreError::Corrupt { table: "t", column: "c", row: "r".into() };
    let mut all = vec![
        StudioError::NoPhoto,
        StudioError::TooManyPhotos { given: 9 },
        StudioError::UnknownPreset(unknown(Some("amazon_main"))),
        StudioError::UnknownPreset(unknown(None)),
        StudioError::NumImages { given: -1, most: 4 },
        StudioError::PromptTooLong { chars: 5_000 },
        StudioError::Identifier,
        StudioError::Staging { why: "x".into() },
        StudioError::TooManyPoints { given: 40 },
        StudioError::ChoiceOutside { width: 30, height: 20 },
        StudioError::ImageUrl { number: 2 },
        StudioError::NotLocal,
        StudioError::Budget { spent: 1, cost: 2_000_000, budget: 3 },
        StudioError::KeyUsed,
        StudioError::Busy,
        StudioError::Store(StoreError::Full("x".into())),
        StudioError::Store(StoreError::Unavailable("x".into())),
        StudioError::Store(corrupt),
        StudioError::Blobs(BlobError::Full(io())),
        StudioError::Blobs(BlobError::Unavailable(io())),
        StudioError::Internal,
        StudioError::NotFinished,
        StudioError::SamePreset,
        StudioError::NoInput,
        StudioError::InputTooLarge { bytes: 9 },
        StudioError::TierTooLow,
        StudioError::Uncounted,
        StudioError::PriceUnknown,
        StudioError::TooManyNamed(Channel::Mail),
        StudioError::TooManyNamed(Channel::Whatsapp),
    ];
    let endpoints = ["x", "a/b c", "a/b/requests", &"a/".repeat(400)];
    all.extend(endpoints.map(|endpoint| {
        let why = endpoint.parse::<EndpointId>().expect_err("it can't be used").to_string();
        StudioError::Endpoint { why }
    }));
    all.extend(pictures().into_iter().flat_map(|error| [1, 2].map(|number| StudioError::Photo { number, error })));
    all.extend(bulk().into_iter().map(StudioError::Bulk));
    assert_all(&all, |error| match error {
        StudioError::Photo { .. } => 0,
        StudioError::NoPhoto => 1,
        StudioError::TooManyPhotos { .. } => 2,
        StudioError::UnknownPreset(_) => 3,
        StudioError::NumImages { .. } => 4,
        StudioError::PromptTooLong { .. } => 5,
        StudioError::Identifier => 6,
        StudioError::Staging { .. } => 7,
        StudioError::TooManyPoints { .. } => 8,
        StudioError::ChoiceOutside { .. } => 9,
        StudioError::ImageUrl { .. } => 10,
        StudioError::NotLocal => 11,
        StudioError::Budget { .. } => 12,
        StudioError::KeyUsed => 13,
        StudioError::Busy => 14,
        StudioError::Bulk(_) => 15,
        StudioError::Store(StoreError::Full(_)) => 16,
        StudioError::Store(StoreError::Unavailable(_)) => 17,
        StudioError::Store(StoreError::Corrupt { .. }) => 18,
        StudioError::Blobs(BlobError::Full(_)) => 19,
        StudioError::Blobs(BlobError::Unavailable(_)) => 20,
        StudioError::Internal => 21,
        StudioError::NotFinished => 22,
        StudioError::SamePreset => 23,
        StudioError::NoInput => 24,
        StudioError::InputTooLarge { .. } => 25,
        StudioError::TierTooLow => 26,
        StudioError::PriceUnknown => 27,
        StudioError::Endpoint { .. } => 28,
        StudioError::Uncounted => 29,
        StudioError::TooManyNamed(_) => 30,
    });
    all
}

fn skipped() -> Vec<Why> {
    let (line, before) = (3, OUTSIDE[1].to_owned());
    let mut all = vec![
        Why::Outside,
        Why::Name,
        Why::Nested,
        Why::NoFile,
        Why::Encrypted,
        Why::Method,
        Why::TooLarge { most: 12 << 20 },
        Why::Bomb,
        Why::Damaged,
        Why::picture(&PictureError::Transparent),
        Why::SameName { before: before.clone() },
        Why::Repeated,
        Why::SameBytes { before },
        Why::SecondTable,
        Why::NoSuchFile { line, several: false },
        Why::NoSuchFile { line, several: true },
        Why::SameLine { line, before: 2 },
        Why::Sku { line },
        Why::Prompt { line },
        Why::Products { line, products: outside() },
    ];
    let nearest = [None, Some("amazon_main".to_owned())];
    all.extend(nearest.map(|nearest| Why::UnknownPreset { line, preset: outside(), nearest }));
    assert_all(&all, |why| match why {
        Why::Outside => 0,
        Why::Name => 1,
        Why::Nested => 2,
        Why::NoFile => 3,
        Why::Encrypted => 4,
        Why::Method => 5,
        Why::TooLarge { .. } => 6,
        Why::Bomb => 7,
        Why::Damaged => 8,
        Why::NotAPicture { .. } => 9,
        Why::SameName { .. } => 10,
        Why::Repeated => 11,
        Why::SameBytes { .. } => 12,
        Why::SecondTable => 13,
        Why::NoSuchFile { several: false, .. } => 14,
        Why::NoSuchFile { several: true, .. } => 15,
        Why::SameLine { .. } => 16,
        Why::UnknownPreset { .. } => 17,
        Why::Sku { .. } => 18,
        Why::Prompt { .. } => 19,
        Why::Products { .. } => 20,
    });
    all
}

fn cutouts() -> Vec<CutoutError> {
    let all = vec![
        CutoutError::NoProduct,
        CutoutError::BoxOutside,
        CutoutError::PointOutside,
        CutoutError::TooManyPoints,
        CutoutError::TooManyStrokes,
        CutoutError::SizeMismatch,
        CutoutError::Model("x".into()),
        CutoutError::ForeignModel,
        CutoutError::Runtime { library: "x".into(), source: "x".into() },
        CutoutError::RuntimeLeftOut,
    ];
    assert_all(&all, |error| match error {
        CutoutError::NoProduct => 0,
        CutoutError::BoxOutside => 1,
        CutoutError::PointOutside => 2,
        CutoutError::TooManyPoints => 3,
        CutoutError::TooManyStrokes => 4,
        CutoutError::SizeMismatch => 5,
        CutoutError::Model(_) => 6,
        CutoutError::ForeignModel => 7,
        CutoutError::Runtime { .. } => 8,
        CutoutError::RuntimeLeftOut => 9,
    });
    all
}

#[test]
fn every_error_of_the_studio_is_told() {
    let said = studio().into_iter().flat_map(|error| {
        let told = ApiError::from(&error);
        [told.message, told.hint]
    });
    assert_told(said, &OUTSIDE);
    let fixed = [ApiError::too_slow(), ApiError::timed_out(), ApiError::busy(), ApiError::no_route()];
    let more = [ApiError::wrong_method(), ApiError::no_picture(), ApiError::internal()];
    assert_told(fixed.into_iter().chain(more).flat_map(|told| [told.message, told.hint]), &[]);
}

#[test]
fn every_reason_for_which_a_file_of_an_archive_became_no_job_is_told() {
    assert_told(
        skipped().iter().flat_map(|why| {
            let told = why.told();
            [told.message, told.hint]
        }),
        &OUTSIDE,
    );
}

#[test]
fn what_the_local_engine_says_of_a_photo_is_told() {
    assert_told(cutouts().iter().flat_map(|error| [error.message(), error.hint().to_owned()]), &[]);
    let refused = |error: &PictureError| {
        format!("The model refused the job: image_urls[1]: {} {}", error.message(), error.hint())
    };
    assert_told(pictures().iter().map(refused), &["image_urls"]);
    let notices = [Notice::FirstFrameOnly, Notice::ProfileUnreadable, Notice::ConvertedFromCmyk, Notice::TonedDown];
    assert_all(&notices, |notice| match notice {
        Notice::FirstFrameOnly => 0,
        Notice::ProfileUnreadable => 1,
        Notice::ConvertedFromCmyk => 2,
        Notice::TonedDown => 3,
    });
    assert_told(notices.map(Notice::message), &[]);
    let enlarged = Enlargement { in_photo: (300, 90), in_picture: (1800, 540) };
    assert_told([enlarged.notice().unwrap()], &[]);
}

#[test]
fn what_is_wrong_with_a_box_or_a_point_is_told() {
    let all = [ChoiceError::NoBox, ChoiceError::EmptyBox, ChoiceError::NoKeep, ChoiceError::NoPoint];
    assert_all(&all, |error| match error {
        ChoiceError::NoBox => 0,
        ChoiceError::EmptyBox => 1,
        ChoiceError::NoKeep => 2,
        ChoiceError::NoPoint => 3,
    });
    let message = |error: &ChoiceError| match error {
        ChoiceError::NoKeep => format!("The field keep can't be used: {error}."),
        ChoiceError::NoBox | ChoiceError::EmptyBox => format!("The box can't be used: {error}."),
        ChoiceError::NoPoint => format!("The point can't be used: {error}."),
    };
    assert_told(all.iter().map(message), &[]);
}
